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

"""How agents begin: all at one moment, or later in place of another one."""

from __future__ import annotations

from rally.task.distributed.commands import Command, Say, Send
from rally.task.distributed.controller import failures
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.registry import NS
from rally.task.distributed.controller.run_state import Phase, RunState
from rally.task.distributed.wire import messages

#: between the decision to start and the start, beside two round trips: ten
#: agents that shared two CPUs needed up to 50 ms to pass the word on
START_DELAY_NS = 100_000_000
#: and for each agent that is to be told
TELL_NS = 500_000


class Beginning(RunState):
    """The part of ``Controller`` that prepares and starts agents."""

    def _gather(self, now: int) -> list[Command]:
        """Prepare the first of those who came, once they are enough.

        Whoever gets no share of the concurrency stays a spare.
        """
        if len(self.roster.spares) < self.plan.wanted:
            return []
        self.phase = Phase.PREPARING
        self._deadline = now + int(self.plan.prepare_s * NS)
        return self.succession.appoint(now)

    def _on_ready(
        self, member: Member, message: messages.Ready, now: int
    ) -> list[Command]:
        if member.state is AgentState.PREPARING:
            member.advance(AgentEvent.PREPARED)
        return []

    def _on_refused(
        self, member: Member, message: messages.Refused, now: int
    ) -> list[Command]:
        if member.state is not AgentState.PREPARING:
            return []
        return self._refuse(member, message.reason)

    def _refuse(self, member: Member, reason: str) -> list[Command]:
        """*member* cannot take part: that ends a run that has not begun."""
        member.advance(AgentEvent.REFUSED)
        member.reason = reason
        self.succession.dismiss(member)
        if self.phase is Phase.RUNNING:
            return [
                Say("agent %s cannot take over: %s"
                    % (member.name, reason), True),
                *self._stop_without(member, reason),
            ]
        self.failure = failures.AgentCannotRun(
            agent=member.name, reason=reason
        )
        return self._stop("agent %s cannot run it" % member.name)

    # ---- the start

    def _start(self, now: int) -> list[Command]:
        """All agents are prepared: begin, everywhere at one moment."""
        ready = self.succession.due(now)
        round_trip = max(m.clock.round_trip_ns or 0 for m in ready)
        self.start_ns = (
            now + START_DELAY_NS + TELL_NS * len(ready) + 2 * round_trip
        )
        self.phase = Phase.RUNNING
        self.leasing.begin(self.start_ns)
        for member in ready:
            self._begin(member, self.start_ns)
        commands = self.leasing.grant(now)
        for member in ready:
            commands += [
                self._start_of(member), self.roster.beat(member, now)
            ]
        names = ", ".join(member.name for member in ready)
        return [*commands, Say("the load starts on %s" % names)]

    def _begin(self, member: Member, start_ns: int) -> str:
        """*member* makes load from now on; in place of whom."""
        member.advance(AgentEvent.STARTED)
        member.start_at_ns = start_ns + member.clock.offset_ns
        return self.succession.begins(member)

    def _start_of(self, member: Member) -> Send:
        start = messages.Start(
            self.run, member.start_at_ns or 0, member.is_takeover
        )
        return self.roster.to(member, start)

    # ---- taking over

    def _take_over(self, now: int) -> list[Command]:
        """Agents beyond those that began do the work of those that left."""
        if self.leasing.is_closed:
            at_work = self.roster.in_state(
                AgentState.RUNNING, AgentState.DRAINING
            )
            # one that ends may return what it did not start
            is_over = all(member.ended for member in at_work)
            return self._withdraw_heirs() if is_over else []
        commands: list[Command] = []
        for member in self.succession.late(now):
            commands.append(self.roster.to(member, messages.Done(self.run)))
            commands += self._refuse(
                member, "it was not ready within %g s" % self.plan.prepare_s
            )
        if self.phase is not Phase.RUNNING:
            return commands
        if self.leasing.is_worth_joining(now):
            commands += self.succession.appoint(now)
        for member in self.succession.due(now):
            member.is_takeover = True
            before = self._begin(member, self.start_ns or now)
            commands += [
                self._start_of(member), self.roster.beat(member, now),
                Say("agent %s makes load in place of agent %s"
                    % (member.name, before)),
            ]
        return commands
