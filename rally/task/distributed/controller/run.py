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

"""Where a run stands: its phase, what it has lost, how it ends.

The parts of a controller share this record; each of them decides about
something of its own.
"""

from __future__ import annotations

import enum

from rally import exceptions
from rally.common.counting import counted, listed
from rally.task.distributed.commands import Command, Say
from rally.task.distributed.controller import (
    collector,
    failover,
    failures,
    leasing,
)
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.plan import NS, RunPlan
from rally.task.distributed.controller.registry import Registry
from rally.task.distributed.wire import messages
from rally.task.work import grants as grants_module


class Phase(enum.Enum):
    """How far the run has come."""

    GATHERING = "waiting for agents"
    PREPARING = "preparing agents"
    RUNNING = "running"
    STOPPING = "stopping"
    OVER = "done"


class Run:
    """One run, as far as the controller knows it."""

    def __init__(
        self, plan: RunPlan, grants: grants_module.Granting, now: int
    ) -> None:
        self.plan = plan
        self.id = plan.run
        self.phase = Phase.GATHERING
        self.registry = Registry(plan)
        self.collector = collector.Collector(plan.run, plan.kept or {})
        self.leasing = leasing.Leasing(self.registry, grants)
        self.failover = failover.Failover(self.registry)
        self.failure: exceptions.RallyException | None = None
        self.stop_reason = ""
        self.start_ns: int | None = None
        #: nothing is stored any more: agents keep what they have
        self.storing_failed = False
        #: when the phase has taken too long
        self.deadline_ns = now + int(plan.wait_s * NS)

    @property
    def members(self) -> dict[str, Member]:
        return self.registry.members

    # ---- losing an agent

    def lose(self, member: Member, reason: str, now: int) -> list[Command]:
        if member.state is AgentState.JOINED and not member.has_worked:
            self.registry.forget(member)
            return [
                Say("agent %s, which held no work, is gone: %s"
                    % (member.name, reason))
            ]
        self.registry.lose(member, reason)
        self.collector.forget_asked(member)
        self.failover.loses(member, self.start_ns or now, now)
        return self.count_loss(member, reason)

    def count_loss(self, member: Member, reason: str) -> list[Command]:
        """Some of what *member* was granted may never arrive."""
        return [
            Say("agent %s was lost: %s; %s not stored"
                % (member.name, reason, counted(
                    member.ledger.outstanding_count,
                    "iteration granted to it is",
                    "iterations granted to it are",
                )),
                True),
            *self.stop_without(member, reason),
        ]

    def stop_without(self, member: Member, reason: str) -> list[Command]:
        """Stop, if the run cannot go on without *member*."""
        cause = self._cause_to_stop(member)
        if not cause:
            return []
        return self.stop("agent %s was lost" % member.name, failures.AgentLost(
            agent=member.name, reason=reason, cause=cause
        ))

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
        """Whether work is left, and nobody to do it."""
        return not (self.leasing.is_closed or self.has_workers)

    @property
    def has_workers(self) -> bool:
        """Whether somebody works, or could take over."""
        return bool(self.registry.working or self.failover.has_candidates)

    # ---- letting agents go

    def let_go(self, member: Member, reason: str) -> list[Command]:
        """*member* gets no more work, and returns what it did not start."""
        self.registry.advance(member, AgentEvent.ASKED_TO_END)
        self.failover.gives_up(member)
        return [self.registry.to(member, messages.Stop(self.id, reason))]

    def withdraw(self, successor: Member) -> list[Command]:
        """A successor that still prepares is no longer needed."""
        self.failover.dismiss(successor)
        if successor.has_worked:
            self.registry.advance(successor, AgentEvent.WITHDRAWN)
        else:
            self.registry.forget(successor)
        return [self.registry.to(successor, messages.Done(self.id))]

    def withdraw_successors(self) -> list[Command]:
        return [
            command
            for member in self.failover.successors
            for command in self.withdraw(member)
        ]

    # ---- the end of the run

    def stop(
        self, reason: str, failure: exceptions.RallyException | None = None
    ) -> list[Command]:
        """Nothing more is to be started.

        :param failure: what the run fails with, unless it has failed already
        """
        self.failure = self.failure or failure
        if self.phase in (Phase.STOPPING, Phase.OVER):
            return []
        commands: list[Command] = []
        if self.phase is Phase.RUNNING:
            commands += self.withdraw_successors()
        self.phase = Phase.STOPPING
        self.stop_reason = reason
        message = self.stop_message()
        return commands + [
            self.registry.to(member, message)
            for member in self.registry.active
        ]

    def stop_message(self) -> messages.Stop:
        return messages.Stop(self.id, self.stop_reason or "its part is over")

    def finish_if_done(self, now: int) -> list[Command]:
        """End the run if nothing is left to do or to wait for."""
        if self.registry.has_active:
            return []
        # who only joined a recovery has nothing of the run in its spool
        over = self.registry.in_state(AgentState.DONE, AgentState.JOINED)
        awaited = set(self.plan.kept or ()) - {m.name for m in over}
        if awaited and now < self.deadline_ns:
            return []
        if self.collector.is_storing and not self.storing_failed:
            return []
        if self.phase is Phase.RUNNING and not self.leasing.is_closed:
            if not self._is_deserted:
                return []
            if not self.leasing.lose_late():
                self.failure = self._undone()
        self.phase = Phase.OVER
        done = messages.Done(self.id)
        return [
            self.registry.to(member, done)
            for member in self.members.values()
            if member.state not in (AgentState.LOST, AgentState.KEEPING)
        ]

    def _undone(self) -> exceptions.RallyException:
        gone = self.registry.in_state(AgentState.DONE, AgentState.LOST)
        return failures.AgentLost(
            agent=listed([member.name for member in gone]),
            reason="its load ended before all iterations were dealt out",
            cause="no agent is left",
        )
