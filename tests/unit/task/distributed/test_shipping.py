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


"""Plugins of agents, as the state machines see them."""

from __future__ import annotations

import os

from rally.task.distributed import content, shipped_files
from rally.task.distributed.controller import failures, refusals
from rally.task.distributed.wire import messages
from tests.simulation.cluster import NS, Cluster
from tests.simulation.network import Weather
from tests.unit import test

OTHER = messages.Difference(False, "probe.py", "a" * 64, "b" * 64)


def packed(*contents):
    """A shipment of files with such contents."""
    described = [content.described(data) for data in contents]
    return shipped_files.PackedFiles(
        messages.Shipment(tuple(
            messages.ShippedFile("plugins/%d.py" % i, each)
            for i, each in enumerate(described)
        )),
        {each.digest: data for each, data in zip(described, contents)},
    )


class ShippingTestCase(test.TestCase):
    def check(self, cluster):
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertIsNone(cluster.machine.failure)

    def test_all_files_arrive_whatever_the_network_does(self):
        made = packed(b"", b"small", os.urandom(3 << 20), b"small", b"x" * 99)
        cluster = Cluster(
            agents=3, times=100, concurrency=4, packed=made,
            weather=Weather(
                drop=0.05, repeat=0.05, reorder=0.05, min_delay_s=0.001,
                max_delay_s=0.05,
            ),
        ).play()

        self.check(cluster)
        for agent in cluster.agents.values():
            self.assertEqual(made.contents, agent.shipped)

    def test_a_file_that_an_agent_has_is_not_sent_again(self):
        cluster = Cluster(
            agents=2, times=100, concurrency=4,
            packed=packed(b"1", b"2", b"2", b""),
        ).play()
        parts = cluster.network.sent["Part"]
        cluster.pause(1)
        cluster.next_run("run-2")

        self.check(cluster)
        self.assertEqual(2 * 3, parts)  # with the content of the load
        self.assertEqual(parts, cluster.network.sent["Part"])

    def test_only_those_that_prepare_are_sent_any(self):
        made = packed(b"secret")
        cluster = Cluster(agents=3, wanted=2, times=50, packed=made)
        (digest,) = made.contents

        def ask():
            cluster.hear("a2", messages.FetchPart(cluster.run, digest, 0))

        cluster.at(1, ask)
        cluster.play()

        self.check(cluster)
        self.assertEqual(2 * 2, cluster.network.sent["Part"])

    def test_an_agent_may_decline(self):
        cluster = Cluster(agents=0, wanted=3, packed=packed(b"1"))
        cluster.declining.update(("a0", "a2"))
        for name in ("a0", "a1", "a2"):
            cluster.add_agent(name)
        cluster.play()

        self.assertIsInstance(
            cluster.machine.failure, failures.AgentCannotRun
        )
        text = str(cluster.machine.failure)
        self.assertIn("Agent a0, a2 cannot take part", text)
        self.assertIn("--no-shipping", text)
        self.assertEqual({}, cluster.started)

    def test_a_list_of_files_that_leads_elsewhere_is_declined(self):
        made = packed(b"1")
        (file,) = made.shipment.files
        made = made._replace(shipment=messages.Shipment(
            (messages.ShippedFile("../probe.py", file.content),)
        ))
        cluster = Cluster(agents=1, packed=made).play()

        self.assertIn("'../probe.py'", str(cluster.machine.failure))
        self.assertEqual({}, cluster.started)
        self.assertEqual(0, cluster.network.sent["Part"])


class DifferencesTestCase(test.TestCase):
    def refused(self, names, agents, stuck=()):
        cluster = Cluster(agents=agents, times=50, concurrency=agents)
        cluster.refusing.update(dict.fromkeys(names, (OTHER,)))
        cluster.stuck.update(stuck)
        cluster.play()
        self.assertEqual({}, cluster.started)
        return cluster

    def test_all_agents_that_have_one_are_in_one_error(self):
        names = ["a%d" % i for i in range(20)]
        cluster = self.refused(names, 21)

        failure = cluster.machine.failure
        self.assertIsInstance(failure, failures.PluginsDiffer)
        self.assertIn("on a0, a1, a10 and 17 more\n", str(failure))

    def test_nobody_waits_long_for_an_agent_that_says_nothing(self):
        cluster = self.refused(["a0"], 3, stuck=["a2"])

        self.assertIsInstance(
            cluster.machine.failure, failures.PluginsDiffer
        )
        took_ns = cluster.clock.now_ns() - cluster.clock_start
        self.assertLess(took_ns, refusals.GRACE_NS + 30 * NS)

    def test_in_a_run_that_goes_on_it_is_no_successor(self):
        cluster = Cluster(agents=3, times=600, concurrency=4, wanted=2)
        cluster.refusing["a2"] = (OTHER,)
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.assertIsNone(cluster.machine.failure)
        self.assertIn("agent a2 cannot take over", " ".join(cluster.log))
