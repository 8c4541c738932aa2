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

"""Sets of iteration numbers, and the account of what was granted."""

from __future__ import annotations

import bisect
import dataclasses
import typing as t

import numpy as np

Progression: t.TypeAlias = tuple[int, int, int]  # first, step, count


class IntervalSet:
    """A set of integers, small while they come nearly in order."""

    __slots__ = ("_starts", "_stops", "count")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []  # exclusive
        self.count = 0

    def add(self, start: int, stop: int) -> int:
        """Add ``range(start, stop)``; returns how many were new."""
        first = bisect.bisect_left(self._stops, start)
        last = bisect.bisect_right(self._starts, stop)
        held = 0
        for i in range(first, last):
            low, high = self._starts[i], self._stops[i]
            held += max(0, min(high, stop) - max(low, start))
        if first < last:
            joined = (
                min(start, self._starts[first]),
                max(stop, self._stops[last - 1]),
            )
        else:
            joined = (start, stop)
        self._starts[first:last] = [joined[0]]
        self._stops[first:last] = [joined[1]]
        new = stop - start - held
        self.count += new
        return new

    def gaps(self, start: int, stop: int) -> t.Iterator[tuple[int, int]]:
        """The parts of ``range(start, stop)`` that are not in the set."""
        i = bisect.bisect_right(self._stops, start)
        while start < stop:
            if i == len(self._starts) or self._starts[i] >= stop:
                yield start, stop
                return
            if start < self._starts[i]:
                yield start, self._starts[i]
            start = self._stops[i]
            i += 1

    def __contains__(self, number: int) -> bool:
        i = bisect.bisect_right(self._starts, number) - 1
        return i >= 0 and number < self._stops[i]


@dataclasses.dataclass(slots=True)
class _Entry:
    first: int
    step: int
    count: int
    done: IntervalSet = dataclasses.field(default_factory=IntervalSet)


class Ledger:
    """Which of the granted numbers are accounted for.

    Memory: an entry for each progression that is not complete, and in it an
    interval for each gap.
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def grant(self, first: int, step: int, count: int) -> None:
        """Open the account of ``first, first + step ...``."""
        if count > 0:
            self._entries.append(_Entry(first, step, count))

    def settle(self, numbers: np.ndarray[t.Any, t.Any]) -> int:
        """Note that *numbers* are accounted for; returns how many were open.
        """
        settled = 0
        left = np.sort(numbers)
        for entry in self._entries:
            if not len(left):
                break
            offset = left - entry.first
            index = offset // entry.step
            mine = (
                (offset >= 0) & (index < entry.count)
                & (index * entry.step == offset)
            )
            settled += _add_all(entry.done, index[mine])
            left = left[~mine]
        self._entries = [
            entry for entry in self._entries if entry.done.count < entry.count
        ]
        return settled

    def cut(self, first: int, step: int, count: int) -> None:
        """Settle a part of one granted progression, however long it is."""
        for entry in self._entries:
            index, rest = divmod(first - entry.first, entry.step)
            if (
                entry.step == step and not rest
                and 0 <= index <= entry.count - count and count > 0
            ):
                entry.done.add(index, index + count)

    def open(self) -> list[Progression]:
        """What is not accounted for."""
        return [
            (entry.first + start * entry.step, entry.step, stop - start)
            for entry in self._entries
            for start, stop in entry.done.gaps(0, entry.count)
        ]


def _add_all(done: IntervalSet, indices: np.ndarray[t.Any, t.Any]) -> int:
    """Add sorted *indices* run by run; returns how many were new."""
    if not len(indices):
        return 0
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    return sum(
        done.add(int(run[0]), int(run[-1]) + 1)
        for run in np.split(indices, breaks)
    )


def progressions(numbers: t.Iterable[int]) -> list[Progression]:
    """*numbers* as few arithmetic progressions, in ascending order."""
    found: list[Progression] = []
    for number in sorted(numbers):
        if found:
            first, step, count = found[-1]
            if count == 1:
                found[-1] = (first, number - first, 2)
                continue
            if number == first + step * count:
                found[-1] = (first, step, count + 1)
                continue
        found.append((number, 1, 1))
    return found


def progressions_in(numbers: np.ndarray[t.Any, t.Any]) -> list[Progression]:
    """``progressions`` of an array, whose numbers may come twice.

    A chunk is mostly a single one, or a few: where the difference stays the
    same is found in the whole array at once.
    """
    values, steps = numbers, np.diff(numbers)
    if (steps <= 0).any():
        values = np.unique(numbers)
        steps = np.diff(values)
    ends = np.append(np.flatnonzero(np.diff(steps)) + 1, len(steps))
    found: list[Progression] = []
    taken = 0
    for end in ends[:len(steps)].tolist():  # values up to this one are even
        count = end + 1 - taken
        if count > 1:
            found.append((int(values[taken]), int(steps[end - 1]), count))
            taken = end + 1
    found += [(number, 1, 1) for number in values[taken:].tolist()]
    return found


def numbers_of(parts: t.Iterable[Progression]) -> t.Iterator[int]:
    """The numbers of some progressions."""
    for first, step, count in parts:
        yield from range(first, first + step * count, step)


def count_of(parts: t.Iterable[Progression]) -> int:
    return sum(count for _, _, count in parts)


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """Iterations that were drawn, and so may have run, without a result."""

    numbers: tuple[Progression, ...]
    reason: str
    agent: str = ""

    @property
    def count(self) -> int:
        return sum(count for _, _, count in self.numbers)

    def to_dict(self) -> dict[str, t.Any]:
        """For ``load_info``: numbers as (first, last, step)."""
        return {
            "agent": self.agent,
            "count": self.count,
            "reason": self.reason,
            "numbers": [
                [first, first + step * (count - 1), step]
                for first, step, count in self.numbers
            ],
        }
