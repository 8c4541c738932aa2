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

"""The samples and the gate task of this tree for OpenStack."""

from __future__ import annotations

import json
import pathlib

import ddt

from tests.cloud import case
from tests.functional.sandbox import TREE

SAMPLES = sorted(
    str(path.relative_to(TREE))
    for path in (TREE / "samples" / "tasks" / "openstack").iterdir()
)
GATE = TREE / "rally-jobs" / "openstack.yaml"


@ddt.ddt
class TaskTestCase(case.TestCase):
    def run_it(self, path: pathlib.Path, *words: str) -> None:
        """Run a task; each iteration succeeds and each criterion holds."""
        run = self.run_task(path, *words)
        done = run.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        self.assertEqual("finished", run.status)
        for workload in run.workloads:
            self.assertGreater(len(workload.rows), 0)
            self.assertEqual(
                [], [row["error"] for row in workload.rows if row["error"]]
            )
            self.assertEqual(0, workload.lost_count)
            self.assertNotIn(False, workload.verdicts.values())
            for hook in workload["hooks"]:
                self.assertEqual({"success": 1}, hook["summary"])

    @ddt.data(*SAMPLES)
    def test_a_sample(self, name: str) -> None:
        self.run_it(TREE / name)

    def test_the_gate_task(self) -> None:
        arguments = {"image_location": self.cloud.image_url, "times": 8}
        self.run_it(GATE, "--task-args", json.dumps(arguments))
