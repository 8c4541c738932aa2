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

from rally.task.distributed.controller.membership import Member
from rally.task.distributed.wire.messages import NumberRun
from rally.task.work import leases

NS = 1_000_000_000
#: an agent asks for more when less than this part of a lease is left
LOW_PART = 2
#: a lease is at most so many times as large as the one before it: the rate
#: seen over a few milliseconds says little
GROWTH = 4
#: seconds of work in a lease
WORK_S = 2.0
#: how far ahead of the schedule numbers of an open model are granted
AHEAD_NS = 1_500_000_000
#: a window ends at a multiple of this, else each message would deal out a
#: few numbers to each agent
WINDOW_NS = 250_000_000


class Schedule(t.Protocol):
    """Due moments of an open model, see ``rally.task.work.schedule``."""

    def count_before(self, ns: int) -> int:
        """How many iterations are due earlier than *ns* after the start."""


@dataclasses.dataclass(frozen=True, slots=True)
class Allotment:
    """A lease that is to be granted."""

    member: Member
    numbers: NumberRun
    low: int


class ClosedGranting:
    """Blocks of some two seconds of work for whoever runs low.

    :param times: iterations in all; None: until the duration has passed
    :param duration_s: for how long, seconds; None: until *times* are done
    """

    def __init__(self, times: int | None, duration_s: float | None) -> None:
        self._work = leases.ClosedWork(times)
        self._duration_s = duration_s
        self._start_ns = 0
        self._blocks: dict[str, int] = {}

    def begin(self, start_ns: int) -> None:
        self._start_ns = start_ns

    def is_over(self, now: int) -> bool:
        """Whether nothing more will be granted."""
        if self._work.left == 0:
            return True
        return self._duration_s is not None and (
            now >= self._start_ns + self._duration_s * NS
        )

    def due(self, members: list[Member], now: int) -> list[Allotment]:
        """Leases for those of *members* that run low."""
        allotments = []
        for member in members:
            if not member.concurrency or self.is_over(now):
                continue
            block = self._blocks.get(member.name, 0)
            if block and member.remaining > block // LOW_PART:
                continue
            numbers = self._work.take(self._size(member, members, block))
            if numbers is None:
                continue
            self._blocks[member.name] = numbers[2]
            member.remaining += numbers[2]
            allotments.append(
                Allotment(member, numbers, numbers[2] // LOW_PART)
            )
        return allotments

    def _size(self, member: Member, members: list[Member], block: int) -> int:
        grown = GROWTH * block
        wanted = int(member.rate * WORK_S) if member.rate else grown
        return leases.block_size(
            min(wanted, grown), member.concurrency, len(members),
            self._work.left,
        )

    def give_back(self, runs: t.Iterable[NumberRun]) -> None:
        self._work.give_back(runs)

    def take_all(self) -> list[NumberRun]:
        """What came back; nobody is granted it any more."""
        return self._work.take_returned()

    @property
    def left(self) -> int | None:
        return self._work.left


class OpenGranting:
    """The next second and a half of the schedule, dealt out in turn.

    Short windows, so that the numbers of an agent that was lost are dealt to
    the others from the next window on.
    """

    def __init__(self, times: int, schedule: Schedule) -> None:
        self._times = times
        self._schedule = schedule
        self._granted = 0
        self._start_ns = 0
        self._returned: list[NumberRun] = []

    def begin(self, start_ns: int) -> None:
        self._start_ns = start_ns

    def is_over(self, now: int) -> bool:
        return self._granted >= self._times and not self._returned

    def due(self, members: list[Member], now: int) -> list[Allotment]:
        """Leases for the window that has come near."""
        members = [member for member in members if member.concurrency]
        if not members:
            return []
        ahead = now - self._start_ns + AHEAD_NS
        ahead -= ahead % WINDOW_NS
        until = min(self._times, self._schedule.count_before(ahead))
        allotments = [
            Allotment(members[i % len(members)], numbers, 0)
            for i, numbers in enumerate(self._returned)
        ]
        self._returned = []
        if until > self._granted:
            # the turn goes on where the last window left it
            turn = self._granted % len(members)
            order = members[turn:] + members[:turn]
            dealt = leases.strides(self._granted + 1, until + 1, len(members))
            allotments += [
                Allotment(member, numbers, 0)
                for member, numbers in zip(order, dealt)
                if numbers[2]
            ]
            self._granted = until
        for allotment in allotments:
            allotment.member.remaining += allotment.numbers[2]
        return allotments

    def give_back(self, runs: t.Iterable[NumberRun]) -> None:
        self._returned.extend(runs)

    def take_all(self) -> list[NumberRun]:
        """What came back; nobody is granted it any more."""
        returned, self._returned = self._returned, []
        return returned

    @property
    def left(self) -> int | None:
        return self._times - self._granted + leases.count_of(self._returned)


Granting: t.TypeAlias = ClosedGranting | OpenGranting
