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

"""A controller that dies, or that nobody reaches; and its task later."""

from __future__ import annotations

import pathlib
import signal
import struct
import time

import ddt

from tests.cluster import cluster
from tests.functional import sandbox
from tests.functional.cluster import Workload, report_of

#: makes a process start with a clock that can be stopped
PAUSED = pathlib.Path(__file__).parent / "paused"
AT_ONCE = 6
LONG = {"constant_for_duration": {"duration": 120, "concurrency": AT_ONCE}}


@ddt.ddt
class ControllerGoneTestCase(cluster.TestCase):
    def begin(self):
        run = self.start_load(LONG, sleep=0.05)
        self.wait_for_visits(run, 200)
        return run

    def check_no_orphan_load(self, gone):
        """Agents wait for their controller, and start nothing."""
        for agent in self.agents.values():
            agent.wait_for_log("the controller is silent", cluster.SOON_S)
        late = self.referee.last() - gone
        self.figure("last arrival after it was gone", "%.2f s" % late)
        self.assertLess(late, cluster.LEASE_S + 1)

    def line_of(self, uuid):
        """Line of a task in the list of tasks."""
        [line] = [
            line for line in self.must("task", "list").out.splitlines()
            if line.startswith("| %s" % uuid)
        ]
        self.figure("rally task list", " ".join(line.split()))
        return line

    def recovered(self, uuid):
        """The workload, after a recovery of its task."""
        done = self.must("task", "recover", uuid)
        self.figure("recover says", " ".join(done.out.split())[:200])
        report = report_of(self.sandbox, uuid)
        self.assertEqual("aborted", report["status"])
        return Workload(report["subtasks"][0]["workloads"][0])

    def test_a_killed_one_leaves_no_load_and_can_be_recovered(self):
        run = self.begin()
        uuid = run.uuid

        run.signal(signal.SIGKILL)
        gone = cluster.now()
        run.process.popen.wait()

        self.check_no_orphan_load(gone)
        listed = self.line_of(uuid)
        workload = self.recovered(uuid)
        self.check_order(workload)
        self.check_referee(max(self.referee.started()), AT_ONCE)
        self.assertEqual(
            self.referee.finished(), sorted(workload.numbers)
        )
        self.assertEqual([], workload.lost)
        self.assertNotRegex(listed, r"\| (running|finished) +\|")
        self.assertRegex(self.line_of(uuid), r"\| aborted +\|")

    def test_one_that_is_not_run_for_a_while_loses_nothing(self):
        run = self.start_load(
            {"constant": {"times": 900, "concurrency": AT_ONCE}}, sleep=0.05
        )
        self.wait_for_visits(run, 200)

        run.signal(signal.SIGSTOP)
        gone = cluster.now()
        time.sleep(cluster.TIMEOUT_S + 2)
        late = self.referee.last() - gone
        run.signal(signal.SIGCONT)

        self.figure("last arrival after it was frozen", "%.2f s" % late)
        self.assertLess(late, cluster.LEASE_S + 1)
        done = run.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        self.check_accounting(run.workload, 900, AT_ONCE)
        self.assertEqual([], run.workload.lost)

    @ddt.data(cluster.LEASE_S + 1, cluster.TIMEOUT_S + 4)
    def test_one_whose_machine_was_paused_goes_on_at_once(self, seconds):
        times = 1500
        taken = self.sandbox.folder / "taken"
        taken.write_bytes(struct.pack("q", 0))
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}},
            sleep=0.05, env={
                "PYTHONPATH": "%s:%s" % (PAUSED, sandbox.TREE),
                "PAUSED_CLOCK": str(taken),
            },
        )
        self.wait_for_visits(run, 200)

        run.signal(signal.SIGSTOP)
        since_ns = time.monotonic_ns()
        time.sleep(seconds)
        with taken.open("r+b") as file:
            file.write(struct.pack("q", time.monotonic_ns() - since_ns))
        resumed = cluster.now()
        run.signal(signal.SIGCONT)

        done = run.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        self.check_accounting(run.workload, times, AT_ONCE)
        self.assertEqual([], run.workload.lost)
        first = min(
            event.at for event in self.referee.arrivals()
            if event.at > resumed
        )
        self.figure("the load goes on", "%.2f s after it" % (first - resumed))
        self.assertLess(first - resumed, 1.0)

    def test_one_nobody_reaches_leaves_no_load(self):
        run = self.begin()

        self.hosts.unplug(cluster.CONTROLLER)
        gone = cluster.now()

        self.check_no_orphan_load(gone)
        self.hosts.plug_in(cluster.CONTROLLER)
        done = run.finish(cluster.SOON_S)
        self.assertNotEqual(0, done.code, done.out)
        workload = run.workload
        said = workload["sla_results"]["sla"]
        self.assertIn("no agent is left", str(said))
        started = self.referee.started()
        self.check_referee(max(started), AT_ONCE)
        self.check_losses(workload, self.AGENTS)
        stored, lost = set(workload.numbers), set(workload.lost)
        self.assertEqual(set(), stored & lost)
        self.assertEqual(set(), set(started) - stored - lost)
        # the run was over before they came back
        self.discard_spool(*self.AGENTS)
