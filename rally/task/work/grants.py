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

"""Which agent gets which iteration numbers, and when."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.task.results.progressions import Progression, count_of
from rally.task.work.schedule import Schedule
from rally.task.work.turns import Turns

NS = 1_000_000_000
#: an agent asks for more when less than this part of a lease is left
LOW_PART = 2
#: a lease is at most this many times as large as the one before it: the rate
#: seen over a few milliseconds says little
GROWTH = 4
#: seconds of work in a lease
WORK_S = 2.0
#: how far ahead of the schedule numbers of an open model are granted
AHEAD_NS = 1_500_000_000
#: a window ends at a multiple of this, else each message would deal out a
#: few numbers to each agent
WINDOW_NS = 250_000_000


class Grantee(t.Protocol):
    """What granting work needs to know of an agent."""

    name: str
    group: str | None  # that weights are for
    concurrency: int  # iterations it may run at once
    remaining: int  # granted and not started
    rate: float  # iterations per second; 0: not known yet


G = t.TypeVar("G", bound=Grantee)
G_co = t.TypeVar("G_co", bound=Grantee, covariant=True)


class Grantees(t.Protocol[G_co]):
    """The agents that may be granted work.

    Most of them want nothing most of the time: whoever grants work looks at
    those that have changed only.
    """

    def __len__(self) -> int:
        """How many there are, or a few more."""

    def __iter__(self) -> t.Iterator[G_co]:
        """All of them, always in the same order."""

    def named(self, names: t.Iterable[str]) -> t.Iterator[G_co]:
        """Those of *names* that are among them, in order."""


@dataclasses.dataclass(frozen=True, slots=True)
class Allotment(t.Generic[G]):
    """A lease that is to be granted."""

    member: G
    numbers: Progression
    low: int


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


class ClosedGranting:
    """Blocks of about two seconds of work for whoever runs low.

    :param times: iterations in all; None: until the duration has passed
    :param duration_s: for how long, seconds; None: until *times* are done
    """

    def __init__(self, times: int | None, duration_s: float | None) -> None:
        self._times = times
        self._duration_s = duration_s
        self._start_ns = 0
        self._next = 1
        self._returned: list[Progression] = []
        self._blocks: dict[str, int] = {}
        self._changed: set[str] | None = None  # None: all of them

    def begin(self, start_ns: int) -> None:
        self._start_ns, self._changed = start_ns, None

    def changed(self, name: str) -> None:
        """An agent's remaining numbers, or its rate, have changed."""
        if self._changed is not None:
            self._changed.add(name)

    def is_over(self, now: int) -> bool:
        """Whether nothing more will be granted."""
        if self.left == 0:
            return True
        return self._duration_s is not None and (
            now >= self._start_ns + self._duration_s * NS
        )

    def due(self, members: Grantees[G], now: int) -> list[Allotment[G]]:
        """Leases for those of *members* that run low."""
        allotments = []
        changed, self._changed = self._changed, set()
        for member in members if changed is None else members.named(changed):
            if not member.concurrency or self.is_over(now):
                continue
            block = self._blocks.get(member.name, 0)
            if block and member.remaining > block // LOW_PART:
                continue
            numbers = self._take(self._size(member, members, block))
            if numbers is None:  # others may give some back
                continue
            self._blocks[member.name] = numbers[2]
            member.remaining += numbers[2]
            allotments.append(
                Allotment(member, numbers, numbers[2] // LOW_PART)
            )
        return allotments

    def _size(self, member: G, members: Grantees[G], block: int) -> int:
        grown = GROWTH * block
        wanted = int(member.rate * WORK_S) if member.rate else grown
        return block_size(
            min(wanted, grown), member.concurrency, len(members),
            self.left,
        )

    def _take(self, size: int) -> Progression | None:
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

    def give_back(self, parts: t.Iterable[Progression]) -> None:
        """Numbers that were granted but certainly not started."""
        self._returned.extend(parts)
        self._changed = None

    def take_all(self) -> list[Progression]:
        """Take what was given back, to grant it to nobody."""
        returned, self._returned = self._returned, []
        return returned

    @property
    def left(self) -> int | None:
        """Numbers nobody holds; None if without end."""
        if self._times is None:
            return None
        return self._times - self._next + 1 + count_of(self._returned)


class OpenGranting:
    """The next second and a half of the schedule, dealt out in turn.

    Short windows, so that the numbers of an agent that was lost are dealt to
    the others from the next window on.

    :param weights: by group of agents; none: all have the same
    """

    def __init__(
        self, times: int, schedule: Schedule,
        weights: t.Mapping[str, int] | None = None,
    ) -> None:
        self._turns = Turns(weights)
        self._times = times
        self._schedule = schedule
        self._granted = 0
        self._start_ns = 0
        self._returned: list[Progression] = []

    def begin(self, start_ns: int) -> None:
        self._start_ns = start_ns

    def changed(self, name: str) -> None:
        """Nothing: the time decides, not what is left to an agent."""

    def is_over(self, now: int) -> bool:
        return self._granted >= self._times and not self._returned

    def due(self, members: Grantees[G], now: int) -> list[Allotment[G]]:
        """Leases for the window that is due."""
        ahead = now - self._start_ns + AHEAD_NS
        ahead -= ahead % WINDOW_NS
        until = min(self._times, self._schedule.count_before(ahead))
        if until <= self._granted and not self._returned:
            return []
        sharers = [member for member in members if member.concurrency]
        if not sharers:
            return []
        allotments = []
        for i, numbers in enumerate(self._returned):
            others = self._turns.group_members(sharers, numbers[0])
            allotments.append(Allotment(others[i % len(others)], numbers, 0))
        self._returned = []
        if until > self._granted:
            allotments += [
                Allotment(member, numbers, 0)
                for member, numbers in self._turns.deal(
                    sharers, self._granted + 1, until + 1
                )
            ]
            self._granted = until
        for allotment in allotments:
            allotment.member.remaining += allotment.numbers[2]
        return allotments

    def give_back(self, parts: t.Iterable[Progression]) -> None:
        self._returned.extend(parts)

    def take_all(self) -> list[Progression]:
        """Take what was given back, to grant it to nobody."""
        returned, self._returned = self._returned, []
        return returned

    @property
    def left(self) -> int | None:
        return self._times - self._granted + count_of(self._returned)


Granting: t.TypeAlias = ClosedGranting | OpenGranting
