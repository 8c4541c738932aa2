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

import numpy as np

from rally.task.reporting import fleet
from rally.task.reporting.progress import AgentProgress
from rally.task.results import aggregate, chunk
from tests.fuzz import seeds
from tests.unit import test


def agent(name, **labels):
    return AgentProgress(name, "running", 100, 5.0, None, None, 1, labels)


def counted(durations_s, failed=0):
    made = aggregate.Aggregate({})
    made.add_chunk(chunk.Chunk.of_rows([
        chunk.Row(
            i + 1, seeds.BEGIN_NS + i, int(duration * 1e9), 0, 0, (), (),
            ("E", "e", "t") if i < failed else None, None,
        )
        for i, duration in enumerate(durations_s)
    ]))
    return made


class GroupsTestCase(test.TestCase):
    def test_have_what_their_agents_have_together(self):
        agents = [
            agent("n1", zone="a"), agent("n2", zone="b"),
            agent("n3", zone="a", disk="x"),
        ]
        sources = {
            "n1": counted([1, 2], failed=1), "n3": counted([3, 4, 5]),
        }

        groups = {
            (g.label, g.value): g for g in fleet.groups_of(agents, sources)
        }

        self.assertEqual(
            [("disk", "x"), ("zone", "a"), ("zone", "b")], list(groups)
        )
        zone = groups["zone", "a"]
        self.assertEqual(
            (2, 200, 1, 2, 10.0, 3.0),
            (zone.agents, zone.iterations, zone.failed, zone.lost, zone.rate,
             zone.p50),
        )
        self.assertIsNone(groups["zone", "b"].p50)

    def test_without_labels_all_are_one(self):
        [group] = fleet.groups_of([agent("n1"), agent("n2")], {})
        self.assertEqual(("", "", 2), (group.label, group.value, group.agents))

    def test_there_are_not_more_than_a_person_reads(self):
        agents = [
            agent("n%d" % i, **{"l%02d" % k: str(i) for k in range(12)})
            for i in range(200)
        ]
        self.assertEqual(
            fleet.MAX_LABELS * fleet.MAX_VALUES,
            len(fleet.groups_of(agents, {})),
        )


class StandingOutTestCase(test.TestCase):
    def test_who_is_slow_and_odd_is_named(self):
        chance = np.random.default_rng(1)
        sources = {
            "n%d" % i: counted(chance.lognormal(-3, 0.5, 200))
            for i in range(6)
        }
        sources["n4"] = counted(chance.lognormal(-1, 0.5, 200))

        seen = fleet.look([agent(name) for name in sources], sources)

        self.assertEqual(["n4"], [each.name for each in seen.odd])
        self.assertEqual("n4", seen.slowest[0][0])
        self.assertEqual(2, len(seen.slowest))
        self.assertEqual([], seen.saturated)

    def test_a_look_costs_a_small_part_of_a_cpu(self):
        now, cpu, seen = [0.0], iter(range(100)), []
        watch = fleet.FleetWatch(lambda: now[0], lambda: next(cpu))
        for at in (0.0, 49.0, 50.0):
            now[0] = at
            seen.append(watch.look([agent("n1")], {}))
        self.assertIs(seen[0], seen[1])
        self.assertIsNot(seen[1], seen[2])
        self.assertIsNone(watch.look([], {}))
