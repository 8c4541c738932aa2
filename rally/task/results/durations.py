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

"""Rally's statistics of durations: a row for each action, and the total.

There are at most ``MAX_ROWS`` rows of actions. What further ones took and how
often they failed is in one row, ``OTHER_ACTIONS``, below what they ran in.
"""

from __future__ import annotations

import dataclasses
import typing as t

import numpy as np

from rally.common import portable
from rally.task.results import names
from rally.task.results.distribution import Distribution
from rally.task.results.names import NO_NAME, OTHER_ACTIONS

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk, Shape
    from rally.task.results.moments import Ints

#: rows of actions on all levels; without those of ``OTHER_ACTIONS``
MAX_ROWS = 1000
#: what rows an iteration contributes to is remembered for so many shapes
_MAX_PLANS = 1000
#: deepest level of actions with rows of their own; 0 is the top
MAX_DEPTH = 2
_SHARES = (0.5, 0.9, 0.95)

_Key: t.TypeAlias = tuple[str, int]
#: iteration number, place among the rows of that iteration
_Place: t.TypeAlias = tuple[int, int]
#: ranks of an action and of those that it ran in, the outermost first
_Path: t.TypeAlias = tuple[names.Rank, ...]


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

    __slots__ = (
        "name", "repeats", "place", "failed", "durations", "below", "_rank",
    )

    def __init__(self, name: str, repeats: int, place: _Place) -> None:
        self.name = name
        self.repeats = repeats
        self.place = place
        self.failed = 0
        self.durations = Distribution()
        self.below = _Level()
        self._rank: names.Rank | None = None

    @property
    def rank(self) -> names.Rank:
        if self._rank is None:
            if self.name == NO_NAME:  # no scenario made it up
                self._rank = -1, 0, NO_NAME, 1
            else:
                self._rank = names.rank_of(self.name, self.repeats)
        return self._rank

    def take(self, other: _Row) -> None:
        """Add what *other* knows, but not what is below it."""
        self.failed += other.failed
        self.durations.merge(other.durations)

    @property
    def display_name(self) -> str:
        repeated = " (x%d)" % self.repeats if self.repeats > 1 else ""
        return self.name + repeated

    def to_dict(self) -> dict[str, t.Any]:
        return _row_dict(
            self.name, self.display_name, self.repeats,
            _statistics(self.durations, self.failed), self.below.to_list(),
        )

    def to_state(self) -> list[t.Any]:
        return [
            self.name, self.repeats, *self.place, self.failed,
            self.durations.to_state(), self.below.to_state(),
        ]


class _Level:
    """The rows of actions below one parent."""

    __slots__ = ("rows", "others")

    def __init__(self) -> None:
        self.rows: dict[_Key, _Row] = {}
        self.others: _Row | None = None  # those that had to make room

    def row_at(self, key: _Key, place: _Place) -> _Row:
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = _Row(*key, place)
        elif place < row.place:
            row.place = place
        return row

    def add(
        self, plan: tuple[_Merged, ...], durations: Ints, number: int
    ) -> None:
        for position, action in enumerate(plan):
            row = self.row_at(action.key, (number, position))
            nodes = action.nodes
            values = durations[nodes[0]]
            if len(nodes) > 1:
                values = durations[list(nodes)].sum(axis=0)
            row.durations.add_array(values)
            if action.is_failed:
                row.failed += len(values)
            row.below.add(action.children, durations, number)

    def merge(self, other: _Level) -> None:
        for key, row in other.rows.items():
            mine = self.row_at(key, row.place)
            mine.take(row)
            mine.below.merge(row.below)
        if other.others is not None:
            self._fold(other.others)

    def fold(self, key: _Key) -> None:
        """Count a row with the others; what is below it is forgotten."""
        self._fold(self.rows.pop(key))

    def _fold(self, row: _Row) -> None:
        if self.others is None:
            self.others = _Row(OTHER_ACTIONS, 1, (0, 0))
        self.others.take(row)

    def __len__(self) -> int:
        """Number of rows here and further below."""
        return len(self.rows) + sum(
            len(row.below) for row in self.rows.values()
        )

    def paths(
        self, above: _Path = ()
    ) -> t.Iterator[tuple[names.Rank, _Path, _Level, _Row]]:
        """Each row here and below: highest rank on its path, path, itself."""
        for row in self.rows.values():
            path = *above, row.rank
            yield max(path), path, self, row
            yield from row.below.paths(path)

    def to_list(self) -> list[dict[str, t.Any]]:
        """Rows in the order of their first appearance, the others last."""
        shown = [row.to_dict() for row in self.ordered()]
        return shown if self.others is None else [
            *shown, self.others.to_dict()
        ]

    def to_state(self) -> list[t.Any]:
        state = [row.to_state() for row in self.ordered()]
        if self.others is not None:
            state.append([
                self.others.failed, self.others.durations.to_state(),
            ])
        return state

    @classmethod
    def from_state(cls, state: t.Any, depth: int = 0) -> _Level:
        self = cls()
        if state and depth > MAX_DEPTH:
            raise ValueError("its actions are nested too deep")
        if state and len(state[-1]) == 2:
            *state, (failed, durations) = state
            others = self.others = _Row(OTHER_ACTIONS, 1, (0, 0))
            others.failed = portable.unpack_count(failed)
            others.durations = Distribution.from_state(durations)
        for name, repeats, number, position, failed, durations, below in state:
            repeats, number, position, failed = map(
                portable.unpack_count, (repeats, number, position, failed)
            )
            row = self.row_at((str(name), repeats), (number, position))
            row.failed = failed
            row.durations = Distribution.from_state(durations)
            row.below = cls.from_state(below, depth + 1)
        return self

    def ordered(self) -> list[_Row]:
        return sorted(self.rows.values(), key=lambda row: row.place)


class Action(t.NamedTuple):
    """What is known of an action; to be read, not changed."""

    name: str
    failed: int
    durations: Distribution


class DurationsTable:
    """The statistics that Rally stores with a workload and shows.

    Merge law: holds exactly, including the order of the rows, which is that
    of their first appearance: by iteration number, not by arrival.

    It holds beyond ``MAX_ROWS``, too. Rows are kept by a rank that follows
    from their names and from those that they ran in: what is not among the
    first of a part is not among the first of the whole. So a row has either
    all of its iterations, or is one of the others in each part.
    """

    __slots__ = (
        "failed", "durations", "idle", "folded", "_total", "_actions",
        "_plans", "_most_rows",
    )

    def __init__(self) -> None:
        self.failed = 0
        self.durations = Distribution()
        self.idle = Distribution()
        self._total: Distribution | None = None  # until something is idle
        #: names of the actions that have no row of their own
        self.folded = names.NameSet()
        self._actions = _Level()
        self._most_rows = 0  # that there may be; counting takes longer
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
                self._grown_by(len(shape) + 1, 2 * MAX_ROWS)
        self._grown_by(0, MAX_ROWS)

    def _plan(self, shape: Shape) -> tuple[_Merged, ...]:
        if shape not in self._plans:
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            self._plans[shape] = _merge_nodes(shape)
        return self._plans[shape]

    def _grown_by(self, rows: int, allowed: int) -> None:
        """There may be so many more rows; if that is more than *allowed*,
        fold those beyond ``MAX_ROWS``.
        """
        self._most_rows += rows
        if self._most_rows <= allowed:
            return
        self._most_rows = len(self._actions)
        if self._most_rows <= MAX_ROWS:
            return
        # what an action ran in is not folded before the action is
        ranked = sorted(
            self._actions.paths(),
            key=lambda found: (found[0], len(found[1]), found[1]),
        )[MAX_ROWS:]
        self.folded.add_all(row.name for _, _, _, row in ranked)
        for _, _, level, row in ranked:
            level.fold((row.name, row.repeats))
        self._most_rows = MAX_ROWS

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
        self._actions.add(plan, durations, int(numbers.min()))
        if is_failed is None or plan[-1].is_failed:
            return
        # they failed outside of any action, after the last one
        failed_numbers = numbers[is_failed]
        if len(failed_numbers):
            place = int(failed_numbers.min()), len(plan)
            row = self._actions.row_at((NO_NAME, 1), place)
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
        self.folded.merge(other.folded)
        self._actions.merge(other._actions)
        self._grown_by(other._most_rows, MAX_ROWS)

    # ---- reading

    def actions(self) -> list[Action]:
        """Actions at the top, in the order of their first appearance; those
        without a row of their own come last, as one."""
        level = self._actions
        rows = [*level.ordered(), *([level.others] if level.others else [])]
        return [Action(r.display_name, r.failed, r.durations) for r in rows]

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
        return {"total": total, "atomics": self._actions.to_list()}

    # ---- carrying

    def to_state(self) -> dict[str, t.Any]:
        return {
            "failed": self.failed,
            "duration": self.durations.to_state(),
            "idle": self.idle.to_state(),
            "total": self._total.to_state() if self._total else None,
            "atomics": self._actions.to_state(),
            "folded": self.folded.to_state(),
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
            self._actions = _Level.from_state(state["atomics"])
            self._most_rows = len(self._actions)
            if self._most_rows > MAX_ROWS:
                raise ValueError("it has %d rows" % self._most_rows)
            if "folded" in state:  # not before there was a limit
                self.folded = names.NameSet.from_state(state["folded"])
        return self


def summary(chunks: t.Iterable[Chunk]) -> dict[str, t.Any]:
    """What ``db.workload_set_results`` stores, from the chunks themselves."""
    table = DurationsTable()
    for chunk in chunks:
        table.add_chunk(chunk)
    lowest, highest = table.durations.min_ns, table.durations.max_ns
    return {
        "statistics": {"durations": table.to_dict()},
        "total": table.iterations,
        "failed": table.failed,
        "min_duration": None if lowest is None else lowest / 1e9,
        "max_duration": None if highest is None else highest / 1e9,
    }


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
