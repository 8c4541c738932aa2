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

"""Base of tests with real sockets: each wait has a deadline, none leaks."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

import zmq

from rally.task.distributed.security import keys
from rally.task.distributed.wire import (
    agent_transport,
    channels,
    controller_transport,
)
from rally.task.distributed.wire.channels import Channel, Received
from tests.unit import test

DEADLINE_S = 20
PUMP_S = 0.01
ANY_PORT = dict.fromkeys(Channel, "tcp://127.0.0.1:0")


def encode(message: bytes) -> bytes:
    return b"test-1" + message


def decode(body: bytes | memoryview) -> bytes:
    version, message = bytes(body[:6]), bytes(body[6:])
    if version != b"test-1":
        raise ValueError("not of this test")
    return message


@dataclasses.dataclass
class Guests:
    """An allow-list that a test edits."""

    names: dict[str, str]

    def name_of(self, public_key: str) -> str | None:
        return self.names.get(public_key)

    def labels_of(self, public_key: str) -> dict[str, str]:
        return {}

    def is_as_before(self) -> bool:
        return False


class SocketTestCase(test.TestCase):
    """Two ends in one thread, pumped in turn."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.check_leaks, self.in_use())
        self.controller_key = keys.KeyPair.new()
        self.guests = Guests({})
        self.inbox: list[Received] = []
        self.events: dict[agent_transport.AgentTransport, list[t.Any]] = {}
        self.controllers: list[controller_transport.ControllerTransport] = []

    def in_use(self) -> tuple[int, int]:
        """Threads and file descriptors of this process."""
        threads = len(os.listdir("/proc/self/task"))
        return threads, len(os.listdir("/proc/self/fd"))

    def check_leaks(self, before: tuple[int, int]) -> None:
        """A thread that has ended is listed a moment longer."""
        deadline = time.monotonic() + DEADLINE_S
        while self.in_use() > before and time.monotonic() < deadline:
            os.sched_yield()
        self.assertEqual(before, self.in_use())

    def listen(
        self, addresses: t.Mapping[Channel, str] = ANY_PORT, **kwargs: t.Any
    ) -> controller_transport.ControllerTransport:
        controller = controller_transport.ControllerTransport(
            addresses,
            kwargs.get("key", self.controller_key),
            self.guests,
            encode,
            decode,
        )
        self.addCleanup(controller.close, 0)
        self.controllers.append(controller)
        return controller

    def guest(self, name: str) -> keys.AgentKey:
        pair = keys.KeyPair.new()
        self.guests.names[pair.public] = name
        return keys.AgentKey(
            name, pair.public, pair.secret, self.controller_key.public
        )

    def dial(
        self, addresses: t.Mapping[Channel, str], key: keys.AgentKey
    ) -> agent_transport.AgentTransport:
        agent = agent_transport.AgentTransport(addresses, key, encode, decode)
        self.addCleanup(agent.close, 0)
        self.events[agent] = []
        return agent

    def pump(self) -> None:
        for controller in self.controllers:
            self.inbox.extend(controller.receive(PUMP_S))
        for agent, events in self.events.items():
            events.extend(agent.receive(PUMP_S))

    def wait_for(self, fact: t.Callable[[], t.Any], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not fact():
            if time.monotonic() > deadline:
                self.fail("waited %d s for %s" % (DEADLINE_S, what))
            self.pump()

    def changes(self, agent: agent_transport.AgentTransport) -> list[str]:
        """Changes of the control channel's connection, in order."""
        return [
            event.change.value
            for event in self.events[agent]
            if isinstance(event, channels.ConnectionEvent)
            and event.channel is Channel.CONTROL
        ]

    def wait_for_change(
        self, agent: agent_transport.AgentTransport, *changes: str
    ) -> None:
        wanted = list(changes)
        self.wait_for(
            lambda: self.changes(agent)[-len(wanted) :] == wanted,
            "%s after %s" % (wanted, self.changes(agent)),
        )

    def joined(
        self, controller: controller_transport.ControllerTransport,
        key: keys.AgentKey,
    ) -> agent_transport.AgentTransport:
        """An agent that the controller has heard on every channel."""
        agent = self.dial(controller.endpoints, key)
        self.wait_for(
            lambda: (
                sum(
                    isinstance(event, channels.ConnectionEvent)
                    for event in self.events[agent]
                )
                >= len(Channel)
            ),
            "all channels to connect",
        )
        start = len(self.inbox)
        for channel in Channel:
            self.assertTrue(agent.send(channel, b"hello"))
        self.wait_for(
            lambda: len(self.inbox) >= start + len(Channel), "hellos"
        )
        return agent

    def stranger(
        self,
        controller: controller_transport.ControllerTransport,
        key: keys.AgentKey,
        routing_id: bytes = b"",
    ) -> zmq.Socket:
        """A socket that does what it wants, with a proper key."""
        socket = self._raw_socket()
        socket.curve_serverkey = key.controller_public.encode()
        socket.curve_publickey = key.public.encode()
        socket.curve_secretkey = key.secret.encode()
        if routing_id:
            socket.routing_id = routing_id
        socket.connect(controller.endpoints[Channel.CONTROL])
        return socket

    def plain_socket(
        self, controller: controller_transport.ControllerTransport
    ) -> zmq.Socket:
        """One that speaks ZeroMQ, and has no keys."""
        socket = self._raw_socket()
        socket.connect(controller.endpoints[Channel.CONTROL])
        return socket

    def _raw_socket(self) -> zmq.Socket:
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        socket = context.socket(zmq.DEALER)
        self.addCleanup(socket.close, linger=0)
        return socket
