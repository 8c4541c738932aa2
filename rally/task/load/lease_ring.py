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

"""The leases of a load, in memory that its processes share.

Numbers that are granted have indices: 0, 1, 2 ... in the order of the grants,
and drawing moves a counter over them. A lease says which numbers some indices
stand for. A lease is needed until its indices are drawn, so a ring of them
is enough for a run of any length.
"""

from __future__ import annotations

import bisect
import dataclasses

from rally.task.results.progressions import Progression, follows

#: leases that are not drawn yet, at the most. A closed model holds two or
#: three of some seconds, an open one those of the next two seconds
SLOTS = 1 << 14
#: index of the first number, index after the last one, first number, step
_START, _STOP, _FIRST, _STEP, PER_SLOT = range(5)
#: start of a slot that is being written: no index is as high
_TORN = 1 << 62


@dataclasses.dataclass(frozen=True, slots=True)
class Lease:
    """Some indices and the numbers they stand for."""

    start: int
    stop: int
    first: int
    step: int

    def part(self, start: int, stop: int) -> Progression:
        """Numbers of those indices from *start* to *stop* that are here."""
        low, high = max(start, self.start), min(stop, self.stop)
        first = self.first + (low - self.start) * self.step
        return first, self.step, max(0, high - low)


class LeaseRing:
    """Written by one process, read by any.

    A reader may be stopped at any instruction and go on days later, with the
    slot it reads written anew. So the writer takes the start off first and
    puts it back last, and no two leases have the same: a reader that meets
    the start before and after the rest has read what belongs together.
    """

    #: words of shared memory it takes
    WORDS = 1 + SLOTS * PER_SLOT

    def __init__(self, words: memoryview[int]) -> None:
        self._words = words  # the first one counts the leases
        self._cursor = 0  # lease of the last number that was looked up

    def __len__(self) -> int:
        """Leases that were ever written."""
        return self._words[0]

    # ---- the writer

    def add(self, numbers: Progression, start: int, drawn: int) -> bool:
        """Let the indices from *start* on stand for *numbers*.

        :param drawn: indices below it are drawn
        :returns: False if there are too many leases that are not drawn
        """
        first, step, count = numbers
        known = len(self)
        newest = self._read(known - 1) if known else None
        if newest is not None and follows(
            numbers, newest.part(newest.start, newest.stop)
        ):
            at = self._at(known - 1)
            self._words[at + _STOP] = start + count
            return True
        at = self._at(known)
        if known >= SLOTS and self._words[at + _STOP] > drawn:
            return False
        self._words[at + _START] = _TORN
        self._words[at + _STOP] = start + count
        self._words[at + _FIRST] = first
        self._words[at + _STEP] = step
        self._words[at + _START] = start
        self._words[0] = known + 1
        return True

    # ---- any process

    @staticmethod
    def _at(lease: int) -> int:
        return 1 + lease % SLOTS * PER_SLOT

    def _read(self, lease: int) -> Lease | None:
        """What is in the slot of this lease: perhaps a later one; None: it
        is being written.
        """
        words, at = self._words, self._at(lease)
        start = words[at]
        stop = words[at + _STOP]
        first, step = words[at + _FIRST], words[at + _STEP]
        if start != words[at] or start == _TORN:
            return None
        return Lease(start, stop, first, step)

    def find(self, index: int) -> Lease | None:
        """The lease that *index* is in; None: it is gone.

        :param index: of a number that was granted
        """
        for at in (self._cursor, self._cursor + 1):
            lease = self._read(at)
            if lease is not None and lease.start <= index < lease.stop:
                self._cursor = at
                return lease
        while True:
            known = len(self)
            oldest = max(0, known - SLOTS)
            at = oldest - 1 + bisect.bisect_right(
                range(oldest, known), index, key=self._start_of
            )
            lease = self._read(at) if at >= oldest else None
            if lease is not None and lease.start <= index < lease.stop:
                self._cursor = at
                return lease
            if len(self) == known:
                return None

    def _start_of(self, lease: int) -> int:
        return self._words[self._at(lease)]

    def numbers(self, start: int, stop: int) -> list[Progression]:
        """What the indices *start* to *stop*, without *stop*, stand for.

        Without those that are gone.
        """
        found = []
        while start < stop:
            lease = self.find(start)
            if lease is None:
                start += 1
                continue
            found.append(lease.part(start, stop))
            start = lease.stop
        return found
