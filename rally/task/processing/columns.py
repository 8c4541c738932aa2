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

"""Iterations of a chunk as charts draw them: columns of seconds."""

from __future__ import annotations

import functools
import typing as t

import numpy as np

from rally.task.results.row import NS

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk, Shape
    from rally.task.results.moments import Ints

Floats: t.TypeAlias = np.ndarray[t.Any, np.dtype[np.float64]]


class Actions(t.NamedTuple):
    """What top-level actions of one name took in some of the iterations."""

    name: str
    repeats: int  # how often each of these iterations ran it
    rows: t.Any  # an index of columns: the iterations that did
    taken_ns: Ints  # by each of them
    is_failed: bool  # whether one of these actions failed

    @property
    def seconds(self) -> Floats:
        return self.taken_ns / NS

    def first_row(self) -> int:
        """The first of the iterations that did."""
        return 0 if isinstance(self.rows, slice) else int(self.rows[0])

    @property
    def display_name(self) -> str:
        if self.repeats == 1:
            return self.name
        return "%s (x%d)" % (self.name, self.repeats)


class Columns:
    """Columns of a chunk, in seconds; made once for all charts."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.started: Floats = chunk.started_ns / NS
        self.duration: Floats = chunk.duration_ns / NS
        self.idle: Floats = chunk.idle_ns / NS
        self.is_failed = chunk.is_failed

    def __len__(self) -> int:
        return len(self.chunk)

    @functools.cached_property
    def actions(self) -> list[Actions]:
        """In the order in which their names appear in a shape."""
        chunk = self.chunk
        found = []
        for s, shape in enumerate(chunk.shapes):
            if not shape:
                continue
            rows: t.Any = slice(None)
            if len(chunk.shapes) > 1:
                rows = chunk.rows_of_shape(s)
            times = chunk.times[s]
            for name, nodes in _top_level(shape).items():
                taken = (
                    times[:, [2 * i + 1 for i in nodes]]
                    - times[:, [2 * i for i in nodes]]
                )
                found.append(
                    Actions(
                        name, len(nodes), rows, taken.sum(axis=1),
                        any(shape[i].failed for i in nodes),
                    )
                )
        return found

    def seconds_of(self, names: t.Sequence[str]) -> list[Floats]:
        """What actions of each name took in all; NaN where none ran.

        The last one stands for all names that are none of *names*, too.
        """
        place = {name: i for i, name in enumerate(names)}
        found = [np.full(len(self), np.nan) for _ in names]
        for action in self.actions:
            seconds = found[place.get(action.name, -1)]
            before = np.nan_to_num(seconds[action.rows])
            seconds[action.rows] = before + action.seconds
        return found


def _top_level(shape: Shape) -> dict[str, list[int]]:
    """Indices of the actions inside of no other, by their name."""
    found: dict[str, list[int]] = {}
    for i, node in enumerate(shape):
        if not node.depth:
            found.setdefault(node.name, []).append(i)
    return found
