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

"""Verdicts of workloads as a JUnit document."""

from __future__ import annotations

import typing as t

from rally.task import exporter
from rally.task.processing import records


@exporter.configure("junit-xml")
class JUnitXMLExporter(exporter.StreamingExporter):
    """JUnit XML, which build servers show: a task is a test suite.

    A workload is a test case; it has failed if its SLA has.
    """

    def write(self, stream: t.TextIO) -> None:
        from rally.common.io import junit

        document = junit.JUnitXML()
        for task in self.tasks_results:
            suite = document.add_test_suite(
                id=task["uuid"],
                time="%.2f" % _duration_of(task),
                timestamp=records.time_text(task.get("created_at")),
            )
            for _, _, workload in records.workloads_of([task]):
                class_name, _, name = workload["name"].partition(".")
                case = suite.add_test_case(
                    classname=class_name,
                    name=name,
                    id=workload["uuid"],
                    time="%.2f" % (workload.get("full_duration") or 0.0),
                    timestamp=records.time_text(workload.get("created_at")),
                )
                if not workload["pass_sla"]:
                    case.mark_as_failed(_failed_details(workload))
        stream.write(document.to_string())


def _failed_details(workload: records.Record) -> str:
    return "\n".join(
        str(criterion["detail"])
        for criterion in records.criteria_of(workload)
        if not criterion["success"]
    )


def _duration_of(task: records.Record) -> float:
    """Seconds from the task's creation to its last change."""
    moments = [
        records.time_of(task.get(key)) for key in ("created_at", "updated_at")
    ]
    created, updated = moments
    if created is None or updated is None:
        return 0.0
    return max(0.0, (updated - created).total_seconds())
