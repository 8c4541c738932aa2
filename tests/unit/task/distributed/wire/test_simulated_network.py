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

import collections

import hypothesis
from hypothesis import strategies as st

from rally.task.distributed.wire.channels import (
    CONTROLLER,
    Channel,
    ConnectionEvent,
    Delivery,
    Received,
)
from tests.simulation import network as memory
from tests.unit import test
from tests.unit.task.distributed import sockets

NS = 1_000_000_000
ROUGH = memory.Weather(
    drop=0.1, repeat=0.2, reorder=0.2, min_delay_s=0.01, max_delay_s=0.4
)


class MemoryTransportTestCase(test.TestCase):
    def network(self, seed: int = 0, weather=None):
        self.clock = memory.FakeClock()
        return memory.MemoryNetwork(
            self.clock, sockets.encode, sockets.decode, seed, weather
        )

    def messages(self, incoming):
        return [each.message for each in incoming if type(each) is Received]

    def received(self, network, end):
        found = []
        while network.next_delivery_ns() is not None:
            network.sleep_until()
            found.extend(self.messages(end.receive(0)))
        return found

    def numbered(self, count):
        return [b"%d" % number for number in range(count)]

    def test_messages_go_both_ways_once_the_agent_was_heard(self):
        network = self.network()
        controller, agent = network.controller(), network.agent("node1")
        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("node1", Channel.CONTROL, b"x"),
        )
        agent.send(Channel.CONTROL, b"hello")
        self.assertEqual(
            [Received("node1", Channel.CONTROL, b"hello")],
            controller.receive(None),
        )
        self.assertIs(
            Delivery.QUEUED,
            controller.send("node1", Channel.CONTROL, b"hi"),
        )
        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("node1", Channel.RESULTS, b"hi"),
        )
        self.assertEqual([b"hi"], self.messages(agent.receive(None)))

    def test_in_calm_weather_order_is_kept_and_nothing_is_lost(self):
        weather = memory.Weather(max_delay_s=1.0)
        network = self.network(1, weather)
        controller, agent = network.controller(), network.agent("node1")
        for message in self.numbered(100):
            agent.send(Channel.CONTROL, message)
        received = self.received(network, controller)
        self.assertEqual(self.numbered(100), received)

    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(seed=st.integers(0, 2**32))
    def test_a_seed_repeats_what_happened(self, seed):
        outcomes = []
        for _ in range(2):
            network = self.network(seed, ROUGH)
            controller, agent = network.controller(), network.agent("node1")
            for message in self.numbered(50):
                agent.send(Channel.CONTROL, message)
            outcomes.append(self.received(network, controller))
        self.assertEqual(outcomes[0], outcomes[1])
        self.assertLessEqual(set(outcomes[0]), set(self.numbered(50)))
        times = collections.Counter(outcomes[0])
        self.assertLessEqual(max(times.values()), 2)

    def test_rough_weather_drops_repeats_and_reorders(self):
        network = self.network(3, ROUGH)
        controller, agent = network.controller(), network.agent("node1")
        for message in self.numbered(200):
            agent.send(Channel.CONTROL, message)
        arrived = self.received(network, controller)
        times = collections.Counter(arrived)
        self.assertLess(len(times), 200)
        self.assertIn(2, times.values())
        numbers = [int(each) for each in arrived]
        self.assertNotEqual(sorted(numbers), numbers)

    def test_a_cut_loses_one_direction_only(self):
        network = self.network()
        controller, agent = network.controller(), network.agent("node1")
        agent.send(Channel.CONTROL, b"hello")
        controller.receive(0)
        network.cut("node1", CONTROLLER)

        agent.send(Channel.CONTROL, b"lost")
        controller.send("node1", Channel.CONTROL, b"arrives")

        self.assertEqual([], controller.receive(0))
        self.assertEqual([b"arrives"], self.messages(agent.receive(0)))
        network.reconnect("node1")
        agent.send(Channel.CONTROL, b"back")
        self.assertEqual([b"back"], self.messages(controller.receive(0)))

    def test_what_is_held_arrives_when_healed(self):
        network = self.network()
        controller, agent = network.controller(), network.agent("node1")
        network.hold("node1", CONTROLLER)
        for message in self.numbered(5):
            agent.send(Channel.CONTROL, message)
        self.assertEqual([], controller.receive(0))
        network.heal("node1", CONTROLLER)
        self.assertEqual(
            self.numbered(5), self.messages(controller.receive(0))
        )

    def test_a_restarted_agent_gets_nothing_meant_for_the_old_one(self):
        weather = memory.Weather(min_delay_s=1, max_delay_s=1)
        network = self.network(0, weather)
        controller, agent = network.controller(), network.agent("node1")
        agent.send(Channel.CONTROL, b"hello")
        self.received(network, controller)
        controller.send("node1", Channel.CONTROL, b"for the old one")

        fresh = network.agent("node1")

        self.assertEqual([], self.received(network, fresh))
        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("node1", Channel.CONTROL, b"x"),
        )

    def test_agents_notice_a_new_controller(self):
        network = self.network()
        agent = network.agent("node1")
        self.assertIs(
            Delivery.UNCONNECTED, agent.send(Channel.CONTROL, b"nobody")
        )
        self.assertEqual([], agent.receive(0))
        network.controller()
        kinds = {type(each) for each in agent.receive(0)}
        self.assertEqual({ConnectionEvent}, kinds)

    def test_a_revoked_agent_is_neither_heard_nor_told(self):
        network = self.network()
        controller, agent = network.controller(), network.agent("node1")
        agent.send(Channel.CONTROL, b"hello")
        controller.receive(0)
        network.revoked.add("node1")
        agent.send(Channel.CONTROL, b"still here")
        self.assertEqual([], controller.receive(0))
        self.assertEqual(1, controller.counters["unknown_key"])
        self.assertIs(
            Delivery.UNCONNECTED,
            controller.send("node1", Channel.CONTROL, b"x"),
        )

    def test_the_clock_goes_to_the_next_arrival_or_deadline(self):
        weather = memory.Weather(min_delay_s=2, max_delay_s=2)
        network = self.network(0, weather)
        network.controller()
        network.agent("node1").send(Channel.CONTROL, b"x")
        began = self.clock.now_ns()
        for until, now in ((1, 1), (9, 2), (-5, 2)):
            network.sleep_until(began + until * NS)
            self.assertEqual(began + now * NS, self.clock.now_ns())

    def test_the_limits_are_those_of_the_real_transport(self):
        network = self.network(0, memory.Weather(1.0))
        controller, agent = network.controller(), network.agent("node1")
        self.assertIs(
            Delivery.TOO_LARGE,
            agent.send(Channel.CONTROL, bytes(17 << 20)),
        )
        network.weather = memory.Weather(min_delay_s=1, max_delay_s=1)
        sent = [agent.send(Channel.AGGREGATES, b"x") for _ in range(9)]
        self.assertEqual(
            [Delivery.QUEUED] * 6 + [Delivery.CONGESTED] * 3, sent
        )
        network.sleep_until()
        self.assertEqual(6, len(controller.receive(0)))
        self.assertIs(
            Delivery.QUEUED, agent.send(Channel.AGGREGATES, b"x")
        )
