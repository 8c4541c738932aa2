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

"""The task files that are measured."""

from __future__ import annotations

import typing as t

Task: t.TypeAlias = dict[str, t.Any]
NOOP = "Dummy.dummy"


def task(
    runner: t.Mapping[str, t.Any],
    scenario: t.Mapping[str, t.Any] | None = None,
    sla: t.Mapping[str, t.Any] | None = None,
) -> Task:
    """A task of one workload; without *scenario*: one that does nothing."""
    subtask: dict[str, t.Any] = {
        "title": "measured",
        "scenario": dict(scenario or {NOOP: {}}),
        "runner": dict(runner),
    }
    if sla:
        subtask["sla"] = dict(sla)
    return {"version": 2, "title": "benchmark", "subtasks": [subtask]}


def constant(times: int, concurrency: int) -> dict[str, t.Any]:
    return {"constant": {"times": times, "concurrency": concurrency}}


def rps(times: int, rate: float) -> dict[str, t.Any]:
    return {"rps": {"times": times, "rps": rate}}


def distributed(
    runner: t.Mapping[str, t.Any], local_agents: int
) -> dict[str, t.Any]:
    return {
        "distributed": {
            "runner": dict(runner), "local_agents": local_agents,
        }
    }
