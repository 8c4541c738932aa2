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

"""Many simulated agents in one thread, each with keys of its own."""

from __future__ import annotations

import heapq
import time
import typing as t

import zmq

from rally.common import clock
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, codec
from rally.task.distributed.wire import sockets as transport_sockets
from rally.task.distributed.wire.channels import Channel
from tests.soak import simulated

#: most sockets of one ZeroMQ context; it has 1023 if nothing is said
MAX_SOCKETS = 20_000
#: messages taken from one socket before the others have their turn
BATCH = 64
#: on these the controller talks
HEARD = (Channel.CONTROL, Channel.RESULTS)

Socket: t.TypeAlias = "zmq.Socket[bytes]"


class FleetTooLate(Exception):
    """A deadline passed; says what was waited for."""


class Fleet:
    """Agents that dial one controller.

    :param per_second: iterations of each agent
    """

    def __init__(
        self, agent_keys: t.Sequence[keys.AgentKey], address: str,
        stock: simulated.Stock, per_second: int,
    ) -> None:
        self._context = zmq.Context(io_threads=1)
        self._context.set(zmq.MAX_SOCKETS, MAX_SOCKETS)
        self._poller = zmq.Poller()
        self._heard: dict[Socket, simulated.SimulatedAgent] = {}
        self.agents: list[simulated.SimulatedAgent] = []
        self.congested = 0
        addresses = channels.addresses_from(address)
        for i, key in enumerate(agent_keys):
            self.agents.append(
                self._agent(
                    key, addresses, stock, per_second, i / len(agent_keys)
                )
            )
        self._due = [(0, i) for i in range(len(self.agents))]

    def _agent(
        self, key: keys.AgentKey, addresses: t.Mapping[Channel, str],
        stock: simulated.Stock, per_second: int, phase: float,
    ) -> simulated.SimulatedAgent:
        sockets = {
            channel: self._dial(channel, addresses[channel], key)
            for channel in Channel
        }

        def send(channel: Channel, message: t.Any) -> None:
            try:
                sockets[channel].send(codec.encode(message), zmq.NOBLOCK)
            except zmq.Again:
                self.congested += 1

        agent = simulated.SimulatedAgent(
            key.name, send, stock, per_second, phase, clock.now_ns()
        )
        for channel in HEARD:
            self._heard[sockets[channel]] = agent
            self._poller.register(sockets[channel], zmq.POLLIN)
        return agent

    def _dial(
        self, channel: Channel, address: str, key: keys.AgentKey
    ) -> Socket:
        socket = transport_sockets.new_socket(
            self._context, zmq.DEALER, channel
        )
        socket.setsockopt(zmq.AFFINITY, 0)  # there is one I/O thread only
        socket.setsockopt(zmq.RECONNECT_IVL, transport_sockets.RECONNECT_MS)
        transport_sockets.secure_client(socket, key)
        socket.connect(address)
        return socket

    def run_until(
        self, fact: t.Callable[[], t.Any], deadline_s: float, what: str
    ) -> None:
        """Let all agents do what they do until *fact* is true.

        :raises FleetTooLate: it was not true in time
        """
        deadline = time.monotonic() + deadline_s
        while not fact():
            if time.monotonic() > deadline:
                raise FleetTooLate(
                    "not true within %g s: %s" % (deadline_s, what)
                )
            self._step()

    def run_for(self, seconds: float) -> None:
        """Let all agents do what they do for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._step()

    def _step(self) -> None:
        wait_ns = min(self._due[0][0] - clock.now_ns(), 50_000_000)
        for socket, _ in self._poller.poll(max(0, wait_ns) // 1_000_000):
            self._hear(socket)
        now = clock.now_ns()
        while self._due[0][0] <= now:
            i = self._due[0][1]
            agent = self.agents[i]
            agent.expire(now)
            # not earlier than soon: a machine may be due again and again
            due = max(agent.next_deadline, now + 1_000_000)
            heapq.heapreplace(self._due, (min(due, now + 100_000_000), i))

    def _hear(self, socket: Socket) -> None:
        agent = self._heard[socket]
        for _ in range(BATCH):
            try:
                body = socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            agent.handle(codec.decode(body), clock.now_ns())

    # ---- what they did together

    @property
    def loads(self) -> list[simulated.SimulatedLoad]:
        return [agent.load for agent in self.agents if agent.load]

    @property
    def drawn(self) -> int:
        return sum(load.drawn for load in self.loads)

    @property
    def spooled(self) -> int:
        return sum(agent.spooled for agent in self.agents)

    def close(self) -> None:
        self._context.destroy(linger=0)
