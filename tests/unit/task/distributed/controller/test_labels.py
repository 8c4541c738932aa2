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

"""Runs that use some of the agents, or not all of them alike."""

from __future__ import annotations

import collections

from rally.plugins.common.runners import arrangement, constant
from rally.task.distributed.controller import failures
from rally.task.work import selection
from rally.task.work.schedule import Schedule
from tests.simulation.cluster import NS, Cluster
from tests.unit import test

ZONES = {
    "a0": {"zone": "a"}, "a1": {"zone": "b"}, "a2": {"zone": "a"},
    "a3": {"zone": "b"}, "a4": {},
}
IN_ZONE_A = selection.Selection({"zone": ("a",)})
WEIGHTS = {"a": 3, "b": 1}


def weighed(concurrency):
    """Options of a cluster whose zones have weights."""
    return {
        "selection": selection.Selection({}, "zone", WEIGHTS),
        "split": arrangement.splitting(
            constant.ConstantScenarioRunner, {"concurrency": concurrency},
            WEIGHTS,
        ),
        "needs_groups": True,
    }


class SelectionTestCase(test.TestCase):
    def test_only_those_with_the_label_make_load(self):
        cluster = Cluster(
            agents=5, wanted=2, labels=ZONES, selection=IN_ZONE_A
        ).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertEqual({"a0", "a2"}, set(cluster.stored_by))
        self.assertEqual(
            {"zone": "a"}, cluster.identities["a2"].labels
        )

    def test_others_do_not_take_over(self):
        cluster = Cluster(
            agents=4, wanted=2, times=2000, labels=ZONES, selection=IN_ZONE_A
        )
        cluster.at(5, cluster.agents["a0"].die)
        cluster.play()

        self.assertEqual([], cluster.problems())
        self.assertLessEqual(set(cluster.stored_by), {"a0", "a2"})

    def test_too_few_of_them_is_an_error_that_says_what_there_was(self):
        cluster = Cluster(
            agents=5, wanted=3, wait_s=5, labels=ZONES, selection=IN_ZONE_A
        ).play()

        failure = cluster.machine.failure
        self.assertIsInstance(failure, failures.NotEnoughAgents)
        self.assertIn("only 2 came within 5 s (a0, a2)", str(failure))
        self.assertIn(
            "zone=a, and these are there: 2 with zone=a, 2 with zone=b, 1 "
            "with no label", str(failure),
        )
        self.assertEqual({}, dict(cluster.started))


class WeightsTestCase(test.TestCase):
    def zones(self, cluster):
        """How many iterations each zone has started."""
        return collections.Counter(
            ZONES[name]["zone"] for name in cluster.started_by.values()
        )

    def test_concurrency_is_in_proportion(self):
        cluster = Cluster(
            agents=5, wanted=4, times=800, concurrency=8, labels=ZONES,
            **weighed(8),
        ).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        members = cluster.machine.members
        self.assertEqual(
            {"a0": 3, "a1": 1, "a2": 3, "a3": 1, "a4": 0},
            {name: member.concurrency for name, member in members.items()},
        )
        self.assertEqual(8, cluster.running_peak)
        zones = self.zones(cluster)
        self.assertLess(abs(zones["a"] - 600), 30)

    def test_an_open_model_is_shared_out_exactly(self):
        cluster = Cluster(
            agents=5, wanted=4, times=803, concurrency=800, labels=ZONES,
            schedule=Schedule.constant(100), **weighed(800),
        ).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        for first in range(1, 800):
            zones = [
                ZONES[cluster.started_by[first + i]]["zone"]
                for i in range(4)
            ]
            self.assertEqual(3, zones.count("a"), first)
        start_ns = cluster.machine.run.start_ns
        late = max(
            at - start_ns - Schedule.constant(100).due_ns(number - 1)
            for number, at in cluster.started_at.items()
        )
        self.assertLess(late, 0.1 * NS)

    def test_a_share_is_taken_over_within_its_group(self):
        labels = {**ZONES, "a4": {"zone": "b"}}
        cluster = Cluster(
            agents=5, wanted=3, times=4000, concurrency=8, labels=labels,
            **weighed(8),
        )
        cluster.at(3, cluster.agents["a1"].die)
        cluster.play()

        self.assertEqual([], cluster.problems())
        members = cluster.machine.members
        self.assertEqual(
            {"a0": "a", "a1": "b", "a2": "a", "a3": "b"},
            {
                name: member.group for name, member in members.items()
                if member.has_worked
            },
        )
        self.assertEqual(2, members["a3"].concurrency)

    def lose_zone_b(self, agents, times=10_000, **options):
        labels = {**ZONES, "a3": {"zone": "a"}}
        cluster = Cluster(
            agents=agents, wanted=2, times=times, concurrency=8,
            labels=labels, **{**weighed(8), **options},
        )
        cluster.at(3, cluster.agents["a1"].die)
        return cluster

    def test_others_take_over_if_a_whole_group_stays_away(self):
        cluster = self.lose_zone_b(agents=3).play()

        self.assertEqual([], cluster.problems())
        members = cluster.machine.members
        self.assertEqual((6, 2), (
            members["a0"].concurrency, members["a2"].concurrency
        ))
        start_ns = cluster.machine.run.start_ns
        began_s = (min(
            at for number, at in cluster.started_at.items()
            if cluster.started_by[number] == "a2"
        ) - start_ns) / NS
        # it was noticed after 10 s, and its group was waited for
        self.assertLess(40, began_s)
        self.assertLess(began_s, 50)
        self.assertEqual([], cluster.machine.run.failover.shortfalls)

    def test_in_an_open_model_the_place_is_kept_for_the_group(self):
        cluster = self.lose_zone_b(
            agents=3, times=1500, schedule=Schedule.constant(25),
            needs_groups=False,
        ).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual({"a0", "a1"}, set(cluster.started_by.values()))
        self.assertEqual([], cluster.machine.run.failover.shortfalls)

    def test_of_two_groups_the_one_that_has_a_spare_is_served_first(self):
        labels = {**ZONES, "a2": {"zone": "b"}}
        cluster = Cluster(
            agents=3, wanted=2, times=4000, concurrency=8, labels=labels,
            **weighed(8),
        )
        cluster.at(3, cluster.agents["a0"].die)
        cluster.at(4, cluster.agents["a1"].die)
        cluster.play()

        self.assertEqual([], cluster.problems())
        members = cluster.machine.members
        self.assertEqual(2, members["a2"].concurrency)

    def test_a_part_that_nobody_makes_is_said_once_and_kept(self):
        cluster = self.lose_zone_b(agents=2).play()

        self.assertEqual([], cluster.problems())
        said = [
            line for line in cluster.log
            if "smaller than what was asked" in line
        ]
        self.assertEqual(1, len(said), said)
        self.assertIn("zone=b: a concurrency of 2 was missing, of 8", said[0])
        self.assertEqual(1, len(cluster.machine.run.failover.shortfalls))

    def test_a_group_that_has_lost_one_of_two_is_still_there(self):
        cluster = Cluster(
            agents=4, wanted=4, times=6000, concurrency=8, labels=ZONES,
            **weighed(8),
        )
        cluster.at(3, cluster.agents["a1"].die)
        cluster.play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.machine.run.failover.shortfalls)

    def test_a_short_absence_is_not_worth_a_word(self):
        cluster = self.lose_zone_b(agents=2, times=2000).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.machine.run.failover.shortfalls)

    def test_a_run_waits_for_each_group(self):
        cluster = Cluster(
            agents=3, wanted=2, wait_s=5, concurrency=8,
            labels=dict.fromkeys(("a0", "a1", "a2"), {"zone": "a"}),
            **weighed(8),
        ).play()

        self.assertIn("one of each at least", str(cluster.machine.failure))
