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

"""Hooks and contexts of a distributed run are those of its controller."""

from __future__ import annotations

import os
import signal
import typing as t

from tests.functional import cluster
from tests.functional.sandbox import wait_until


class HooksAndContextsTestCase(cluster.SharedTestCase):
    TIMES = 300
    run_: t.ClassVar[cluster.Run]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        notes = home.sandbox.folder / "hooks"
        cls.run_ = home.run_task(
            cluster.task_of(
                {
                    "scenario": home.numbered(0.02),
                    "contexts": {"noting": {
                        "log": str(home.sandbox.folder / "contexts"),
                    }},
                    "runner": cluster.distributed(
                        {"constant": {"times": cls.TIMES, "concurrency": 4}}
                    ),
                    "hooks": [
                        {
                            "description": "By iteration number",
                            "action": {"sys_call":
                                       "/bin/sh -c 'echo i >> %s'" % notes},
                            "trigger": {"event": {
                                "unit": "iteration", "at": [1, 50, 300],
                            }},
                        },
                        {
                            "action": {"sys_call":
                                       "/bin/sh -c 'echo t >> %s'" % notes},
                            "trigger": {"event": {
                                "unit": "time", "at": [1],
                            }},
                        },
                        {
                            "action": {"sys_call": "/bin/false"},
                            "trigger": {"periodic": {
                                "unit": "iteration", "step": 100,
                            }},
                        },
                    ],
                },
                {
                    "scenario": {"Numbered.read_context": {}},
                    "contexts": {"noting": {"log": "/dev/null"}},
                    "runner": cluster.distributed(
                        {"constant": {"times": 20, "concurrency": 4}}
                    ),
                },
            )
        )

    def hooks(self):
        return self.run_.workloads[0]["hooks"]

    def test_the_task_passes(self):
        self.assertEqual(0, self.run_.finish().code, self.run_.out)

    def test_hooks_fire_by_iteration_number(self):
        hook = self.hooks()[0]
        self.assertEqual(
            [1, 50, 300],
            [each["triggered_by"]["value"] for each in hook["results"]],
        )
        self.assertEqual({"success": 3}, hook["summary"])

    def test_hooks_fire_by_time(self):
        hook = self.hooks()[1]
        self.assertEqual(
            [{"event_type": "time", "value": 1}],
            [each["triggered_by"] for each in hook["results"]],
        )

    def test_a_failed_hook_is_reported(self):
        hook = self.hooks()[2]
        self.assertEqual({"failed": 3}, hook["summary"])

    def test_each_hook_ran_once_per_event(self):
        notes = (self.sandbox.folder / "hooks").read_text().split()
        self.assertEqual(["i", "i", "i", "t"], sorted(notes))

    def test_contexts_are_set_up_and_cleaned_up_once(self):
        lines = (self.sandbox.folder / "contexts").read_text().splitlines()
        self.assertEqual(
            ["setup", "cleanup"], [line.split()[0] for line in lines]
        )
        self.assertEqual(
            {str(self.run_.process.popen.pid)},
            {line.split()[1] for line in lines},
            "not on the controller",
        )

    def test_scenarios_on_agents_see_the_context_of_the_controller(self):
        rows = self.run_.workloads[1].rows
        made_by = {
            row["output"]["additive"][0]["data"][0][1] for row in rows
        }
        ran_in = {
            row["output"]["additive"][0]["data"][1][1] for row in rows
        }
        self.assertEqual({self.run_.process.popen.pid}, made_by)
        self.assertNotIn(self.run_.process.popen.pid, ran_in)
        self.assertNotIn(os.getpid(), ran_in)

    def test_failed_hooks_without_description_can_be_imported(self):
        report = self.sandbox.folder / ("%s.json" % self.run_.uuid)
        self.assertIn("subtasks", self.run_.report)  # the file is there

        done = self.rally("task", "import", "--file", report)

        self.assertEqual(0, done.code, done.out)

    def test_the_task_can_be_started_again(self):
        done = self.rally("task", "restart", self.run_.uuid)

        self.assertEqual(0, done.code, done.out)


class KilledTestCase(cluster.TestCase):
    """Nobody cleans up but a recovery."""

    def test_a_recovery_cleans_up_once(self):
        notes = self.sandbox.folder / "contexts"
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.05),
                    "contexts": {"noting": {"log": str(notes)}},
                    "runner": {"constant_for_duration": {
                        "duration": 300, "concurrency": 2,
                    }},
                }
            )
        )
        run.wait_until(self.started, "an iteration has begun")

        run.signal(signal.SIGKILL)
        run.process.popen.wait()
        wait_until(
            lambda: not self.sandbox.processes(), 30, "the load is over"
        )
        done = self.must("task", "recover", run.uuid)
        again = self.rally("task", "recover", run.uuid)

        self.assertIn("context noting@default is cleaned up", done.out)
        self.assertEqual(174, again.code, again.out)
        lines = notes.read_text().splitlines()
        self.assertEqual(
            ["setup", "cleanup"], [line.split()[0] for line in lines]
        )
        self.assertEqual("aborted", run.status)
