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

"""What came out of a task, as far as it does not depend on time."""

from __future__ import annotations

import collections
import typing as t

Outcome: t.TypeAlias = list[dict[str, t.Any]]

INSIDE = " > "
SOME = "some"
#: criteria whose verdict depends on how busy the machine is
TIMED = (
    "max_avg_duration", "max_avg_duration_per_atomic", "outliers",
    "max_seconds_per_iteration", "performance_degradation",
)
BY_TIME = "by time"


def of(report: dict[str, t.Any]) -> Outcome:
    """One entry for each workload of a JSON report.

    Iterations, failures by type of the error, atomic actions (those within
    others by ``outer > inner``) with how often they ran, verdicts.
    """
    return [
        {
            "name": next(iter(workload["scenario"])),
            "iterations": len(workload["data"]),
            "failures": dict(sorted(collections.Counter(
                row["error"][0] for row in workload["data"] if row["error"]
            ).items())),
            "actions": _actions(workload["data"]),
            "sla": {
                each["criterion"]: (
                    BY_TIME if each["criterion"] in TIMED
                    else each["success"]
                )
                for each in workload["sla_results"]["sla"]
            },
        }
        for task in report["tasks"]
        for subtask in task["subtasks"]
        for workload in subtask["workloads"]
    ]


def _actions(rows: t.Iterable[dict[str, t.Any]]) -> dict[str, t.Any]:
    counts: collections.Counter[str] = collections.Counter()
    for row in rows:
        counts.update(_names(row["atomic_actions"], ""))
    # within others there are polls, as many as it takes
    return {
        name: SOME if INSIDE in name else count
        for name, count in sorted(counts.items())
    }


def _names(
    actions: t.Iterable[dict[str, t.Any]], above: str
) -> t.Iterator[str]:
    for action in actions:
        name = above + action["name"]
        yield name + (" (failed)" if action.get("failed") else "")
        yield from _names(action.get("children") or (), name + INSIDE)


def is_by_time(workloads: Outcome) -> bool:
    """Whether the verdict of the task depends on time."""
    return any(BY_TIME in each["sla"].values() for each in workloads)
