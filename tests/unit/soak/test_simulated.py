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

"""Tests of the agents that only pretend to make a load."""

from __future__ import annotations

from rally import plugins
from rally.task.distributed.wire import messages
from rally.task.results import aggregate
from tests.soak import many, simulated
from tests.unit import test

NS = simulated.NS


def prepare() -> messages.Prepare:
    return messages.Prepare(
        "r", "Dummy.dummy", messages.Content(""), "constant", {},
        dict(many.SLA), simulated.ROWS, False,
    )


class SimulatedLoadTestCase(test.TestCase):
    stock: simulated.Stock

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        plugins.load()
        cls.stock = simulated.Stock(many.SLA)

    def setUp(self) -> None:
        super().setUp()
        self.load = simulated.SimulatedLoad(prepare(), self.stock, 5000, 0)
        self.tell(messages.LoadRenew(100 * NS))
        self.tell(messages.Grant("r", 1, (1, 1, 12_000), 5000))
        self.tell(messages.LoadStart(NS))

    def tell(self, message, now=0):
        return self.load.tell(message, now)

    def snapshots(self, said):
        return [
            each for each in said if isinstance(each, messages.Snapshot)
        ]

    def test_what_it_says_it_did_is_what_it_spooled(self):
        said = [
            each for second in range(2, 6)
            for each in self.load.expire(second * NS)
        ]

        newest = self.snapshots(said)[-1]
        learnt = aggregate.Aggregate(many.SLA).restored_from(
            newest.aggregate
        )
        self.assertEqual(12_000, learnt.iterations)
        self.assertTrue(learnt.is_passing)
        numbers = sorted(
            first + step * i
            for kept in self.load.chunks.values()
            for first, step, count in kept.numbers for i in range(count)
        )
        self.assertEqual(list(range(1, 12_001)), numbers)

    def test_behind_its_fence_it_does_nothing(self):
        self.tell(messages.LoadRenew(0))

        self.load.expire(3 * NS)

        self.assertEqual(0, self.load.drawn)

    def test_a_violation_is_urgent_and_fails(self):
        self.load.violate(self.stock.slow)

        [snapshot] = self.snapshots(self.load.expire(2 * NS))

        self.assertTrue(snapshot.urgent)
        learnt = aggregate.Aggregate(many.SLA).restored_from(
            snapshot.aggregate
        )
        self.assertFalse(learnt.is_passing)

    def test_a_stop_returns_what_was_not_drawn(self):
        self.load.expire(2 * NS)

        [ended] = self.tell(messages.Stop("r", "enough"))

        self.assertEqual(((5001, 1, 7000),), ended.returned)
        self.assertEqual(1, ended.spooled)
