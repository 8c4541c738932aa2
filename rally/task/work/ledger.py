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

"""What was granted to somebody, and what became of it.

The pool keeps one such account of its workers, the controller one of each
agent. Laws, tested as properties: every number granted is settled exactly
once (stored, returned, written off or still outstanding), and an account
holds no more than an interval for each outstanding number.
"""

from __future__ import annotations

import bisect
import typing as t

from rally.task.results.progressions import (
    Progression,
    common,
    count_of,
    follows,
    progressions,
)


class _Grant:
    """Numbers granted in one step, and which of them are open.

    Those are kept as intervals of indices: number *i* of the grant is
    ``first + i * step``.
    """

    __slots__ = ("first", "step", "count", "starts", "stops")

    def __init__(self, numbers: Progression) -> None:
        self.first, self.step, self.count = numbers
        self.starts, self.stops = [0], [self.count]

    def is_continued_by(self, numbers: Progression) -> bool:
        return follows(numbers, (self.first, self.step, self.count))

    def extend(self, count: int) -> None:
        """Grant *count* more."""
        if self.stops[-1] == self.count:
            self.stops[-1] += count
        else:
            self.starts.append(self.count)
            self.stops.append(self.count + count)
        self.count += count

    def settle(self, numbers: Progression) -> list[Progression]:
        """Close those of *numbers* that are open here, which it returns."""
        first, step, count = numbers
        if count > 1:  # of a single one ``_close`` sees whether it is here
            part = common(numbers, (self.first, self.step, self.count))
            if part is None:
                return []
            first, step, count = part
        start, uneven = divmod(first - self.first, self.step)
        stride = step // self.step
        if uneven:
            return []
        if stride == 1 or count == 1:
            return self._close(start, start + count)
        return [
            piece
            for i in range(start, start + stride * count, stride)
            for piece in self._close(i, i + 1)
        ]

    def _close(self, start: int, stop: int) -> list[Progression]:
        low = bisect.bisect_right(self.stops, start)
        high = bisect.bisect_left(self.starts, stop, low)
        if low == high:
            return []
        starts, stops = self.starts[low:high], self.stops[low:high]
        left = []
        if starts[0] < start:
            left.append((starts[0], start))
            starts[0] = start
        if stops[-1] > stop:
            left.append((stop, stops[-1]))
            stops[-1] = stop
        self.starts[low:high] = [low_end for low_end, _ in left]
        self.stops[low:high] = [high_end for _, high_end in left]
        return list(map(self._numbers, starts, stops))

    def _numbers(self, start: int, stop: int) -> Progression:
        return self.first + start * self.step, self.step, stop - start

    def open(self) -> t.Iterator[Progression]:
        return map(self._numbers, self.starts, self.stops)


class Ledger:
    """What somebody was granted, and what became of it.

    A number is open in at most one grant, but grants may interleave: what
    others returned has gaps. A grant that continues the one before it is
    part of that, and a settled one is dropped: memory is bounded by what is
    outstanding.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._grants: list[_Grant] = []  # by first number
        self._newest: _Grant | None = None
        self.granted = 0
        self.stored = 0
        self.returned = 0
        self.written_off = 0
        self.unknown = 0  # delivered, but never granted or settled already

    def grant(self, numbers: Progression) -> None:
        """Open the account of *numbers*."""
        first, _, count = numbers
        if count < 1:
            return
        self.granted += count
        newest = self._newest
        if newest and newest.starts and newest.is_continued_by(numbers):
            newest.extend(count)
            return
        self._newest = grant = _Grant(numbers)
        at = bisect.bisect(self._firsts, first)
        self._firsts.insert(at, first)
        self._grants.insert(at, grant)

    def store(self, parts: t.Iterable[Progression]) -> int:
        """Count *parts* as stored; returns how many were outstanding."""
        new = count_of(self._settle(parts))
        self.stored += new
        return new

    def give_back(self, parts: t.Iterable[Progression]) -> list[Progression]:
        """Take back what was certainly not started; what was outstanding."""
        taken = self._settle(parts)
        self.returned += count_of(taken)
        return taken

    def write_off(self) -> tuple[Progression, ...]:
        """Close all that is outstanding: it will not be delivered."""
        left = self.outstanding()
        self.written_off += count_of(left)
        self._firsts, self._grants, self._newest = [], [], None
        return left

    def _settle(self, parts: t.Iterable[Progression]) -> list[Progression]:
        """Close *parts*; those that were open."""
        settled: list[Progression] = []
        for part in parts:
            closed = self._settle_part(part) if part[2] > 0 else []
            self.unknown += part[2] - count_of(closed)
            settled += closed
        return settled

    def _settle_part(self, part: Progression) -> list[Progression]:
        """Close *part* in all grants it has numbers of.

        Newer grants first: what was granted last is usually what comes.
        """
        first, step, count = part
        last = first + step * (count - 1)
        settled: list[Progression] = []
        for at in range(bisect.bisect(self._firsts, last) - 1, -1, -1):
            grant = self._grants[at]
            closed = grant.settle(part)
            if closed and not grant.starts:
                del self._firsts[at], self._grants[at]
            settled += closed
            count -= count_of(closed)
            if not count:
                break
        return settled

    @property
    def outstanding_count(self) -> int:
        return self.granted - self.stored - self.returned - self.written_off

    def outstanding(self) -> tuple[Progression, ...]:
        """Numbers granted that are neither stored nor returned.

        Single ones are put together; longer ones stay as they are, because
        a grant may be without end.
        """
        parts = [part for grant in self._grants for part in grant.open()]
        singles = progressions(part[0] for part in parts if part[2] == 1)
        runs = [part for part in parts if part[2] > 1]
        return tuple(sorted([*runs, *singles]))
