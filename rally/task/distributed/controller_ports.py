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

"""The controller of a run: the only place where ``Controller`` meets the
world."""

from __future__ import annotations

import collections
import threading
import typing as t

from rally.common import clock, logging, portable
from rally.task.distributed import commands, notices
from rally.task.distributed.controller import registry
from rally.task.distributed.controller.machine import Controller
from rally.task.distributed.controller.membership import AgentState, Member
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel
from rally.task.reporting import progress
from rally.task.results import aggregate
from rally.task.results.row import NS
from rally.task.work.numbers import Lost

if t.TYPE_CHECKING:
    from rally.plugins.common.runners import distributed

LOG = logging.getLogger(__name__)

#: between two views of the agents for whoever watches
VIEW_INTERVAL_NS = 200_000_000

#: agents in these states hold nothing of a run that is over
SETTLED = (AgentState.JOINED, AgentState.DONE, AgentState.REFUSED)


class ControllerService:
    """Carries messages between agents, state machine and runner.

    ``tell`` may be called from any thread; all else belongs to the thread
    that calls ``serve``.
    """

    def __init__(
        self,
        machine: Controller,
        transport: channels.ControllerEnd,
        runner: distributed.DistributedRunner,
        sla_config: dict[str, t.Any],
    ) -> None:
        self._machine = machine
        self._transport = transport
        self._runner = runner
        self._blank = aggregate.Aggregate(sla_config)
        self._inbox: collections.deque[notices.Notice] = collections.deque()
        self._viewed_ns = 0
        self._inexact: set[str] = set()
        self.is_over = threading.Event()

    def tell(self, notice: notices.Notice) -> None:
        """Something happened on this host; from any thread."""
        self._inbox.append(notice)
        self._transport.wake()

    def unsettled_agents(self) -> list[str]:
        """Agents of which nobody knows whether they hold the run still."""
        is_over = self._machine.finished
        return [
            member.name for member in self._machine.members.values()
            if not is_over or member.state not in SETTLED
        ]

    def serve(self, hellos: t.Iterable[channels.Received] = ()) -> None:
        """Run the run to its end.

        :param hellos: what agents have said already
        :raises RallyException: it failed as a whole
        """
        machine = self._machine
        try:
            for hello in hellos:
                self._execute(heard(machine, hello, clock.now_ns()))
            while not machine.finished:
                wait_ns = machine.next_deadline() - clock.now_ns()
                received = self._transport.receive(max(0, wait_ns) / 1e9)
                for each in received:
                    self._execute(heard(machine, each, clock.now_ns()))
                while self._inbox:
                    notice = self._inbox.popleft()
                    self._execute(machine.notice(notice, clock.now_ns()))
                self._execute(machine.expire(clock.now_ns()))
                self._publish()
        finally:
            self._publish(is_last=True)
            self.is_over.set()
        if machine.failure is not None:
            raise machine.failure

    def _execute(self, todo: t.Iterable[commands.Command]) -> None:
        for command in todo:
            match command:
                case commands.Send(
                    peer=peer, channel=channel, message=message
                ):
                    self._transport.send(peer, channel, message)
                case commands.StoreChunk(delivered=delivered):
                    self._runner.result_queue.append(delivered)
                case commands.Observe():
                    self._observe(command)
                case commands.Announce(numbers=numbers):
                    for number in numbers:
                        self._runner.send_event("iteration", number)
                case commands.Say(text=text, is_problem=is_problem):
                    self._say(text, is_problem)

    def _observe(self, command: commands.Observe) -> None:
        try:
            known = self._blank.restored(command.state)
            known.checker.try_out()
        except portable.MalformedState as e:
            if command.agent not in self._inexact:
                self._say(
                    "agent %s: its rows are counted in the end, as %s"
                    % (command.agent, e), True,
                )
            self._inexact.add(command.agent)  # its chunks will be counted
            return
        known.shift(command.clock_offset_ns)
        self._runner.board.put(
            command.agent, command.number, known, command.urgent
        )

    def _say(self, text: str, is_problem: bool) -> None:
        if is_problem:
            LOG.warning(text)
            self._runner.problem(text)
        else:
            LOG.info(text)

    def _publish(self, is_last: bool = False) -> None:
        """Show the engine's threads where the run stands."""
        now = clock.now_ns()
        if now - self._viewed_ns < VIEW_INTERVAL_NS and not is_last:
            return
        self._viewed_ns = now
        machine, runner = self._machine, self._runner
        runner.phase = machine.phase.value
        runner.members = [
            describe(member) for _, member in sorted(machine.members.items())
            if member.state is not AgentState.JOINED or not is_last
        ]
        runner.lost_count = machine.roster.lost_count()
        runner.counters = collections.Counter(
            {
                "duplicated": machine.collector.duplicated,
                "missing_chunks": machine.collector.missing,
                "torn_chunks": machine.torn_chunks,
                "fenced_snapshots": machine.fenced_snapshots,
                **getattr(self._transport, "counters", {}),
            }
        )
        if is_last:
            runner.lost = [
                Lost(each.numbers, each.reason, each.agent)
                for each in machine.roster.lost()
            ]
            runner.inexact_sources = [
                member.name
                for member in machine.members.values()
                if member.is_inexact or member.name in self._inexact
            ]


def heard(
    machine: Controller, incoming: channels.FromAgents, now: int
) -> list[commands.Command]:
    """What *machine* does about what came from an agent."""
    if isinstance(incoming, channels.Revoked):
        return machine.notice(notices.AgentRevoked(incoming.peer), now)
    if incoming.channel is not Channel.CONTROL and isinstance(
        incoming.message, messages.Hello
    ):
        return []  # on another channel, it only shows the way back there
    return machine.handle(incoming.peer, incoming.message, now)


def describe(member: Member) -> dict[str, t.Any]:
    """One agent as reports show it; durations are added by the runner."""
    clock_ = member.clock
    return {
        "name": member.name,
        "version": member.hello.rally_version,
        "host": member.hello.host,
        "cpus": member.hello.cpus,
        "state": member.state.value,
        "share": member.concurrency,
        "is_takeover": member.is_takeover,
        "position": member.position,
        "rate": member.rate,
        "clock_offset_s": clock_.offset_ns / NS if clock_.count else None,
        "clock_error_s": _seconds(member.clock_error_ns),
        "round_trip_s": _seconds(clock_.round_trip_ns),
        "spooled_chunks": member.spooled - member.stored,
        "granted": member.ledger.granted,
        "returned": member.ledger.returned,
        "delivered": member.ledger.stored,
        "reason": member.reason,
        "lost": (
            member.ledger.outstanding_count
            if member.state in registry.UNDELIVERED
            else 0
        ),
    }


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
    )
