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

"""Agents that serve one run after another, and what they keep in between."""

from __future__ import annotations

import ddt

from rally.task.distributed import commands
from rally.task.distributed.agent import spare_load
from rally.task.distributed.controller import failures
from rally.task.distributed.wire import messages
from tests.simulation.cluster import NS, Cluster
from tests.simulation.network import Weather
from tests.unit import test

ROUGH = Weather(
    drop=0.05, repeat=0.05, reorder=0.05, min_delay_s=0.001, max_delay_s=0.05
)
#: more than an agent waits until it thinks that its controller is gone
LONG_S = 60


class SpareLoadTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.spare = spare_load.SpareLoad()
        self.code = messages.Code("t", ("a",))

    def test_a_welcome_lets_one_process_import(self):
        self.assertEqual(
            [commands.WarmLoad(self.code)], self.spare.warm(self.code, 0)
        )
        self.assertEqual([], self.spare.warm(self.code, 1))
        self.assertEqual([], self.spare.take("t"))
        self.assertFalse(self.spare.is_there)

    def test_who_names_no_task_gets_none(self):
        self.assertEqual([], self.spare.warm(messages.Code(), 0))

    def test_a_load_of_another_task_does_not_get_it(self):
        self.spare.keep("t", 0)
        self.assertEqual([commands.EndLoad()], self.spare.take("other"))

    def test_it_does_not_wait_for_ever(self):
        self.spare.keep("t", 0)
        self.assertEqual([], self.spare.expire(spare_load.KEEP_NS - 1))
        self.assertEqual(
            [commands.EndLoad()], self.spare.expire(spare_load.KEEP_NS)
        )
        self.assertFalse(self.spare.is_there)
        self.assertEqual([], self.spare.expire(2 * spare_load.KEEP_NS))


@ddt.ddt
class RunsInARowTestCase(test.TestCase):
    def check(self, cluster):
        self.assertIsNone(cluster.machine.failure)
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())

    def check_undisturbed(self, cluster):
        self.check(cluster)
        self.assertEqual({}, cluster.lost)

    @ddt.data(0, 0.5, 3, LONG_S, 3600)
    def test_one_load_process_serves_them_all(self, pause_s):
        cluster = Cluster(task="t").play()
        for i in range(2, 5):
            cluster.pause(pause_s)
            began = cluster.clock.now_ns()
            cluster.next_run("run-%d" % i, "t")
            self.check_undisturbed(cluster)
            # none has to wait until a deadline has passed
            self.assertLess(cluster.clock.now_ns() - began, 12 * NS)
        if pause_s * NS < spare_load.KEEP_NS:
            self.assertEqual({"a0": 1, "a1": 1}, cluster.processes)

    def test_the_next_run_begins_at_once(self):
        cluster = Cluster(task="t", times=4, duration_s=0.01).play()
        for i in range(2, 6):
            cluster.pause(0.01)
            began = cluster.clock.now_ns()
            cluster.next_run("run-%d" % i, "t")
            self.check_undisturbed(cluster)
            # half of what an agent waits between two hellos
            self.assertLess(cluster.machine.run.start_ns - began, NS // 2)

    def test_another_task_gets_another_process(self):
        cluster = Cluster(task="t").play()
        cluster.pause(3)
        cluster.next_run("run-2", "other")
        self.check_undisturbed(cluster)
        self.assertEqual({"a0": 2, "a1": 2}, cluster.processes)

    def test_without_a_task_nothing_is_kept(self):
        cluster = Cluster().play()
        cluster.pause(3)
        cluster.next_run("run-2")
        self.check_undisturbed(cluster)
        self.assertEqual({"a0": 2, "a1": 2}, cluster.processes)

    def test_a_process_in_which_something_is_left_is_not_kept(self):
        cluster = Cluster(task="t")
        cluster.littering.add("a1")
        cluster.play()
        cluster.next_run("run-2", "t")
        self.check_undisturbed(cluster)
        self.assertEqual(1, cluster.processes["a0"])
        self.assertGreater(cluster.processes["a1"], 1)

    def test_a_process_that_died_in_between_is_replaced(self):
        cluster = Cluster(task="t").play()
        cluster.pause(3)
        cluster.agents["a0"].lose_process()
        cluster.pause(LONG_S)  # not started in vain, again and again
        self.assertEqual({"a0": 1, "a1": 1}, cluster.processes)
        cluster.next_run("run-2", "t")
        self.check_undisturbed(cluster)
        self.assertEqual({"a0": 2, "a1": 1}, cluster.processes)

    @ddt.data(*range(8))
    def test_agents_that_refused_one_after_another_serve_the_next(self, seed):
        cluster = Cluster(
            seed, agents=3, weather=ROUGH if seed else None, task="t"
        )
        cluster.refusing["a0"] = ()
        cluster.hesitating.update(("a1", "a2"))
        cluster.play()
        self.assertIsInstance(cluster.machine.failure, failures.AgentCannotRun)
        self.assertEqual([], cluster.unsettled())
        cluster.refusing.clear()
        cluster.hesitating.clear()

        cluster.next_run("run-2", "t", limit_s=50)

        self.check(cluster)
        self.assertEqual({"a0", "a1", "a2"}, set(cluster.stored_by))

    def test_an_agent_that_died_in_between_is_replaced(self):
        cluster = Cluster(task="t").play()
        cluster.pause(3)
        cluster.agents["a0"].die()
        cluster.add_agent("a0")
        cluster.next_run("run-2", "t")
        self.check_undisturbed(cluster)
        self.assertEqual({"a0", "a1"}, set(cluster.stored_by))

    def test_one_that_was_lost_is_named_and_can_be_replaced(self):
        cluster = Cluster(task="t", times=400)
        cluster.at(3, lambda: setattr(
            cluster.agents["a0"], "frozen_until",
            cluster.clock.now_ns() + 3600 * NS,
        ))
        cluster.play()
        self.assertEqual(["a0"], cluster.unsettled())
        cluster.agents["a0"].die()
        cluster.spools["a0"].clear()  # a local agent's goes with it
        cluster.add_agent("a0")
        cluster.next_run("run-2", "t")
        self.check_undisturbed(cluster)

    @ddt.data(*range(40))
    def test_whatever_the_network_does(self, seed):
        cluster = Cluster(
            seed, agents=3, weather=ROUGH, task="t", times=60
        ).play()
        for i in range(2, 5):
            cluster.pause((seed % 4) * 0.7)
            # shorter than it takes to give an agent up
            cluster.next_run("run-%d" % i, "t", limit_s=LONG_S - 3)
            self.check(cluster)
        self.assertEqual([], cluster.unsettled())
        self.assertEqual({"a0": 1, "a1": 1, "a2": 1}, cluster.processes)

    def test_what_an_agent_holds_of_a_run_before_it_gives_up(self):
        cluster = Cluster(task="t")
        done = cluster.end.send

        def lose_done(peer, channel, message):
            if not isinstance(message, messages.Done):
                done(peer, channel, message)

        cluster.end.send = lose_done
        cluster.play()
        cluster.end.send = done
        cluster.next_run("run-2", "t", limit_s=50)
        self.check_undisturbed(cluster)
