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

"""The controller of one distributed run: events in, commands out.

No I/O, no threads, no clock: ``now`` is given, nanoseconds since the epoch
on the controller's clock. Everything an agent must do is asserted again
with each of its heartbeats until it does it, so a lost message costs at most
a second.
"""

from __future__ import annotations

import typing as t

from rally import exceptions
from rally.common.counting import counted
from rally.task.distributed import notices
from rally.task.distributed.clock import ClockSample
from rally.task.distributed.commands import (
    Announce,
    Command,
    Observe,
    Say,
    ShowFleet,
)
from rally.task.distributed.controller import (
    drain_requests,
    failures,
    preparation,
    send_queue,
)
from rally.task.distributed.controller import registry as registry_module
from rally.task.distributed.controller.failover import CLOCK_SAMPLES
from rally.task.distributed.controller.membership import (
    AgentEvent,
    AgentState,
    Member,
)
from rally.task.distributed.controller.plan import RunPlan
from rally.task.distributed.controller.registry import Registry
from rally.task.distributed.controller.run import Phase, Run
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Delivery
from rally.task.work import grants as grants_module

TICK_NS = 250_000_000
#: if the controller itself did not run for this long, no agent is to blame
STALL_NS = 2_000_000_000
#: what concerns all agents is looked at no more often than this: each message
#: would cost as much as there are agents
LOOK_NS_PER_AGENT = 20_000
#: with no more agents than this, at each message
FEW = 16
NEVER = 1 << 63

Event: t.TypeAlias = (
    channels.Received | channels.Revoked | notices.ControllerNotice
)


class Controller:
    """State machine of the controller."""

    def __init__(
        self, plan: RunPlan, grants: grants_module.Granting, now: int
    ) -> None:
        self.run = Run(plan, grants, now)
        self._preparation = preparation.Preparation(self.run)
        self._drain_requests = drain_requests.DrainRequests(self.run)
        self._tick_ns = min(TICK_NS, plan.beat_ns)
        self._ticked = now
        self._beats_ns = NEVER  # when to send more beats
        self._looked_ns = 0
        self._look_ns = NEVER  # when to look at the latest
        self._send_queue = send_queue.SendQueue()
        self._fenced_snapshots = self._dropped_events = 0
        self._from_agents: dict[type, t.Callable[..., list[Command]]] = {
            messages.Ready: self._on_ready,
            messages.Refused: self._on_refused,
            messages.Heartbeat: self._on_heartbeat,
            messages.WorkRequest: self._on_work_request,
            messages.Events: self._on_events,
            messages.Ended: self._on_ended,
            messages.Snapshot: self._on_snapshot,
            messages.ChunkData: self._on_chunk,
            messages.ChunkMissing: self._on_chunk_missing,
            messages.FetchPart: self._on_fetch_part,
        }
        self._others: dict[type, t.Callable[..., list[Command]]] = {
            channels.Revoked: self._on_revoked,
            notices.NotSent: self._on_not_sent,
            notices.StopAsked: self._on_stop_asked,
            notices.Stored: self._on_stored,
            notices.ChunkRefused: self._on_chunk_refused,
            notices.StoringFailed: self._on_storing_failed,
            notices.AgentLeft: self._on_agent_left,
            notices.AgentsPending: self._on_agents_pending,
        }

    @classmethod
    def for_recovery(cls, plan: RunPlan, now: int) -> Controller:
        """A controller that generates no load and collects the spools.

        It ends when all agents of ``plan.kept`` came and their spools are
        empty, or after ``plan.wait_s`` with those that came.
        """
        self = cls(plan, grants_module.ClosedGranting(0, None), now)
        self.run.phase = Phase.STOPPING
        self.run.stop_reason = "its controller was gone"
        self.run.leasing.is_closed = True
        return self

    # ---- what others may know

    @property
    def phase(self) -> Phase:
        return self.run.phase

    @property
    def phase_text(self) -> str:
        """The phase of the run, in words."""
        progress = self._preparation.progress
        text = self.run.phase.value
        return "%s (%s)" % (text, progress) if progress else text

    @property
    def failure(self) -> exceptions.RallyException | None:
        """The error that the run failed with."""
        return self.run.failure

    @property
    def registry(self) -> Registry:
        return self.run.registry

    @property
    def members(self) -> dict[str, Member]:
        return self.run.members

    @property
    def counters(self) -> dict[str, int]:
        """What was dropped, missing or duplicated."""
        return {
            "duplicated": self.run.collector.duplicated,
            "missing_chunks": self.run.collector.missing,
            "torn_chunks": sum(m.all_torn for m in self.members.values()),
            "fenced_snapshots": self._fenced_snapshots,
            "rejoined_agents": sum(m.epoch for m in self.members.values()),
            "dropped_events": self._dropped_events,
        }

    # ---- the interface to the loop

    @property
    def finished(self) -> bool:
        return self.run.phase is Phase.OVER and not self._send_queue

    def next_deadline(self) -> int:
        """When ``expire`` wants to be called at the latest."""
        if self._send_queue:
            return 0
        return self._next_duty()

    def _next_duty(self) -> int:
        return min(
            self._ticked + self._tick_ns, self._look_ns, self._beats_ns
        )

    def handle(self, event: Event, now: int) -> list[Command]:
        """What to do about *event*."""
        if self.run.phase is Phase.OVER:
            return []
        return self._send_queue.admit(self._answer(event, now))

    def _answer(self, event: Event, now: int) -> list[Command]:
        if not isinstance(event, channels.Received):
            commands = self._others[type(event)](event, now)
            return [*commands, *self._look(now)]
        peer, message = event.peer, event.message
        if channels.is_operator(peer):
            return self._obey(peer, message, now)
        if isinstance(message, messages.Hello):
            return [*self._on_hello(event, now), *self._look(now)]
        handler = self._from_agents.get(type(message))
        member = self.members.get(peer)
        if handler is None or member is None or message.run != self.run.id:
            return []
        commands = self._hear(member, now)
        return [*commands, *handler(member, message, now), *self._look(now)]

    def _obey(
        self, operator: str, message: messages.Message, now: int
    ) -> list[Command]:
        """An operator may ask for this, and is never taken for an agent."""
        if isinstance(message, messages.FleetAsked):
            return [ShowFleet(operator, message.after)]
        if not isinstance(message, messages.DrainAsked):
            return []
        commands = self._drain_requests.handle(operator, message)
        return [*commands, *self._go_on(now)]

    def expire(self, now: int) -> list[Command]:
        """What is due by now."""
        waited: list[Command] = [*self._send_queue.take()]
        if now < self._next_duty() or self.run.phase is Phase.OVER:
            return waited
        return [*waited, *self._send_queue.admit(self._do_duties(now))]

    def _do_duties(self, now: int) -> list[Command]:
        is_tick = now >= self._ticked + self._tick_ns
        is_look = is_tick or now >= self._look_ns
        commands = self._tick(now) if is_tick else []
        commands += self._send_beats(now)
        return [*commands, *self._go_on(now)] if is_look else commands

    def _tick(self, now: int) -> list[Command]:
        """What is due a few times a second."""
        run = self.run
        if now - self._ticked > STALL_NS + self._tick_ns:
            run.registry.forgive(now)
        self._ticked = self._beats_ns = now
        commands: list[Command] = []
        for member in run.registry.silent(now):
            commands += run.lose(
                member, "it missed its liveness deadline", now
            )
        if now >= run.deadline_ns:
            commands += self._preparation.missed_deadline()
        if not run.storing_failed:
            commands += run.collector.fetch_again(now)
        return commands

    def _send_beats(self, now: int) -> list[Command]:
        """Some of the beats that are due; the rest at the next look."""
        if now < self._beats_ns:
            return []
        beats = self.run.registry.beats(now)
        is_all = len(beats) < registry_module.BEATS_AT_ONCE
        self._beats_ns = NEVER if is_all else now
        return beats

    # ---- looking at all agents

    def _look(self, now: int) -> list[Command]:
        """Something is new: go on now, or soon."""
        count = len(self.members)
        wait_ns = LOOK_NS_PER_AGENT * count if count > FEW else 0
        self._look_ns = max(now, self._looked_ns + wait_ns)
        return self._go_on(now) if now >= self._look_ns else []

    def _go_on(self, now: int) -> list[Command]:
        """Do whatever the new state allows."""
        run = self.run
        self._looked_ns, self._look_ns = now, NEVER
        commands: list[Command] = []
        if run.phase is Phase.GATHERING:
            commands += self._preparation.gather(now)
        if run.phase is Phase.PREPARING:
            commands += self._preparation.conclude(now)
        if run.phase is Phase.PREPARING and self._preparation.is_done:
            commands += self._preparation.start(now)
        if run.phase is Phase.RUNNING:
            commands += self._preparation.take_over(now)
            commands += run.leasing.grant(now)
        if run.phase in (Phase.RUNNING, Phase.STOPPING):
            if not run.storing_failed:
                commands += run.collector.fetch(now)
            for member in run.registry.in_state(AgentState.DELIVERING):
                commands += self._end_if_delivered(member)
            commands += run.finish_if_done(now)
        return commands

    def _end_if_delivered(self, member: Member) -> list[Command]:
        run = self.run
        if not member.has_delivered_all:
            if run.storing_failed and member.ended:
                run.registry.advance(member, AgentEvent.STORING_FAILED)
                member.reason = "it keeps them: they could not be stored"
            return []
        run.registry.advance(member, AgentEvent.LAST_CHUNK_STORED)
        # it counted iterations that it could not deliver: count the rows
        member.is_inexact |= member.ledger.outstanding_count > 0
        return [run.registry.to(member, messages.Done(run.id))]

    def _begin_anew(self, member: Member) -> list[Command]:
        """One that is back may be given work again, like a spare."""
        if not (
            member.is_back and member.state is AgentState.DONE
            and self.run.phase is Phase.RUNNING
        ):
            return []
        lost = member.ledger.outstanding_count
        self.run.leasing.forget(member)
        self.registry.begin_anew(member)
        return [
            Say("agent %s has delivered what it had (%s lost), and stands by"
                % (member.name, counted(
                    lost, "iteration of it is", "iterations of it are"
                )))
        ]

    # ---- what happens on this host

    def _on_stop_asked(
        self, notice: notices.StopAsked, now: int
    ) -> list[Command]:
        return self.run.stop(notice.reason)

    def _on_stored(self, notice: notices.Stored, now: int) -> list[Command]:
        return self.run.collector.stored(
            self.members[notice.agent], notice.sequence
        )

    def _on_chunk_refused(
        self, notice: notices.ChunkRefused, now: int
    ) -> list[Command]:
        member = self.members[notice.agent]
        return self.run.collector.lost(
            member, notice.sequence,
            "chunk %d, as it arrived: %s" % (notice.sequence, notice.reason),
        )

    def _on_storing_failed(
        self, notice: notices.StoringFailed, now: int
    ) -> list[Command]:
        self.run.storing_failed = True
        return self.run.stop("its results cannot be stored")

    def _on_not_sent(
        self, notice: notices.NotSent, now: int
    ) -> list[Command]:
        """Most is repeated; what is too large never fits."""
        if notice.why is not Delivery.TOO_LARGE:
            return []
        kind = type(notice.message).__name__
        member = self.members.get(notice.peer)
        reason = "the message %s for it is too large" % kind
        if member is None or not isinstance(notice.message, messages.Prepare):
            return [Say("agent %s: %s" % (notice.peer, reason), True)]
        return self._preparation.refused(member, reason, now)

    def _on_revoked(
        self, event: channels.Revoked, now: int
    ) -> list[Command]:
        member = self._listened_to(event.peer)
        if member is None:
            return []
        return self.run.lose(member, "its key was revoked", now)

    def _on_agent_left(
        self, notice: notices.AgentLeft, now: int
    ) -> list[Command]:
        member = self._listened_to(notice.agent)
        lost = self.run.lose(member, notice.reason, now) if member else []
        if self.run.phase is Phase.GATHERING:
            lost += self._preparation.failed(notice)
        return lost

    def _on_agents_pending(
        self, notice: notices.AgentsPending, now: int
    ) -> list[Command]:
        self._preparation.pending = notice.reason
        return []

    def _listened_to(self, name: str) -> Member | None:
        """The agent of that name, if it can still be lost."""
        member = self.members.get(name)
        is_here = member is not None and (
            member.is_active or member.state is AgentState.JOINED
        )
        return member if is_here else None

    # ---- signs of life

    def _hear(self, member: Member, now: int) -> list[Command]:
        if not self.registry.hear(member, now):
            return []
        return [
            Say("agent %s came back; its results are fetched" % member.name),
            self.registry.to(member, self.run.stop_message()),
        ]

    def _on_hello(
        self, said: channels.Received, now: int
    ) -> list[Command]:
        run, hello = self.run, said.message
        member, is_restarted, commands = run.registry.introduce(
            said.peer, hello, now, said.labels
        )
        if member is None:
            return commands
        if is_restarted:
            commands += run.lose(member, "its process was restarted", now)
        elif (
            run.phase is Phase.STOPPING
            and member.state is AgentState.JOINED
            and run.id in (hello.run, *hello.spooled)
        ):
            run.registry.lose(member, "its controller was gone")
        elif (
            run.phase is Phase.RUNNING
            and member.state is AgentState.JOINED
            and run.id == hello.run
        ):  # it prepared for what others did in the meantime
            commands.append(run.registry.to(member, messages.Done(run.id)))
        if run.id not in (hello.run, *hello.spooled):
            # it has forgotten the run, so whatever it had to say of that was
            # said before
            commands += self._begin_anew(member)
        commands += self._hear(member, now)
        return [
            *commands, run.registry.welcome(member),
            run.registry.beat(member, now),
        ]

    def _on_heartbeat(
        self, member: Member, message: messages.Heartbeat, now: int
    ) -> list[Command]:
        run, late_ns = self.run, message.sent_ns - member.heartbeat_ns
        member.clock.add(
            ClockSample(
                message.echo_ns, message.received_ns, message.sent_ns, now
            )
        )
        member.heartbeat_ns = max(member.heartbeat_ns, message.sent_ns)
        run.collector.announced(member, message.spooled)
        commands: list[Command] = [
            run.registry.to(member, grant)
            for grant in run.leasing.confirmed(member, message, now)
        ]
        is_waiting = member.state in (AgentState.PREPARING, AgentState.READY)
        if (is_waiting and member.clock.count < CLOCK_SAMPLES) or (
            late_ns >= run.plan.lease_ns
        ):  # its lease has run out by now: renew it at once
            commands.append(run.registry.beat(member, now))
        return [*commands, *self._assert_again(member, message)]

    def _assert_again(
        self, member: Member, message: messages.Heartbeat
    ) -> list[Command]:
        """Repeat what the agent evidently has not heard."""
        run, state, to = self.run, member.state, self.registry.to
        is_at_work = message.state in ("preparing", "ready", "running")
        if state is AgentState.PREPARING:
            return self._order_again(member, message.state)
        if state is AgentState.DONE and member.is_back and (
            run.phase is Phase.RUNNING
        ):  # it answers with a hello
            return [to(member, messages.Done(run.id))]
        if is_at_work and (
            state is AgentState.REFUSED
            or (state is AgentState.JOINED and member.hello.run == run.id)
        ):
            return [to(member, messages.Done(run.id))]
        if state in (AgentState.LOST, AgentState.RETURNED) or (
            is_at_work and (
                run.phase is Phase.STOPPING or state is AgentState.DELIVERING
            )
        ):
            return [to(member, run.stop_message())]
        if state is not AgentState.RUNNING:
            return []
        if message.state == "stopping" and run.phase is Phase.RUNNING:
            return self._leaves(member)
        commands: list[Command] = []
        if message.state == "ready":
            commands.append(self._preparation.start_of(member))
        if run.leasing.is_closed and message.state == "running":
            commands.append(run.leasing.close_of(member))
        return commands

    def _order_again(self, member: Member, agent_state: str) -> list[Command]:
        """Repeat what to prepare, unless it is busy preparing that."""
        run, to = self.run, self.registry.to
        if agent_state == "preparing":
            is_over = run.phase is Phase.STOPPING  # it has not heard so
            return [to(member, run.stop_message())] if is_over else []
        commands: list[Command] = []
        if run.plan.before and agent_state != "joined":
            # it has perhaps not heard that this is over
            commands.append(to(member, messages.Done(run.plan.before)))
        if agent_state in ("joined", "ready"):  # its answer may be lost
            commands.append(run.registry.order(member))
        return commands

    def _leaves(self, member: Member) -> list[Command]:
        """*member* itself ends its part, as somebody asked it to."""
        return [
            *self._say_left(member), *self.run.let_go(member, "it ends")
        ]

    def _say_left(self, member: Member) -> list[Command]:
        text = "agent %s ends its part of the run; others do the rest"
        return [Say(text % member.name)]

    # ---- what agents say

    def _on_ready(
        self, member: Member, message: messages.Ready, now: int
    ) -> list[Command]:
        return self._preparation.ready(member)

    def _on_refused(
        self, member: Member, message: messages.Refused, now: int
    ) -> list[Command]:
        return self._preparation.refused(
            member, message.reason, now, message.differences
        )

    def _on_fetch_part(
        self, member: Member, message: messages.FetchPart, now: int
    ) -> list[Command]:
        return self._preparation.part(member, message, now)

    def _on_work_request(
        self, member: Member, message: messages.WorkRequest, now: int
    ) -> list[Command]:
        self.run.leasing.confirmed(member, message, now)
        return []

    def _on_events(
        self, member: Member, message: messages.Events, now: int
    ) -> list[Command]:
        """Take those that are new; the beats say how many are known."""
        if message.oldest > member.events:  # the agent could keep no more
            self._dropped_events += message.oldest - member.events
            member.events = message.oldest
        known = member.events
        if message.first > known:
            return []  # those between are said again
        fresh = message.events[known - message.first:]
        member.events = max(known, message.first + len(message.events))
        commands: list[Command] = []
        for event in fresh:
            if isinstance(event, messages.Report):
                text = "agent %s: %s" % (member.name, event.text)
                commands.append(Say(text, True))
            elif member.start_at_ns is not None:
                commands.append(Announce(event.numbers))
        return commands

    def _on_snapshot(
        self, member: Member, message: messages.Snapshot, now: int
    ) -> list[Command]:
        if member.start_at_ns is None:
            return []  # it has no part in the load
        if message.epoch != member.epoch:
            self._fenced_snapshots += 1
            return []
        self.run.failover.observe(message.longest_ns)
        return self._observe(
            member, message.number, message.aggregate, message.urgent
        )

    def _observe(
        self, member: Member, number: int, state: bytes, urgent: bool
    ) -> list[Command]:
        if number <= member.snapshot:
            self._fenced_snapshots += 1
            return []
        member.snapshot = number
        offset = member.clock.offset_ns
        return [Observe(
            member.name, number, urgent, state, offset, member.epoch
        )]

    def _on_chunk(
        self, member: Member, message: messages.ChunkData, now: int
    ) -> list[Command]:
        return self.run.collector.arrived(member, message, now)

    def _on_chunk_missing(
        self, member: Member, message: messages.ChunkMissing, now: int
    ) -> list[Command]:
        return self.run.collector.lost(
            member, message.sequence, message.reason
        )

    # ---- the end of an agent's part

    def _on_ended(
        self, member: Member, message: messages.Ended, now: int
    ) -> list[Command]:
        run = self.run
        if member.state in (AgentState.DONE, AgentState.REFUSED):
            return [run.registry.to(member, messages.Done(run.id))]
        if member.state is AgentState.JOINED:
            return []
        member.torn = max(member.torn, message.torn)
        if member.ended:
            return []
        member.ended = True
        commands = self._note_end(member, message, now)
        run.collector.announced(member, message.spooled)
        member.reason = message.reason or message.loss or member.reason
        member.is_inexact |= message.abandoned or not message.aggregate
        if run.plan.kept is None:  # else the controller before knows them
            member.awaited_events = message.events
        if not message.abandoned:
            if message.aggregate:
                number = max(message.number, member.snapshot + 1)
                commands += self._observe(
                    member, number, message.aggregate, False
                )
            run.leasing.take_back(
                member, message, run.phase is Phase.RUNNING, run.has_workers
            )
        if member.state is AgentState.PREPARING:
            run.registry.advance(member, AgentEvent.PREPARED)
        if member.state is not AgentState.DELIVERING:
            run.registry.advance(member, AgentEvent.LOAD_ENDED)
        return [*commands, *self._count_end(member, message)]

    def _count_end(
        self, member: Member, message: messages.Ended
    ) -> list[Command]:
        """Decide what the end of this load means for the run."""
        run = self.run
        if message.is_fatal and run.failure is None:
            return run.stop(
                "agent %s cannot go on" % member.name,
                failures.RunStopped(
                    agent=member.name, reason=message.reason
                ),
            )
        if run.plan.kept is None and (
            message.reason or message.abandoned
            or run.phase is Phase.PREPARING
        ):
            return run.count_loss(
                member, message.reason or "its load process is gone"
            )
        return []

    def _note_end(
        self, member: Member, message: messages.Ended, now: int
    ) -> list[Command]:
        """Its share is free: at once, if nothing of it certainly runs."""
        run = self.run
        if message.abandoned and not message.reason:  # another process says
            run.failover.loses(member, run.start_ns or now, now)
            return []
        run.failover.ends(member)
        is_early = (
            member.state is AgentState.RUNNING
            and run.phase is Phase.RUNNING
            and run.leasing.is_worth_joining(now)
        )
        return self._say_left(member) if is_early else []
