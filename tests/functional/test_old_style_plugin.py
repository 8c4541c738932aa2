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

"""A plugin as it was written for Rally's earlier series, with ``six``."""

from __future__ import annotations

import typing as t

from tests.functional import cluster
from tests.functional.cluster import distributed
from tests.functional.sandbox import TREE

PLUGIN = TREE / "tests" / "unit" / "fixtures" / "old_style_plugin.py"
HOOK = {
    "action": {"old_style_note": "noted"},
    "trigger": {"event": {"unit": "iteration", "at": [2]}},
}
CONSTANT = {"constant": {"times": 20, "concurrency": 2}}


class OldStylePluginTestCase(cluster.SharedTestCase):
    run_: t.ClassVar[cluster.Run]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        broken = home.sandbox.write("broken_plugin.py", "1 / 0")
        home.sandbox.plugin_paths += [PLUGIN, broken]
        runners: list[dict[str, t.Any]] = [
            CONSTANT,
            {"old_style_serial": {"times": 20}},
            {"old_style_processes": {"times": 20, "processes": 2}},
            # with objects of the plugin in the context
            distributed(CONSTANT),
        ]
        cls.run_ = home.run_task(cluster.task_of(
            *(
                {
                    "scenario": {"OldStyle.greet": {
                        "text": "hello", "times": 2, "fail_each": 10,
                    }},
                    "contexts": {"old_style_greetings": {"names": ["you"]}},
                    "runner": runner,
                    "sla": {
                        "failure_rate": {"max": 10},
                        "old_style_max_count": {"max": 0, "seconds": 60},
                    },
                    "hooks": [HOOK],
                }
                for runner in runners
            ),
        ))

    def test_all_workloads_pass(self):
        done = self.run_.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        self.assertEqual("finished", self.run_.status)

    def test_it_is_said_once_what_is_deprecated_or_broken(self):
        said = self.run_.finish().err
        self.assertEqual(1, said.count("is deprecated: it is"), said)
        self.assertEqual(1, said.count("Cannot load plugin file"), said)

    def test_each_runner_ran_all_iterations(self):
        for workload in self.run_.workloads:
            self.assertEqual(20, len(workload.rows), workload["runner"])

    def test_iterations_failed_by_their_number(self):
        for workload in self.run_.workloads:
            self.assertEqual(
                2, sum(bool(row["error"]) for row in workload.rows)
            )
            self.assertIn("no greeting today", str(workload.rows))

    def test_its_criterion_was_judged(self):
        for workload in self.run_.workloads:
            self.assertTrue(workload.verdicts["old_style_max_count"])

    def test_its_hook_ran(self):
        for workload in self.run_.workloads:
            [hook] = workload["hooks"]
            self.assertEqual({"success": 1}, hook["summary"])
            self.assertIn("noted", str(hook["results"]))
