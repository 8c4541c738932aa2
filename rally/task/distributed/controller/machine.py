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

"""The controller of one distributed run: messages in, commands out.

No I/O, no threads, no clock: ``now`` is given, nanoseconds since the epoch
on the controller's clock. Everything an agent must do is asserted again
with each of its heartbeats until it does it, so a lost message costs at most
a second.
"""

from __future__ import annotations

import typing as t

from rally.task.distributed import notices
from rally.task.distributed.clock import ClockSample
from rally.task.distributed.commands import (
    Announce,
    Command,
    Observe,
    Say,
)
from rally.task.distributed.controller import failures
from rally.task.distributed.controller.draining import Draining
from rally.task.distributed.controller.failover import CLOCK_SAMPLES
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.registry import RunPlan
from rally.task.distributed.controller.run_state import Phase
from rally.task.distributed.wire import channels, messages
from rally.task.work import grants as granting

TICK_NS = 250_000_000
#: the controller itself was not run for so long: its agents are not to blame
STALL_NS = 2_000_000_000

class Controller(Draining):
    """State machine of the controller."""

    def __init__(
        self, plan: RunPlan, grants: granting.Granting, now: int
    ) -> None:
        super().__init__(plan, grants, now)
        self._ticked = now
        self._handlers: dict[type, t.Callable[..., list[Command]]] = {
            messages.Ready: self._on_ready,
            messages.Refused: self._on_refused,
            messages.Heartbeat: self._on_heartbeat,
            messages.WorkRequest: self._on_work_request,
            messages.Report: self._on_report,
            messages.Ended: self._on_ended,
            messages.Snapshot: self._on_snapshot,
            messages.Started: self._on_started,
            messages.ChunkData: self._on_chunk,
            messages.ChunkMissing: self._on_chunk_missing,
        }

    @classmethod
    def for_recovery(cls, plan: RunPlan, now: int) -> Controller:
        """A controller that generates no load and drains the spools.

        It ends when all agents of ``plan.kept`` came and their spools are
        empty, or after ``plan.wait_s`` with those that came.
        """
        self = cls(plan, granting.ClosedGranting(0, None), now)
        self.phase = Phase.STOPPING
        self.stop_reason = "its controller was gone"
        self.leasing.is_closed = True
        return self

    # ---- the interface to the shell

    def next_deadline(self) -> int:
        """When ``expire`` wants to be called at the latest."""
        return min(self._ticked + TICK_NS, self._look_ns)

    def handle(
        self, peer: str, message: messages.Message, now: int
    ) -> list[Command]:
        """What to do about *message* of the agent *peer*."""
        if self.finished:
            return []
        if channels.is_operator(peer):
            return self._obey(peer, message, now)
        if isinstance(message, messages.Hello):
            return [*self._on_hello(peer, message, now), *self._look(now)]
        handler = self._handlers.get(type(message))
        member = self.members.get(peer)
        if handler is None or member is None or (
            t.cast(t.Any, message).run != self.run
        ):
            return []
        commands = self._hear(member, now)
        return [*commands, *handler(member, message, now), *self._look(now)]

    def _obey(
        self, operator: str, message: messages.Message, now: int
    ) -> list[Command]:
        """An operator may ask for this, and is never taken for an agent."""
        if not isinstance(message, messages.DrainAsked):
            return []
        commands = self._on_drain_asked(operator, message, now)
        return [*commands, *self._go_on(now)]

    def notice(self, notice: notices.Notice, now: int) -> list[Command]:
        """What to do about something that happened on this host."""
        if self.finished:
            return []
        commands: list[Command] = []
        if isinstance(notice, notices.StopAsked):
            commands = self._stop(notice.reason)
        elif isinstance(notice, notices.Stored):
            commands = self.collector.stored(
                self.members[notice.agent], notice.sequence
            )
        elif isinstance(notice, notices.ChunkRefused):
            commands = self.collector.refused(
                self.members[notice.agent], notice.sequence,
                "chunk %d, as it arrived: %s"
                % (notice.sequence, notice.reason),
            )
        elif isinstance(notice, notices.StoringFailed):
            self.storing_failed = True
            commands = self._stop("its results cannot be stored")
        elif isinstance(notice, notices.AgentLeft):
            commands = self._on_agent_left(notice, now)
        elif isinstance(notice, notices.AgentRevoked):
            commands = self._on_revoked(notice, now)
        return [*commands, *self._look(now)]

    def expire(self, now: int) -> list[Command]:
        """What is due by now."""
        if now < self.next_deadline() or self.finished:
            return []
        if now < self._ticked + TICK_NS:
            return self._go_on(now)
        if now - self._ticked > STALL_NS + TICK_NS:
            self.roster.forgive(now)
        self._ticked = now
        commands = self.roster.beats(now)
        for member in self.roster.silent(now):
            commands += self._lose(
                member, "it missed its liveness deadline", now
            )
        if now >= self._deadline:
            commands += self._missed_deadline()
        if not self.storing_failed:
            commands += self.collector.fetch_again(now)
        return [*commands, *self._go_on(now)]

    # ---- gathering and preparing

    def _on_hello(
        self, peer: str, hello: messages.Hello, now: int
    ) -> list[Command]:
        member, is_restarted, commands = self.roster.introduce(
            peer, hello, now
        )
        if member is None:
            return commands
        if is_restarted:
            commands += self._lose(member, "its process was restarted", now)
        elif (
            self.phase is Phase.STOPPING
            and member.state is AgentState.JOINED
            and self.run in (hello.run, *hello.spooled)
        ):
            self.roster.lose(member, "its controller was gone")
        elif (
            self.phase is Phase.RUNNING
            and member.state is AgentState.JOINED
            and self.run == hello.run
        ):  # it prepared for what others did in the meantime
            commands.append(self.roster.to(member, messages.Done(self.run)))
        commands += self._hear(member, now)
        return [
            *commands, self.roster.welcome(member),
            self.roster.beat(member, now),
        ]

    # ---- running

    def _look(self, now: int) -> list[Command]:
        """Go on now, or soon."""
        return self._go_on(now) if self._may_look(now) else []

    def _go_on(self, now: int) -> list[Command]:
        """Whatever the new state of things makes possible."""
        self._looked(now)
        commands: list[Command] = []
        if self.phase is Phase.GATHERING:
            commands += self._gather(now)
        if self.phase is Phase.PREPARING and self._is_prepared():
            commands += self._start(now)
        if self.phase is Phase.RUNNING:
            commands += self._take_over(now)
            commands += self.leasing.grant(now)
        if self.phase in (Phase.RUNNING, Phase.STOPPING):
            if not self.storing_failed:
                commands += self.collector.fetch(self.roster.active, now)
            for member in self.roster.in_state(AgentState.DRAINING):
                commands += self._end_if_drained(member)
            commands += self._finish_if_done(now)
        return commands

    def _on_heartbeat(
        self, member: Member, message: messages.Heartbeat, now: int
    ) -> list[Command]:
        member.clock.add(
            ClockSample(
                message.echo_ns, message.received_ns, message.sent_ns, now
            )
        )
        member.spooled = max(member.spooled, message.spooled)
        commands: list[Command] = [
            self.roster.to(member, grant)
            for grant in self.leasing.confirmed(member, message, now)
        ]
        is_waiting = member.state in (AgentState.PREPARING, AgentState.READY)
        if is_waiting and member.clock.count < CLOCK_SAMPLES:
            commands.append(self.roster.beat(member, now))
        return [*commands, *self._assert_again(member, message)]

    def _assert_again(
        self, member: Member, message: messages.Heartbeat
    ) -> list[Command]:
        """Say again what the agent evidently has not heard."""
        state, to = member.state, self.roster.to
        is_at_work = message.state in ("preparing", "ready", "running")
        if state is AgentState.PREPARING:
            return self._order_again(member, message.state)
        if is_at_work and (
            state is AgentState.REFUSED
            or (state is AgentState.JOINED and member.hello.run == self.run)
        ):
            return [to(member, messages.Done(self.run))]
        if state in (AgentState.LOST, AgentState.RETURNED) or (
            is_at_work and (
                self.phase is Phase.STOPPING or state is AgentState.DRAINING
            )
        ):
            return [to(member, self._stop_message())]
        if state is not AgentState.RUNNING:
            return []
        commands: list[Command] = []
        if message.state == "stopping" and self.phase is Phase.RUNNING:
            return self._leaves(member)
        if message.state == "ready":
            commands.append(self._start_of(member))
        if self.leasing.is_closed and message.state == "running":
            commands.append(self.leasing.close_of(member))
        return commands

    def _order_again(self, member: Member, agent_state: str) -> list[Command]:
        """Say again what to prepare, unless that is what it is at."""
        if agent_state == "preparing":
            is_over = self.phase is Phase.STOPPING  # it has not heard so
            stop = self.roster.to(member, self._stop_message())
            return [stop] if is_over else []
        commands: list[Command] = []
        if self.plan.before and agent_state != "joined":
            # it has perhaps not heard that this is over
            over = messages.Done(self.plan.before)
            commands.append(self.roster.to(member, over))
        if agent_state in ("joined", "ready"):  # its answer may be lost
            commands.append(self.roster.order(member))
        return commands

    def _leaves(self, member: Member) -> list[Command]:
        """*member* itself ends its part, as somebody asked it to."""
        return [*self._say_left(member), *self._let_go(member, "it ends")]

    def _say_left(self, member: Member) -> list[Command]:
        text = "agent %s ends its part of the run; others do the rest"
        return [Say(text % member.name)]

    def _on_work_request(
        self, member: Member, message: messages.WorkRequest, now: int
    ) -> list[Command]:
        self.leasing.confirmed(member, message, now)
        return []

    def _on_report(
        self, member: Member, message: messages.Report, now: int
    ) -> list[Command]:
        return [Say("agent %s: %s" % (member.name, message.text), True)]

    def _on_snapshot(
        self, member: Member, message: messages.Snapshot, now: int
    ) -> list[Command]:
        if member.start_at_ns is None:
            return []  # it has no part in the load
        self.succession.observe(message.longest_ns)
        return self._observe(
            member, message.number, message.aggregate, message.urgent
        )

    def _observe(
        self,
        member: Member,
        number: int,
        state: dict[str, t.Any],
        urgent: bool,
    ) -> list[Command]:
        if number <= member.snapshot:
            self.fenced_snapshots += 1
            return []
        member.snapshot = number
        offset = member.clock.offset_ns
        return [Observe(member.name, number, urgent, state, offset)]

    def _on_started(
        self, member: Member, message: messages.Started, now: int
    ) -> list[Command]:
        if member.start_at_ns is None:
            return []
        return [Announce(message.numbers)]

    # ---- chunks

    def _on_chunk(
        self, member: Member, message: messages.ChunkData, now: int
    ) -> list[Command]:
        return self.collector.arrived(member, message, now)

    def _on_chunk_missing(
        self, member: Member, message: messages.ChunkMissing, now: int
    ) -> list[Command]:
        return self.collector.refused(
            member, message.sequence, message.reason
        )

    def _end_if_drained(self, member: Member) -> list[Command]:
        if not member.is_drained:
            if self.storing_failed and member.ended:
                member.advance(AgentEvent.STORING_FAILED)
                member.reason = "it keeps them: they could not be stored"
            return []
        member.advance(AgentEvent.LAST_CHUNK_STORED)
        # it counted iterations that it could not deliver: count the rows
        member.is_inexact |= member.ledger.outstanding_count > 0
        return [self.roster.to(member, messages.Done(self.run))]

    # ---- the end of an agent's part

    def _on_ended(
        self, member: Member, message: messages.Ended, now: int
    ) -> list[Command]:
        if member.state in (AgentState.DONE, AgentState.REFUSED):
            return [self.roster.to(member, messages.Done(self.run))]
        if member.ended or member.state is AgentState.JOINED:
            return []
        member.ended = True
        commands = self._note_end(member, message, now)
        member.spooled = max(member.spooled, message.spooled)
        member.reason = message.reason or message.loss or member.reason
        member.is_inexact |= message.abandoned
        member.torn = message.torn
        if not message.abandoned:
            number = max(message.number, member.snapshot + 1)
            commands += self._observe(
                member, number, message.aggregate, True
            )
            is_running = self.phase is Phase.RUNNING
            self.leasing.take_back(
                member, message, is_running, self._has_workers
            )
        if member.state is AgentState.PREPARING:
            member.advance(AgentEvent.PREPARED)
        if member.state is not AgentState.DRAINING:
            member.advance(AgentEvent.LOAD_ENDED)
        if message.is_fatal and self.failure is None:
            self.failure = failures.RunStopped(
                agent=member.name, reason=message.reason
            )
            commands += self._stop("agent %s cannot go on" % member.name)
        elif self.plan.kept is None and (
            message.reason or message.abandoned
            or self.phase is Phase.PREPARING
        ):
            commands += self._count_loss(
                member, message.reason or "its load process is gone"
            )
        return commands

    def _note_end(
        self, member: Member, message: messages.Ended, now: int
    ) -> list[Command]:
        """Its share is free: at once, if nothing of it certainly runs."""
        if message.abandoned and not message.reason:  # another process says
            self.succession.loses(member, self.start_ns or now, now)
            return []
        self.succession.ends(member)
        is_early = (
            member.state is AgentState.RUNNING
            and self.phase is Phase.RUNNING
            and self.leasing.is_worth_joining(now)
        )
        return self._say_left(member) if is_early else []

    def _hear(self, member: Member, now: int) -> list[Command]:
        if not self.roster.hear(member, now):
            return []
        return [
            Say("agent %s came back; its results are fetched" % member.name),
            self.roster.to(member, self._stop_message()),
        ]
