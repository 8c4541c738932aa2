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

"""What becomes of the results of a run: the streams of its runner."""

from __future__ import annotations

import collections
import gc
import time
import typing as t

from rally.common import logging
from rally.task.distributed import commands, fleet_page
from rally.task.distributed.controller import machine as controller_module
from rally.task.distributed.controller import registry
from rally.task.distributed.controller.membership import AgentState, Member
from rally.task.distributed.controller.run import Phase
from rally.task.distributed.wire import channels, messages
from rally.task.reporting import progress
from rally.task.results import board as board_module
from rally.task.results import head
from rally.task.results.progressions import Lost
from rally.task.results.row import NS

LOG = logging.getLogger(__name__)

#: between two views of the agents for whoever watches
VIEW_INTERVAL_NS = 200_000_000
#: part of a CPU that making views may take
VIEW_SHARE = 0.02
#: agents that are described before messages are looked at again
VIEW_PART = 25

#: agents in these states hold nothing of a run that is over
SETTLED = (AgentState.JOINED, AgentState.DONE, AgentState.REFUSED)


class Runner(t.Protocol):
    """What a sink needs of the runner that has the run."""

    result_queue: t.Any
    board: board_module.SnapshotBoard
    phase: str
    members: list[dict[str, t.Any]]
    lost: list[Lost]
    lost_count: int
    shortfalls: t.Sequence[str]
    counters: collections.Counter[str]
    inexact_sources: t.Collection[str]

    def send_event(self, type: str, value: t.Any = None) -> None: ...

    def problem(self, text: str) -> None: ...


class RunSink:
    """Hands what comes of a run to the runner, whose threads do the rest."""

    def __init__(
        self,
        machine: controller_module.Controller,
        transport: channels.ControllerEnd,
        runner: Runner,
    ) -> None:
        self._machine = machine
        self._transport = transport
        self._runner = runner
        self._view_ns = 0  # when to make the next view
        self._views = self._make_views()
        self._view_cost_s = 0.0  # of the view that is being made
        self._is_frozen = False
        self._told: set[str] = set()  # sources whose snapshots made no sense

    def store(self, chunk: head.DeliveredChunk) -> None:
        self._runner.result_queue.append(chunk)

    def observe(self, seen: commands.Observe) -> None:
        packed = board_module.PackedAggregate(seen.state, seen.clock_offset_ns)
        self._runner.board.put(
            seen.agent, seen.number, packed, seen.urgent, seen.epoch
        )

    def announce(self, numbers: t.Sequence[int]) -> None:
        for number in numbers:
            self._runner.send_event("iteration", number)

    def say(self, text: str, is_problem: bool) -> None:
        if is_problem:
            LOG.warning(text)
            self._runner.problem(text)
        else:
            LOG.info(text)

    def fleet(self, after: str) -> messages.FleetAnswer:
        """From the view that is there: nobody is described anew."""
        return fleet_page.page_of(
            self._machine.phase_text, self._runner.members,
            self._runner.board.sources(), after,
        )

    @property
    def has_leases(self) -> bool:
        return self._machine.phase in (Phase.RUNNING, Phase.STOPPING)

    def refresh(self, now: int) -> None:
        self._freeze_once()
        if now < self._view_ns:
            return
        began_s = time.thread_time()
        is_complete = next(self._views)
        self._view_cost_s += time.thread_time() - began_s
        if is_complete:
            pause_ns = int(self._view_cost_s / VIEW_SHARE * NS)
            self._view_ns = now + max(VIEW_INTERVAL_NS, pause_ns)
            self._view_cost_s = 0.0

    def _freeze_once(self) -> None:
        """Leave what was made for all agents out of searches for garbage."""
        is_running = self._machine.phase is Phase.RUNNING
        if is_running and not self._is_frozen:
            self._is_frozen = True
            gc.freeze()

    def _make_views(self) -> t.Iterator[bool]:
        """Make one view after the other, in parts; whether it is complete.

        Describing a thousand agents takes longer than leases should wait.
        """
        members = self._machine.members
        while True:
            names = sorted(members)
            described = []
            for position, name in enumerate(names):
                if position and position % VIEW_PART == 0:
                    yield False
                if name in members:
                    described.append(describe(members[name]))
            self._publish(described)
            yield True

    def _tell_of_malformed(self) -> None:
        for source, problem in list(self._runner.board.malformed.items()):
            if source not in self._told:
                self._told.add(source)
                self.say(
                    "agent %s: its rows are counted at the end: %s"
                    % (source, problem), True,
                )

    def _publish(self, members: list[dict[str, t.Any]]) -> None:
        """Show the engine's threads where the run stands."""
        machine, runner = self._machine, self._runner
        self._tell_of_malformed()
        runner.phase = machine.phase_text
        runner.members = members
        runner.lost_count = machine.registry.lost_count()
        runner.shortfalls = tuple(machine.run.failover.shortfalls)
        runner.counters = collections.Counter(
            {
                **machine.counters,
                **getattr(self._transport, "counters", {}),
            }
        )

    def finish(self) -> None:
        """The run is over: say all that is known of it."""
        machine, runner = self._machine, self._runner
        if not machine.finished:  # a second signal, or an error
            machine.registry.give_up(
                "the controller gave up on it before it had delivered them"
            )
        self._publish([describe(member) for member in taking_part(machine)])
        runner.lost = [
            Lost(each.numbers, each.reason, each.agent)
            for each in machine.registry.lost()
        ]
        runner.inexact_sources = [
            member.name for member in machine.members.values()
            if member.is_inexact
        ]

    def came(self) -> set[str]:
        """Agents that said hello."""
        return set(self._machine.members)

    def lost_agents(self) -> list[str]:
        return [
            member.name for member in self._machine.members.values()
            if member.state is AgentState.LOST
        ]

    def unsettled_agents(self) -> list[str]:
        """Agents that may, for all that is known, still hold the run."""
        is_over = self._machine.finished
        return [
            member.name for member in self._machine.members.values()
            if not is_over or member.state not in SETTLED
        ]


def taking_part(machine: controller_module.Controller) -> list[Member]:
    """Agents that a report shows.

    Those that were asked for and got no share are among them, for there was
    not enough concurrency for all; those that only stood by are not.
    """
    left = machine.run.plan.wanted - machine.registry.share_count
    shown = []
    for _, member in sorted(machine.members.items()):
        if member.state is AgentState.JOINED and not member.has_worked:
            left -= member.group is not None
            if member.group is None:
                continue
            if left < 0:
                continue
        shown.append(member)
    return shown


def describe(member: Member) -> dict[str, t.Any]:
    """One agent as reports show it; durations are added by the runner."""
    clock_ = member.known_clock
    return {
        "name": member.name,
        "version": member.hello.rally_version,
        "host": member.hello.host,
        "labels": dict(member.labels),
        "cpus": member.hello.cpus,
        "state": _state_of(member).value,
        "share": member.concurrency,
        "is_takeover": member.is_takeover,
        "position": member.position,
        "first_number": member.first_number,
        "rate": member.rate,
        "clock_offset_s": clock_.offset_ns / NS if clock_.count else None,
        "clock_error_s": _seconds(member.clock_error_ns),
        "round_trip_s": _seconds(clock_.round_trip_ns),
        "spooled_chunks": member.spooled - member.stored,
        "granted": member.ledger.granted,
        "leases": member.lease,
        "returned": member.ledger.returned,
        "delivered": member.ledger.stored,
        "reason": member.reason,
        "lost": member.written_off + registry.Registry.held_back(member),
        "epochs": member.epoch + 1,
        "settled": _settled(member),
    }


def _state_of(member: Member) -> AgentState:
    """For people: one that only waits for more work has done its part."""
    if member.state is AgentState.JOINED and member.has_worked:
        return AgentState.DONE
    return member.state


def _settled(member: Member) -> int | None:
    """Iterations it delivered in epochs that are over; None: all are."""
    is_over = member.state in registry.UNDELIVERED
    return None if is_over else member.settled


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / NS


def agent_progress(
    member: t.Mapping[str, t.Any], iterations: int
) -> progress.AgentProgress:
    """One agent for the live view."""
    return progress.AgentProgress(
        name=member["name"],
        state=member["state"],
        iterations=iterations,
        rate=member["rate"],
        offset_s=member["clock_offset_s"],
        error_s=member["clock_error_s"],
        lost=member["lost"],
        labels=member["labels"],
        leases=member["leases"],
        spooled_chunks=member["spooled_chunks"],
    )
