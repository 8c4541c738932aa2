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

"""Rally's statistics of durations: a row for each action, and the total."""

from __future__ import annotations

import dataclasses
import typing as t

import numpy as np

from rally.common import portable
from rally.task.results.distribution import Distribution

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk, Shape
    from rally.task.results.moments import Ints

NO_NAME = "<no-name-action>"
#: deepest level of actions with rows of their own; 0 is the top
MAX_DEPTH = 2
COLUMNS = (
    "Action", "Min (sec)", "Median (sec)", "90%ile (sec)", "95%ile (sec)",
    "Max (sec)", "Avg (sec)", "Success", "Count",
)
_SHARES = (0.5, 0.9, 0.95)

_Key: t.TypeAlias = tuple[str, int]
#: iteration number, place among the rows of that iteration
_Place: t.TypeAlias = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class _Merged:
    """Actions of one name below one parent in one iteration."""

    name: str
    nodes: tuple[int, ...]  # indices into the shape
    is_failed: bool
    children: tuple[_Merged, ...]

    @property
    def key(self) -> _Key:
        return self.name, len(self.nodes)


def _merge_nodes(shape: Shape) -> tuple[_Merged, ...]:
    """What rows an iteration with these actions contributes to."""
    children: list[list[int]] = [[] for _ in shape]
    roots: list[int] = []
    open_nodes: list[int] = []
    for i, node in enumerate(shape):
        del open_nodes[node.depth:]
        (children[open_nodes[-1]] if open_nodes else roots).append(i)
        open_nodes.append(i)

    def merged(nodes: t.Iterable[int], depth: int) -> tuple[_Merged, ...]:
        by_name: dict[str, list[int]] = {}
        for i in nodes:
            by_name.setdefault(shape[i].name, []).append(i)
        return tuple(
            _Merged(
                name, tuple(same), any(shape[i].failed for i in same),
                merged((c for i in same for c in children[i]), depth + 1)
                if depth < MAX_DEPTH else (),
            )
            for name, same in by_name.items()
        )

    return merged(roots, 0)


class _Row:
    """Durations of the actions with one (name, count) below one parent."""

    __slots__ = ("name", "repeats", "place", "failed", "durations", "below")

    def __init__(self, name: str, repeats: int, place: _Place) -> None:
        self.name = name
        self.repeats = repeats
        self.place = place
        self.failed = 0
        self.durations = Distribution()
        self.below: _Rows = {}

    def to_dict(self) -> dict[str, t.Any]:
        repeated = " (x%d)" % self.repeats if self.repeats > 1 else ""
        return _row_dict(
            self.name, self.name + repeated, self.repeats,
            _statistics(self.durations, self.failed), _in_order(self.below),
        )

    def to_state(self) -> list[t.Any]:
        return [
            self.name, self.repeats, *self.place, self.failed,
            self.durations.to_state(), _rows_state(self.below),
        ]


_Rows: t.TypeAlias = dict[_Key, _Row]


class DurationsTable:
    """The statistics that Rally stores with a workload and shows.

    Merge law: holds exactly, including the order of the rows, which is that
    of their first appearance: by iteration number, not by arrival.
    """

    __slots__ = ("failed", "durations", "idle", "_total", "_rows", "_plans")

    def __init__(self) -> None:
        self.failed = 0
        self.durations = Distribution()
        self.idle = Distribution()
        self._total: Distribution | None = None  # until something is idle
        self._rows: _Rows = {}
        self._plans: dict[Shape, tuple[_Merged, ...]] = {}

    @property
    def iterations(self) -> int:
        return self.durations.count

    @property
    def total(self) -> Distribution:
        """Duration and idle duration together."""
        return self.durations if self._total is None else self._total

    # ---- filling

    def add_chunk(self, chunk: Chunk) -> None:
        if not len(chunk):
            return
        self.failed += chunk.failed_count
        if self._total is None and chunk.idle_ns.any():
            self._total = self.durations.copy()
        self.durations.add_array(chunk.duration_ns)
        self.idle.add_array(chunk.idle_ns)
        if self._total is not None:
            self._total.add_array(chunk.duration_ns + chunk.idle_ns)
        is_failed = chunk.is_failed if chunk.errors else None
        for s, shape in enumerate(chunk.shapes):
            if shape:
                rows: t.Any = slice(None)
                if len(chunk.shapes) > 1:
                    rows = chunk.rows_of_shape(s)
                self._add_actions(
                    self._plan(shape), chunk.times[s], chunk.numbers[rows],
                    None if is_failed is None else is_failed[rows],
                )

    def _plan(self, shape: Shape) -> tuple[_Merged, ...]:
        if shape not in self._plans:
            self._plans[shape] = _merge_nodes(shape)
        return self._plans[shape]

    def _add_actions(
        self,
        plan: tuple[_Merged, ...],
        times: Ints,
        numbers: Ints,
        is_failed: np.ndarray[t.Any, np.dtype[np.bool_]] | None,
    ) -> None:
        """Add the iterations of one chunk that have the same actions."""
        if not len(numbers):
            return
        durations = np.ascontiguousarray(
            (times[:, 1::2] - times[:, 0::2]).T
        )
        _add(self._rows, plan, durations, int(numbers.min()))
        if is_failed is None or plan[-1].is_failed:
            return
        # they failed outside of any action, after the last one
        failed_numbers = numbers[is_failed]
        if len(failed_numbers):
            place = int(failed_numbers.min()), len(plan)
            row = _row_at(self._rows, (NO_NAME, 1), place)
            row.failed += len(failed_numbers)
            row.durations.add_array(np.zeros_like(failed_numbers))

    def merge(self, other: DurationsTable) -> None:
        """Add everything in *other*, which stays as it is."""
        self.failed += other.failed
        if other._total is not None and self._total is None:
            self._total = self.durations.copy()
        self.durations.merge(other.durations)
        self.idle.merge(other.idle)
        if self._total is not None:
            self._total.merge(other.total)
        _merge(self._rows, other._rows)

    # ---- reading

    def to_dict(self) -> dict[str, t.Any]:
        """``{"total": row, "atomics": [row]}`` as in Rally's results."""
        parts = [
            _row_dict(name, name, 1, _statistics(durations, self.failed), [])
            for name, durations in (
                ("total", self.total), ("duration", self.durations),
                ("idle_duration", self.idle),
            )
        ]
        total = parts.pop(0)
        if self.iterations:
            total["children"] = parts
        return {"total": total, "atomics": _in_order(self._rows)}

    def rows(self) -> list[list[t.Any]]:
        """Lines of a table with ``COLUMNS``, the total last."""
        statistics = self.to_dict()
        return lines_of([*statistics["atomics"], statistics["total"]])

    # ---- carrying

    def to_state(self) -> dict[str, t.Any]:
        return {
            "failed": self.failed,
            "duration": self.durations.to_state(),
            "idle": self.idle.to_state(),
            "total": self._total.to_state() if self._total else None,
            "atomics": _rows_state(self._rows),
        }

    @classmethod
    def from_state(cls, state: t.Any) -> DurationsTable:
        self = cls()
        with portable.reading(cls.__name__):
            self.failed = portable.unpack_count(state["failed"])
            self.durations = Distribution.from_state(state["duration"])
            self.idle = Distribution.from_state(state["idle"])
            if state["total"] is not None:
                self._total = Distribution.from_state(state["total"])
            self._rows = _rows_of(state["atomics"])
        return self


def lines_of(
    rows: t.Iterable[dict[str, t.Any]], depth: int = 0
) -> list[list[t.Any]]:
    """Statistics rows as lines of a table with ``COLUMNS``."""
    lines: list[list[t.Any]] = []
    for row in rows:
        data = row["data"]
        mark = " %s> " % ("-" * depth) if depth else ""
        lines.append([
            mark + row["display_name"], data["min"], data["median"],
            data["90%ile"], data["95%ile"], data["max"], data["avg"],
            data["success"], data["iteration_count"],
        ])
        lines.extend(lines_of(row["children"], depth + 1))
    return lines


def _row_at(rows: _Rows, key: _Key, place: _Place) -> _Row:
    row = rows.get(key)
    if row is None:
        row = rows[key] = _Row(*key, place)
    elif place < row.place:
        row.place = place
    return row


def _add(
    rows: _Rows, plan: tuple[_Merged, ...], durations: Ints, number: int
) -> None:
    for position, action in enumerate(plan):
        row = _row_at(rows, action.key, (number, position))
        nodes = action.nodes
        values = durations[nodes[0]]
        if len(nodes) > 1:
            values = durations[list(nodes)].sum(axis=0)
        row.durations.add_array(values)
        if action.is_failed:
            row.failed += len(values)
        _add(row.below, action.children, durations, number)


def _merge(rows: _Rows, others: _Rows) -> None:
    for key, other in others.items():
        row = _row_at(rows, key, other.place)
        row.failed += other.failed
        row.durations.merge(other.durations)
        _merge(row.below, other.below)


def _rows_state(rows: _Rows) -> list[t.Any]:
    return [row.to_state() for row in _ordered(rows)]


def _rows_of(states: t.Any) -> _Rows:
    rows: _Rows = {}
    for name, repeats, number, position, failed, durations, below in states:
        repeats, number, position, failed = map(
            portable.unpack_count, (repeats, number, position, failed)
        )
        row = _Row(str(name), repeats, (number, position))
        row.failed = failed
        row.durations = Distribution.from_state(durations)
        row.below = _rows_of(below)
        rows[row.name, row.repeats] = row
    return rows


def _ordered(rows: _Rows) -> list[_Row]:
    return sorted(rows.values(), key=lambda row: row.place)


def _in_order(rows: _Rows) -> list[dict[str, t.Any]]:
    return [row.to_dict() for row in _ordered(rows)]


def _row_dict(
    name: str,
    display_name: str,
    repeats: int,
    data: dict[str, t.Any],
    children: list[dict[str, t.Any]],
) -> dict[str, t.Any]:
    return {
        "name": name,
        "display_name": display_name,
        "count_per_iteration": repeats,
        "data": data,
        "children": children,
    }


def _statistics(durations: Distribution, failed: int) -> dict[str, t.Any]:
    count = durations.count
    median, p90, p95 = durations.percentiles(_SHARES)
    return {
        "iteration_count": count,
        "min": _seconds(durations.min_ns),
        "median": _seconds(median),
        "90%ile": _seconds(p90),
        "95%ile": _seconds(p95),
        "max": _seconds(durations.max_ns),
        "avg": _seconds(durations.mean()),
        "success": (
            "%.1f%%" % ((count - failed) * 100 / count) if count else "n/a"
        ),
    }


def _seconds(value_ns: float | None) -> float | str:
    return "n/a" if value_ns is None else round(value_ns / 1e9, 3)
