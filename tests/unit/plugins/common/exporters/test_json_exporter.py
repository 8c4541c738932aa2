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

"""Tests of JSON reports."""

from __future__ import annotations

import io
import json

import jsonschema

from rally.common.objects import task as task_object
from rally.plugins.common.exporters import json_exporter
from tests.unit import test
from tests.unit.task.processing import fakes

WORKLOAD_KEYS = [
    "uuid", "description", "runner", "scenario", "hooks", "min_duration",
    "max_duration", "start_time", "load_duration", "full_duration",
    "statistics", "data", "failed_iteration_count",
    "total_iteration_count", "created_at", "updated_at", "contexts",
    "contexts_results", "position", "pass_sla", "sla", "sla_results",
]


def written(*tasks):
    stream = io.StringIO()
    json_exporter.JSONExporter(tasks, None).write(stream)
    return json.loads(stream.getvalue())


class JSONExporterTestCase(test.TestCase):
    def workload(self, workload):
        [task] = written(fakes.task(workload))["tasks"]
        return task["subtasks"][0]["workloads"][0]

    def test_has_the_keys_of_the_format_in_order(self):
        report = written(fakes.task(fakes.workload([fakes.iteration(0)])))
        self.assertEqual(
            ["rally_version", "generated_at", "format_version"],
            list(report["info"]),
        )
        [task] = report["tasks"]
        self.assertEqual(
            ["uuid", "title", "description", "status", "tags", "env_uuid",
             "env_name", "created_at", "updated_at", "pass_sla", "subtasks"],
            list(task),
        )
        [workload] = task["subtasks"][0]["workloads"]
        self.assertEqual(WORKLOAD_KEYS, list(workload))

    def test_holds_every_iteration(self):
        rows = fakes.StoredRows(1234)
        self.assertEqual(
            list(rows), self.workload(fakes.workload(rows))["data"]
        )

    def test_can_be_imported(self):
        error = {"etype": "E", "msg": "m", "details": "d"}
        workload = fakes.workload(
            [fakes.iteration(0), fakes.failed(1)],
            hooks=[fakes.hook("failed", error=error)],
            load_info=fakes.load_info(),
        )
        [task] = written(fakes.task(workload))["tasks"]
        jsonschema.validate(task, task_object.TASK_SCHEMA)

    def test_writes_hooks_without_description(self):
        workload = self.workload(fakes.workload([], hooks=[fakes.hook()]))
        [hook] = workload["hooks"]
        self.assertEqual(
            {
                "action": {"sys_call": "true"},
                "trigger": {"event": {"unit": "iteration", "at": [2]}},
                "description": "",
            },
            hook["config"],
        )

    def test_tells_of_agents_in_distributed_runs_only(self):
        local = self.workload(
            fakes.workload([], load_info=fakes.load_info(agents=[], lost=[]))
        )
        self.assertNotIn("load_info", local)
        info = fakes.load_info()
        distributed = self.workload(fakes.workload([], load_info=info))
        self.assertEqual(info, distributed["load_info"])
