#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Rendering of task files."""

from __future__ import annotations

import ddt
import hypothesis
import jinja2
from hypothesis import strategies

from rally.api import templates
from tests.unit import test


@ddt.ddt
class RenderTestCase(test.TestCase):
    @ddt.data(
        ("{{ a }}", {"a": 3}, "3"),
        ("{{ min(1, 2) }} {{ max(1, 2) }}", {}, "1 2"),
        ("{{ ceil(1.2) }} {{ round(1.5) }}", {}, "2 2"),
        ("{% set x = x or 3 %}{{ x }}", {}, "3"),
        ("{% set x = x or 3 %}{{ x }}", {"x": 5}, "5"),
        ("{% set x = 5 if x is undefined else x %}{{ x }}", {}, "5"),
        ("{{ x | default(4) }} {{ x | d(5) }}", {}, "4 5"),
        ("{% set x = 1 %}{% for i in range(2) %}{{ i }}{{ x }}{% endfor %}",
         {}, "0111"),
        ("{% macro f(q) %}{{ q }}{% endmacro %}{{ f(3) }}", {}, "3"),
        ("{{ True }} {{ dict(a=1) }}", {}, "True {'a': 1}"),
        ("{% set x = [] %}{% set _ = x.append(3) %}{{ x }}", {}, "[3]"),
        ("{{ '%02d' % 3 }}{{ '{:>3}'.format(x.y) }}", {"x": {"y": 4}},
         "03  4"),
        ("{{ range(200000) | length }}", {}, "200000"),
        ("{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x }}", {}, "2"),
    )
    @ddt.unpack
    def test_gives_text(self, template, values, expected):
        self.assertEqual(expected, templates.render(template, "./", values))

    @ddt.data(
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ min.__self__.__import__('os').system('true') }}",
        "{{ cycler.__init__.__globals__.os.getpid() }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ (''|attr('__class__')).mro() }}",
        "{% include 'a.txt' %}",
        "{% from 'a.txt' import x %}{{ x }}",
    )
    def test_no_code_of_strangers_is_run(self, template):
        folder = self.make_home()
        with open(folder + "/a.txt", "w") as f:
            f.write("{% set x = ''.__class__.__base__.__subclasses__() %}")
        self.assertRaises(
            jinja2.TemplateRuntimeError, templates.render, template,
            folder, {},
        )

    @hypothesis.given(
        strategies.text("a\n\r\f\v\x85\u2028{%}# ").filter(
            lambda text: not any(
                mark in text for mark in ("{{", "{%", "{#")
            )
        )
    )
    def test_what_is_only_text_is_as_jinja_gives_it(self, text: str) -> None:
        self.assertEqual(
            jinja2.Environment().from_string(text).render(),
            templates.render(text, "./", {}),
        )

    @ddt.data(
        ("{{ a }}", "The task file has a variable without a value: a"),
        ("{{ b }} {{ a }}",
         "The task file has variables without a value: a, b"),
        ("{% set x = y or 3 %}",
         "The task file has a variable without a value: y"),
        ("{% for i in b %}{% endfor %}",
         "The task file has a variable without a value: b"),
        ("{{ x.y | default(3) }}",
         "The task file has a variable without a value: x"),
    )
    @ddt.unpack
    def test_names_variables_without_value(self, template, message):
        error = self.assertRaises(
            TypeError, templates.render, template, "./", {}
        )
        self.assertEqual(message, str(error))
