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

import dataclasses
import pathlib
import time

from rally.common import clock
from rally.task.distributed.clock import ClockEstimate, ClockSample
from rally.task.distributed.security import keys
from rally.task.distributed.security.allow_list import AgentAllowList
from rally.task.distributed.wire import channels, codec, messages, transport
from rally.task.distributed.wire.channels import Channel

#: exchanges with each agent that give the offset of its clock
SAMPLES = 8


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


class RollCall:
    """Collects hellos and clock samples."""

    def __init__(self) -> None:
        self._hellos: dict[str, messages.Hello] = {}
        self._clocks: dict[str, ClockEstimate] = {}

    def handle(
        self, peer: str, message: messages.Message, now: int
    ) -> messages.Message | None:
        """The answer to *message*, if it needs one."""
        if isinstance(message, messages.Hello):
            self._hellos[peer] = message
            return messages.Beat("", now, 0.0)
        if isinstance(message, messages.Heartbeat):
            estimate = self._clocks.setdefault(peer, ClockEstimate())
            estimate.add(
                ClockSample(
                    message.echo_ns, message.received_ns, message.sent_ns,
                    now,
                )
            )
            if estimate.count < SAMPLES:
                return messages.Beat("", now, 0.0)
        return None

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
    ends = transport.ControllerTransport(
        channels.addresses_from(listen),
        keys.controller_key(folder),
        AgentAllowList(folder),
        codec.encode,
        codec.decode,
    )
    roll = RollCall()
    deadline = time.monotonic() + wait_s
    try:
        while (left_s := deadline - time.monotonic()) > 0:
            for received in ends.receive(left_s):
                if (
                    not isinstance(received, channels.Received)
                    or received.channel is not Channel.CONTROL
                    or channels.is_operator(received.peer)
                ):
                    continue
                answer = roll.handle(
                    received.peer, received.message, clock.now_ns()
                )
                if answer is not None:
                    ends.send(received.peer, Channel.CONTROL, answer)
    finally:
        ends.close()
    return [roll.answer_of(name) for name in sorted(names)]
