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

"""Zones of a fleet, each agent on a host of its own."""

import collections
import json

from tests.cluster import cluster

RATE = 100


class ZonesTestCase(cluster.TestCase):
    AGENTS = ("n1", "n2", "n3", "n4", "n5")
    ZONES = {"n1": "a", "n2": "a", "n3": "b", "n4": "b", "n5": "c"}
    LABELS = {name: "zone=%s" % zone for name, zone in ZONES.items()}

    def visits(self):
        """Iterations that each zone has started, as the referee saw it."""
        return collections.Counter({
            zone: sum(
                len(self.referee.arrivals(self.agents[name].address))
                for name in self.AGENTS if self.ZONES[name] == zone
            )
            for zone in "abc"
        })

    def test_others_stand_by_even_if_an_agent_is_lost(self):
        run = self.start_load(
            {"constant": {"times": 1200, "concurrency": 8}},
            agents={"count": 2, "select": {"zone": "a"}},
        )
        self.wait_for_visits(run, 100)
        self.agents["n1"].kill()

        done = run.finish()

        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, 1200, 8, {"n1"})
        self.assertEqual({"a"}, set(+self.visits()))
        self.discard_spool("n1")

    def test_zones_get_their_part_of_an_open_load_exactly(self):
        times = 12 * RATE
        run = self.start_load(
            {"rps": {"times": times, "rps": RATE, "max_concurrency": 40}},
            agents=4, weights={"zone": {"a": 3, "b": 1}}, sleep=0.02,
        )

        done = run.finish()

        self.assertEqual(0, done.code, done.out)
        visits = self.visits()
        self.figure("visits by zone", str(dict(visits)))
        self.assertEqual(
            {"a": times * 3 // 4, "b": times // 4}, dict(+visits)
        )
        self.assertEqual(
            {"a": times * 3 // 4, "b": times // 4},
            {
                group["value"]: group["iterations"]
                for group in run.workload.load_info["by_label"]
            },
        )

    def test_a_zone_is_drained_and_the_list_shows_it(self):
        # it lasts longer than two commands take
        run = self.start_load(
            {"constant": {"times": 3000, "concurrency": 8}}, agents=5,
        )
        self.wait_for_visits(run, 100)

        said = self.sandbox.must(
            "agent", "drain", "--label", "zone=a", "--wait", "60"
        ).out
        listed = json.loads(self.sandbox.must("agent", "list", "--json").out)
        by_then = self.visits()["a"]

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        for name in ("n1", "n2"):
            self.assertIn("Agent %s has been drained" % name, said)
        states = {each["name"]: each["state"] for each in listed["agents"]}
        self.assertEqual("done", states["n1"])
        self.assertEqual("running", states["n3"])
        self.assertEqual(by_then, self.visits()["a"])
        self.check_accounting(run.workload, 3000, 8, set())

    def test_too_few_of_a_zone_are_named_with_their_labels(self):
        for agent in self.agents.values():
            agent.wait_until_dialing()
        run = self.start_load(
            {"constant": {"times": 10, "concurrency": 3}},
            agents={"count": 3, "select": {"zone": "a"}}, wait=5,
        )

        done = run.finish()

        self.assertNotEqual(0, done.code)
        self.assertIn("2 with zone=a, 2 with zone=b, 1 with zone=c",
                      done.out + done.err)
        self.assertEqual(0, self.referee.count())
