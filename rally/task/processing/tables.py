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

"""Charts that are tables, and statistics as rows."""

from __future__ import annotations

import abc
import typing as t

from rally.task.processing import chart, numbers

#: keys of a statistics row's data, in the order of the columns
STATISTICS = (
    "min", "median", "90%ile", "95%ile", "max", "avg", "success",
    "iteration_count",
)
#: iterations that are handed on to the statistics at once
_BLOCK = 500


class Table(chart.Chart):
    """Base of charts that are tables."""

    widget = "Table"
    _styles: dict[int, str] = {}

    @property
    @abc.abstractmethod
    def columns(self) -> list[str]:
        """Titles of the columns."""

    def get_rows(self) -> list[list[t.Any]]:
        """Values of the cells, row by row."""
        return [
            self._process_row(name, values)
            for name, values in self._data.items()
        ]

    def render(self) -> t.Any:
        return {
            "cols": self.columns,
            "rows": self.get_rows(),
            "styles": self._styles,
        }

    def _process_row(self, name: str, values: t.Any) -> list[t.Any]:
        return [name, *values]


class MainStatsTable(Table):
    """Durations of iterations and of their actions.

    The numbers come from ``rally.task.results.durations``, as everywhere else.
    """

    columns = [
        "Action", "Min (sec)", "Median (sec)", "90%ile (sec)",
        "95%ile (sec)", "Max (sec)", "Avg (sec)", "Success", "Count",
    ]
    _DEPTH_OF_PROCESSING = 2

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        from rally.task.results import durations

        super().__init__(*args, **kwargs)
        self._table = durations.DurationsTable()
        self._block: list[chart.Iteration] = []

    def add_iteration(self, iteration: t.Any) -> None:
        self._block.append(iteration)
        if len(self._block) >= _BLOCK:
            self._flush()

    def to_dict(self) -> dict[str, t.Any]:
        """Rally's statistics: ``{"total": row, "atomics": [row]}``."""
        self._flush()
        return self._table.to_dict()

    def get_rows(self) -> list[list[t.Any]]:
        return statistics_rows(self.to_dict())

    def render(self) -> t.Any:
        return statistics_table(self.to_dict())

    def _flush(self) -> None:
        from rally.task.results import chunk

        if self._block:
            self._table.add_chunk(chunk.Chunk.of_results(self._block))
            self._block = []


def statistics_rows(durations: t.Mapping[str, t.Any]) -> list[list[t.Any]]:
    """Rows of a table of ``{"total": row, "atomics": [row]}``."""
    return [cells for cells, _ in _rows_and_styles(durations)]


def statistics_table(durations: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The table itself; nested rows and totals have a style."""
    rows = _rows_and_styles(durations)
    return {
        "cols": MainStatsTable.columns,
        "rows": [cells for cells, _ in rows],
        "styles": {
            number: style for number, (_, style) in enumerate(rows) if style
        },
    }


def _rows_and_styles(
    durations: t.Mapping[str, t.Any]
) -> list[tuple[list[t.Any], str]]:
    rows: list[tuple[list[t.Any], str]] = []
    for row in durations.get("atomics") or ():
        rows.extend(_nested_rows(row, 0, ""))
    if durations.get("total"):
        rows.extend(_nested_rows(durations["total"], 0, "rich"))
    return rows


def _nested_rows(
    row: t.Mapping[str, t.Any], depth: int, style: str
) -> t.Iterator[tuple[list[t.Any], str]]:
    prefix = " %s> " % ("-" * depth) if depth else ""
    data = row.get("data") or {}
    cells = [data.get(key, "n/a") for key in STATISTICS]
    yield [prefix + row["display_name"], *cells], style
    for child in row.get("children") or ():
        yield from _nested_rows(child, depth + 1, "oblique")


def number_rows(
    name: str, values: numbers.Numbers, total: float
) -> list[t.Any]:
    """Row of a table of statistics over numbers that are no durations."""
    if not values.count:
        return [name, *["n/a"] * 6, 0]
    low, high = values.extremes() or (0.0, 0.0)
    median, p90, p95 = values.percentiles(0.5, 0.9, 0.95)
    cells = (low, median, p90, p95, high, total / values.count)
    return [
        name,
        *[None if cell is None else round(cell, 3) for cell in cells],
        values.count,
    ]
