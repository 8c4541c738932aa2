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

"""Dealing out iteration numbers, and knowing what became of each.

Laws, tested as properties: the runs of a set of numbers are that set;
every number granted is settled exactly once (stored, returned or still
outstanding); no number is granted twice unless it was returned.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
import typing as t

from rally.task.distributed.wire.messages import NumberRun


def runs_of(numbers: t.Iterable[int]) -> tuple[NumberRun, ...]:
    """*numbers* as few arithmetic progressions (greedy, exact).

    :param numbers: distinct iteration numbers
    """
    runs: list[NumberRun] = []
    first = step = count = last = 0
    for number in sorted(numbers):
        if count == 1:
            step = number - first
        if count and number == last + step:
            count += 1
        elif count == 2:  # two numbers are no rhythm yet: start anew
            runs.append((first, 1, 1))
            first, step, count = last, number - last, 2
        else:
            if count:
                runs.append((first, step, count))
            first, step, count = number, 1, 1
        last = number
    if count:
        runs.append((first, step, count))
    return tuple(runs)


def numbers_of(runs: t.Iterable[NumberRun]) -> t.Iterator[int]:
    """All numbers of *runs*."""
    for first, step, count in runs:
        yield from range(first, first + step * count, step)


def count_of(runs: t.Iterable[NumberRun]) -> int:
    return sum(count for _, _, count in runs)


def common(one: NumberRun, other: NumberRun) -> NumberRun | None:
    """Numbers that two progressions have in common; None if there are none.
    """
    (a, s, m), (b, t_, n) = one, other
    last = min(a + s * (m - 1), b + t_ * (n - 1))
    divisor = math.gcd(s, t_)
    distance, uneven = divmod(b - a, divisor)
    if uneven or last < max(a, b):
        return None
    # a + s * i is in both for this i, and for those that follow in this step
    stride = t_ // divisor
    i = distance * pow(s // divisor, -1, stride) % stride
    first, step = a + s * i, s * stride
    first += max(0, -(-(b - first) // step)) * step
    if first > last:
        return None
    return first, step, (last - first) // step + 1


@dataclasses.dataclass(slots=True)
class _Granted:
    """One lease and which of its numbers are settled."""

    first: int
    step: int
    count: int
    settled: bytearray  # one byte a number: 0 or 1
    open_count: int

    def settle(self, first: int, step: int, count: int) -> int:
        """Mark a progression inside this lease; how many were new."""
        if count == 1:
            step = self.step  # the step of a single number says nothing
        start, distance = divmod(first - self.first, self.step)
        stride, uneven = divmod(step, self.step)
        if distance or uneven or count < 1:
            return 0
        marked = slice(start, start + stride * (count - 1) + 1, stride)
        new = count - sum(self.settled[marked])
        self.settled[marked] = b"\1" * count
        self.open_count -= new
        return new

    def outstanding(self) -> t.Iterator[int]:
        for i, done in enumerate(self.settled):
            if not done:
                yield self.first + i * self.step


class Ledger:
    """What one agent was granted, and what became of it.

    A number belongs to at most one of the leases of an agent, but leases may
    interleave: what others returned has gaps. A settled lease is dropped:
    memory is bounded by what is outstanding.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._leases: list[_Granted] = []
        self.granted = 0
        self.stored = 0
        self.returned = 0
        self.unknown = 0  # delivered, but never granted or settled already

    def grant(self, run: NumberRun) -> None:
        first, step, count = run
        lease = _Granted(first, step, count, bytearray(count), count)
        at = bisect.bisect(self._firsts, first)
        self._firsts.insert(at, first)
        self._leases.insert(at, lease)
        self.granted += count

    def store(self, runs: t.Iterable[NumberRun]) -> int:
        """Count *runs* as stored; returns how many were outstanding."""
        new = self._settle(runs)
        self.stored += new
        return new

    def give_back(self, runs: t.Iterable[NumberRun]) -> list[NumberRun]:
        """Take back what was certainly not started; what was outstanding."""
        taken = []
        for run in runs:
            new = self._settle([run])
            self.returned += new
            if new == run[2]:
                taken.append(run)
        return taken

    def _settle(self, runs: t.Iterable[NumberRun]) -> int:
        new = 0
        for run in runs:
            settled = self._settle_run(run)
            self.unknown += run[2] - settled
            new += settled
        return new

    def _settle_run(self, run: NumberRun) -> int:
        """Mark *run* in all leases it has numbers of; how many were new.

        Newer leases first: what was granted last is usually what comes.
        """
        first, step, count = run
        last = first + step * (count - 1)
        settled = found = 0
        for at in range(bisect.bisect(self._firsts, last) - 1, -1, -1):
            lease = self._leases[at]
            part = common(run, (lease.first, lease.step, lease.count))
            if part is None:
                continue
            found += part[2]
            settled += lease.settle(*part)
            if not lease.open_count:
                del self._firsts[at], self._leases[at]
            if found == count:
                break
        return settled

    @property
    def outstanding_count(self) -> int:
        return sum(lease.open_count for lease in self._leases)

    def outstanding(self) -> tuple[NumberRun, ...]:
        """Numbers granted that are neither stored nor returned."""
        return runs_of(
            number for lease in self._leases for number in lease.outstanding()
        )


def block_size(
    wanted: int, concurrency: int, agents: int, left: int | None
) -> int:
    """Iterations of one lease of a closed model.

    Near the end leases shrink, so that fast and slow agents end together.

    :param wanted: what the agent does in two seconds
    :param concurrency: the agent's share of it
    :param agents: how many draw from the rest
    :param left: iterations not granted yet; None if without end
    """
    size = max(2 * concurrency, wanted, 1)
    if left is not None:
        fair = -(-left // (2 * agents))  # half of an even share, rounded up
        size = min(size, max(fair, min(concurrency, left), 1), left)
    return size


class ClosedWork:
    """Numbers of a closed model: whoever is free takes the next block."""

    def __init__(self, times: int | None) -> None:
        self._times = times
        self._next = 1
        self._returned: list[NumberRun] = []

    @property
    def left(self) -> int | None:
        """Numbers nobody holds; None if without end."""
        if self._times is None:
            return None
        return self._times - self._next + 1 + count_of(self._returned)

    def take(self, size: int) -> NumberRun | None:
        """At most *size* numbers; None if there are none left."""
        if self._returned:
            first, step, count = self._returned.pop()
            if count > size:
                rest = (first + step * size, step, count - size)
                self._returned.append(rest)
            return first, step, min(count, size)
        if self._times is not None:
            size = min(size, self._times - self._next + 1)
        if size < 1:
            return None
        first, self._next = self._next, self._next + size
        return first, 1, size

    def give_back(self, runs: t.Iterable[NumberRun]) -> None:
        """Numbers that were granted but certainly not started."""
        self._returned.extend(runs)

    def take_returned(self) -> list[NumberRun]:
        """All that was given back and nobody has taken since."""
        returned, self._returned = self._returned, []
        return returned


def strides(first: int, stop: int, parts: int) -> list[NumberRun]:
    """Numbers *first* to *stop* (without it), dealt to *parts* in turn.

    The agents interleave instead of firing together; the parts are disjoint
    and together exactly the range. A part may be empty (count 0).
    """
    return [
        (first + i, parts, max(0, -(-(stop - first - i) // parts)))
        for i in range(parts)
    ]
