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

import collections

import ddt

from rally.task.distributed.controller import (
    failures,
    leasing,
    membership,
    plan,
    registry,
)
from rally.task.distributed.controller.membership import AgentState
from rally.task.distributed.wire import channels, messages
from rally.task.work import grants
from rally.task.work.schedule import Schedule
from tests.simulation.cluster import NS, Cluster
from tests.unit import test

CONCURRENCY = 4
PREPARE = messages.Prepare(
    run="r", scenario="Dummy.dummy", content=messages.Content("none"),
    runner_type="constant", runner={}, sla={}, chunk_size=1000,
    iteration_events=False,
)


class TakeoverTestCase(test.TestCase):
    def cluster(self, **options):
        """Two agents with a share each, and a spare: a2."""
        options = {
            "agents": 3, "wanted": 2, "times": 1500,
            "concurrency": CONCURRENCY, **options,
        }
        return Cluster(**options)

    def check(self, cluster, at_once=CONCURRENCY):
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertIsNone(cluster.machine.failure)
        self.assertLessEqual(cluster.running_peak, at_once)

    def first_of(self, cluster, name):
        """When *name* started its first iteration, seconds of the run."""
        began = min(
            at for number, at in cluster.started_at.items()
            if cluster.started_by[number] == name
        )
        return (began - cluster.clock_start) / NS

    def state(self, cluster, name):
        return cluster.machine.members[name].state


@ddt.ddt
class SpareTestCase(TakeoverTestCase):
    def test_takes_over_from_a_killed_agent_once_that_is_lost(self):
        cluster = self.cluster()
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.check(cluster)
        self.assertGreater(cluster.stored_by["a2"], 100)
        self.assertGreater(self.first_of(cluster, "a2"), 3 + 9)
        self.assertLess(self.first_of(cluster, "a2"), 3 + 11)
        self.assertTrue(set(cluster.lost))

    def test_has_the_index_of_the_share_that_it_took(self):
        cluster = self.cluster()
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.play()

        lost, heir = cluster.identities["a1"], cluster.identities["a2"]
        self.assertEqual(("a1", 2), (lost.name, lost.count))
        self.assertEqual(
            messages.AgentInfo("a2", lost.index, 2, {}), heir
        )
        indexes = {
            cluster.identities[name].index for name in ("a0", "a1")
        }
        self.assertEqual({0, 1}, indexes)

    @ddt.data(None, 9.0)
    def test_waits_until_nothing_of_a_silent_agent_can_run(self, timeout_s):
        """Iterations take 3 to 9 s, and the lease 5 s after the last beat."""
        cluster = self.cluster(
            times=150, duration_s=6.0, iteration_timeout_s=timeout_s
        )
        cluster.at(20, lambda: cluster.network.cut_off("a1"))
        cluster.play()

        self.check(cluster)
        self.assertGreater(self.first_of(cluster, "a2"), 20 + 5 + 7)
        self.assertLess(self.first_of(cluster, "a2"), 20 + 5 + 9 + 2)

    def test_waits_until_somebody_knows_how_long_iterations_take(self):
        cluster = self.cluster(times=20, duration_s=60.0)
        cluster.at(12, lambda: cluster.network.cut_off("a1"))
        cluster.play()

        first_end = min(
            chunk.first_ns
            for chunk in cluster.chunks if chunk.count
        ) - cluster.clock_start
        self.check(cluster, at_once=CONCURRENCY + 2)
        self.assertGreater(self.first_of(cluster, "a2"), first_end / NS)

    def test_waits_as_long_again_if_nobody_can_know(self):
        cluster = self.cluster(
            agents=2, wanted=1, times=20, duration_s=30.0, agent_timeout_s=6
        )
        cluster.at(12, lambda: cluster.agents["a0"].die())
        cluster.play()

        self.check(cluster)
        self.assertGreater(self.first_of(cluster, "a1"), 2 * 11 + 5)
        self.assertLess(self.first_of(cluster, "a1"), 2 * 12 + 7)

    def test_an_agent_that_comes_back_frees_its_share_at_once(self):
        cluster = self.cluster(times=200, duration_s=6.0,
                               iteration_timeout_s=1000)
        cluster.at(20, lambda: cluster.network.cut_off("a1"))
        cluster.at(40, lambda: cluster.network.reconnect("a1"))
        cluster.play()

        self.check(cluster)
        self.assertLess(self.first_of(cluster, "a2"), 45)

    def test_takes_over_if_the_load_process_dies(self):
        cluster = self.cluster()

        def crash():
            cluster.agents["a1"].lose_process()

        cluster.at(3, crash)
        cluster.play()

        self.check(cluster)
        self.assertLess(self.first_of(cluster, "a2"), 3 + 2)

    def test_saves_a_run_whose_only_agent_is_lost(self):
        cluster = self.cluster(agents=2, wanted=1, times=300)
        cluster.at(3, lambda: cluster.agents["a0"].die())
        cluster.play()

        self.check(cluster)
        self.assertGreater(cluster.stored_by["a1"], 0)

    def test_that_goes_as_well_ends_the_run(self):
        cluster = self.cluster(agents=2, wanted=1, times=300)
        cluster.at(3, lambda: cluster.agents["a0"].die())
        cluster.at(4, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.assertIsInstance(cluster.machine.failure, failures.AgentLost)
        self.assertIn("no agent is left", str(cluster.machine.failure))

    def test_that_refuses_is_named_and_the_next_one_is_asked(self):
        cluster = self.cluster(agents=4)
        cluster.refusing["a2"] = ()
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.check(cluster)
        self.assertGreater(cluster.stored_by["a3"], 0)
        self.assertIn(
            "controller: agent a2 cannot take over: it lacks a plugin",
            cluster.log,
        )

    @ddt.data(False, True)
    def test_that_prepares_for_ever_or_dies_is_done_without(self, dies):
        cluster = self.cluster(agents=4, prepare_s=5)
        cluster.stuck.add("a2")
        cluster.at(3, lambda: cluster.agents["a1"].die())
        if dies:
            cluster.at(15, lambda: cluster.agents["a2"].die())
        cluster.play()

        self.check(cluster)
        self.assertGreater(cluster.stored_by["a3"], 0)

    @ddt.data(False, True)
    def test_that_still_prepares_does_not_hold_up_the_end(self, is_stopped):
        cluster = self.cluster(times=700)
        cluster.stuck.add("a2")
        cluster.at(3, lambda: cluster.agents["a1"].die())
        if is_stopped:
            cluster.at(16, cluster.stop)
        cluster.play(40)

        self.assertEqual([], cluster.problems())
        self.assertIsNone(cluster.machine.failure)

    def test_lost_while_idle_is_no_loss_and_may_come_back(self):
        cluster = self.cluster(is_closing_on_loss=True)
        cluster.at(1, lambda: cluster.network.cut_off("a2"))
        cluster.at(20, lambda: cluster.network.reconnect("a2"))
        cluster.at(30, lambda: cluster.drain("a1"))
        cluster.play()

        self.check(cluster)
        self.assertGreater(cluster.stored_by["a2"], 0)

    def test_begins_with_its_clock_known_and_the_zero_of_the_run(self):
        cluster = self.cluster(offsets_s=(0, 0, -30))
        cluster.at(3, lambda: cluster.drain("a1"))
        cluster.play()

        self.check(cluster)
        member = cluster.machine.members["a2"]
        error_ns = abs(
            member.start_at_ns - cluster.machine.run.start_ns + 30 * NS
        )
        self.assertLessEqual(error_ns, member.clock.error_ns + 1)
        self.assertTrue(member.is_takeover)


class LateComerTestCase(TakeoverTestCase):
    def test_takes_over_from_a_drained_agent(self):
        cluster = self.cluster(agents=2)
        cluster.at(5, lambda: cluster.add_agent("late"))
        cluster.at(7, lambda: cluster.drain("a0"))
        cluster.play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)
        self.assertGreater(cluster.stored_by["late"], 0)
        self.assertLess(self.first_of(cluster, "late"), 9)

    def test_takes_over_from_an_agent_that_is_lost_already(self):
        cluster = self.cluster(agents=2)
        cluster.at(1, lambda: cluster.agents["a0"].die())
        cluster.at(20, lambda: cluster.add_agent("late"))
        cluster.play()

        self.check(cluster)
        self.assertGreater(cluster.stored_by["late"], 0)

    def test_gets_nothing_while_all_shares_are_held(self):
        cluster = self.cluster(agents=2, times=300)
        cluster.at(2, lambda: cluster.add_agent("late"))
        cluster.play()

        self.check(cluster)
        self.assertEqual(0, cluster.stored_by["late"])
        self.assertIs(AgentState.JOINED, self.state(cluster, "late"))


@ddt.ddt
class RateTestCase(TakeoverTestCase):
    RATE, LEASE_S, TIMEOUT_S = 60, 2, 5

    @ddt.data(3, 4)
    def test_it_is_restored_soon_after_a_loss(self, agents):
        cluster = Cluster(
            agents=agents, wanted=3, times=1200, concurrency=60,
            schedule=Schedule.constant(self.RATE), lease_s=self.LEASE_S,
            agent_timeout_s=self.TIMEOUT_S,
        )
        cluster.at(4, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.check(cluster, at_once=60)
        starts = collections.Counter(
            (at - cluster.clock_start) // NS
            for at in cluster.started_at.values()
        )
        # silent for 1.5 s, looked at 4 times a second, 1.5 s are dealt out
        restored = range(4 + 4, 18)
        for second in restored:
            self.assertAlmostEqual(self.RATE, starts[second], delta=1)
        self.assertLess(starts[5], self.RATE)


@ddt.ddt
class DrainTestCase(TakeoverTestCase):
    def test_loses_nothing_and_the_others_do_the_rest(self):
        cluster = self.cluster(agents=3, wanted=3)
        cluster.at(3, lambda: cluster.drain("a1"))
        cluster.play()

        self.check(cluster)
        self.assertTrue(cluster.answers[0].is_accepted)
        self.assertEqual({}, cluster.lost)
        self.assertIs(AgentState.DONE, self.state(cluster, "a1"))
        last = max(
            at for number, at in cluster.started_at.items()
            if cluster.started_by[number] == "a1"
        )
        self.assertLess(last, cluster.clock_start + 4 * NS)

    def test_is_visible_until_the_last_chunk_is_stored(self):
        cluster = self.cluster(duration_s=5.0, times=60)
        states = []
        cluster.at(3, lambda: cluster.drain("a1"))
        cluster.at(4, lambda: states.append(self.state(cluster, "a1")))
        cluster.at(4, lambda: states.append(cluster.drain("a1")))
        cluster.at(20, lambda: states.append(cluster.drain("a1")))
        cluster.play()

        state, again, over = states
        self.assertIs(AgentState.DELIVERING, state)
        self.assertEqual(
            messages.DrainAnswer("a1", True, False, "agent a1 is draining"),
            again,
        )
        self.assertTrue(over.is_accepted and over.is_over)

    def test_is_refused_if_nobody_would_be_left(self):
        cluster = self.cluster(agents=2, wanted=2, times=400)
        cluster.at(2, lambda: cluster.drain("a0"))
        cluster.at(4, lambda: cluster.drain("a1"))
        cluster.play()

        self.check(cluster)
        accepted, refused = cluster.answers
        self.assertTrue(accepted.is_accepted)
        self.assertFalse(refused.is_accepted)
        self.assertIn("work is left", refused.text)
        self.assertEqual({}, cluster.lost)

    def test_of_the_only_agent_waits_for_its_spare(self):
        cluster = self.cluster(agents=2, wanted=1, times=400)
        cluster.at(2, lambda: cluster.drain("a0"))
        cluster.play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)
        self.assertGreater(cluster.stored_by["a1"], 0)

    def test_of_a_spare_takes_it_out_of_the_run(self):
        cluster = self.cluster(times=600)
        cluster.at(2, lambda: cluster.drain("a2"))
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.check(cluster)
        self.assertTrue(cluster.answers[0].is_over)
        self.assertEqual(0, cluster.stored_by["a2"])

    def test_of_one_that_prepares_to_take_over_lets_another_do_it(self):
        cluster = self.cluster(agents=4)
        cluster.stuck.add("a2")
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.at(15, lambda: cluster.drain("a2"))
        cluster.play()

        self.check(cluster)
        self.assertEqual(0, cluster.stored_by["a2"])
        self.assertGreater(cluster.stored_by["a3"], 0)

    def test_once_all_is_dealt_out_it_does_what_it_has(self):
        cluster = self.cluster(agents=2, times=8, duration_s=10.0)
        cluster.at(5, lambda: cluster.drain("a1"))
        cluster.play()

        self.check(cluster)
        self.assertIn("dealt out already", cluster.answers[0].text)
        self.assertEqual({}, cluster.lost)

    @ddt.data(
        ("a9", "no agent of this name takes part in the run; there are a0"),
        ("a1", "it is lost"),
    )
    @ddt.unpack
    def test_cannot_be_done(self, name, text):
        cluster = self.cluster(agents=3, wanted=3)
        cluster.at(2, lambda: cluster.agents["a1"].die())
        cluster.at(14, lambda: cluster.drain(name))
        cluster.play()

        [answer] = cluster.answers
        self.assertFalse(answer.is_accepted)
        self.assertIn(text, answer.text)

    def test_is_refused_when_the_run_stops_or_has_not_begun(self):
        cluster = self.cluster(duration_s=5.0)
        cluster.stuck.add("a1")
        cluster.at(2, lambda: cluster.drain("a1"))
        cluster.at(3, cluster.stuck.clear)
        cluster.at(3, lambda: cluster.agents["a1"].process.said.append(
            messages.LoadReady()
        ))
        cluster.at(10, cluster.stop)
        cluster.at(10.1, lambda: cluster.drain("a1"))
        cluster.play()

        early, late = cluster.answers
        self.assertIn("about to begin", early.text)
        self.assertIn("the run is stopping", late.text)

    def test_before_the_load_it_makes_room_for_another_agent(self):
        cluster = self.cluster(agents=1, wanted=2, times=100)
        cluster.at(1, lambda: cluster.drain("a0"))
        cluster.at(2, lambda: cluster.add_agent("a1"))
        cluster.at(3, lambda: cluster.add_agent("a2"))
        cluster.play()

        self.check(cluster)
        self.assertEqual({"a1", "a2"}, set(cluster.stored_by))


class OperatorTestCase(TakeoverTestCase):
    def test_is_never_taken_for_an_agent(self):
        cluster = self.cluster(agents=1, wanted=2)
        operator = channels.operator("01")
        hello = messages.Hello("i", "6.0.0", "host", 2, 0)

        self.assertIsNone(cluster.hear(operator, hello))
        self.assertEqual({}, cluster.machine.members)

    def test_is_nobody_an_agent_can_pose_as(self):
        cluster = self.cluster(agents=3, wanted=3, times=600)
        ask = messages.DrainAsked("a1")
        cluster.at(2, lambda: cluster.agents["a0"].end.send(
            channels.Channel.CONTROL, ask
        ))
        cluster.play()

        self.check(cluster)
        self.assertEqual([], cluster.answers)
        self.assertGreater(cluster.stored_by["a1"], 100)


def two_running_agents():
    """Agents a and b of a run of two iterations, and its leases."""
    run_plan = plan.RunPlan(
        prepare=PREPARE, shares=[], concurrencies=[],
        rally_version="", address="",
    )
    hello = messages.Hello("i", "", "host", 2, 0)
    agents = registry.Registry(run_plan)
    for name in ("a", "b"):
        agents.add(membership.Member(
            name, hello, 0, AgentState.RUNNING, concurrency=1
        ))
    leases = leasing.Leasing(agents, grants.ClosedGranting(2, None))
    leases.begin(0)
    return agents, leases


@ddt.ddt
class TerminatedAgentTestCase(TakeoverTestCase):
    @ddt.data(3.0, 8.0, 11.0, 11.1, 11.2, 11.3, 11.4)
    def test_loses_nothing_and_the_run_goes_on(self, seconds):
        cluster = self.cluster(agents=2, wanted=2, times=450)
        cluster.at(seconds, lambda: "a1" in cluster.agents
                   and cluster.agents["a1"].shut_down())
        cluster.play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)

    def test_before_the_load_began_ends_the_run_by_name(self):
        cluster = self.cluster(agents=2, wanted=2)
        cluster.stuck.add("a0")
        cluster.at(2, lambda: cluster.agents["a1"].shut_down())
        cluster.at(2.5, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.assertIn("the load had not begun", str(cluster.machine.failure))
        self.assertIn("Agent a1", str(cluster.machine.failure))

    def test_with_everything_dealt_out_it_is_dealt_again(self):
        agents, leases = two_running_agents()
        leases.grant(0)
        self.assertTrue(leases.is_closed)
        member = agents.members["a"]
        ended = messages.Ended("r", 0, ((1, 1, 1),), False, 1, 1)

        member.ended = True
        leases.take_back(member, ended, True, has_others=True)

        self.assertEqual(0, member.ledger.outstanding_count)
        self.assertFalse(leases.is_closed)
        agents.members["b"].remaining = 0
        [grant, close] = leases.grant(0)
        self.assertEqual(("b", (1, 1, 1)),
                         (grant.peer, grant.message.numbers))
        self.assertIsInstance(close.message, messages.Close)
        other = agents.members["b"]
        ended = messages.Ended("r", 0, ((1, 1, 1),), False, 1, 1)
        leases.take_back(other, ended, True, has_others=False)
        self.assertEqual(2, other.ledger.outstanding_count)

    def test_what_came_back_too_late_is_lost_with_its_first_agent(self):
        agents, leases = two_running_agents()
        first, second = agents.members.values()
        self.assertFalse(leases.lose_late())
        leases.grant(0)
        back = messages.Ended("r", 0, ((1, 1, 1),), False, 1, 1)
        first.ended = True
        leases.take_back(first, back, True, has_others=True)
        second.remaining = 0
        leases.grant(0)
        second.ended = True  # it had been told that there is no more
        second.ledger.store([(2, 1, 1)])
        back = messages.Ended("r", 0, ((1, 1, 1),), False, 2, 1)
        leases.take_back(second, back, True, has_others=True)

        self.assertTrue(leases.lose_late())

        self.assertTrue(leases.is_closed)
        self.assertEqual(((1, 1, 1),), first.ledger.outstanding())
        self.assertEqual((), second.ledger.outstanding())

    def test_is_replaced_by_a_spare(self):
        cluster = self.cluster()
        cluster.at(3, lambda: cluster.agents["a1"].shut_down())
        cluster.play()

        self.check(cluster)
        self.assertEqual({}, cluster.lost)
        self.assertGreater(cluster.stored_by["a2"], 0)
        self.assertLess(self.first_of(cluster, "a2"), 5)
        self.assertIn(
            "controller: agent a1 ends its part of the run; others do the "
            "rest", cluster.log,
        )
