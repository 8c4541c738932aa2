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

"""Tables and texts that fit into a terminal."""

from __future__ import annotations

import collections

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.cli import listing, tables, terminal
from tests import screens
from tests.unit import test

WORDS = st.sampled_from([
    "a", "of", "NovaServers.boot_and_delete_server", "12.345", "冰箱",
    "🚀", "é", "2c3aa5c4-8a6f-4a1c-a0a3-27d8c4b8c1d7", "x" * 70,
])
TEXTS = st.lists(WORDS, max_size=6).map(" ".join) | st.just("two\nlines")
LABELS = ["Action", "Min (sec)", "a_long_label_s", "Avg", "State", "Count"]


@st.composite
def made_tables(draw):
    labels = LABELS[:draw(st.integers(2, len(LABELS)))]
    row = st.lists(TEXTS, min_size=len(labels), max_size=len(labels))
    return tables.FittedTable(
        labels, draw(st.lists(row, min_size=1, max_size=4)),
        draw(st.sampled_from([None, "Title"])),
    )


def content(text):
    """Characters of cells; a table draws with some of its own."""
    return collections.Counter(
        each for each in text if not each.isspace() and each not in "|+-"
    )


@ddt.ddt
class TableTestCase(test.TestCase):
    @hypothesis.given(made_tables(), st.integers(24, 200))
    def test_fits_and_leaves_nothing_out(self, table, width):
        text = table.text(width)
        self.assertEqual([], screens.offences(text, width))
        wanted = content("".join(map("".join, table.rows)))
        self.assertLessEqual(wanted - content(text), content(""))

    def test_is_as_ever_where_there_is_room(self):
        table = tables.FittedTable(["a", "b"], [["1", "2"]], "T")
        self.assertEqual(
            "+-------+\n|   T   |\n+---+---+\n| a | b |\n+---+---+\n"
            "| 1 | 2 |\n+---+---+",
            table.text(80),
        )
        self.assertEqual(table.text(80), table.text())

    def test_a_file_gets_what_there_is(self):
        table = tables.FittedTable(["a", "b"], [["\x1b[31m" * 99, "x" * 999]])
        self.assertIn("x" * 999, table.text())
        self.assertIn("\x1b[31m", table.text())
        self.assertNotIn("\x1b", table.text(80))

    @ddt.data(80, 40)
    def test_forms(self, width):
        rows = [
            ["  -> nova.boot_server_from_volume_and_attach", "0.017",
             "1234.018", "0.018", "1234.018", "0.021", "0.017", "100.0%",
             "1000"],
            ["冰箱 🚀", "0.0", "0.0", "0.0", "0.0", "0.0", "0.0", "n/a", "0"],
        ]
        labels = [
            "Action", "Min (sec)", "Median (sec)", "90%ile (sec)",
            "95%ile (sec)", "Max (sec)", "Avg (sec)", "Success", "Count",
        ]
        table = tables.FittedTable(labels, rows, "Response Times (sec)")
        seen = table.text(width).split("\n")
        self.assertEqual(screens.kept("table-%d" % width, seen), seen)

    def test_says_what_it_leaves_out(self):
        labels = ["name", "seldom_of_interest", "more_seldom", "figure"]
        row = ["x" * 20, "y" * 30, "z" * 20, "1"]
        table = tables.FittedTable(
            labels, [row], dispensable=("more_seldom", "seldom_of_interest")
        )
        text = table.text(44)
        self.assertIn("y" * 30, text)
        self.assertNotIn("z", text)
        self.assertTrue(
            text.endswith("Not shown for lack of room: more_seldom."), text
        )
        self.assertNotIn("Not shown", table.text(120))


class TextTestCase(test.TestCase):
    @hypothesis.given(TEXTS, st.integers(24, 100))
    def test_broken_lines_fit_and_hold_all(self, text, width):
        lines = terminal.broken("  " + text, width, "  ")
        self.assertLessEqual(max(map(terminal.cells, lines)), width)
        self.assertEqual(
            "".join(text.split()), "".join("".join(lines).split())
        )

    @hypothesis.given(TEXTS, st.integers(8, 100))
    def test_shortened_names_fit(self, text, width):
        for way in terminal.shortened, terminal.clipped:
            found = way(text.replace("\n", " "), width)
            self.assertLessEqual(terminal.cells(found), width)

    def test_names_can_be_told_apart(self):
        hosts = ["host-%02d.a.very.long.domain" % i for i in range(20)]
        self.assertEqual(
            "host-07.a...", terminal.shortened_alike(hosts, 12)[7]
        )
        disks = ["a.very.long.prefix.disk-%02d" % i for i in range(20)]
        self.assertEqual(
            "...disk-07", terminal.shortened_alike(disks, 10)[7]
        )

    def test_a_command_can_be_copied(self):
        words = "rally task report %s --json --out output.json" % ("u" * 36)
        for columns in 80, 40:
            with screens.of(columns):
                lines = terminal.command(words).split("\n")
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertEqual(
                words, " ".join(line.rstrip("\\").strip() for line in lines)
            )
            self.assertTrue(lines[0].endswith(" \\"))
        self.assertEqual("\t" + words, terminal.command(words))  # to a file

    def test_what_moves_the_cursor_is_made_visible(self):
        self.assertEqual(
            "a\\x1b[2Jb\\x07 c", terminal.printable("a\x1b[2Jb\x07 c")
        )


class ListingTestCase(test.TestCase):
    @hypothesis.given(
        st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5),
        st.integers(24, 120),
    )
    def test_has_one_line_for_each_row(self, rows, width):
        rows = [[cell.replace("\n", " ") for cell in row] for row in rows]
        lines = listing.lines_of(rows, (
            ("name", lambda row: row[0], 0), ("other", lambda row: row[1], 1)
        ), width)
        self.assertEqual(len(rows) + 1, len(lines))
        self.assertLessEqual(max(map(terminal.cells, lines)), width)
