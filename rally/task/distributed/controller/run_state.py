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

"""The phases of a distributed run, and how it comes to its end."""

from __future__ import annotations

import enum

from rally import exceptions
from rally.task.distributed import notices
from rally.task.distributed.commands import Command, Say
from rally.task.distributed.controller import (
    collector as collecting,
)
from rally.task.distributed.controller import (
    failover,
    failures,
    leasing,
)
from rally.task.distributed.controller.membership import AgentState, Member
from rally.task.distributed.controller.registry import NS, Roster, RunPlan
from rally.task.distributed.wire import messages
from rally.task.work import grants as granting

#: with more agents than this, what concerns all of them is looked at no more
#: often than so: each message would cost as much as there are agents
MANY = 16
LOOK_NS = 5_000_000
NEVER = 1 << 63


class Phase(enum.Enum):
    """How far the run is."""

    GATHERING = "waiting for agents"
    PREPARING = "preparing agents"
    RUNNING = "running"
    STOPPING = "stopping"
    OVER = "done"


class RunState:
    """Where a run stands; what ``Controller`` changes by its messages."""

    def __init__(
        self, plan: RunPlan, grants: granting.Granting, now: int
    ) -> None:
        self.plan = plan
        self.run = plan.run
        self.phase = Phase.GATHERING
        self.roster = Roster(plan)
        self.collector = collecting.Collector(plan.run, plan.kept or {})
        self.leasing = leasing.Leasing(self.roster, grants)
        self.succession = failover.Succession(self.roster)
        self.failure: exceptions.RallyException | None = None
        self.stop_reason = ""
        self.start_ns: int | None = None
        self.fenced_snapshots = 0
        #: nothing is stored any more: agents keep what they have
        self.storing_failed = False
        self._deadline = now + int(plan.wait_s * NS)
        self._looked_ns = 0
        self._look_ns = NEVER  # when to look at the latest

    @property
    def finished(self) -> bool:
        return self.phase is Phase.OVER

    @property
    def members(self) -> dict[str, Member]:
        return self.roster.members

    # ---- when to look at all agents

    def _may_look(self, now: int) -> bool:
        """Something is new: whether to look now, else it is due soon."""
        self._look_ns = now
        if len(self.members) > MANY:
            self._look_ns = max(now, self._looked_ns + LOOK_NS)
        return now >= self._look_ns

    def _looked(self, now: int) -> None:
        self._looked_ns, self._look_ns = now, NEVER

    # ---- the phases

    @property
    def torn_chunks(self) -> int:
        """Chunks that agents found damaged after a death."""
        return sum(member.torn for member in self.members.values())

    def _is_prepared(self) -> bool:
        active = self.roster.active
        return bool(active) and all(map(failover.is_prepared, active))

    def _missed_deadline(self) -> list[Command]:
        if self.phase is Phase.GATHERING:
            came = [m.name for m in self.roster.in_state(AgentState.JOINED)]
            self.failure = failures.NotEnoughAgents(
                wanted=self.plan.wanted,
                count=len(came),
                wait_s=self.plan.wait_s,
                came=", ".join(came) or "none",
                address=self.plan.address,
                rejected="".join(
                    "; agent %s was refused: %s" % item
                    for item in sorted(self.roster.rejected.items())
                ),
            )
            return self._stop("not enough agents")
        if self.phase is Phase.PREPARING:
            late = self.roster.in_state(AgentState.PREPARING)
            self.failure = failures.AgentCannotRun(
                agent=", ".join(member.name for member in late),
                reason="it was not ready within %g s" % self.plan.prepare_s,
            )
            return self._stop("agents were not ready in time")
        return []

    # ---- losing an agent

    def _lose(
        self, member: Member, reason: str, now: int
    ) -> list[Command]:
        if member.state is AgentState.JOINED:
            self.roster.forget(member)
            return [
                Say("agent %s, which held no work, is gone: %s"
                    % (member.name, reason))
            ]
        self.roster.lose(member, reason)
        self.collector.forget_asked(member)
        self.succession.loses(member, self.start_ns or now, now)
        return self._count_loss(member, reason)

    def _count_loss(self, member: Member, reason: str) -> list[Command]:
        commands: list[Command] = [
            Say("agent %s was lost: %s; %d iteration(s) granted to it are "
                "not stored"
                % (member.name, reason, member.ledger.outstanding_count),
                True)
        ]
        return commands + self._stop_without(member, reason)

    def _stop_without(self, member: Member, reason: str) -> list[Command]:
        """Stop, if the run cannot go on without *member*."""
        commands: list[Command] = []
        cause = self._cause_to_stop(member)
        if cause:
            self.failure = failures.AgentLost(
                agent=member.name, reason=reason, cause=cause
            )
            commands += self._stop("agent %s was lost" % member.name)
        return commands

    def _cause_to_stop(self, member: Member) -> str | None:
        """Why the run cannot go on without *member*; None: it can."""
        if self.phase is Phase.PREPARING:
            return "the load had not begun"
        if self.phase is not Phase.RUNNING:
            return None
        if self.plan.is_closing_on_loss and member.start_at_ns is not None:
            return "on_agent_loss is abort"
        if self._is_deserted and not self.leasing.lose_late():
            return "no agent is left"
        return None

    @property
    def _is_deserted(self) -> bool:
        """Work is left, and nobody to do it."""
        return not (self.leasing.is_closed or self._has_workers)

    @property
    def _has_workers(self) -> bool:
        """Somebody works, or could take over."""
        return bool(self.roster.working or self.succession.has_candidates)

    def _on_revoked(
        self, notice: notices.AgentRevoked, now: int
    ) -> list[Command]:
        member = self.members.get(notice.agent)
        if member is None or not (
            member.is_active or member.state is AgentState.JOINED
        ):
            return []
        return self._lose(member, "its key was revoked", now)

    def _on_agent_left(
        self, notice: notices.AgentLeft, now: int
    ) -> list[Command]:
        member = self.members.get(notice.agent)
        if self.phase is not Phase.GATHERING:
            if member is not None and (
                member.is_active or member.state is AgentState.JOINED
            ):
                return self._lose(member, notice.reason, now)
        else:
            self.failure = failures.AgentCannotRun(
                agent=notice.agent, reason=notice.reason
            )
            return self._stop("agent %s ended" % notice.agent)
        return []

    # ---- the end of the run

    def _stop(self, reason: str) -> list[Command]:
        if self.phase in (Phase.STOPPING, Phase.OVER):
            return []
        commands: list[Command] = []
        if self.phase is Phase.RUNNING:
            commands += self._withdraw_heirs()
        self.phase = Phase.STOPPING
        self.stop_reason = reason
        return commands + [
            self.roster.to(member, self._stop_message())
            for member in self.roster.active
        ]

    def _withdraw_heirs(self) -> list[Command]:
        """Who only prepares to take over is not needed any more."""
        return [
            command
            for member in self.succession.heirs
            for command in self._withdraw(member)
        ]

    def _withdraw(self, heir: Member) -> list[Command]:
        self.succession.dismiss(heir)
        self.roster.forget(heir)
        return [self.roster.to(heir, messages.Done(self.run))]

    def _undone(self) -> exceptions.RallyException:
        gone = self.roster.in_state(AgentState.DONE, AgentState.LOST)
        return failures.AgentLost(
            agent=", ".join(member.name for member in gone),
            reason="its load ended before all iterations were dealt out",
            cause="no agent is left",
        )

    def _stop_message(self) -> messages.Stop:
        return messages.Stop(self.run, self.stop_reason or "its part is over")

    def _finish_if_done(self, now: int) -> list[Command]:
        # who only joined a recovery has nothing of the run in its spool
        over = self.roster.in_state(AgentState.DONE, AgentState.JOINED)
        awaited = set(self.plan.kept or ()) - {m.name for m in over}
        if awaited and now < self._deadline:
            return []
        is_storing = self.collector.is_storing and not self.storing_failed
        if self.roster.active or is_storing:
            return []
        if self.phase is Phase.RUNNING and not self.leasing.is_closed:
            if not self._is_deserted:
                return []
            if not self.leasing.lose_late():
                self.failure = self._undone()
        self.phase = Phase.OVER
        done = messages.Done(self.run)
        return [
            self.roster.to(member, done)
            for member in self.members.values()
            if member.state not in (AgentState.LOST, AgentState.KEEPING)
        ]
