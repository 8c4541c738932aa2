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

"""Tests of results in the form of earlier releases."""

from __future__ import annotations

import io
import json

import jsonschema

from rally.cli import task_results_loader
from rally.plugins.common.exporters import old_json_results
from tests.unit import test
from tests.unit.task.processing import fakes


class OldJSONExporterTestCase(test.TestCase):
    def result(self, workload):
        stream = io.StringIO()
        tasks = [fakes.task(workload)]
        old_json_results.OldJSONExporter(tasks, None).write(stream)
        [result] = json.loads(stream.getvalue())
        return result

    def test_names_plugins_as_earlier_releases_did(self):
        result = self.result(fakes.workload([], hooks=[fakes.hook()]))
        self.assertEqual(
            {
                "args": {"sleep": 0.5},
                "runner": {
                    "times": 0, "concurrency": 2, "type": "constant",
                },
                "context": {"users": {"tenants": 2}},
                "sla": {"failure_rate": {"max": 0}},
                "hooks": [
                    {
                        "name": "sys_call", "args": "true",
                        "description": "",
                        "trigger": {
                            "name": "event",
                            "args": {"unit": "iteration", "at": [2]},
                        },
                    }
                ],
            },
            result["key"]["kw"],
        )
        jsonschema.validate(
            result, task_results_loader.OLD_TASK_RESULT_SCHEMA
        )

    def test_numbers_repeated_actions(self):
        actions = [
            fakes.action("a", 0.0, 1.0),
            fakes.action("a", 1.0, 2.0),
            fakes.action("a", 3.0, 3.0),
        ]
        row = fakes.iteration(0, atomic_actions=actions)
        result = self.result(fakes.workload([row]))
        self.assertEqual(
            {"a": 1.0, "a (2)": 2.0, "a (3)": 3.0},
            result["result"][0]["atomic_actions"],
        )

    def test_writes_the_month_before_the_day(self):
        result = self.result(fakes.workload([]))
        self.assertEqual("2023-11-14T22:13:20", result["created_at"])
