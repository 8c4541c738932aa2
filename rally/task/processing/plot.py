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

"""Report pages: results in, one self-contained HTML page out."""

from __future__ import annotations

import datetime as dt
import typing as t

from rally.common import version
from rally.task.processing import records, source, workloadpage
from rally.task.processing.trends import Trends
from rally.ui import utils as ui_utils

__all__ = ["Trends", "plot", "trends"]

Task: t.TypeAlias = dict[str, t.Any]


def plot(tasks_results: t.Sequence[Task], include_libs: bool = False) -> str:
    """Page with overview and details of all workloads.

    :param tasks_results: tasks with all their results
    :param include_libs: kept for callers; the page always brings what it
        needs along, so that it is never blank without a network
    """
    data = {
        "generator": _generator(),
        "tasks": [_task_facts(task) for task in tasks_results],
        "source": source.task_source(tasks_results),
        "workloads": _process_workloads(tasks_results),
    }
    return ui_utils.render_page("task/report.html", data)


def trends(tasks: t.Sequence[Task], include_libs: bool = False) -> str:
    """Page with how equal workloads did from task to task.

    :param tasks: tasks with all their results
    :param include_libs: as in ``plot``
    """
    found = Trends()
    for task, _, workload in records.workloads_of(tasks):
        found.add_result(task["uuid"], workload)
    data = {
        "generator": _generator(),
        "tasks": [_task_facts(task) for task in tasks],
        "trends": found.get_data(),
    }
    return ui_utils.render_page("task/trends.html", data)


def _process_workloads(tasks: t.Sequence[Task]) -> list[dict[str, t.Any]]:
    """Pages of all workloads, by class, method and position."""
    positions: dict[str, int] = {}
    pages = []
    for task, _, workload in records.workloads_of(tasks):
        position = positions.get(workload["name"], 0)
        positions[workload["name"]] = position + 1
        pages.append(workloadpage.workload_page(workload, position, task))
    return sorted(
        pages, key=lambda page: (page["cls"], page["met"], int(page["pos"]))
    )


def _generator() -> dict[str, str]:
    now = dt.datetime.now(dt.timezone.utc)
    return {
        "version": version.version_string(),
        "generated_at": now.strftime("%Y-%m-%d %H:%M:%S UTC"),
    }


def _task_facts(task: Task) -> dict[str, t.Any]:
    return {
        "uuid": task.get("uuid"),
        "title": task.get("title") or "",
        "description": task.get("description") or "",
        "status": task.get("status", "finished"),
        "is_final": records.is_final(task),
        "tags": list(task.get("tags") or ()),
        "env_name": task.get("env_name") or "",
        "created_at": records.time_text(task.get("created_at")),
        "duration": task.get("task_duration"),
        "pass_sla": task.get("pass_sla"),
    }
