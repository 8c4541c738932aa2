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

"""Task files made again out of results."""

from __future__ import annotations

import json
import typing as t

from rally.task.processing import records


def task_source(tasks: t.Sequence[records.Record]) -> str:
    """One version 2 task file with everything that *tasks* ran."""
    if len(tasks) == 1:
        title = tasks[0].get("title") or ""
        description = tasks[0].get("description") or ""
    else:
        uuids = ", ".join(str(task["uuid"]) for task in tasks)
        title = "Several tasks in one"
        description = "Holds the subtasks of the tasks %s" % uuids
    return _text(
        {
            "version": 2,
            "title": title,
            "description": description,
            "subtasks": [
                {
                    "title": subtask["title"],
                    "description": subtask.get("description") or "",
                    "workloads": [
                        workload_config(workload)
                        for workload in subtask["workloads"]
                    ],
                }
                for task in tasks
                for subtask in task.get("subtasks") or ()
            ],
        }
    )


def workload_source(workload: records.Record) -> str:
    """A task file that runs just this workload."""
    subtask = {"title": workload["name"], **workload_config(workload)}
    return _text(
        {
            "version": 2,
            "title": workload["name"],
            "description": "Only the workload %s of a task"
            % workload["uuid"],
            "subtasks": [subtask],
        }
    )


def workload_config(workload: records.Record) -> dict[str, t.Any]:
    """The workload as a task file has it."""
    return {
        "scenario": {workload["name"]: workload["args"]},
        "description": workload.get("description") or "",
        "contexts": workload["contexts"],
        "runner": {workload["runner_type"]: workload["runner"]},
        "hooks": [
            _hook(records.hook_config(hook))
            for hook in workload.get("hooks") or ()
        ],
        "sla": workload["sla"],
    }


def _hook(config: records.Record) -> dict[str, t.Any]:
    hook = {
        "action": dict([records.pair_of(config["action"])]),
        "trigger": dict([records.pair_of(config["trigger"])]),
    }
    if config.get("description"):
        hook["description"] = config["description"]
    return hook


def _text(config: dict[str, t.Any]) -> str:
    return json.dumps(config, indent=2, default=str)
