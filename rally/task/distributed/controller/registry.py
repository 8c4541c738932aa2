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

"""Who takes part in a run: joining, signs of life, loss and return."""

from __future__ import annotations

import bisect
import collections
import dataclasses
import itertools
import operator
import typing as t

from rally.common.counting import counted
from rally.task.distributed.commands import Command, Say, Send
from rally.task.distributed.controller.membership import (
    ACTIVE,
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.plan import NS, RunPlan
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

#: what agents in these states hold is not delivered in this run
UNDELIVERED = (
    AgentState.LOST, AgentState.DONE, AgentState.KEEPING, AgentState.JOINED,
    AgentState.REFUSED,
)
#: states in which silence means something
LISTENED_TO = ACTIVE | {AgentState.JOINED}
#: heard so long ago, it gets no new work: others can do it in time
DOUBTFUL_NS = 3 * NS // 2
#: sent before messages are looked at again: beats to a thousand agents take
#: longer than anybody should wait for a lease
BEATS_AT_ONCE = 8


@dataclasses.dataclass(frozen=True, slots=True)
class LostWork:
    """Iterations an agent was granted and never delivered."""

    agent: str
    reason: str
    numbers: tuple[messages.NumberRun, ...]


_NAME = operator.attrgetter("name")


def _why(member: Member) -> str:
    return member.reason or "it ended without delivering them"


def _put_in(members: list[Member], member: Member) -> None:
    bisect.insort(members, member, key=_NAME)


def _take_out(members: list[Member], member: Member) -> None:
    del members[bisect.bisect_left(members, member.name, key=_NAME)]


class RunningAgents:
    """Agents that may be granted work, without a look at each of them.

    :param running: in the order of their names
    """

    def __init__(
        self, members: t.Mapping[str, Member], running: list[Member], now: int
    ) -> None:
        self._members = members
        self._running = running
        self._now = now

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> t.Iterator[Member]:
        return filter(self._may_be, self._running)

    def named(self, names: t.Iterable[str]) -> t.Iterator[Member]:
        """Those of them that have one of *names*, in order."""
        for name in sorted(names):
            member = self._members.get(name)
            if member is not None and self._may_be(member):
                yield member

    def _may_be(self, member: Member) -> bool:
        return (
            member.state is AgentState.RUNNING
            and not member.ended
            and self._now - member.heard_ns < DOUBTFUL_NS
        )


class Registry:
    """The agents of one run, by name and by state.

    It is asked for those in some states all the time: each answer is kept,
    and a change of state costs no more than its own place in them.
    """

    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan
        self.members: dict[str, Member] = {}
        self.rejected: dict[str, str] = {}
        self.leaving: set[str] = set()  # they get no (more) work
        self.share_count = 0  # how many agents work at a time
        self._written_off: list[LostWork] = []
        #: by what was asked for, in the order of the names
        self._answers: dict[frozenset[AgentState], list[Member]] = {}
        #: all members; the last beat to the first of them is the oldest
        self._by_beat: collections.OrderedDict[str, Member] = (
            collections.OrderedDict()
        )

    def in_state(self, *states: AgentState) -> list[Member]:
        """Members in one of *states*, in the order of their names."""
        return self._in(frozenset(states))

    def _in(self, states: frozenset[AgentState]) -> list[Member]:
        # whoever asked may change a state meanwhile
        return self._kept(states).copy()

    def _kept(self, states: frozenset[AgentState]) -> list[Member]:
        answer = self._answers.get(states)
        if answer is None:
            answer = [
                member for member in self.members.values()
                if member.state in states
            ]
            answer.sort(key=_NAME)
            self._answers[states] = answer
        return answer

    @property
    def active(self) -> list[Member]:
        """Those that work for the run."""
        return self._in(ACTIVE)

    @property
    def working(self) -> list[Member]:
        """Agents that may be granted work."""
        return [m for m in self.in_state(AgentState.RUNNING) if not m.ended]

    @property
    def has_active(self) -> bool:
        """Whether anybody works for the run."""
        return bool(self._kept(ACTIVE))

    def grantees(self, now: int) -> RunningAgents:
        """Agents that may be granted work, and were heard lately."""
        return RunningAgents(
            self.members, self._kept(frozenset({AgentState.RUNNING})), now
        )

    @property
    def spares(self) -> list[Member]:
        """Agents that hold no work, and nothing of work they had, of those
        that the run may use."""
        return [
            member
            for member in self.in_state(AgentState.JOINED)
            if member.group is not None
            and member.name not in self.leaving
            and member.hello.run != self.plan.run
        ]

    def advance(self, member: Member, event: AgentEvent) -> None:
        """Something happened to *member*.

        :raises IllegalTransition: it cannot, in this state
        """
        before = member.state
        member.advance(event)
        self._moved(member, before)

    def _moved(self, member: Member, before: AgentState) -> None:
        for states, answer in self._answers.items():
            is_in = member.state in states
            if is_in != (before in states):
                _put_in(answer, member) if is_in else _take_out(answer, member)

    def add(self, member: Member) -> None:
        """Add a member, in any state, or replace the one of that name."""
        if member.name in self.members:
            self.forget(self.members[member.name])
        self.members[member.name] = self._by_beat[member.name] = member
        self._by_beat.move_to_end(member.name, last=False)
        for states, answer in self._answers.items():
            if member.state in states:
                _put_in(answer, member)

    def begin_anew(self, member: Member) -> None:
        """It has delivered what it could, and may be given work again."""
        written_off = member.begin_anew()
        self._moved(member, AgentState.DONE)
        if written_off:
            self._written_off.append(
                LostWork(member.name, _why(member), written_off)
            )

    def forget(self, member: Member) -> None:
        """It holds nothing of this run: its next hello is its first."""
        del self.members[member.name], self._by_beat[member.name]
        for states, answer in self._answers.items():
            if member.state in states:
                _take_out(answer, member)

    # ---- joining

    def introduce(
        self, peer: str, hello: messages.Hello, now: int,
        labels: t.Mapping[str, str],
    ) -> tuple[Member | None, bool, list[Command]]:
        """An agent said hello.

        :param labels: what the list of agents says of it
        :returns: the member, or None if it is not acceptable; whether its
            process was restarted in the middle of the run; what to do
        """
        if hello.rally_version != self.plan.rally_version:
            return None, False, self._reject(
                peer,
                "it runs Rally %s, the controller %s; both must be the same"
                % (hello.rally_version, self.plan.rally_version),
            )
        member = self.members.get(peer)
        if member is not None:
            is_restarted = hello.instance != member.hello.instance
            if is_restarted:
                member.restarted(hello)
                self.leaving.discard(peer)
            else:
                member.hello = hello
            return member, is_restarted and member.is_active, []
        # what it says of itself replaces nothing
        labels = {**hello.labels, **labels}
        member = Member(peer, hello, now, labels=labels)
        member.group = self.plan.selection.group_of(labels)
        self.add(member)
        self.rejected.pop(peer, None)
        aside = "" if member.group is not None else (
            "; it has other labels than the run wants, and stands by"
        )
        return member, False, [
            Say("agent %s joined from %s (%s)%s"
                % (peer, hello.host, counted(hello.cpus, "CPU"), aside))
        ]

    def _reject(self, peer: str, reason: str) -> list[Command]:
        if self.rejected.get(peer) == reason:
            return []
        self.rejected[peer] = reason
        return [
            Send(peer, Channel.CONTROL, messages.Rejected(reason)),
            Say("agent %s was refused: %s" % (peer, reason), True),
        ]

    def welcome(self, member: Member) -> Send:
        return self.to(
            member,
            messages.Welcome(
                self.plan.rally_version, self.plan.run, self._worth_importing
            ),
        )

    @property
    def _worth_importing(self) -> messages.Code:
        """The short part: a welcome may go to a thousand agents a second."""
        code = self.plan.prepare.code
        return messages.Code(
            code.task, code.plugins, is_shipped=code.is_shipped
        )

    def order(self, member: Member) -> Send:
        """What *member* is to prepare."""
        fields = {
            field: getattr(self.plan.prepare, field)
            for field in messages.Prepare.__struct_fields__
        }
        fields["runner"] = member.share
        fields["agent"] = messages.AgentInfo(
            name=member.name, index=member.position, count=self.share_count,
            labels=dict(member.labels),
        )
        fields["epoch"] = member.epoch
        fields["first_chunk"] = member.spooled
        return self.to(member, messages.Prepare(**fields))

    # ---- signs of life

    def hear(self, member: Member, now: int) -> bool:
        """A message came; whether the agent had been lost until now."""
        member.heard_ns = now
        if member.state is not AgentState.LOST:
            return False
        self.advance(member, AgentEvent.CAME_BACK)
        member.is_back = True
        return True

    def forgive(self, now: int) -> None:
        """The controller itself did not run: silence proves nothing."""
        for member in self.members.values():
            member.heard_ns = now

    def silent(self, now: int) -> list[Member]:
        """Those whose liveness deadline has passed."""
        limit = now - int(self.plan.agent_timeout_s * NS)
        return [
            member for member in self._in(LISTENED_TO)
            if member.heard_ns < limit
        ]

    def lose(self, member: Member, reason: str) -> None:
        """The agent is gone; what it delivered may not be all it counted."""
        self.advance(member, AgentEvent.DEADLINE_PASSED)
        member.reason = reason
        member.is_inexact = True
        member.ended = False

    def give_up(self, reason: str) -> None:
        """Nobody waits any longer for what agents have not delivered."""
        for member in list(self.members.values()):
            if member.state in ACTIVE:
                self.lose(member, reason)

    def beats(self, now: int) -> list[Command]:
        """The beats that have been due longest, no more than BEATS_AT_ONCE."""
        due_ns = now - self.plan.beat_ns
        oldest = itertools.islice(self._by_beat.values(), BEATS_AT_ONCE)
        due = [member for member in oldest if member.beat_ns <= due_ns]
        return [self.beat(member, now) for member in due]

    def beat(self, member: Member, now: int) -> Send:
        """A sign of life; it renews the lease of an agent that was heard.

        None at all once it was lost: others may have its share by now.
        """
        member.beat_ns = now
        self._by_beat.move_to_end(member.name)
        is_lost = member.state in (AgentState.LOST, AgentState.RETURNED)
        return self.to(
            member,
            messages.Beat(
                self.plan.run, now, 0.0 if is_lost else self.plan.lease_s,
                member.heartbeat_ns, member.events,
            ),
        )

    # ---- accounting

    def lost(self) -> list[LostWork]:
        """What was granted and will not be delivered, as known now."""
        return self._written_off + [
            LostWork(member.name, _why(member), member.ledger.outstanding())
            for member in self.in_state(*UNDELIVERED)
            if member.ledger.outstanding_count
        ]

    def lost_count(self) -> int:
        return sum(
            member.written_off + self.held_back(member)
            for member in self.members.values()
        )

    @staticmethod
    def held_back(member: Member) -> int:
        """Iterations it was granted last and will not deliver."""
        if member.state not in UNDELIVERED:
            return 0
        return member.ledger.outstanding_count

    @staticmethod
    def to(member: Member, message: messages.Message) -> Send:
        """Send *message* to *member*."""
        return Send(member.name, Channel.CONTROL, message)
