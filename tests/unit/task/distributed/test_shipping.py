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

from rally.task.distributed.controller import failures, refusals
from rally.task.distributed.wire import messages
from tests.simulation.cluster import NS, Cluster
from tests.unit import test

OTHER = messages.Difference(False, "probe.py", "a" * 64, "b" * 64)


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
