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

"""Every way to end a task before its time, local and distributed."""

from __future__ import annotations

import os
import re
import signal
import time
import typing as t

import ddt

from tests.functional import cluster
from tests.functional.cluster import distributed
from tests.functional.sandbox import wait_until

ENDLESS = {"constant_for_duration": {"duration": 300, "concurrency": 4}}
RUNNERS: dict[str, dict[str, t.Any]] = {
    "local": ENDLESS,
    "rps": {"rps": {"times": 15000, "rps": 50}},
    "distributed": distributed(ENDLESS),
}
#: how long after the wish to stop an iteration may still begin
STOP_S = 2.0


@ddt.ddt
class StoppingTestCase(cluster.TestCase):
    def begin(self, kind, *words, **workload):
        """A task in the middle of its load."""
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.05),
                    "runner": RUNNERS[kind],
                    **workload,
                }
            ),
            *words,
        )
        run.wait_until(
            lambda: len(self.started()) > 30, "30 iterations have begun"
        )
        return run

    def assert_all_stored(self, workload):
        """Each iteration that began has its row, and no other has."""
        started = [each.number for each in self.started()]
        self.assertEqual(sorted(started), sorted(workload.numbers))
        self.assertEqual([], workload.lost)

    def assert_nothing_began_after(self, moment):
        last = max(each.at for each in self.started())
        self.assertLess(last - moment, STOP_S)

    @ddt.data(*RUNNERS)
    def test_ctrl_c_stops_the_load_and_keeps_what_there_is(self, kind):
        run = self.begin(kind)

        self.check_signal(run, lambda: run.signal(signal.SIGINT))

    @ddt.data("local", "distributed")
    def test_so_does_the_end_of_its_terminal(self, kind):
        run = self.begin(kind)

        # of which all that it started in its session hears
        group = run.process.popen.pid
        self.check_signal(run, lambda: os.killpg(group, signal.SIGHUP))

    def check_signal(self, run, send):
        send()
        asked = time.monotonic()

        done = run.finish(60)
        self.assert_nothing_began_after(asked)
        self.assertEqual("aborted", run.status)
        self.assertNotEqual(0, done.code, done.out)
        self.assertNotIn("Traceback", done.out + done.err)
        self.assert_all_stored(run.workload)

    @ddt.data("local", "distributed")
    def test_task_abort_returns_when_the_load_is_over(self, kind):
        run = self.begin(kind)
        asked = time.monotonic()

        done = self.rally("task", "abort", run.uuid, deadline_s=60)
        returned = time.monotonic()

        self.assertEqual(0, done.code, done.out)
        self.assertIn("Task %s successfully stopped." % run.uuid, done.out)
        # the command needs some time itself until it asks
        last = max(each.at for each in self.started())
        self.assertLess(last, returned)
        self.assertLess(last - asked, 10)
        run.finish(60)
        self.assertEqual("aborted", run.status)
        self.assert_all_stored(run.workload)

    @ddt.data(*RUNNERS)
    def test_a_failed_criterion_stops_the_load(self, kind):
        run = self.begin(
            kind, "--abort-on-sla-failure",
            scenario={
                "Numbered.sleep": {
                    "sleep": 0.05, "log": str(self.started_file),
                    "fail_each": 100,
                }
            },
            sla={"failure_rate": {"max": 0}},
        )

        done = run.finish(90)

        self.assertEqual(2, done.code, done.out)
        failed = next(
            each.at for each in self.started() if each.number == 100
        )
        # it fails at its end, and is judged a little later
        self.assert_nothing_began_after(failed + 0.05)
        self.assertFalse(run.workload.verdicts["failure_rate"])
        self.assertIn("aborted_on_sla", run.workload.verdicts)
        self.assert_all_stored(run.workload)

    def test_a_soft_abort_ends_the_task_after_its_workload(self):
        part = {
            "scenario": self.numbered(0.05),
            "runner": {"constant": {"times": 30, "concurrency": 1}},
        }
        run = self.start_task(cluster.task_of(*[part] * 8))
        run.wait_until(lambda: self.started(), "an iteration has begun")

        done = self.rally("task", "abort", run.uuid, "--soft")

        self.assertEqual(0, done.code, done.out)
        run.finish()
        self.assertEqual("aborted", run.status)
        # whichever it came into is complete, and those after it did not run
        self.assertLess(len(run.workloads), 8)
        self.assertEqual(30 * len(run.workloads), len(self.started()))

    def test_a_soft_abort_in_the_last_workload_is_an_abort_too(self):
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.05),
                    "runner": {"constant": {"times": 160, "concurrency": 1}},
                }
            )
        )
        run.wait_until(lambda: self.started(), "an iteration has begun")

        self.must("task", "abort", run.uuid, "--soft")

        run.finish()
        self.assertEqual("aborted", run.status)
        self.assertEqual(160, len(self.started()))

    def test_status_and_report_work_while_it_runs_and_say_so(self):
        run = self.begin("local")
        uuid = run.uuid

        # the first numbers are recorded some seconds after the start
        wait_until(
            lambda: re.search(
                "running.*partial", self.must("task", "status", uuid).out,
                re.DOTALL | re.IGNORECASE,
            ),
            60, "rally task status says that it is partial",
        )
        page = self.sandbox.folder / "page.html"
        self.must("task", "report", uuid, "--out", page)
        self.assertIn("partial", page.read_text().lower())
        detailed = self.rally("task", "detailed", uuid)
        self.assertIn("running", detailed.out)

        run.signal(signal.SIGINT)
        run.finish(60)
