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

"""The controller and its agents, over a network in memory."""

from __future__ import annotations

import random

import ddt

from rally.task.distributed import notices
from rally.task.distributed.commands import Send
from rally.task.distributed.controller import failures
from rally.task.distributed.controller.machine import (
    LOOK_NS_PER_AGENT,
    Phase,
)
from rally.task.distributed.controller.membership import (
    TRANSITIONS,
    AgentEvent,
    AgentState,
    IllegalTransition,
    Member,
    advance,
)
from rally.task.distributed.wire import channels, messages
from rally.task.work import grants as granting
from rally.task.work.schedule import Schedule
from tests.simulation.cluster import NS, Cluster
from tests.simulation.network import CONTROLLER, Weather
from tests.unit import test

ROUGH = Weather(
    drop=0.02, repeat=0.05, reorder=0.05, min_delay_s=0.001, max_delay_s=0.05
)
SLOW = Weather(min_delay_s=0.01, max_delay_s=0.2)


class UndisturbedTestCase(test.TestCase):
    def test_every_iteration_is_started_and_stored_once(self):
        cluster = Cluster(agents=3, times=500, concurrency=7).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertEqual({}, cluster.lost)
        self.assertIsNone(cluster.machine.failure)

    def test_never_more_run_at_once_than_was_asked(self):
        cluster = Cluster(agents=3, times=300, concurrency=7).play()

        self.assertEqual(7, cluster.running_peak)

    def test_fast_and_slow_agents_end_together(self):
        cluster = Cluster(agents=1, times=2000, concurrency=8, wanted=2)
        cluster.add_agent("slow", duration_s=1.0)
        cluster.play()

        starts = sorted(cluster.started_at.values())
        self.assertEqual([], cluster.unaccounted())
        self.assertGreater(
            cluster.stored_by["a0"], 5 * cluster.stored_by["slow"]
        )
        self.assertLess(starts[-1] - starts[-20], 5 * NS)

    def test_clocks_that_differ_by_half_a_minute_change_nothing(self):
        cluster = Cluster(
            agents=3, times=300, concurrency=6, offsets_s=(0, 5, -30)
        ).play()

        first = min(cluster.started_at.values())
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        start_ns = cluster.machine.run.start_ns
        self.assertLess(abs(first - start_ns), 0.02 * NS)
        for name, offset_s in (("a0", 0), ("a1", 5), ("a2", -30)):
            clock = cluster.machine.members[name].clock
            self.assertLessEqual(
                abs(clock.offset_ns - offset_s * NS), clock.error_ns + 1
            )

    def test_many_agents_get_all_they_need_though_looked_at_together(self):
        cluster = Cluster(agents=40, times=4000, concurrency=80).play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertGreater(min(cluster.stored_by.values()), 50)

    def test_of_many_agents_few_are_named_when_the_load_starts(self):
        cluster = Cluster(agents=40, times=10**6, concurrency=80)
        while cluster.machine.phase is not Phase.RUNNING:
            cluster.step()

        self.assertIn(
            "controller: the load starts on a0, a1, a10 and 37 more",
            cluster.log,
        )

    def test_of_many_agents_not_each_message_means_a_look_at_all(self):
        cluster = Cluster(agents=40, times=10**6, concurrency=80)
        while cluster.machine.phase is not Phase.RUNNING:
            cluster.step()
        machine, now = cluster.machine, cluster.clock.now_ns()
        looks = []
        machine.run.leasing.grant = lambda at: looks.append(at) or []

        for i in range(1000):
            at = now + i * 50_000
            machine.handle(
                channels.Received(
                    "a%d" % (i % 40), channels.Channel.CONTROL,
                    messages.WorkRequest(machine.run.id, 1, 0, 0, 10),
                ),
                at,
            )
            if at >= machine.next_deadline():
                machine.expire(at)

        self.assertGreater(len(looks), 5)
        self.assertLessEqual(
            len(looks), 50_000_000 // (40 * LOOK_NS_PER_AGENT) + 1
        )

    def test_an_agent_without_a_share_stays_a_spare(self):
        cluster = Cluster(agents=3, times=20, concurrency=2).play()

        states = [m.state for m in cluster.machine.members.values()]
        self.assertEqual(1, states.count(AgentState.JOINED))
        self.assertEqual([], cluster.unaccounted())

    def test_an_open_model_is_dealt_in_turn_and_on_time(self):
        cluster = Cluster(
            agents=3, times=200, concurrency=60, duration_s=0.3,
            schedule=Schedule.constant(50),
        ).play()

        self.assertEqual([], cluster.unaccounted())
        counts = sorted(cluster.stored_by.values())
        self.assertLessEqual(counts[-1] - counts[0], 2)
        granted_late = [
            number
            for number, at in cluster.started_at.items()
            if at - cluster.machine.run.start_ns > (number - 1) * NS // 50 + NS
        ]
        self.assertEqual([], granted_late)

    def test_a_duration_ends_the_load_everywhere(self):
        cluster = Cluster(
            agents=2, times=10**9, concurrency=4, duration_s=0.05,
            duration_of_run_s=3.0,
        )
        cluster.at(20, cluster.stop)
        cluster.play()

        begin_ns = cluster.machine.run.start_ns
        for name in cluster.agents:
            last_ns = max(
                at for number, at in cluster.started_at.items()
                if cluster.started_by[number] == name
            )
            # these loads have no clock: they run what they hold by then, a
            # block and the part of one at which they asked for it
            held_s = 1.5 * granting.WORK_S
            self.assertGreater(last_ns, begin_ns + 2.9 * NS, name)
            self.assertLess(last_ns, begin_ns + (3 + held_s) * NS, name)
        self.assertEqual([], cluster.problems())
        self.assertEqual({}, cluster.lost)


class RefusalTestCase(test.TestCase):
    def test_too_few_agents_are_named(self):
        cluster = Cluster(agents=1, wanted=3, wait_s=5, concurrency=3).play()

        self.assertIsInstance(
            cluster.machine.failure, failures.NotEnoughAgents
        )
        self.assertIn("(a0)", str(cluster.machine.failure))
        self.assertEqual({}, cluster.started)

    def test_another_version_is_refused_and_named(self):
        cluster = Cluster(agents=2, wait_s=5, versions={"a1": "5.1.1"}).play()

        text = str(cluster.machine.failure)
        self.assertIn("agent a1 was refused: it runs Rally 5.1.1", text)
        self.assertEqual({}, cluster.started)


class StartedByAProviderTestCase(test.TestCase):
    def fails(self, cluster, name, reason, tail=""):
        cluster.tell(notices.AgentLeft(name, reason, tail))

    def test_the_others_are_waited_for_and_all_that_failed_are_shown(self):
        cluster = Cluster(agents=1, wanted=3, concurrency=3, provider="ssh")
        cluster.at(1, lambda: self.fails(cluster, "n1", "no route to host"))
        cluster.at(4, lambda: self.fails(
            cluster, "n2", "it ended", "Traceback\nNo space left on device"
        ))
        cluster.play()

        failure = cluster.machine.failure
        self.assertIsInstance(failure, failures.AgentsDidNotCome)
        text = str(failure)
        self.assertIn("1 of 3 agents came that provider ssh was", text)
        self.assertIn("  n1  no route to host\n  n2  it ended\n", text)
        self.assertIn("      | No space left on device\n", text)
        self.assertEqual({}, cluster.started)
        self.assertLess(cluster.clock.now_ns() - cluster.clock_start, 6 * NS)

    def test_one_that_comes_though_it_seemed_to_fail_is_welcome(self):
        cluster = Cluster(agents=1, wanted=3, concurrency=3, provider="ssh")
        cluster.at(1, lambda: self.fails(cluster, "late", "connection lost"))
        cluster.at(2, lambda: cluster.add_agent("late"))
        cluster.at(3, lambda: cluster.add_agent("last"))
        cluster.play()

        self.assertEqual({"a0", "late", "last"}, set(cluster.stored_by))

    def test_one_that_ended_before_the_load_is_not_counted_on(self):
        cluster = Cluster(agents=1, wanted=2, concurrency=2, provider="local")
        cluster.at(1, lambda: cluster.agents["a0"].die())
        cluster.at(1.1, lambda: self.fails(cluster, "a0", "killed"))
        cluster.at(2, lambda: cluster.add_agent("a1"))
        cluster.play()

        self.assertIn("  a0  killed", str(cluster.machine.failure))

    def test_what_others_wait_for_is_shown(self):
        cluster = Cluster(agents=1, wanted=2, wait_s=5, provider="slurm")
        cluster.tell(notices.AgentsPending("job 7: Priority"))
        cluster.at(2, lambda: self.assertEqual(
            "waiting for agents (job 7: Priority)", cluster.machine.phase_text
        ))
        cluster.play()

        text = str(cluster.machine.failure)
        self.assertIn("Pending: job 7: Priority.", text)

    def test_of_hundreds_the_first_are_shown(self):
        table = failures.table([("n%d" % i, "x", "y") for i in range(500)])
        self.assertIn("n19", table)
        self.assertNotIn("n20", table)
        self.assertIn("and 480 more", table)


@ddt.ddt
class LossTestCase(test.TestCase):
    def test_a_killed_agent_costs_only_what_it_was_granted(self):
        cluster = Cluster(agents=3, times=1000, concurrency=9)
        cluster.at(3, lambda: cluster.agents["a1"].die())
        cluster.play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertTrue(cluster.lost)
        granted = cluster.machine.members["a1"].ledger.granted
        self.assertEqual(
            granted, len(cluster.lost) + cluster.stored_by["a1"]
        )

    def test_a_revoked_agent_is_lost_at_once_and_the_run_goes_on(self):
        cluster = Cluster(agents=3, times=1000, concurrency=9)
        seen = []

        def revoke():
            cluster.revoke("a1")
            seen.append(cluster.machine.members["a1"].state)
            seen.append(cluster.stored_by["a1"])

        cluster.at(3, revoke)
        cluster.play()

        member = cluster.machine.members["a1"]
        self.assertEqual([AgentState.LOST] * 2, [seen[0], member.state])
        self.assertEqual("its key was revoked", member.reason)
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertEqual(
            member.ledger.granted, len(cluster.lost) + member.ledger.stored
        )
        self.assertIsNone(cluster.machine.failure)

    def test_whoever_has_no_part_in_the_load_counts_for_nothing(self):
        cluster = Cluster(agents=3, times=500, concurrency=2)  # a2 is spare

        def claim():
            for message in (
                messages.Snapshot(cluster.run, 99, True, b"9"),
                messages.Events(
                    cluster.run, 0, 0, (messages.Started((1, 2, 3)),)
                ),
            ):
                cluster.hear("a2", message)

        cluster.at(3, claim)
        cluster.play()

        self.assertNotIn("a2", cluster.observed)
        self.assertEqual([], cluster.announced)

    def test_revoking_who_takes_no_part_changes_nothing(self):
        cluster = Cluster(
            agents=2, times=100, wanted=1, versions={"a0": "5.1.1"}
        )
        cluster.at(0.5, lambda: cluster.revoke("a0"))  # it was refused
        cluster.at(0.5, lambda: cluster.revoke("nobody"))
        cluster.play()

        self.assertIsNone(cluster.machine.failure)
        self.assertEqual(100, len(cluster.started))

    def test_a_restarted_agent_delivers_what_its_spool_kept(self):
        cluster = Cluster(agents=2, times=1000, concurrency=4)

        def restart():
            cluster.agents["a1"].die()
            cluster.add_agent("a1")

        cluster.at(3.3, restart)
        cluster.play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertGreater(cluster.stored_by["a1"], 0)
        self.assertEqual(
            AgentState.DONE, cluster.machine.members["a1"].state
        )

    def test_a_restarted_agent_prepares_once_for_a_run_that_goes_on(self):
        cluster = Cluster(agents=2, wanted=2, times=1000, concurrency=4)

        def restart():
            cluster.agents["a1"].die()
            cluster.add_agent("a1")

        cluster.at(3.3, restart)
        with self.assertLogs("rally", "INFO") as logs:
            cluster.play()

        said = [
            text.removeprefix("Agent a1: ")
            for text in (record.getMessage() for record in logs.records)
            if text.startswith("Agent a1: ")
        ]
        again = said.index("connected.", 1)
        self.assertEqual([
            "the controller accepted this agent",
            "run run-1 is over for this agent",
            "the controller accepted this agent",
            "run run-1: preparing Dummy.dummy",
        ], said[again + 1:again + 5])
        self.assertIn("the load is over", said[again + 5])

    @ddt.data(1, 4, 8)
    def test_a_short_partition_or_freeze_loses_nothing(self, seconds):
        for disturb in (self._cut, self._freeze):
            self._check_loses_nothing(disturb, seconds)

    def _check_loses_nothing(self, disturb, seconds):
        cluster = Cluster(agents=2, times=600, concurrency=4)
        cluster.at(3, lambda: disturb(cluster, seconds))
        cluster.play()

        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        self.assertEqual({}, cluster.lost)

    def _cut(self, cluster, seconds):
        cluster.network.cut_off("a1")
        cluster.at(seconds, lambda: cluster.network.reconnect("a1"))

    def _freeze(self, cluster, seconds):
        until = cluster.clock.now_ns() + int(seconds * NS)
        cluster.agents["a1"].frozen_until = until

    def test_a_fenced_agent_starts_nothing(self):
        cluster = Cluster(agents=2, times=3000, concurrency=4)
        cluster.at(3, lambda: cluster.network.cut_off("a1"))
        cluster.at(13, lambda: cluster.network.reconnect("a1"))
        cluster.play()

        begin = cluster.clock_start
        by_a1 = [
            at - begin for number, at in cluster.started_at.items()
            if cluster.started_by[number] == "a1" and at > begin + 3 * NS
        ]
        fenced = [at for at in by_a1 if at < 13 * NS]
        self.assertLessEqual(max(fenced), (3 + 5.1) * NS)
        self.assertGreater(len(by_a1), len(fenced))  # it is back
        self.assertEqual([], cluster.problems())

    def test_work_is_given_again_only_after_the_last_word_of_the_old(self):
        cluster = Cluster(agents=2, times=3000, concurrency=4)
        cluster.at(2, lambda: cluster.agents["a1"].die())
        cluster.at(3, lambda: cluster.add_agent("a1"))
        member = None
        while member is None or member.state is not AgentState.DONE:
            self.assertFalse(cluster.machine.finished)
            cluster.step()
            member = cluster.machine.members.get("a1")

        # said again before it heard that all is stored
        cluster.hear("a1", messages.Ended(
            cluster.run, member.spooled, (), True, 0, 0
        ))

        self.assertEqual(
            (AgentState.DONE, 0), (member.state, member.epoch)
        )
        cluster.play()
        self.assertEqual(1, member.epoch)
        self.assertEqual([], cluster.problems())
        self.assertEqual([], cluster.unaccounted())
        last = max(cluster.started_by)
        self.assertIn("a1", [
            cluster.started_by[n] for n in range(last - 100, last)
        ])

    def test_abort_on_loss_stops_the_others(self):
        cluster = Cluster(
            agents=2, times=10000, concurrency=4, is_closing_on_loss=True
        )
        cluster.at(2, lambda: cluster.agents["a0"].die())
        cluster.play()

        self.assertIsInstance(cluster.machine.failure, failures.AgentLost)
        self.assertEqual([], cluster.problems())
        self.assertLess(len(cluster.started), 10000)

    def test_an_agent_that_cannot_spool_stops_the_run_with_its_reason(self):
        cluster = Cluster(agents=2, times=10000, concurrency=4)

        def disk_full():
            agent = cluster.agents["a0"]
            agent.process.said.append(
                messages.LoadEnded(
                    (), agent.load.spooled, 10**6,
                    b"%d" % agent.load.done, "the disk is full.",
                    is_fatal=True,
                )
            )
            agent.load.ended = True

        cluster.at(3, disk_full)
        cluster.play()

        self.assertIsInstance(cluster.machine.failure, failures.RunStopped)
        self.assertIn("the disk is full", str(cluster.machine.failure))
        self.assertLess(len(cluster.started), 1000)
        self.assertTrue(cluster.machine.members["a0"].is_inexact)

    def test_the_last_agent_lost_ends_the_run(self):
        cluster = Cluster(agents=1, times=10000, concurrency=4)
        cluster.at(2, lambda: cluster.agents["a0"].die())
        cluster.play()

        self.assertIn("no agent is left", str(cluster.machine.failure))

    def test_a_controller_that_was_not_run_blames_nobody(self):
        cluster = Cluster(agents=2, times=600, concurrency=4)
        cluster.at(3, lambda: cluster.clock.advance(8))
        cluster.play()

        self.assertEqual({}, cluster.lost)
        self.assertEqual([], cluster.unaccounted())


@ddt.ddt
class RecoveryTestCase(test.TestCase):
    """A second controller collects what the agents of the first one keep."""

    def _abandoned_cluster(self, restart=False):
        cluster = Cluster(agents=2, times=10**6, concurrency=4)

        def leave():
            cluster.end.close()
            cluster.machine.run.phase = Phase.OVER

        cluster.at(4, leave)
        cluster.play()
        if restart:
            cluster.agents["a1"].die()
            cluster.add_agent("a1")
        cluster.run_idle(30)
        return cluster

    @ddt.data(False, True)
    def test_everything_spooled_is_stored_once(self, restart):
        cluster = self._abandoned_cluster(restart)
        spooled = {
            (name, sequence)
            for name, runs in cluster.spools.items()
            for sequence in runs.get(cluster.run, ())
        }
        self.assertTrue(spooled)
        cluster.recover()

        self.assertEqual([], [p for p in cluster.problems()
                              if "silent" not in p])
        self.assertTrue(spooled <= set(cluster.kept_chunks))
        self.assertEqual(
            len(cluster.kept_chunks), len(set(cluster.kept_chunks))
        )
        self.assertEqual({}, {
            name: runs for name, runs in cluster.spools.items()
            if runs.get(cluster.run)
        })

    def test_it_does_not_wait_for_agents_that_have_nothing(self):
        cluster = self._abandoned_cluster()
        cluster.recover()
        began = cluster.clock.now_ns()
        cluster.recover(wait_s=600)  # all have been collected

        self.assertIs(Phase.OVER, cluster.machine.phase)
        self.assertLess(cluster.clock.now_ns(), began + 20 * NS)

    def test_what_could_not_be_stored_is_kept_and_stored_later(self):
        cluster = Cluster(agents=3, times=10**6, concurrency=6)
        cluster.at(4, cluster.fail_storing)
        cluster.play(30)
        kept = {
            (name, sequence)
            for name, runs in cluster.spools.items()
            for sequence in runs.get(cluster.run, ())
        }
        started = sum(cluster.started.values())
        self.assertTrue(kept)
        self.assertTrue(kept.isdisjoint(cluster.kept_chunks))
        self.assertEqual(
            {AgentState.KEEPING},
            {m.state for m in cluster.machine.members.values()},
        )

        self.assertEqual(
            set(cluster.started) - set(cluster.stored), set(cluster.lost)
        )

        cluster.run_idle(30)
        cluster.recover()

        self.assertTrue(kept <= set(cluster.kept_chunks))
        self.assertEqual(started, sum(cluster.started.values()))
        self.assertEqual(set(cluster.started), set(cluster.stored))

    def test_it_does_not_wait_for_ever_for_an_agent(self):
        cluster = self._abandoned_cluster()
        cluster.agents["a0"].die()
        cluster.recover()

        self.assertIs(Phase.OVER, cluster.machine.phase)


class StopTestCase(test.TestCase):
    def test_nothing_starts_after_a_stop_reached_the_agents(self):
        cluster = Cluster(agents=4, times=10**6, concurrency=8, weather=SLOW)
        cluster.at(5, cluster.stop)
        cluster.play()

        last = max(cluster.started_at.values())
        self.assertLess(last, cluster.clock_start + 5.5 * NS)
        self.assertEqual([], cluster.problems())
        self.assertEqual({}, cluster.lost)
        self.assertIs(Phase.OVER, cluster.machine.phase)


@ddt.ddt
class SeededFaultsTestCase(test.TestCase):
    """Schedules of faults; a failing seed is named and repeats."""

    SEEDS = range(60)
    RESTARTS_SEEDS = range(12)
    seed = 0
    #: makes the cluster of a schedule, by the name of a method
    kind = "_cluster"

    @ddt.data(*SEEDS)
    def test_every_number_is_stored_or_lost_and_none_twice(self, seed):
        self.seed = seed
        self.check()

    @ddt.data(*RESTARTS_SEEDS)
    def test_agents_that_are_back_again_and_again(self, seed):
        self.seed, self.kind = seed, "_cluster_of_restarts"
        self.check()

    def check(self):
        """Play the schedule of ``seed``."""
        make = getattr(self, self.kind)
        cluster = make(random.Random(self.seed), self.seed)
        cluster.play(3000)

        problems = cluster.problems()
        if cluster.machine.failure is None and cluster.unaccounted():
            problems.append("unaccounted: %s" % cluster.unaccounted()[:5])
        for name, member in cluster.machine.members.items():
            seen = cluster.observed.get(name, 0)
            if not member.is_inexact and cluster.stored_by[name] != seen:
                problems.append("aggregate of %s differs" % name)
        if cluster.running_peak > cluster.concurrency:
            problems.append("%d ran at once" % cluster.running_peak)
        innocent = set(cluster.losers) - self.victims
        if innocent:
            problems.append("lost without a fault: %s" % sorted(innocent))
        self.assertEqual([], problems, "seed %d" % self.seed)

    def _cluster(self, chance, seed):
        """Agents, spares, late comers; faults, drains and SIGTERMs."""
        wanted = chance.choice([1, 2, 3, 5])
        count = wanted + chance.choice([0, 0, 1, 2])
        duration_s = chance.choice([0.02, 0.3, 2.0])
        schedule = None
        if chance.random() < 0.3:
            schedule = Schedule.constant(chance.choice([5, 40, 100]))
        cluster = Cluster(
            seed=seed, agents=count, wanted=wanted,
            times=chance.choice([50, 300, 1000]),
            concurrency=chance.choice([1, 4, 9]),
            duration_s=duration_s, iteration_timeout_s=1.5 * duration_s,
            weather=chance.choice([None, ROUGH, SLOW]),
            schedule=schedule,
            offsets_s=[chance.uniform(-30, 30) for _ in range(count)],
            is_closing_on_loss=chance.random() < 0.2,
        )
        self.victims = set()
        for _ in range(chance.choice([0, 1, 2, 4])):
            self._plan_fault(cluster, chance, "a%d" % chance.randrange(count))
        for i in range(chance.choice([0, 0, 1, 2])):
            self._plan_arrival(cluster, chance, "late%d" % i, duration_s)
        for _ in range(chance.choice([0, 0, 1, 2])):
            self._plan_leave(cluster, chance, "a%d" % chance.randrange(count))
        return cluster

    def _cluster_of_restarts(self, chance, seed):
        """A run in which agents are back while their old words still fly."""
        cluster = Cluster(
            seed=seed, agents=2, wanted=2, times=2000, concurrency=4,
            duration_s=0.3, iteration_timeout_s=1.0, weather=SLOW,
        )
        self.victims = {"a0", "a1"}
        for second in range(5, 125, 12):
            name = chance.choice(["a0", "a1"])
            seconds = chance.choice([1, 2, 4])
            cluster.at(second, self._restart_of(cluster, name, seconds))
            for _ in range(8):
                self._plan_stall(
                    cluster, self._link(chance, name),
                    second + chance.uniform(0, 12), chance.uniform(0.1, 2),
                )
        return cluster

    def _restart_of(self, cluster, name, seconds):
        def restart():
            if name in cluster.agents:
                cluster.agents[name].die()
            cluster.at(
                seconds,
                lambda: name in cluster.agents or cluster.add_agent(name),
            )

        return restart

    @staticmethod
    def _link(chance, name):
        return chance.choice([(name, CONTROLLER), (CONTROLLER, name)])

    @staticmethod
    def _plan_stall(cluster, link, second, seconds):
        """Nothing is lost there, and all comes later."""
        cluster.at(second, lambda: cluster.network.hold(*link))
        cluster.at(second + seconds, lambda: cluster.network.heal(*link))

    def _plan_arrival(self, cluster, chance, name, duration_s):
        offset_ns = int(chance.uniform(-30, 30) * NS)
        cluster.at(
            chance.uniform(0, 20),
            lambda: cluster.add_agent(name, offset_ns, duration_s),
        )

    def _plan_leave(self, cluster, chance, name):
        is_polite = chance.random() < 0.5

        def leave():
            if is_polite:
                cluster.drain(name)
            elif name in cluster.agents:
                self.victims.add(name)  # it may run out of retry
                cluster.agents[name].shut_down()

        cluster.at(chance.uniform(0, 20), leave)

    def _plan_fault(self, cluster, chance, name):
        kind = chance.choice(["kill", "restart", "freeze", "cut", "stall"])
        link = self._link(chance, name)
        seconds = chance.choice([1, 4, 8, 14, 30])
        self.victims.add(name)

        def strike():
            agent = cluster.agents.get(name)
            if kind == "cut":
                cluster.network.cut_off(name)
                cluster.at(seconds, lambda: cluster.network.reconnect(name))
            elif kind == "stall":
                self._plan_stall(cluster, link, 0, seconds)
            elif agent is not None and kind == "freeze":
                agent.frozen_until = cluster.clock.now_ns() + seconds * NS
            elif agent is not None:
                agent.die()
            if kind == "restart" and name not in cluster.agents:
                cluster.at(
                    chance.choice([0, 1, 12]),
                    lambda: name in cluster.agents or cluster.add_agent(name),
                )

        cluster.at(chance.uniform(0, 20), strike)


class MembershipTestCase(test.TestCase):
    def test_what_the_table_lacks_is_refused(self):
        for state in AgentState:
            for event in AgentEvent:
                if (state, event) not in TRANSITIONS:
                    self.assertRaises(
                        IllegalTransition, advance, state, event
                    )

    def test_every_state_can_be_reached_from_joined(self):
        reached = {AgentState.JOINED}
        for _ in AgentState:
            reached |= {
                target for (source, _), target in TRANSITIONS.items()
                if source in reached
            }
        self.assertEqual(set(AgentState), reached)


class ManyAgentsTestCase(test.TestCase):
    def test_beats_to_many_agents_let_messages_through(self):
        machine = Cluster(
            agents=0, times=200, concurrency=200, wanted=200
        ).machine
        now = machine.next_deadline()
        machine.expire(now)
        for number in range(120):
            name = "a%03d" % number
            hello = messages.Hello(name, "1", "host", 2, 0)
            machine.registry.add(Member(name, hello, now))

        now += NS
        each = [beats_of(machine.expire(now)) for _ in range(16)]

        self.assertEqual([8] * 15 + [0], [len(names) for names in each])
        self.assertEqual(sorted(machine.members), sorted(sum(each, [])))


def beats_of(commands):
    return [
        command.peer for command in commands
        if isinstance(command, Send)
        and isinstance(command.message, messages.Beat)
    ]
