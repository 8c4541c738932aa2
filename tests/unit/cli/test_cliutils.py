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

"""Tables and headers."""

from __future__ import annotations

import io
import types

import ddt

from rally.cli import cliutils
from tests.unit import test


def printed(function, *args, **kwargs):
    out = io.StringIO()
    function(*args, out=out, **kwargs)
    return out.getvalue()


@ddt.ddt
class PrintListTestCase(test.TestCase):
    def test_sorts_by_the_first_column(self):
        rows = [types.SimpleNamespace(a=2, b_c="x"), {"a": 1, "b_c": None}]
        self.assertEqual(
            "+---+------+\n"
            "| a | b c  |\n"
            "+---+------+\n"
            "| 1 | None |\n"
            "| 2 | x    |\n"
            "+---+------+\n",
            printed(cliutils.print_list, rows, ["a", "b c"]),
        )

    def test_label_stands_on_top(self):
        text = printed(
            cliutils.print_list,
            [{"a": 1, "b": 2}],
            ["a", "b"],
            table_label="WORD",
            sortby_index=None,
        )
        self.assertEqual(["+-------+", "|  WORD |"], text.splitlines()[:2])

    def test_formatter_wins_over_the_attribute(self):
        text = printed(
            cliutils.print_list,
            [{"a": 1.2345}],
            ["a"],
            formatters={"a": cliutils.pretty_float_formatter("a", 2)},
        )
        self.assertIn("| 1.23 |", text)

    def test_mixed_case_field_is_not_lowered(self):
        row = types.SimpleNamespace(Aa=1)
        text = printed(
            cliutils.print_list, [row], ["Aa"], mixed_case_fields=["Aa"]
        )
        self.assertIn("| 1  |", text)

    def test_wrong_number_of_labels_is_an_error(self):
        self.assertRaises(
            ValueError,
            cliutils.print_list, [], ["a"], field_labels=["x", "y"],
        )

    @ddt.data((None, "n/a"), (1.23456, 1.235))
    @ddt.unpack
    def test_float_formatter_rounds(self, value, shown):
        formatter = cliutils.pretty_float_formatter("x", 3)
        self.assertEqual(shown, formatter({"x": value}))
        self.assertEqual(shown, formatter(types.SimpleNamespace(x=value)))


class PrintDictTestCase(test.TestCase):
    def test_values_are_shown_by_kind(self):
        text = printed(
            cliutils.print_dict, {"b": {"x": [1]}, "a": None, "c": "1\\n2"}
        )
        self.assertEqual(
            "+----------+------------+\n"
            "| Property | Value      |\n"
            "+----------+------------+\n"
            "| a        | -          |\n"
            '| b        | {"x": [1]} |\n'
            "| c        | 1          |\n"
            "|          | 2          |\n"
            "+----------+------------+\n",
            text,
        )

    def test_wraps_long_values(self):
        text = printed(cliutils.print_dict, {"a": "foo bar baz"}, wrap=7)
        self.assertIn("| foo bar |", text)
        self.assertIn("| baz     |", text)

    def test_takes_objects_with_fields(self):
        row = types.SimpleNamespace(a="foo", b=1)
        text = printed(cliutils.print_dict, row, fields=["a"])
        self.assertIn("| a        | foo   |", text)
        self.assertNotIn("| b ", text)


class HeaderTestCase(test.TestCase):
    def test_is_between_rules(self):
        self.assertEqual("==\nx\n==\n", cliutils.make_header("x", 2, "="))

    def test_of_a_table_has_its_width(self):
        lines = cliutils.make_table_header("x", 10).split("\n")
        self.assertEqual([10, 10], [len(line) for line in lines])
