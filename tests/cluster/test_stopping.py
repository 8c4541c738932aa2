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

"""Every way to stop a load, over a good link and over a thin one."""

from __future__ import annotations

import re
import signal

import ddt

from tests.cluster import cluster
from tests.functional.sandbox import wait_until

#: wants a machine that does nothing else, see tests/run.py
TIMED = True
STOP_S = 1.0


class Stopping(cluster.TestCase):
    """What all tests of a stop do."""

    AT_ONCE = 6

    def begin(self, *words, **options):
        options = {"sleep": 0.05, **options}
        run = self.start_load(
            {
                "constant_for_duration": {
                    "duration": 120, "concurrency": self.AT_ONCE,
                }
            },
            *words, **options,
        )
        self.wait_for_visits(run, 100)
        return run

    def check_stopped(self, run, asked):
        """Nothing arrived later than promised, and all is accounted for."""
        late = self.referee.last() - asked
        self.figure("last arrival after the stop", "%.2f s" % late)
        self.assertLess(late, STOP_S)
        self.assertEqual([], self.referee.repeated())
        self.assertLessEqual(self.referee.peak(), self.AT_ONCE)
        self.assertEqual(
            self.referee.finished(), sorted(run.workload.numbers)
        )
        self.assertEqual([], run.workload.lost)
        self.assertLess(run.workload.load_info["stop_latency_s"], STOP_S)


@ddt.ddt
class StopTestCase(Stopping):
    @ddt.data(signal.SIGINT, signal.SIGTERM)
    def test_a_signal_stops_it(self, number):
        run = self.begin()

        asked = cluster.now()
        run.signal(number)

        done = run.finish(cluster.SOON_S)
        self.assertNotEqual(0, done.code, done.out)
        self.assertEqual("aborted", run.status)
        self.check_stopped(run, asked)

    def test_task_abort_stops_it_before_the_task_counts_as_aborted(self):
        run = self.begin()
        uuid = run.uuid

        abort = self.sandbox.start("task", "abort", uuid)
        # the command takes a second itself until it asks
        status = wait_until(
            lambda: re.search("abort.*", self.task_status(uuid)),
            cluster.SOON_S, "the task is asked to abort",
        )
        asked = cluster.now()
        self.figure("status once asked", status[0])
        wait_until(
            lambda: self.task_status(uuid) == "aborted", cluster.SOON_S,
            "the task counts as aborted",
        )
        aborted = cluster.now()

        done = abort.wait(cluster.SOON_S)
        self.assertEqual(0, done.code, done.out + done.err)
        run.finish(cluster.SOON_S)
        self.assertLess(self.referee.last(), aborted)
        self.check_stopped(run, asked)

    def test_it_counts_as_aborted_when_the_last_agent_has_stopped(self):
        run = self.start_load(
            {
                "constant_for_duration": {
                    "duration": 120, "concurrency": self.AT_ONCE,
                }
            },
            sleep=1.5,
        )
        self.wait_for_visits(run, 2 * self.AT_ONCE)
        self.agents["n1"].freeze()  # it cannot say that it has stopped

        run.signal(signal.SIGINT)
        asked = cluster.now()
        others = [self.hosts.address(name) for name in ("n2", "n3")]
        wait_until(
            lambda: self.task_status(run.uuid) == "aborted", cluster.SOON_S,
            "the task counts as aborted",
        )
        aborted = cluster.now()

        self.figure("aborted after the signal", "%.2f s" % (aborted - asked))
        # not before n1 could not have started anything any more
        self.assertGreater(aborted - asked, cluster.LEASE_S)
        events = [e for e in self.referee.events() if e.host in others]
        running = sum({"start": 1}.get(e.kind, -1) for e in events)
        self.assertEqual(0, running, "the other agents had not stopped")
        run.finish(cluster.SOON_S)
        self.agents["n1"].thaw()
        self.agents["n1"].wait_for_log("the load is over", cluster.SOON_S)
        self.assertLess(self.referee.last(), aborted)
        self.discard_spool("n1")

    def test_a_criterion_that_fails_stops_it(self):
        run = self.begin(
            "--abort-on-sla-failure", visit={"fail_from": 250},
            sla={"failure_rate": {"max": 0}},
        )

        done = run.finish(cluster.SOON_S)

        self.assertEqual(2, done.code, done.out)
        failed = min(
            event.at for event in self.referee.events()
            if event.kind == "end" and event.number >= 250
        )
        self.check_stopped(run, failed)
        self.assertIn("aborted_on_sla", run.workload.verdicts)


class ThinLinkTestCase(Stopping):
    """Each agent has 1 Mbit/s for its results, and makes more of them."""

    OPTIONS = "raw_result_chunk_size = 100"
    AT_ONCE = 12
    BALLAST = 3000

    def test_a_stop_overtakes_the_results(self):
        for name in self.AGENTS:
            self.hosts.thin(name, "1mbit")
        run = self.begin(
            sleep=0.03, visit={"ballast": self.BALLAST},
        )
        wait_until(
            lambda: self.waiting() > 3, cluster.SOON_S,
            "results wait for the link",
        )

        asked = cluster.now()
        run.signal(signal.SIGINT)

        for agent in self.agents.values():
            agent.wait_for_log("the load stops", cluster.SOON_S)
        self.figure(
            "stop reached the last agent after", "%.2f s, %d chunks waited"
            % (cluster.now() - asked, self.waiting()),
        )
        run.finish()
        self.figure(
            "time to collect", "%.1f s" % (cluster.now() - self.referee.last())
        )
        self.assertEqual("aborted", run.status)
        self.check_stopped(run, asked)

    def waiting(self):
        """Chunks in the spools of all agents."""
        return sum(len(each.spooled()) for each in self.agents.values())
