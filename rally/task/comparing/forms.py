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

"""A comparison as values that JSON holds, for programs and for the page."""

from __future__ import annotations

import typing as t

from rally.common import version
from rally.task.comparing import comparison
from rally.task.processing import records

FORMAT_VERSION = "1.0"


def as_dict(found: comparison.Comparison) -> dict[str, t.Any]:
    """The comparison; a limit that the data do not give is None."""
    rules = found.rules
    return {
        "format_version": FORMAT_VERSION,
        "rally_version": version.version_string(),
        "outcome": found.outcome.name.lower(),
        "counts": {
            verdict.value: found.count(verdict)
            for verdict in comparison.Verdict
        },
        "rules": {
            "threshold": rules.threshold,
            "failure_threshold": rules.failure_threshold,
            "error_rate": rules.error_rate,
            "percentiles": list(rules.percentiles),
            "ignored": list(rules.ignored),
        },
        "baseline": _task(found.before),
        "current": _task(found.after),
        "not_comparable": found.not_comparable,
        "notes": found.notes,
        "workloads": [_workload(each) for each in found.workloads],
    }


def _task(task: records.Record) -> dict[str, t.Any]:
    return {
        "uuid": task.get("uuid"),
        "title": task.get("title") or "",
        "status": task.get("status", "finished"),
        "created_at": records.time_text(task.get("created_at")),
    }


def _workload(found: comparison.Compared) -> dict[str, t.Any]:
    return {
        "name": found.name,
        "position": found.position,
        "verdict": found.verdict.value,
        "baseline": _counted(found.before),
        "current": _counted(found.after),
        "differences": list(found.differences),
        "notes": found.notes,
        "changes": [
            {
                "action": change.action,
                "measure": change.measure,
                "baseline": change.before,
                "current": change.after,
                "change": change.change.value,
                "low": change.change.low,
                "high": change.change.high,
                "verdict": change.verdict.value,
            }
            for change in found.changes
        ],
    }


def _counted(counted: comparison.Counted) -> dict[str, t.Any]:
    return {
        "uuid": counted.uuid, "iterations": counted.iterations,
        "failed": counted.failed, "lost": counted.lost,
        "rate": counted.rate,
    }
