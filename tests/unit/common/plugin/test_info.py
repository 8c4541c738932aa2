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

"""Tests of what docstrings say."""

from __future__ import annotations

import typing as t

import hypothesis
from hypothesis import strategies as st

from rally.common.plugin import info, plugin
from tests.unit import test

DOCSTRING = """Short one.

    Long one,
      indented.

    :param a: first
        and more
    :param int b: second
    :raises ValueError: never
    :returns: the thing
    """


class ParseDocstringTestCase(test.TestCase):
    def test_splits_title_description_and_fields(self) -> None:
        self.assertEqual(
            {
                "short_description": "Short one.",
                "long_description": "Long one,\n  indented.",
                "params": [
                    {"name": "a", "doc": "first\nand more"},
                    {"name": "b", "doc": "second"},
                ],
                "returns": "the thing",
            },
            info.parse_docstring(DOCSTRING),
        )

    def test_nothing_says_nothing(self) -> None:
        for docstring in (None, "", "   \n  "):
            self.assertEqual(
                {
                    "short_description": "",
                    "long_description": "",
                    "params": [],
                    "returns": "",
                },
                info.parse_docstring(docstring),
            )

    @hypothesis.given(st.text(alphabet="ab:param xreturns\n ", max_size=80))
    def test_any_text_has_a_title_of_one_line(self, text: str) -> None:
        parsed = info.parse_docstring(text)

        self.assertNotIn("\n", parsed["short_description"])

    def test_reindent_takes_all_indentation(self) -> None:
        self.assertEqual("a\nb\n\nc", info.reindent("  a\n    b\n\n  c "))


class InfoMixinTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()

        @plugin.base()
        class Base(plugin.Plugin):
            pass

        self.base: t.Any = Base

    def test_parameters_make_an_open_schema(self) -> None:
        @plugin.configure("one")
        class One(self.base):  # type: ignore[misc, name-defined]
            """The title.

            :param a: first
            """

        found = One.get_info()

        self.assertEqual("The title.", One.get_title())
        self.assertEqual("The title.", found["title"])
        self.assertEqual(
            ("one", "default"), (found["name"], found["platform"])
        )
        self.assertEqual(__name__, found["module"])
        self.assertEqual(
            {
                "type": "object",
                "additionalProperties": True,
                "properties": {"a": {"description": "first"}},
            },
            found["schema"],
        )

    def test_declared_schema_goes_first(self) -> None:
        @plugin.configure("one")
        class One(self.base):  # type: ignore[misc, name-defined]
            """The title."""

            CONFIG_SCHEMA = {"type": "string"}

        self.assertEqual({"type": "string"}, One.get_info()["schema"])

    def test_without_docstring_there_is_no_title(self) -> None:
        @plugin.configure("one")
        class One(self.base):  # type: ignore[misc, name-defined]
            pass

        self.assertEqual("", One.get_title())
        self.assertIsNone(One.get_info()["schema"])
