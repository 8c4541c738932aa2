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

"""Collects chunks from the agents' spools as fast as they can be stored."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from rally.task.distributed.commands import Command, Say, Send, StoreChunk
from rally.task.distributed.controller import flow_control
from rally.task.distributed.controller.membership import Member
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel
from rally.task.results.head import DeliveredChunk

#: chunks on the way or waiting to be stored, per agent and in all: what the
#: controller may hold in memory
PER_AGENT = 4
IN_ALL = 64


@dataclasses.dataclass(slots=True)
class _Pending:
    asked_ns: int  # for the first time
    again_ns: int  # when to ask for it again
    data: messages.ChunkData | None = None  # arrived, waits to be stored


class Collector:
    """Which chunks were asked for, have arrived, and are stored.

    :param run: id of the run
    :param kept: sequence numbers that are in the database already, by agent
    """

    def __init__(
        self, run: str, kept: t.Mapping[str, t.Collection[int]]
    ) -> None:
        self._run = run
        self._kept = kept
        self._pending: dict[tuple[str, int], _Pending] = {}
        self._per_agent: collections.Counter[str] = collections.Counter()
        self._pace = flow_control.Pace(IN_ALL)
        self._on_the_way = 0
        #: agents that have more, in the order of their turns
        self._waiting: dict[str, Member] = {}
        self.duplicated = 0
        self.missing = 0

    def announced(self, member: Member, count: int) -> None:
        """*member* has made *count* chunks so far."""
        member.spooled = max(member.spooled, count)
        if member.fetched < member.spooled:
            self._waiting[member.name] = member

    def fetch(self, now: int) -> list[Command]:
        """Ask for as many as may be under way, one agent after the other."""
        commands: list[Command] = []
        for _ in range(len(self._waiting)):
            if not self._has_room_at_all:
                break
            member = self._waiting.pop(next(iter(self._waiting)))
            if not member.is_active:
                continue  # it says so again if it comes back
            commands += self._fetch_of(member, now)
            if member.fetched < member.spooled:
                self._waiting[member.name] = member
        return commands

    def _fetch_of(self, member: Member, now: int) -> t.Iterator[Command]:
        if not member.clock.count:
            return  # its times could not be shifted yet
        kept = self._kept.get(member.name, ())
        while member.fetched < member.spooled:
            if member.fetched in kept:
                member.stored += 1
            elif self._has_room(member.name):
                yield self._ask(member.name, member.fetched)
                self._note(member.name, member.fetched, now)
            else:
                break
            member.fetched += 1

    def _has_room(self, agent: str) -> bool:
        return self._per_agent[agent] < PER_AGENT and self._has_room_at_all

    @property
    def _has_room_at_all(self) -> bool:
        return (
            len(self._pending) < IN_ALL
            and self._on_the_way < self._pace.allowed
        )

    def _note(self, agent: str, sequence: int, now: int) -> None:
        again_ns = now + self._pace.retry_ns
        self._pending[agent, sequence] = _Pending(now, again_ns)
        self._per_agent[agent] += 1
        self._on_the_way += 1

    def _ask(self, agent: str, sequence: int) -> Send:
        fetch = messages.Fetch(self._run, sequence)
        return Send(agent, Channel.RESULTS, fetch)

    def fetch_again(self, now: int) -> list[Command]:
        """Ask again for chunks that are overdue."""
        late = [
            key
            for key, pending in self._pending.items()
            if pending.data is None and now > pending.again_ns
        ]
        for key in late:  # twice as patient each time
            waited_ns = now - self._pending[key].asked_ns
            self._pending[key].again_ns = now + 2 * waited_ns
        return [self._ask(*key) for key in late]

    def arrived(
        self, member: Member, data: messages.ChunkData, now: int
    ) -> list[Command]:
        """A chunk has arrived: store it, unless it arrived before."""
        pending = self._pending.get((member.name, data.sequence))
        if pending is None or pending.data is not None:
            self.duplicated += 1
            self._pace.came_twice()
            return []
        pending.data = data
        self._on_the_way -= 1
        self._pace.arrived(pending.asked_ns, now)
        return [
            StoreChunk(
                DeliveredChunk(
                    member.name, data.sequence, member.shift_ns(), data.chunk
                )
            )
        ]

    def stored(self, member: Member, sequence: int) -> list[Command]:
        """A chunk is in the database: the agent may drop it."""
        pending = self._drop(member.name, sequence)
        if pending is None or pending.data is None:
            return []
        member.stored += 1
        member.ledger.store(pending.data.chunk.head.numbers)
        ack = messages.Ack(self._run, sequence)
        return [Send(member.name, Channel.RESULTS, ack)]

    def lost(
        self, member: Member, sequence: int, reason: str
    ) -> list[Command]:
        """A chunk cannot be read: its iterations are lost."""
        if self._drop(member.name, sequence) is None:
            return []
        self.missing += 1
        member.stored += 1
        member.is_inexact = True
        member.reason = reason
        return [
            Say("agent %s lost a chunk of results: %s"
                % (member.name, reason), True)
        ]

    def _drop(self, agent: str, sequence: int) -> _Pending | None:
        pending = self._pending.pop((agent, sequence), None)
        if pending is not None:
            self._per_agent[agent] -= 1
            self._on_the_way -= pending.data is None
        return pending

    def forget_asked(self, member: Member) -> None:
        """The agent is gone: what it was asked for can be asked for again."""
        for key in [key for key in self._pending if key[0] == member.name]:
            if self._pending[key].data is None:
                self._drop(*key)
                member.fetched = min(member.fetched, key[1])

    @property
    def is_storing(self) -> bool:
        """Whether chunks have arrived and are not stored yet."""
        return any(pending.data for pending in self._pending.values())
