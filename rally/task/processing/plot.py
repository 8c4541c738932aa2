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
import json
import typing as t

from rally.common import version
from rally.task.processing import charts, forms, records, workloadpage
from rally.ui import utils as ui_utils

Task: t.TypeAlias = dict[str, t.Any]
#: what of a statistics row is drawn
SERIES = ("min", "median", "90%ile", "95%ile", "max", "avg")


class Trends:
    """Groups workloads by equal configuration, and draws each group."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def add_result(self, task_uuid: str, workload: records.Record) -> None:
        config = forms.workload_config(workload)
        del config["description"]
        key = json.dumps(config, sort_keys=True, default=str)
        group = self._groups.setdefault(key, _Group(workload))
        group.add(task_uuid, workload)

    def get_data(self) -> list[dict[str, t.Any]]:
        """Groups by name, each with its series."""
        groups = sorted(self._groups.values(), key=lambda group: group.name)
        seen: dict[str, int] = {}
        data = []
        for group in groups:
            number = seen[group.name] = seen.get(group.name, 0) + 1
            suffix = " [%d]" % number if number > 1 else ""
            data.append({**group.to_dict(), "name": group.name + suffix})
        return data


class _Group:
    """The runs of one configuration, in the order of time."""

    def __init__(self, workload: records.Record) -> None:
        self.name: str = workload["name"]
        self._config = forms.workload_source(workload)
        self._tasks: list[str] = []
        self._runs: list[tuple[int, records.Record, bool]] = []

    def add(self, task_uuid: str, workload: records.Record) -> None:
        self._tasks.append(task_uuid)
        start_ms = int((workload.get("start_time") or 0) * 1000)
        statistics = records.durations_of(workload)
        passed = bool(workload.get("pass_sla", True))
        self._runs.append((start_ms, statistics, passed))
        self._runs.sort(key=lambda run: run[0])

    def to_dict(self) -> dict[str, t.Any]:
        class_name, _, method = self.name.partition(".")
        totals = [
            (at, statistics["total"])
            for at, statistics, _ in self._runs
            if statistics.get("total")
        ]
        actions = list(self._actions().items())
        shown = charts.first_of(
            actions, charts.SHOWN_ACTIONS, lambda action: len(action[1])
        )
        return {
            "cls": class_name,
            "met": method,
            "length": len(self._runs),
            "config": self._config,
            "tasks": self._tasks,
            "sla_failures": sum(not passed for _, _, passed in self._runs),
            "stat": _overall(totals),
            **_series(totals),
            "actions": [
                {"name": name, **_series(rows)} for name, rows in shown
            ],
            "actions_left_out": len(actions) - len(shown),
        }

    def _actions(self) -> dict[str, list[tuple[int, records.Record]]]:
        actions: dict[str, list[tuple[int, records.Record]]] = {}
        for at, statistics, _ in self._runs:
            for row in statistics.get("atomics") or ():
                actions.setdefault(row["display_name"], []).append((at, row))
        return actions


def _series(rows: list[tuple[int, records.Record]]) -> dict[str, t.Any]:
    def points(key: str) -> list[list[t.Any]]:
        return [[at, _number(row["data"].get(key))] for at, row in rows]

    return {
        "durations": [(key, points(key)) for key in SERIES],
        "success": [("success", points("success"))],
    }


def _overall(
    totals: list[tuple[int, records.Record]]
) -> dict[str, float | None]:
    def values(key: str) -> list[float]:
        found = (_number(row["data"].get(key)) for _, row in totals)
        return [value for value in found if value is not None]

    means = values("avg")
    return {
        "min": min(values("min"), default=None),
        "max": max(values("max"), default=None),
        "avg": sum(means) / len(means) if means else None,
    }


def _number(value: t.Any) -> float | None:
    """A statistic as a number: "99.0%" is 99.0, "n/a" is None."""
    if isinstance(value, str):
        text = value.rstrip("%")
        try:
            return float(text)
        except ValueError:
            return None
    return None if value is None else float(value)


def plot(tasks_results: t.Sequence[Task], include_libs: bool = False) -> str:
    """Page with overview and details of all workloads.

    :param tasks_results: tasks with all their results
    :param include_libs: kept for callers; the page always brings what it
        needs along, so that it is never blank without a network
    """
    data = {
        "generator": _generator(),
        "tasks": [_task_facts(task) for task in tasks_results],
        "source": forms.task_source(tasks_results),
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


def comparison(found: dict[str, t.Any]) -> str:
    """Page with what changed from one task to another.

    :param found: see ``rally.task.comparing.forms``
    """
    data = {"generator": _generator(), "comparison": found}
    return ui_utils.render_page("task/compare.html", data)


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
