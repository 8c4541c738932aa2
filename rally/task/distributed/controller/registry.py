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

"""Who takes part in a run: joining, signs of life, loss and return.

The plan of a run and the record of its agents; like ``controller``, no I/O
and no clock.
"""

from __future__ import annotations

import dataclasses
import typing as t

from rally.task.distributed.commands import Command, Say, Send
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

NS = 1_000_000_000
#: what agents in these states hold is not delivered in this run
UNDELIVERED = (AgentState.LOST, AgentState.DONE, AgentState.KEEPING)
BEAT_NS = NS // 2
#: an agent answers each beat: heard so long ago, it still is in time
ANSWERED_S = 0.6
#: heard so long ago, it gets no new work: others can do it in time
DOUBTFUL_NS = 3 * NS // 2


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """What the controller is to achieve."""

    prepare: messages.Prepare  # what all agents are told, but for ``runner``
    shares: list[dict[str, t.Any] | None]  # of the runner's config
    concurrencies: list[int]
    rally_version: str
    address: str
    is_closing_on_loss: bool = False  # on_agent_loss: abort
    agent_timeout_s: float = 10.0
    lease_s: float = 5.0
    wait_s: float = 60.0
    prepare_s: float = 60.0
    #: of the inner runner, if its configuration names one
    iteration_timeout_s: float | None = None
    #: the run before this one, if the same controller knows that it is over
    before: str = ""
    #: what a recovery drains: agent -> chunks that are stored already;
    #: None: this is no recovery
    kept: t.Mapping[str, t.Collection[int]] | None = None

    @property
    def wanted(self) -> int:
        return len(self.shares)

    @property
    def run(self) -> str:
        return self.prepare.run


@dataclasses.dataclass(frozen=True, slots=True)
class LostWork:
    """Iterations an agent was granted and never delivered."""

    agent: str
    reason: str
    numbers: tuple[messages.NumberRun, ...]


class Roster:
    """The agents of one run."""

    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan
        self.members: dict[str, Member] = {}
        self.rejected: dict[str, str] = {}
        self.leaving: set[str] = set()  # they get no (more) work

    def in_state(self, *states: AgentState) -> list[Member]:
        """Members in one of *states*, in the order of their names."""
        return [
            member
            for _, member in sorted(self.members.items())
            if member.state in states
        ]

    @property
    def active(self) -> list[Member]:
        return [m for _, m in sorted(self.members.items()) if m.is_active]

    @property
    def working(self) -> list[Member]:
        """Agents that may be granted work."""
        return [m for m in self.in_state(AgentState.RUNNING) if not m.ended]

    @property
    def spares(self) -> list[Member]:
        """Agents that hold no work and never did, in this run."""
        return [
            member
            for member in self.in_state(AgentState.JOINED)
            if member.name not in self.leaving
            and member.hello.run != self.plan.run
        ]

    def forget(self, member: Member) -> None:
        """It holds nothing of this run: its next hello is its first."""
        del self.members[member.name]

    # ---- joining

    def introduce(
        self, peer: str, hello: messages.Hello, now: int
    ) -> tuple[Member | None, bool, list[Command]]:
        """Somebody said hello.

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
            if is_restarted and member.state is AgentState.JOINED:
                self.members[peer] = member = Member(peer, hello, now)
            elif is_restarted:
                member.restarted(hello)
            else:
                member.hello = hello
            return member, is_restarted and member.is_active, []
        member = self.members[peer] = Member(peer, hello, now)
        self.rejected.pop(peer, None)
        return member, False, [
            Say("agent %s joined from %s (%d CPUs)"
                % (peer, hello.host, hello.cpus))
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
        return messages.Code(code.task, code.plugins)

    def order(self, member: Member) -> Send:
        """What *member* is to prepare."""
        fields = {
            field: getattr(self.plan.prepare, field)
            for field in messages.Prepare.__struct_fields__
        }
        fields["runner"] = member.share
        fields["first_cpu"] = member.position
        return self.to(member, messages.Prepare(**fields))

    # ---- signs of life

    def hear(self, member: Member, now: int) -> bool:
        """A message came; whether the agent had been lost until now."""
        member.heard_ns = now
        if member.state is not AgentState.LOST:
            return False
        member.advance(AgentEvent.CAME_BACK)
        return True

    def forgive(self, now: int) -> None:
        """The controller itself was not run: silence proves nothing."""
        for member in self.members.values():
            member.heard_ns = now

    def silent(self, now: int) -> list[Member]:
        """Those whose liveness deadline has passed."""
        limit = now - int(self.plan.agent_timeout_s * NS)
        return [
            member
            for _, member in sorted(self.members.items())
            if member.heard_ns < limit
            and (member.is_active or member.state is AgentState.JOINED)
        ]

    @staticmethod
    def lose(member: Member, reason: str) -> None:
        """The agent is gone; what it delivered may not be all it counted."""
        member.advance(AgentEvent.DEADLINE_PASSED)
        member.reason = reason
        member.is_inexact = True
        member.ended = False

    def beats(self, now: int) -> list[Command]:
        """Beats that are due."""
        return [
            self.beat(member, now)
            for member in self.members.values()
            if now - member.beat_ns >= BEAT_NS
        ]

    def beat(self, member: Member, now: int) -> Send:
        member.beat_ns = now
        lease_s = self._lease_s(member, now)
        return self.to(member, messages.Beat(self.plan.run, now, lease_s))

    def _lease_s(self, member: Member, now: int) -> float:
        """How long *member* may go on starting iterations.

        Counted from when it was heard, so an agent that cannot answer stops
        as early as one that cannot hear; hence never beyond the moment at
        which it counts as lost. None at all once it was lost.
        """
        if member.state in (AgentState.LOST, AgentState.RETURNED):
            return 0.0
        silence_s = (now - member.heard_ns) / NS
        late_s = max(0.0, silence_s - ANSWERED_S)
        return max(0.0, self.plan.lease_s - late_s)

    # ---- accounting

    def lost(self) -> list[LostWork]:
        """What was granted and will not be delivered, as known now."""
        return [
            LostWork(
                member.name,
                member.reason or "it ended without delivering them",
                member.ledger.outstanding(),
            )
            for member in self.in_state(*UNDELIVERED)
            if member.ledger.outstanding_count
        ]

    def lost_count(self) -> int:
        return sum(
            member.ledger.outstanding_count
            for member in self.in_state(*UNDELIVERED)
        )

    @staticmethod
    def to(member: Member, message: messages.Message) -> Send:
        """Send *message* to *member*."""
        return Send(member.name, Channel.CONTROL, message)
