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

from rally.task.distributed import clock
from rally.task.distributed.controller import collector as collecting
from rally.task.distributed.controller import membership
from rally.task.distributed.wire import messages
from rally.task.results import head
from tests.unit import test

S = 1_000_000_000


class CollectorTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.collector = collecting.Collector("run", {})
        hello = messages.Hello("1", "6", "host", 2, 0)
        self.members = [
            membership.Member(name, hello, 0) for name in ("n1", "n2", "n3")
        ]
        for member in self.members:
            member.advance(membership.AgentEvent.ASKED_TO_PREPARE)
            self.collector.announced(member, 100)
            member.clock.add(clock.ClockSample(0, 1, 1, 2))

    def fetch(self, now):
        """Names and numbers of the chunks that are asked for."""
        return [
            (send.peer, send.message.sequence)
            for send in self.collector.fetch(now)
        ]

    def deliver(self, name, sequence, now):
        [member] = [m for m in self.members if m.name == name]
        told = head.ChunkHead(1, 0, 0, 0, 0, ((1, 1, 1),))
        data = messages.ChunkData(
            "run", sequence, head.PackedChunk(told, b"")
        )
        commands = self.collector.arrived(member, data, now)
        self.collector.stored(member, sequence)
        return commands

    def test_agents_take_turns(self):
        asked = []
        for now in range(4):
            [one] = self.fetch(now * 2 * S)
            asked.append(one)
            self.deliver(*one, now * 2 * S + S)
        self.assertEqual(
            [("n1", 0), ("n2", 0), ("n3", 0), ("n1", 1)], asked
        )

    def test_over_a_slow_link_one_chunk_at_a_time(self):
        [one] = self.fetch(0)
        self.assertEqual([], self.fetch(20 * S))
        self.deliver(*one, 30 * S)
        self.assertEqual(1, len(self.fetch(30 * S)))

    def test_over_a_fast_link_as_many_as_memory_allows(self):
        asked = self.fetch(0)
        for now in range(1, 50):
            self.deliver(*asked.pop(0), now)
            asked += self.fetch(now)
        self.assertEqual(
            collecting.PER_AGENT * len(self.members), len(asked)
        )

    def test_a_chunk_is_asked_for_again_ever_less_often(self):
        self.fetch(0)
        again = [
            now for now in range(200)
            if self.collector.fetch_again(now * S)
        ]
        self.assertEqual([6, 19, 58, 175], again)

    def test_a_chunk_that_comes_twice_is_counted_and_not_stored(self):
        [one] = self.fetch(0)
        self.assertEqual(1, len(self.deliver(*one, 1)))
        self.assertEqual([], self.deliver(*one, 2))
        self.assertEqual(1, self.collector.duplicated)

    def test_a_lost_agent_leaves_room_for_the_others(self):
        self.fetch(0)
        self.collector.forget_asked(self.members[0])
        self.assertEqual([("n2", 0)], self.fetch(1))
