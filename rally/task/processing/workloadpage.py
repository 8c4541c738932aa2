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

"""What the report page shows of one workload, made in one pass."""

from __future__ import annotations

import typing as t

from rally.task.processing import (
    charts,
    columns,
    failures,
    forms,
    numbers,
    outputdata,
    records,
    timeline,
)
from rally.task.results import ordered

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk

class WorkloadCharts:
    """Everything that has to see each iteration; bounded in memory.

    Iterations come as chunks. A row is made of none of them but for failures
    and outputs.
    """

    def __init__(self, workload: records.Record) -> None:
        self.durations = numbers.Numbers(numbers.NANOSECONDS)
        self.timeline = timeline.Timeline()
        self.output = outputdata.OutputData(workload)
        self.failures = failures.Failures()
        self.count = 0
        self.profile = charts.LoadProfileChart(workload)
        self.iterations = charts.MainStackedAreaChart(workload)
        self.histogram = charts.MainHistogramChart(workload)
        self.atomic = charts.AtomicStackedAreaChart(workload)
        self.atomic_shares = charts.AtomicAvgChart(workload)
        self.atomic_histogram = charts.AtomicHistogramChart(workload)
        self._charts: t.Sequence[charts.IterationsChart] = (
            self.profile, self.iterations, self.histogram, self.atomic,
            self.atomic_shares, self.atomic_histogram,
        )

    def add_chunk(self, chunk: Chunk) -> None:
        drawn = columns.Columns(chunk)
        self.durations.add_array(drawn.duration)
        self.timeline.add_columns(drawn)
        for chart in self._charts:
            chart.add_columns(drawn)
        for row, error in sorted(chunk.errors.items()):
            number = self.count + row + 1
            self.failures.add(number, float(drawn.started[row]), error)
        for row, output in sorted(chunk.outputs.items()):
            self.output.add(self.count + row + 1, output)
        self.count += len(chunk)


def workload_page(
    workload: records.Record,
    position: int,
    task: records.Record | None = None,
) -> dict[str, t.Any]:
    """Data of a workload's page.

    :param workload: its record; ``data`` is iterated over once
    :param position: its number among the workloads of the same name
    :param task: record of its task, if there is one
    """
    drawn = WorkloadCharts(_sized(workload))
    for chunk in ordered.chunks_of(workload["data"]):
        drawn.add_chunk(chunk)
    class_name, _, method = workload["name"].partition(".")
    return {
        "cls": class_name,
        "met": method,
        "pos": str(position),
        "name": method + (" [%d]" % (position + 1) if position else ""),
        **_facts(workload, drawn),
        **_drawings(drawn),
        "hooks": [
            outputdata.hook_charts(hook)
            for hook in workload.get("hooks") or ()
        ],
        "is_final": records.is_final(task or {}),
    }


def _sized(workload: records.Record) -> records.Record:
    """The record, with the count of what is stored by now.

    While a task runs its record may be older than the rows.
    """
    counted = max(
        workload.get("total_iteration_count") or 0, len(workload["data"])
    )
    return {**workload, "total_iteration_count": counted}


def _facts(
    workload: records.Record, drawn: WorkloadCharts
) -> dict[str, t.Any]:
    durations = records.durations_of(workload)
    return {
        "uuid": workload["uuid"],
        "runner": workload["runner_type"],
        "runner_config": workload["runner"],
        "config": forms.workload_source(workload),
        "description": workload.get("description") or "",
        "load_duration": workload["load_duration"],
        "full_duration": workload["full_duration"],
        "created_at": records.time_text(workload.get("created_at")),
        "sla": [
            {**criterion, "is_vacuous": records.is_vacuous(criterion)}
            for criterion in records.criteria_of(workload)
        ],
        "sla_success": bool(workload["pass_sla"]),
        "iterations_count": drawn.count,
        "failed_count": drawn.failures.count,
        "percentiles": _percentiles(workload, drawn),
        "table": charts.statistics_table(durations),
        "contexts_results": workload.get("contexts_results") or [],
        "load_info": workload.get("load_info") or {},
    }


def _percentiles(
    workload: records.Record, drawn: WorkloadCharts
) -> dict[str, float | None]:
    stored = (workload.get("load_info") or {}).get("percentiles") or {}
    p50, p95, p99 = drawn.durations.percentiles(0.5, 0.95, 0.99)
    computed = {"50": p50, "95": p95, "99": p99}
    low, high = drawn.durations.extremes() or (None, None)
    return {**computed, **stored, "min": low, "max": high}


def _drawings(drawn: WorkloadCharts) -> dict[str, t.Any]:
    additive = drawn.output.additive()
    complete = drawn.output.complete
    return {
        "iterations": {
            "iter": drawn.iterations.render(),
            "pie": [
                ("success", drawn.count - drawn.failures.count),
                ("errors", drawn.failures.count),
            ],
            "histogram": drawn.histogram.render(),
        },
        "load_profile": drawn.profile.render(),
        "timeline": drawn.timeline.to_dict(),
        "atomic": {
            "histogram": drawn.atomic_histogram.render(),
            "iter": drawn.atomic.render(),
            "pie": drawn.atomic_shares.render(),
        },
        "additive_output": additive,
        "complete_output": complete,
        "complete_numbers": drawn.output.complete_numbers,
        "complete_count": drawn.output.complete_count,
        "has_output": bool(additive or complete),
        "output_errors": drawn.output.errors,
        "errors": drawn.failures.first,
        "failures": drawn.failures.to_dict(),
    }
