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

import contextlib
import io
import typing as t
from unittest import mock

import ddt

from rally.cli import task_details, task_output
from tests import screens
from tests.unit import test
from tests.unit.task.processing import fakes


def table(rows: int, columns: int = 3, title: str = "Hosts") -> fakes.Record:
    return {
        "title": title, "chart_plugin": "Table",
        "data": {
            "cols": ["Column %d" % i for i in range(columns)],
            "rows": [
                ["row %d" % row, *range(columns - 1)] for row in range(rows)
            ],
        },
    }


def text(*paragraphs: str) -> fakes.Record:
    return {
        "title": "What the server said", "chart_plugin": "TextArea",
        "data": list(paragraphs),
    }


def added(chart: str, title: str) -> fakes.Record:
    return {
        "title": title, "chart_plugin": chart,
        "data": [["parse", 0.5], ["plan", 0.25]],
    }


def printed(
    *complete: fakes.Record, additive: t.Sequence[fakes.Record] = (),
    count: int = 1, columns: int | None = None,
) -> str:
    """What is printed of iterations that all have this output."""
    output = {"additive": list(additive), "complete": list(complete)}
    rows = [fakes.iteration(i, output=output) for i in range(count)]
    with (
        contextlib.redirect_stdout(io.StringIO()) if columns is None
        else screens.of(columns) as out
    ):
        task_output.print_output(fakes.workload(rows))
    return out.getvalue()


@ddt.ddt
class OutputTestCase(test.TestCase):
    @ddt.data(40, 80, 120)
    def test_it_fits_into_a_terminal(self, columns: int) -> None:
        seen = printed(
            table(22), text("Welcome." + " Welcome." * 11, "Closed."),
            added("Pie", "Shares"),
            additive=[added("StatsTable", "Steps"), added("Lines", "Memory")],
            count=3, columns=columns,
        )

        self.assertEqual([], screens.offences(seen, columns))
        lines = seen.rstrip().splitlines()
        self.assertEqual(
            screens.kept("task-output-%d" % columns, lines), lines
        )

    def test_it_is_part_of_what_is_printed_of_a_task(self) -> None:
        output = {"additive": [], "complete": [table(2)]}
        rows = [fakes.iteration(0, output=output)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_details.print_task(fakes.task(fakes.workload(rows)))

        self.assertIn("| row 1    | 0        | 1        |", out.getvalue())

    def test_nothing_is_said_of_no_output(self) -> None:
        self.assertEqual("", printed())

    def test_what_iterations_add_up_to_is_of_all_of_them(self) -> None:
        seen = printed(additive=[added("StatsTable", "Steps")], count=1500)

        self.assertRegex(seen, r"\| parse .* 1500 +\|")

    def test_other_iterations_are_counted(self) -> None:
        self.assertIn(
            "has the output of 1 more iteration.", printed(table(1), count=2)
        )
        self.assertNotIn("more iteration", printed(table(1)))

    def test_charts_are_named(self) -> None:
        seen = printed(additive=[
            added("Lines", "Chart %d" % i) for i in range(13)
        ])

        self.assertIn("Charts in the report: Chart 0, Chart 1, ", seen)
        self.assertIn("Chart 9, 3 more.", seen)

    def test_large_output_is_cut(self) -> None:
        seen = printed(
            table(300, 60), text("x" * 2**17, *["z"] * 999),
            *(table(1) for _ in range(99)), added("Nobody's", "y" * 2**17),
        )

        self.assertLess(len(seen), 60_000)
        self.assertIn(
            "... 280 more rows and 48 more columns in the report\n", seen
        )
        self.assertIn("... 980 more paragraphs in the report\n", seen)
        self.assertIn("91 more tables and texts are in the report.", seen)

    def test_no_more_than_the_first_iterations_are_read(self) -> None:
        with mock.patch.object(task_output, "ITERATIONS_READ", 1000):
            seen = printed(additive=[added("StatsTable", "S")], count=2500)

        self.assertRegex(seen, r"\| parse .* 1000 +\|")
        self.assertIn("Only the output of the first 1000 iterations", seen)

    @ddt.data(
        {"cols": [], "rows": []}, {"cols": ["a"]}, ["a"],
        {"cols": ["a"], "rows": [1]},
    )
    def test_a_table_that_is_none_is_left_to_the_report(
        self, data: t.Any
    ) -> None:
        self.assertIn(
            "Charts in the report: Hosts (iteration 1).",
            printed({**table(1), "data": data}),
        )

    def test_a_table_need_not_be_regular(self) -> None:
        data = {"cols": ["a", "b", "a"], "rows": [[1], [1, 2, 3, 4], []]}

        seen = printed({**table(1), "data": data})

        self.assertIn("| a | b | a (2) |", seen)
        self.assertIn("| 1 | 2 | 3     |", seen)
        self.assertIn("|   |   |       |", seen)

    def test_what_cannot_be_shown_is_told(self) -> None:
        self.assertIn("'Nobody'", printed(added("Nobody", "x")))

    def test_a_text_does_not_move_the_cursor(self) -> None:
        self.assertIn("\\x1b[2J", printed(text("\x1b[2J"), columns=80))
