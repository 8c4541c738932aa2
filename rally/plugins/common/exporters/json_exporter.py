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

"""Reports for programs: tasks as JSON."""

from __future__ import annotations

import datetime as dt
import typing as t

from rally.common import version
from rally.task import exporter
from rally.task.processing import forms, jsontext, records

TIMEFORMAT = records.TIMEFORMAT
FORMAT_VERSION = "1.2"


@exporter.configure("json")
class JSONExporter(exporter.StreamingExporter):
    """JSON that ``rally task import`` and other programs read."""

    def write(self, stream: t.TextIO) -> None:
        now = dt.datetime.now(dt.timezone.utc)
        document = {
            "info": {
                "rally_version": version.version_string(),
                "generated_at": now.strftime(TIMEFORMAT),
                "format_version": FORMAT_VERSION,
            },
            "tasks": [_streamed(task) for task in self.tasks_results],
        }
        stream.writelines(jsontext.pieces(document))


def _streamed(task: records.Record) -> dict[str, t.Any]:
    report = forms.task_report(task)
    for subtask in report["subtasks"]:
        for workload in subtask["workloads"]:
            workload["data"] = iter(workload["data"])
    return report
