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

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
import time
from unittest import mock

import ddt
import zmq

from rally.task.distributed.security import keys
from rally.task.distributed.wire import agent_transport, channels
from rally.task.distributed.wire import sockets as transport_sockets
from rally.task.distributed.wire.channels import Channel, Delivery
from tests.unit import test
from tests.unit.task.distributed import sockets

MEBI = 1024 * 1024


class ConversationTestCase(sockets.SocketTestCase):
    def test_messages_go_both_ways_on_each_channel(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))

        for channel in Channel:
            answer = channel.value.encode()
            self.assertIs(
                Delivery.QUEUED,
                controller.send("node1", channel, answer),
            )

        self.assertEqual(
            {("node1", channel, b"hello") for channel in Channel},
            {(each.peer, each.channel, each.message) for each in self.inbox},
        )
        self.wait_for(
            lambda: (
                {
                    each.message
                    for each in self.events[agent]
                    if isinstance(each, channels.Received)
                }
                == {channel.value.encode() for channel in Channel}
            ),
            "all answers",
        )

    def test_control_is_handed_out_first_then_aggregates(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        order = list(Channel)
        mixed = 0
        for _ in range(50):
            for channel in reversed(Channel):
                agent.send(channel, b"x")
            batch = controller.receive(5)
            ranks = [order.index(each.channel) for each in batch]
            self.assertEqual(sorted(ranks), ranks)
            mixed += len(set(ranks)) > 1
        self.assertGreater(mixed, 0)

    def test_a_large_transfer_of_results_does_not_hold_up_a_stop(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        results = 0
        while agent.send(
            Channel.RESULTS, bytes(2 * MEBI)
        ) is Delivery.QUEUED:
            results += 1
        agent.send(Channel.CONTROL, b"stop")
        before = len(self.inbox)
        self.wait_for(lambda: len(self.inbox) > before + results, "everything")
        order = [each.channel for each in self.inbox[before:]]
        self.assertLess(order.index(Channel.CONTROL), results / 2)

    def test_others_work_while_it_waits_and_not_while_it_is_busy(self):
        controller = self.listen()
        way = controller.right_of_way = mock.Mock()
        for timeout_s, released in ((0, 0), (0, 0), (0.001, 1), (0, 1)):
            controller.receive(timeout_s)
            self.assertEqual(released, way.release.call_count)
        self.assertEqual(4, way.claim.call_count)

    def test_the_name_comes_from_the_key_not_from_the_routing_id(self):
        controller = self.listen()
        self.guest("victim")
        liar = self.stranger(controller, self.guest("liar"), b"victim")
        liar.send(sockets.encode(b"I am victim"))
        self.wait_for(lambda: self.inbox, "the message")
        self.assertEqual("liar", self.inbox[0].peer)
        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("victim", Channel.CONTROL, b"x"),
        )

    def test_nothing_is_sent_to_a_peer_that_was_never_heard(self):
        controller = self.listen()
        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("nobody", Channel.CONTROL, b"x"),
        )
        self.assertEqual(1, controller.counters["unroutable"])

    def test_an_agent_that_is_gone_cannot_be_reached(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        del self.events[agent]
        agent.close()
        self.wait_for(
            lambda: controller.send(
                "node1", Channel.CONTROL, b"x"
            ) is Delivery.UNCONNECTED,
            "the controller to notice",
        )

    def test_answers_follow_an_agent_to_its_newest_connection(self):
        controller = self.listen()
        key = self.guest("node1")
        older = self.joined(controller, key)
        newer = self.joined(controller, key)
        older.send(Channel.CONTROL, b"late")
        self.wait_for(
            lambda: self.inbox[-1].message == b"late", "the late message"
        )

        controller.send("node1", Channel.CONTROL, b"answer")

        self.wait_for(
            lambda: any(
                getattr(each, "message", None) == b"answer"
                for each in self.events[newer]
            ),
            "the answer",
        )

    def test_an_agent_finds_a_restarted_controller(self):
        controller = self.listen()
        addresses = controller.endpoints
        agent = self.joined(controller, self.guest("node1"))
        self.controllers.clear()
        controller.close()
        self.wait_for_change(agent, "connected", "disconnected", "unreachable")
        self.assertIs(
            Delivery.UNCONNECTED,
            agent.send(Channel.CONTROL, b"nobody listens"),
        )

        self.listen(addresses)

        self.wait_for_change(agent, "connected")
        self.assertEqual(4, len(self.changes(agent)))
        self.assertIs(
            Delivery.QUEUED,
            agent.send(Channel.CONTROL, b"again"),
        )
        self.wait_for(
            lambda: self.inbox[-1].message == b"again", "the message"
        )

    def test_what_was_queued_goes_out_before_close_returns(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        self.controllers.clear()
        controller.send("node1", Channel.CONTROL, b"farewell")
        # the agent reads it only when the connection is gone already
        controller.close()
        self.wait_for(
            lambda: any(
                getattr(each, "message", None) == b"farewell"
                for each in self.events[agent]
            ),
            "the last message",
        )


class RefusalTestCase(sockets.SocketTestCase):
    def test_an_unknown_key_is_refused_until_it_is_authorized(self):
        controller = self.listen()
        key = self.guest("node1")
        self.guests.names.clear()
        agent = self.dial(controller.endpoints, key)
        self.wait_for_change(agent, "refused")
        self.assertIn(
            "refused the key of agent node1",
            next(event.text for event in self.events[agent]),
        )
        self.assertGreater(controller.counters["unknown_key"], 0)
        self.assertIs(
            Delivery.UNCONNECTED,
            agent.send(Channel.CONTROL, b"let me in"),
        )

        self.guests.names[key.public] = "node1"

        self.wait_for_change(agent, "refused", "connected")
        self.assertEqual([], self.inbox)

    def test_a_revocation_holds_from_the_next_look_on(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        before = len(self.inbox)
        self.guests.names.clear()
        self.assertEqual([], controller.receive(0))

        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("node1", Channel.CONTROL, b"x"),
        )
        agent.send(Channel.CONTROL, b"still here")

        self.wait_for(
            lambda: controller.counters["unknown_key"], "the message"
        )
        self.assertEqual([channels.Revoked("node1")], self.inbox[before:])

    def test_a_revocation_is_noticed_by_what_an_agent_sends(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        before = len(self.inbox)
        self.guests.names.clear()

        for _ in range(3):
            agent.send(Channel.CONTROL, b"still here")

        self.wait_for(
            lambda: controller.counters["unknown_key"] == 3, "the messages"
        )
        self.assertEqual([channels.Revoked("node1")], self.inbox[before:])

    def test_whoever_has_a_newer_key_already_is_not_revoked(self):
        controller = self.listen()
        older = self.joined(controller, self.guest("node1"))
        self.joined(controller, self.guest("node1"))
        del self.guests.names[next(iter(self.guests.names))]
        before = len(self.inbox)

        older.send(Channel.CONTROL, b"still here")

        self.wait_for(
            lambda: controller.counters["unknown_key"], "the message"
        )
        self.assertEqual([], self.inbox[before:])

    def test_the_key_of_another_controller_is_told_apart(self):
        controller = self.listen()
        key = self.guest("node1")
        self.controller_key = keys.KeyPair.new()
        foreign = self.guest("node2")
        agent = self.dial(controller.endpoints, foreign)
        self.wait_for_change(agent, "mismatched")
        self.assertIn(
            "not the controller that authorized",
            next(event.text for event in self.events[agent]),
        )
        self.wait_for(
            lambda: controller.counters["wrong_protocol"], "the count"
        )
        self.assertEqual("node1", key.name)

    def test_a_controller_that_stands_still_is_not_taken_for_another(self):
        self.patch(transport_sockets, "HANDSHAKE_MS", 300)
        with socket.create_server(("127.0.0.1", 0)) as busy:
            address = "tcp://127.0.0.1:%d" % busy.getsockname()[1]
            agent = self.dial(
                dict.fromkeys(Channel, address), self.guest("node1")
            )
            self.wait_for_change(agent, "silent")
        self.assertIn(
            "does not answer agent node1, which keeps dialing",
            next(event.text for event in self.events[agent]),
        )

    def test_nobody_gets_in_without_keys_on_loopback_either(self):
        controller = self.listen()
        plain = self.plain_socket(controller)
        plain.send(sockets.encode(b"let me in"))

        self.wait_for(
            lambda: controller.counters["wrong_protocol"], "the refusal"
        )

        self.assertEqual([], self.inbox)

    def test_an_absent_controller_is_reported_once(self):
        address = free_address()
        agent = self.dial(dict.fromkeys(Channel, address), self.guest("n"))
        self.wait_for_change(agent, "unreachable")
        for _ in range(50):
            self.pump()
        self.assertEqual(["unreachable"], self.changes(agent))

    def test_garbage_is_counted_and_hurts_nobody(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        noisy = self.stranger(controller, self.guest("noisy"))
        for frames in (
            [b""], [b"test-2x"], [b"x"] * 99, [sockets.encode(b"x"), b""],
        ):
            noisy.send_multipart(frames)
        port = int(controller.endpoints[Channel.CONTROL].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as web:
            web.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10)

        self.wait_for(
            lambda: controller.counters["malformed"] == 4, "the garbage"
        )

        agent.send(Channel.CONTROL, b"unharmed")
        self.wait_for(
            lambda: self.inbox[-1].message == b"unharmed", "the message"
        )

    def test_as_many_connections_are_taken_as_the_system_lets_us(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(
            resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        self.listen()
        now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = transport_sockets.MAX_FILES
        self.assertEqual(min(wanted, hard) if hard > 0 else wanted, now)

    def test_an_oversized_message_is_not_sent(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        large = bytes(16 * MEBI)
        self.assertIs(
            Delivery.TOO_LARGE,
            agent.send(Channel.CONTROL, large),
        )
        self.assertIs(
            Delivery.TOO_LARGE,
            controller.send("node1", Channel.CONTROL, large),
        )
        self.assertEqual(1, agent.counters["oversized"])
        self.assertEqual(1, controller.counters["oversized"])
        self.assertIs(
            Delivery.QUEUED,
            agent.send(Channel.RESULTS, large),
        )

    def test_an_oversized_message_is_dropped_by_the_controller(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        pushy = self.stranger(controller, self.guest("pushy"))
        pushy.send(sockets.encode(bytes(17 * MEBI)))
        self.wait_for(
            lambda: controller.counters["oversized"], "the oversized one"
        )
        pushy.send(sockets.encode(bytes(40 * MEBI)))
        agent.send(Channel.CONTROL, b"unharmed")
        self.wait_for(
            lambda: self.inbox[-1].message == b"unharmed", "the message"
        )

    def test_snapshots_are_dropped_when_the_controller_is_behind(self):
        controller = self.listen()
        agent = self.joined(controller, self.guest("node1"))
        snapshot = bytes(4 * MEBI)
        tried = 0
        while agent.send(
            Channel.AGGREGATES, snapshot
        ) is Delivery.QUEUED:
            tried += 1
            self.assertLess(tried, 50)
        self.assertEqual(1, agent.counters["congested"])


class WaitTestCase(sockets.SocketTestCase):
    def both(self):
        controller = self.listen()
        return controller, self.dial(controller.endpoints, self.guest("n"))

    def test_a_timeout_ends_the_wait(self):
        controller = self.listen()
        began = time.monotonic()
        self.assertEqual([], controller.receive(0))
        self.assertEqual([], controller.receive(0.05))
        self.assertGreaterEqual(time.monotonic() - began, 0.05)

    def test_waking_ends_a_wait_from_another_thread(self):
        for end in self.both():
            while end.receive(0.2):
                pass  # the events of connecting
            thread = threading.Timer(0.05, end.wake)
            thread.start()
            self.assertEqual([], end.receive(sockets.DEADLINE_S))
            thread.join(sockets.DEADLINE_S)

    def test_waking_before_the_wait_is_not_lost(self):
        controller = self.listen()
        controller.wake()
        controller.wake()
        self.assertEqual([], controller.receive(None))

    def test_waking_or_closing_again_after_the_end_does_nothing(self):
        for end in self.both():
            end.close()
            end.wake()
            end.close()
        self.controllers.clear()
        self.events.clear()

    def test_other_file_descriptors_end_the_wait(self):
        _, agent = self.both()
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, b"x")
        self.assertIn(
            channels.Readable(reader), agent.receive(5, fds=[reader])
        )
        os.read(reader, 1)
        os.close(writer)
        while True:
            incoming = agent.receive(5, fds=[reader])
            if channels.Readable(reader) in incoming:
                break  # the end of the pipe counts too

    def test_a_file_descriptor_is_watched_for_one_call(self):
        _, agent = self.both()
        reader, writer = os.pipe()
        os.write(writer, b"x")
        agent.receive(5, fds=[reader])
        os.close(reader)
        os.close(writer)
        for item in agent.receive(0.1):
            self.assertNotIsInstance(item, channels.Readable)


class BindTestCase(test.TestCase):
    def test_an_address_in_use_is_named_once(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "tcp://127.0.0.1:%d" % taken.getsockname()[1]

            error = self.assertRaises(
                channels.AddressUnusable, transport_sockets.bind,
                context.socket(zmq.ROUTER), address,
            )

        self.assertEqual(1, str(error).count(address))
        self.assertIn("address already in use. Controller", str(error))


class FloodTestCase(test.TestCase):
    """More events of a socket than anybody reads."""

    CONNECTIONS = 1000  # an event or two of each

    def setUp(self):
        super().setUp()
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        self.router = context.socket(zmq.ROUTER)
        self.watcher = self.router.get_monitor_socket(
            zmq.EVENT_ALL | zmq.EVENT_MONITOR_STOPPED
        )
        self.address = (
            "127.0.0.1",
            self.router.bind_to_random_port("tcp://127.0.0.1"),
        )

    def close(self):
        self.router.close(0)
        transport_sockets.read_to_the_end(self.watcher)

    def test_it_does_not_hold_up_the_end(self):
        with contextlib.suppress(TimeoutError):  # it does not even listen
            for _ in range(self.CONNECTIONS):
                socket.create_connection(self.address, 2).close()

        self.close()

    def test_others_have_their_turn(self):
        for _ in range(20):
            socket.create_connection(self.address).close()
        self.assertTrue(self.watcher.poll(sockets.DEADLINE_S * 1000))

        found = list(transport_sockets.events_of(self.watcher, most=1))

        self.assertEqual(1, len(found))
        self.close()


@ddt.ddt
class NamesTestCase(sockets.SocketTestCase):
    """Names of controllers; what a resolver says of them is made up."""

    V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))
    V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0))

    def transport(self, name, **resolver):
        addresses = dict.fromkeys(Channel, "tcp://%s:9" % name)
        key = self.guest("node1")
        with mock.patch.object(socket, "getaddrinfo", **resolver):
            agent = agent_transport.AgentTransport(
                addresses, key, sockets.encode, sockets.decode
            )
        self.addCleanup(agent.close, 0)
        return agent

    @staticmethod
    def is_spoken(agent):
        return {
            bool(each.getsockopt(zmq.IPV6))
            for each in agent._sockets.values()
        }

    def dial(self, name, **resolver):
        return self.is_spoken(self.transport(name, **resolver))

    @ddt.data(([V4], False), ([V6, V4], False), ([V6], True))
    @ddt.unpack
    def test_ipv6_is_spoken_where_a_name_has_nothing_else(
        self, found, is_spoken
    ):
        self.assertEqual(
            {is_spoken}, self.dial("ctl.example", return_value=found)
        )

    def test_a_name_may_be_known_later(self):
        error = socket.gaierror(-3, "Temporary failure")
        with self.assertLogs(agent_transport.LOG, "WARNING"):
            agent = self.transport("ctl.example", side_effect=error)
        self.assertEqual({False}, self.is_spoken(agent))

        with mock.patch.object(
            socket, "getaddrinfo", return_value=[self.V6]
        ), mock.patch.object(
            agent_transport.time, "monotonic",
            return_value=time.monotonic() + agent_transport.LOOK_UP_S,
        ):
            agent.receive(0)

        self.assertEqual({True}, self.is_spoken(agent))

    @ddt.data(socket.gaierror(-2, "Name or service not known"),
              UnicodeError("label empty or too long"))
    def test_a_name_that_cannot_be_looked_up_is_told_once(self, error):
        with self.assertLogs(agent_transport.LOG, "WARNING") as logs:
            self.dial("ctl.example", side_effect=error)

        (said,) = logs.output
        self.assertIn("The name ctl.example of the controller", said)
        self.assertIn("dials on", said)


def free_address() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "tcp://127.0.0.1:%d" % probe.getsockname()[1]
