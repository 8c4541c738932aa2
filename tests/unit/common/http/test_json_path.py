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

from __future__ import annotations

import json

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common.http import errors, json_path
from tests.unit import test


@ddt.ddt
class JsonPathTestCase(test.TestCase):
    @ddt.data(
        ("", ()), ("$", ()), ("a", ("a",)), ("$.a.b", ("a", "b")),
        ("a[0][-1].b", ("a", 0, -1, "b")), ('["a.b"].c', ("a.b", "c")),
        ("$['a.b']['c d']", ("a.b", "c d")), ("it's", ("it's",)),
        (r"""['say "it\'s"']""", ("""say "it's\"""",)),
        (r"['\\']", ("\\",)), (r'["\u00e9"]', ("é",)),
    )
    @ddt.unpack
    def test_steps_of_a_path(self, path, steps):
        self.assertEqual(steps, json_path.parse(path))

    @ddt.data("[", "a[b]", "[*]", 'a["b]', r'["\x"]', r"['\x']", "a..b[")
    def test_what_is_no_path_is_refused(self, path):
        self.assertRaises(
            errors.HttpArgumentError, json_path.parse, path
        )

    @hypothesis.given(st.lists(st.text() | st.integers(-9, 9), max_size=5))
    def test_any_key_can_be_written(self, steps):
        path = "".join("[%s]" % json.dumps(step) for step in steps)
        self.assertEqual(tuple(steps), json_path.parse(path))

    def test_what_is_not_there_is_told_apart_from_nothing(self):
        document = {"a": [None]}
        self.assertIsNone(json_path.follow(document, ("a", 0)))
        for steps in (("b",), ("a", 1), ("a", "x"), (0,), ("a", 0, "x")):
            self.assertRaises(
                json_path.NotThere, json_path.follow, document, steps
            )
