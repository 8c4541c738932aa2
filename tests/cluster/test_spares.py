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

"""Agents that go in the midst of a run, and those that take their place."""

import signal

from tests.cluster import cluster
from tests.functional.sandbox import wait_until

AT_ONCE = 6


class TakingOver(cluster.TestCase):
    """What the tests of spares and late comers have in common."""

    #: who starts with its test; the others come when told to
    FIRST = ("n1", "n2", "n3")

    def start_host(self, name):
        if name in self.FIRST or name in self.agents or self.is_called:
            return super().start_host(name)
        return None

    is_called = False

    def call(self, name):
        """An agent comes late."""
        self.is_called = True
        return self.start_host(name)

    def begin(self, times, agents=2, **options):
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}},
            agents=agents, **options,
        )
        self.wait_for_visits(run, 100)
        return run

    def arrivals(self, name):
        return self.referee.arrivals(self.agents[name].address)

    def check_taken_over(self, run, spare, left_at):
        """The spare works; with as many places as who left had."""
        arrivals = self.arrivals(spare)
        self.assertNotEqual([], arrivals)
        self.figure(
            "first arrival of the successor",
            "%.1f s after" % (arrivals[0].at - left_at),
        )
        self.figure("peak at the referee", "%d of %d" % (
            self.referee.peak(), AT_ONCE,
        ))
        self.assertIn("agent %s makes load in place of" % spare, run.log)
        late = [
            event.running for event in self.referee.arrivals()
            if event.at > arrivals[0].at
        ]
        self.assertEqual(AT_ONCE, max(late))


class SpareTestCase(TakingOver):
    def test_takes_over_from_a_killed_agent(self):
        times = 900
        run = self.begin(times)
        at_work = {name for name in self.AGENTS if self.arrivals(name)}
        [spare] = set(self.AGENTS) - at_work
        victim = min(at_work)

        killed = cluster.now()
        self.agents[victim].kill()

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, times, AT_ONCE, {victim})
        self.check_order(run.workload)
        self.check_taken_over(run, spare, killed)
        self.assertGreater(
            self.arrivals(spare)[0].at, killed + cluster.TIMEOUT_S - 1,
            run.log,
        )
        self.discard_spool(victim)


class LongIterationsTestCase(TakingOver):
    """They go on long after the successor is prepared."""

    def test_the_successor_waits_until_they_are_over(self):
        run = self.start_load(
            {
                "constant_for_duration": {
                    "duration": 16, "concurrency": AT_ONCE,
                }
            },
            agents=2, sleep=5,
        )
        self.wait_for_visits(run, AT_ONCE)
        at_work = {name for name in self.AGENTS if self.arrivals(name)}
        [spare] = set(self.AGENTS) - at_work
        drained = min(at_work)

        self.sandbox.must("agent", "drain", drained)

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_referee(10**6, AT_ONCE)
        self.assertEqual(
            self.referee.finished(), sorted(run.workload.numbers)
        )
        self.assertEqual([], run.workload.lost)
        last_end = max(
            event.at for event in self.referee.events()
            if event.kind == "end"
            and event.host == self.agents[drained].address
        )
        began = self.arrivals(spare)[0].at
        self.figure("began after the last end", "%.2f s" % (began - last_end))
        self.assertGreater(began, last_end)


class LateComerTestCase(TakingOver):
    FIRST = ("n1", "n2")

    def test_takes_over_from_a_drained_agent(self):
        times = 1200  # they last longer than three commands take
        run = self.begin(times, sleep=0.1)
        self.call("n3")

        drained = cluster.now()
        said = self.sandbox.must("agent", "drain", "n1", "--wait", "60")
        self.assertIn("has been drained", said.out)
        again = self.sandbox.rally("agent", "drain", "n9")
        self.assertEqual(149, again.code, again.out)
        self.assertIn("no agent of this name", again.paragraph)

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, times, AT_ONCE)
        self.assertEqual([], run.workload.lost)
        self.check_taken_over(run, "n3", drained)
        after = [
            event for event in self.arrivals("n1")
            if event.at > self.arrivals("n3")[0].at
        ]
        self.assertEqual([], after)
        silent = self.sandbox.rally("agent", "drain", "n2")
        self.assertEqual(148, silent.code, silent.out)
        self.assertIn("nobody listens there", silent.paragraph)


class TerminatedAgentTestCase(TakingOver):
    def test_loses_nothing(self):
        times = 600
        run = self.begin(times, agents=3)
        agent = self.agents["n2"]

        asked = cluster.now()
        agent.process.signal(signal.SIGTERM)
        wait_until(
            lambda: agent.process.is_over, cluster.SOON_S, "agent n2 ends"
        )
        self.figure("time to end", "%.1f s" % (cluster.now() - asked))
        self.assertEqual([], agent.spooled())

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, times, AT_ONCE)
        self.assertEqual([], run.workload.lost)
        self.assertLess(self.referee.last(agent.address), asked + 1)


class RateTestCase(TakingOver):
    RATE, SECONDS = 60, 20

    def test_it_is_restored_after_a_loss(self):
        times = self.RATE * self.SECONDS
        run = self.start_load(
            {
                "rps": {
                    "rps": self.RATE, "times": times, "max_concurrency": 60,
                }
            },
            sleep=0.02,
        )
        self.wait_for_visits(run, 3 * self.RATE)

        killed = cluster.now()
        self.agents["n2"].kill()

        run.finish()
        self.check_accounting(run.workload, times, 60, {"n2"})
        moments = [event.at for event in self.referee.arrivals()]
        restored = self.restored_at(moments, killed)
        self.figure("rate restored after", "%.1f s" % (restored - killed))
        self.assertLess(restored, killed + cluster.TIMEOUT_S + 1)
        begin, end = killed + cluster.TIMEOUT_S + 1, moments[-1] - 1
        count = sum(begin <= at < end for at in moments)
        rate = count / (end - begin)
        self.figure("rate from then on", "%.1f of %d/s" % (rate, self.RATE))
        self.assertAlmostEqual(1, rate / self.RATE, delta=0.05)
        self.discard_spool("n2")

    def restored_at(self, moments, since):
        """The beginning of the first seconds with nine tenths of the rate.

        Two in a row, so that a burst does not count.
        """
        for at in [since, *(each for each in moments if each > since)]:
            count = sum(at <= each < at + 2 for each in moments)
            if count >= 0.9 * 2 * self.RATE:
                return at
        raise AssertionError("the rate is never what it was")
