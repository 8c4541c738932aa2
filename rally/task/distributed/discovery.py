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

"""Who is dialing in: a controller that asks for names only."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import typing as t

from rally.common import clock
from rally.task.distributed import (
    commands,
    endpoint_ports,
    reception,
    serve,
)
from rally.task.distributed.clock import ClockEstimate, ClockSample
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel

#: exchanges with each agent that give the offset of its clock
SAMPLES = 8
NS = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Answer:
    """One authorized agent, as ``rally agent list`` shows it."""

    name: str
    state: str
    version: str = ""
    host: str = ""
    cpus: str = ""
    clock_offset: str = ""  # milliseconds and the bound of their error
    round_trip: str = ""  # milliseconds


class Discovery:
    """Collects hellos and clock samples, until it has waited long enough."""

    def __init__(self, until_ns: int) -> None:
        self.finished = False
        self._until_ns = until_ns
        self._hellos: dict[str, messages.Hello] = {}
        self._clocks: dict[str, ClockEstimate] = {}

    def next_deadline(self) -> int:
        return self._until_ns

    def expire(self, now: int) -> list[commands.Send]:
        self.finished = now >= self._until_ns
        return []

    def handle(self, event: t.Any, now: int) -> list[commands.Send]:
        """What to do about *event*: agents are answered."""
        if (
            not isinstance(event, channels.Received)
            or event.channel is not Channel.CONTROL
            or channels.is_operator(event.peer)
            or not self._wants_more(event.peer, event.message, now)
        ):
            return []
        beat = messages.Beat("", now)
        return [commands.Send(event.peer, Channel.CONTROL, beat)]

    def _wants_more(
        self, peer: str, message: messages.Message, now: int
    ) -> bool:
        """Learn from *message*; whether there is more to be learnt."""
        if isinstance(message, messages.Hello):
            self._hellos[peer] = message
            return True
        if isinstance(message, messages.Heartbeat):
            estimate = self._clocks.setdefault(peer, ClockEstimate())
            estimate.add(
                ClockSample(
                    message.echo_ns, message.received_ns, message.sent_ns,
                    now,
                )
            )
            return estimate.count < SAMPLES
        return False

    def answer_of(self, name: str) -> Answer:
        """What is known of the authorized agent *name*."""
        hello = self._hellos.get(name)
        if hello is None:
            return Answer(name, "silent")
        estimate = self._clocks.get(name)
        offset = trip = ""
        if estimate is not None:
            offset = "%+.3f +- %.3f" % (
                estimate.offset_ns / 1e6, (estimate.error_ns or 0) / 1e6
            )
            trip = "%.3f" % ((estimate.round_trip_ns or 0) / 1e6)
        return Answer(
            name, "dialing in", hello.rally_version, hello.host,
            str(hello.cpus), offset, trip,
        )


def call(
    listen: str, folder: pathlib.Path | None, wait_s: float
) -> list[Answer]:
    """Listen for *wait_s* seconds; all authorized agents by name.

    :raises RallyException: the address is in use (by a run, perhaps), or the
        keys cannot be read
    """
    names = [agent.name for agent in keys.agents(folder)]
    if not names:
        return []
    ends = reception.listen(listen, folder)
    found = Discovery(clock.now_ns() + int(wait_s * NS))
    with contextlib.closing(ends):
        serve.serve(found, endpoint_ports.ControllerEndpoint(ends))
    return [found.answer_of(name) for name in sorted(names)]
