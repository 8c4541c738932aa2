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

"""How the statistics of equal workloads change from task to task."""

from __future__ import annotations

import hashlib
import json
import typing as t

from rally.task.processing import chart, records, source

#: what of a statistics row is drawn
SERIES = ("min", "median", "90%ile", "95%ile", "max", "avg")


class Trends:
    """Groups workloads by equal configuration, and draws each group."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def add_result(self, task_uuid: str, workload: records.Record) -> None:
        key = self._make_hash(
            {
                key: value
                for key, value in source.workload_config(workload).items()
                if key != "description"
            }
        )
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

    def _make_hash(self, obj: t.Any) -> str:
        return hashlib.sha256(self._to_str(obj).encode()).hexdigest()

    def _to_str(self, obj: t.Any) -> str:
        """Text that is equal for equal configurations."""
        return json.dumps(obj, sort_keys=True, default=str)


class _Group:
    """The runs of one configuration, in the order of time."""

    def __init__(self, workload: records.Record) -> None:
        self.name: str = workload["name"]
        self._config = source.workload_source(workload)
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
        shown = chart.first_of(
            actions, chart.SHOWN_ACTIONS, lambda action: len(action[1])
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
    return {
        "durations": [
            (key, [[at, _number(row["data"].get(key))] for at, row in rows])
            for key in SERIES
        ],
        "success": [
            (
                "success",
                [
                    [at, _number(row["data"].get("success"))]
                    for at, row in rows
                ],
            )
        ],
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
