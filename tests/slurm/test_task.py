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

"""Whole tasks, the agents of which run in jobs of Slurm."""

from __future__ import annotations

import shlex
import signal
import typing as t

from tests.functional import cluster, sandbox
from tests.functional.sandbox import wait_until
from tests.slurm import site, test_provider

SOON_S = 90.0


class TaskTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        reason = site.why_not()
        if reason:
            self.skipTest(reason)
        self.slurm = test_provider.cluster_of_process()
        self.addCleanup(wait_until, self.slurm.idle, SOON_S, "nodes idle")
        self.addCleanup(self.slurm.cancel, "--user=root")
        self.shared = self.sandbox.folder / "shared"
        self.env = {"SLURM_CONF": self.slurm.environ["SLURM_CONF"]}

    def command(self) -> str:
        """How Rally is called on a node: its process is of the sandbox."""
        environ = self.sandbox.environ()
        return shlex.join([
            "env",
            *("%s=%s" % (name, environ[name])
              for name in (sandbox.MARK, "TMPDIR")),
            str(sandbox.RALLY), "--config-file", str(self.sandbox.conf),
            "--plugin-paths", ",".join(map(str, self.sandbox.plugin_paths)),
        ])

    def start_load(
        self, times: int, count: int = 2, sleep: float = 0.01,
        **options: t.Any,
    ) -> cluster.Run:
        listen = "tcp://127.0.0.1:%d" % self.sandbox.take_ports()
        slurm = {
            "count": count, "folder": str(self.shared),
            "command": self.command(),
        }
        runner = cluster.distributed(
            {"constant": {"times": times, "concurrency": 4}},
            agents={"slurm": slurm}, listen=listen, **options,
        )
        return self.start_task(
            cluster.task_of(
                {"scenario": self.numbered(sleep), "runner": runner}
            ),
            env=self.env,
        )

    def wait_for_iterations(self, run: cluster.Run, count: int) -> None:
        run.wait_until(
            lambda: len(self.started()) >= count,
            "%d iterations have begun" % count, SOON_S,
        )

    def job(self, index: int) -> str:
        [job] = [each for each in self.slurm.jobs()
                 if each.endswith("_%d" % index)]
        return job

    def assert_nothing_left(self) -> None:
        self.assertEqual({}, self.slurm.jobs())
        self.assertEqual([], list(self.shared.iterdir()))
        fleets = self.sandbox.home / ".rally" / "fleets"
        self.assertEqual([], list(fleets.iterdir()))

    def test_two_jobs_share_a_load_and_end_with_it(self) -> None:
        run = self.start_load(400)
        done = run.finish()

        self.assertEqual(0, done.code, done.err)
        self.assertEqual(list(range(1, 401)), sorted(run.workload.numbers))
        self.assertEqual(
            ["slurm-1", "slurm-2"],
            sorted(each["name"] for each in run.workload.load_info["agents"]),
        )
        self.assert_nothing_left()

    def test_a_node_that_fails_costs_what_its_agent_had(self) -> None:
        run = self.start_load(2000, agent_timeout=5, lease=2)
        self.wait_for_iterations(run, 100)
        node = self.slurm.node_of(self.job(2))
        self.addCleanup(self.slurm.mend_node, node)

        self.slurm.lose_node(node)

        run.finish()
        workload = run.workload
        self.assertEqual(
            list(range(1, 2001)), sorted(workload.numbers + workload.lost)
        )
        self.assertIn("%s has ended: NODE_FAIL" % node, run.log)
        self.assertEqual({}, self.slurm.jobs())
        self.slurm_leftovers_are_told(run)

    def slurm_leftovers_are_told(self, run: cluster.Run) -> None:
        """Chunks of the lost agent are kept, or there are none."""
        chunks = list(self.shared.rglob("*.chunk"))
        self.assertEqual(
            bool(chunks), "that nobody has fetched" in run.log, run.log
        )
        for path in self.sandbox.spooled():
            path.unlink()

    def test_what_a_killed_controller_left_is_recovered(self) -> None:
        run = self.start_load(3000)
        self.wait_for_iterations(run, 200)
        uuid = run.uuid
        run.signal(signal.SIGKILL)
        run.process.popen.wait()
        self.assertEqual(2, len(self.slurm.jobs()))

        done = self.sandbox.rally(
            "task", "recover", uuid, env=self.env, deadline_s=SOON_S
        )

        self.assertEqual(0, done.code, done.out + done.err)
        [workload] = [
            cluster.Workload(each)
            for subtask in cluster.report_of(self.sandbox, uuid)["subtasks"]
            for each in subtask["workloads"]
        ]
        begun = {each.number for each in self.started()}
        self.assertEqual(
            sorted(begun), sorted(workload.numbers + workload.lost)
        )
        self.assert_nothing_left()

    def test_a_task_that_waits_in_vain_says_what_slurm_says(self) -> None:
        run = self.start_load(10, count=3, wait=8)
        done = run.finish()
        self.assertNotEqual(0, done.code)
        self.assertIn(
            "1 Slurm job is pending: Resources (1)", run.log
        )
        self.assert_nothing_left()
