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

"""Tables that fit into a terminal.

A table that is too wide takes the first of these forms that has room:

* cells that have several words take several lines;
* the column that names a row is on a line of its own above the rest of it;
* the same, without columns of which it was said that they matter less; below
  the table it says which these are;
* rows are turned: a line for each cell, beside its label.

Where the output is no terminal, and where there is
room, a table is as Rally has always printed it.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from rally.cli import terminal

#: of a cell; one that is taller cannot be read along its row
MOST_LINES = 4
#: narrowest column of long words, where a table has but two
SHORTEST_LINE = 12
#: beside each column a line and two blanks, and one more line at the end
_BESIDE, _EDGE = 3, 1

Lines: t.TypeAlias = list[str]
#: lines of each of its cells
Record: t.TypeAlias = t.Sequence[Lines]


@dataclasses.dataclass(frozen=True)
class FittedTable:
    """Rows of texts below labels, left aligned.

    :param title: above all of it
    :param key: number of the column that names a row
    :param dispensable: labels of columns to leave out, the first one first
    """

    labels: t.Sequence[str]
    rows: t.Sequence[t.Sequence[str]]
    title: str | None = None
    key: int = 0
    has_header: bool = True
    has_border: bool = True
    has_row_border: bool = False
    dispensable: t.Sequence[str] = ()

    def text(self, width: int = terminal.UNLIMITED) -> str:
        """The table in *width* columns."""
        if width >= terminal.UNLIMITED:
            return self._plain()
        seen = dataclasses.replace(self, rows=[
            list(map(terminal.printable, row)) for row in self.rows
        ])
        for count in range(len(self.dispensable) + 1):
            left_out = self.dispensable[:count]
            text = seen._without(left_out)._fitted(width)
            if text is not None:
                return "\n".join([text, *_note(left_out, width)])
        return seen._turned(width)

    def _fitted(self, width: int) -> str | None:
        for form in (self._plain_if_it_fits, self._broken, self._below_keys):
            text = form(width)
            if text is not None:
                return text
        return None

    def _without(self, labels: t.Sequence[str]) -> FittedTable:
        kept = [
            i for i, label in enumerate(self.labels) if label not in labels
        ]
        return dataclasses.replace(
            self,
            labels=[self.labels[i] for i in kept],
            rows=[[row[i] for i in kept] for row in self.rows],
            key=kept.index(self.key),
        )

    def _plain(self) -> str:
        import prettytable  # not needed by commands without a table

        table = prettytable.PrettyTable(
            list(self.labels), header=self.has_header, border=self.has_border
        )
        table.align = "l"
        if self.has_row_border:
            table.hrules = prettytable.HRuleStyle.ALL
        table.add_rows(list(map(list, self.rows)))
        text = str(table.get_string())
        if not self.title:
            return text
        width = terminal.cells(text.split("\n", 1)[0])
        rule = "=" if self.has_row_border else "-"
        return "\n".join([*title_lines(self.title, width, rule), text])

    def _plain_if_it_fits(self, width: int) -> str | None:
        text = self._plain()
        widest = max(map(terminal.cells, text.split("\n")))
        return text if widest <= width else None

    def _columns(self, which: t.Iterable[int]) -> list[_Column]:
        return [
            _Column(
                self.labels[i] if self.has_header else "",
                [row[i] for row in self.rows],
            )
            for i in which
        ]

    def _broken(self, width: int) -> str | None:
        columns = self._columns(range(len(self.labels)))
        if len(columns) == 2:  # of names and what they stand for
            columns[1].least = min(columns[1].least, SHORTEST_LINE)
        grid = _Grid.of(columns, width)
        if grid is None:
            return None
        records = grid.records(self.rows)
        if len(columns) > 2 and _tallest(records) > MOST_LINES:
            return None
        return self._drawn(grid, [], records, width)

    def _below_keys(self, width: int) -> str | None:
        rest = [i for i in range(len(self.labels)) if i != self.key]
        grid = _Grid.of(self._columns(rest), width) if len(rest) > 1 else None
        if grid is None:
            return None
        records = grid.records([[row[i] for i in rest] for row in self.rows])
        if _tallest(records) > MOST_LINES:
            return None
        keys = [self.labels[self.key], *(row[self.key] for row in self.rows)]
        return self._drawn(grid, keys, records, width)

    def _turned(self, width: int) -> str:
        """Never fails, however narrow the terminal is."""
        if len(self.labels) == 2 and not self.has_header:
            pairs = [[tuple(row)] for row in self.rows]
        else:
            pairs = [list(zip(self.labels, row)) for row in self.rows]
        columns = [
            _Column("", [pair[i] for record in pairs for pair in record])
            for i in range(2)
        ]
        room = width - _BESIDE * 2 - _EDGE
        for column in columns:
            column.least = min(column.natural, room // 2)
        grid = t.cast(_Grid, _Grid.of(columns, width))
        lines = grid.opening(self.title, width)
        for record in pairs:
            for cells in grid.records(record):
                lines += grid.row(cells)
            if len(pairs[0]) > 1 or record is pairs[-1]:
                lines.append(grid.rule())
        return "\n".join(lines)

    def _drawn(
        self, grid: _Grid, keys: t.Sequence[str],
        records: t.Sequence[Record], width: int,
    ) -> str:
        """All of it.

        :param keys: label and cells of the column that is not in *grid*
        """
        grid.widen(max(map(terminal.cells, keys), default=0), width)
        lines = grid.opening(self.title, width)
        if self.has_header:
            lines += [*grid.key(keys[:1]), *grid.row(grid.labels())]
            lines.append(grid.rule())
        is_ruled = self.has_row_border or _tallest(records) > 1
        for number, record in enumerate(records, start=1):
            lines += grid.key(keys[number:number + 1]) + grid.row(record)
            if is_ruled or number == len(records):
                lines.append(grid.rule())
        return "\n".join(lines)


class _Column:
    """What goes into a column, and how wide it has to be."""

    def __init__(self, label: str, texts: t.Sequence[str]) -> None:
        self.label = label
        lines = [line for text in (label, *texts) for line in text.split("\n")]
        self.natural = max(map(terminal.cells, lines))
        self.least = max(
            max(map(terminal.cells, re.split(r"\s|(?<=_)", label))),
            max(map(terminal.longest_word, texts), default=0),
        )


class _Grid:
    """Columns of certain widths, and lines between them."""

    def __init__(
        self, columns: t.Sequence[_Column], widths: list[int]
    ) -> None:
        self._columns = columns
        self._widths = widths

    @classmethod
    def of(cls, columns: t.Sequence[_Column], width: int) -> _Grid | None:
        """Columns as they share *width*; None if there is no room."""
        spare = width - width_of(column.least for column in columns)
        if spare < 0:
            return None
        widths = [column.least for column in columns]
        needs = sorted(
            (column.natural - column.least, i)
            for i, column in enumerate(columns)
        )
        for n, (need, i) in enumerate(needs):
            given = min(need, spare // (len(needs) - n))
            widths[i] += given
            spare -= given
        return cls(columns, widths)

    @property
    def width(self) -> int:
        return width_of(self._widths)

    def widen(self, inner: int, most: int) -> None:
        """Make room for a line across all columns, if there is any."""
        wanted = min(most, inner + _BESIDE + _EDGE)
        self._widths[-1] += max(0, wanted - self.width)

    def rule(self) -> str:
        return "+%s+" % "+".join("-" * (w + 2) for w in self._widths)

    def row(self, record: Record) -> Lines:
        return [
            "| %s |" % " | ".join(
                terminal.filled(lines[k] if k < len(lines) else "", w)
                for lines, w in zip(record, self._widths)
            )
            for k in range(max(map(len, record)))
        ]

    def key(self, texts: t.Sequence[str]) -> Lines:
        """Lines across all columns."""
        room = self.width - _BESIDE - _EDGE
        return [
            "| %s |" % terminal.filled(line, room)
            for text in texts for line in terminal.broken(text, room)
        ]

    def labels(self) -> Record:
        return [
            terminal.broken(column.label, width)
            for column, width in zip(self._columns, self._widths)
        ]

    def records(
        self, rows: t.Iterable[t.Sequence[str]]
    ) -> list[Record]:
        return [
            [terminal.broken(*each) for each in zip(row, self._widths)]
            for row in rows
        ]

    def opening(self, title: str | None, most: int) -> Lines:
        """The title, and the line below it."""
        if not title:
            return [self.rule()]
        self.widen(terminal.cells(title), most)
        shown = terminal.shortened(title, self.width - 2)
        return [*title_lines(shown, self.width), self.rule()]


def _note(left_out: t.Sequence[str], width: int) -> Lines:
    if not left_out:
        return []
    return terminal.broken(
        "Not shown for lack of room: %s." % ", ".join(left_out), width
    )


def _tallest(records: t.Iterable[Record]) -> int:
    return max(
        (len(lines) for record in records for lines in record), default=0
    )


def width_of(columns: t.Iterable[int], has_edge: bool = True) -> int:
    """Width of a table, of the widths of its columns."""
    return sum(w + _BESIDE for w in columns) + _EDGE * has_edge


def title_lines(
    title: str, width: int, rule: str = "-", junction: str = "+",
    side: str = "|",
) -> Lines:
    """The line and the title to put on top of a table of *width*."""
    inner = width - 2
    blanks = max(0, inner - terminal.cells(title))
    before = blanks // 2 + (blanks & inner & 1)  # as str.center
    return [
        "%s%s%s" % (junction, rule * inner, junction),
        "".join([side, " " * before, title, " " * (blanks - before), side]),
    ]
