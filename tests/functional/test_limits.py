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

"""What is larger, slower or less patient than usual, on real processes."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

import ddt

from tests.functional import cluster
from tests.functional.sandbox import wait_until

MEBI = 1 << 20


class SizesTestCase(cluster.TestCase):
    def test_errors_of_six_megabytes_each_are_all_stored(self):
        run = self.run_task(
            cluster.task_of(
                {
                    "scenario": {"Large.fail": {"size": 6 * MEBI}},
                    "runner": cluster.distributed(
                        {"constant": {"times": 12, "concurrency": 2}}
                    ),
                }
            )
        )

        self.assertEqual([], run.workload.lost)
        self.assertEqual(12, len(run.workload.rows))
        sizes = {len(row["error"][1]) for row in run.workload.rows}
        self.assertEqual({6 * MEBI}, sizes)
        self.assertEqual(0, run.workload.load_info["counters"]["cut_rows"])

    def test_what_is_larger_still_is_cut_marked_and_counted(self):
        run = self.run_task(
            cluster.task_of(
                {
                    "scenario": {"Large.fail": {"size": 20 * MEBI}},
                    "runner": cluster.distributed(
                        {"constant": {"times": 2, "concurrency": 2}}
                    ),
                }
            )
        )

        self.assertEqual([], run.workload.lost)
        self.assertEqual(2, run.workload.load_info["counters"]["cut_rows"])
        for row in run.workload.rows:
            self.assertLess(len(row["error"][1]), 17 * MEBI)
            self.assertIn("[cut by Rally:", " ".join(row["error"]))

    def test_a_context_of_20_megabytes_reaches_two_agents(self):
        run = self.run_task(
            cluster.task_of(
                {
                    "scenario": {"Large.read_context": {"mib": 20}},
                    "contexts": {"large@tests": 20},
                    "runner": cluster.distributed(
                        {"constant": {"times": 8, "concurrency": 2}}
                    ),
                    "sla": {"failure_rate": {"max": 0}},
                }
            )
        )

        self.assertEqual(0, run.finish().code, run.out + run.log)
        self.assertEqual(8, len(run.workload.rows))


@ddt.ddt
class ImpatienceTestCase(cluster.TestCase):
    def test_a_second_signal_ends_a_task_whose_agents_are_frozen(self):
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.05),
                    "runner": cluster.distributed(
                        {"constant": {"times": 100_000, "concurrency": 4}}
                    ),
                }
            )
        )
        run.wait_until(
            lambda: len(self.started()) > 30, "30 iterations have begun"
        )
        for pid, line in self.sandbox.processes().items():
            if "agent_process" in line:
                os.kill(pid, signal.SIGSTOP)

        run.signal(signal.SIGINT)
        run.wait_for_log("the load stops")
        run.signal(signal.SIGINT)
        done = run.finish(60)

        self.assertNotEqual(0, done.code)
        self.assertNotIn("Traceback", done.out + done.err)
        wait_until(
            lambda: not self.sandbox.processes(), 30, "nothing is left"
        )

    @ddt.data(signal.SIGTERM, signal.SIGHUP)
    def test_a_second_signal_ends_an_agent_at_once(self, first):
        port = self.sandbox.take_ports()
        agent = self.start_agent("n1", port)
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(30),
                    "runner": cluster.distributed(
                        {"constant": {"times": 4, "concurrency": 2}},
                        agents=1, listen="tcp://127.0.0.1:%d" % port,
                    ),
                }
            )
        )
        run.wait_until(lambda: self.started(), "an iteration has begun")

        agent.process.signal(first)
        agent.wait_for_log("the load stops")
        agent.process.signal(signal.SIGTERM)
        agent.process.wait(20)

        run.signal(signal.SIGINT)
        run.finish()
        agent.kill()


class SpoolTestCase(cluster.TestCase):
    def test_a_second_agent_on_a_spool_is_refused_with_the_first_ones_name(
        self
    ):
        port = self.sandbox.take_ports()
        first = self.start_agent("n1", port)
        first.wait_until_dialing()

        done = self.rally(
            "agent", "start", "--controller", "tcp://127.0.0.1:%d" % port,
            "--key", self.authorize("n2"), "--spool", first.spool,
        )

        self.assertEqual(185, done.code, done.out + done.err)
        self.assertIn("agent n1, process", done.out + done.err)
        self.assertEqual(0, first.stop().code)

    def test_a_read_only_spool_stops_the_run_and_is_delivered_later(self):
        port = self.sandbox.take_ports()
        spool = self.sandbox.folder / "mounted"
        spool.mkdir()
        self.mount(spool, "-t", "tmpfs", "-o", "size=64m", "none")
        self.addCleanup(subprocess.run, ["umount", "-l", str(spool)])
        agent = self.start_agent("n1", port, spool=spool)
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.01),
                    "runner": cluster.distributed(
                        {"constant": {"times": 100_000, "concurrency": 2}},
                        agents=1, listen="tcp://127.0.0.1:%d" % port,
                    ),
                }
            )
        )
        run.wait_until(
            lambda: len(self.started()) > 200, "200 iterations have begun"
        )
        run.signal(signal.SIGSTOP)
        wait_until(lambda: list(spool.rglob("*.chunk")), 60, "one is kept")
        # over the one that has files open for writing
        self.mount(spool, "--bind", str(spool))
        self.addCleanup(subprocess.run, ["umount", "-l", str(spool)])
        self.mount(spool, "-o", "remount,bind,ro")
        run.signal(signal.SIGCONT)

        done = run.finish()

        self.assertNotEqual(0, done.code)
        self.assertIn("read-only", run.workload.problems + done.err)
        self.assertFalse(agent.process.is_over, agent.log)
        stored = len(run.workload.rows)
        self.assertGreater(stored, 0)
        self.assertEqual(0, agent.stop().code)

        again = self.start_agent("n1", port, spool=spool)
        again.wait_for_log("is delivered as far as it can be read")
        self.assertEqual(0, again.stop().code)
        for _ in range(2):
            subprocess.run(["umount", "-l", str(spool)], check=True)

    def mount(self, folder: pathlib.Path, *words: str) -> None:
        done = subprocess.run(
            ["mount", *words, str(folder)], capture_output=True, text=True
        )
        if os.geteuid():
            self.skipTest("mounting needs root")
        self.assertEqual(0, done.returncode, done.stderr)
