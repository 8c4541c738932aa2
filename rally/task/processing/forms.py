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

"""Tasks in the form of JSON reports, and of task files that run them again."""

from __future__ import annotations

import json
import typing as t

from rally.task.processing import records

Report: t.TypeAlias = dict[str, t.Any]


def task_report(task: records.Record) -> Report:
    """An element of a JSON report's ``tasks``.

    :param task: as ``API().task.get(uuid, detailed=True)`` gives it
    :returns: dict that ``rally.api`` can import; ``data`` of workloads is
        not copied
    """
    return {
        "uuid": task["uuid"],
        "title": task.get("title") or "",
        "description": task.get("description") or "",
        "status": task.get("status", "finished"),
        "tags": list(task.get("tags") or ()),
        "env_uuid": task.get("env_uuid") or "n/a",
        "env_name": task.get("env_name") or "n/a",
        "created_at": records.time_text(task.get("created_at")),
        "updated_at": records.time_text(task.get("updated_at")),
        "pass_sla": bool(task.get("pass_sla", True)),
        "subtasks": [
            _subtask_report(subtask) for subtask in task.get("subtasks") or ()
        ],
    }


def _subtask_report(subtask: records.Record) -> Report:
    return {
        "uuid": subtask.get("uuid", "n/a"),
        "title": subtask.get("title") or "",
        "description": subtask.get("description") or "",
        "status": subtask.get("status", "finished"),
        "created_at": records.time_text(subtask.get("created_at")),
        "updated_at": records.time_text(subtask.get("updated_at")),
        "sla": subtask.get("sla") or {},
        "workloads": [
            _workload_report(workload) for workload in subtask["workloads"]
        ],
    }


def _workload_report(workload: records.Record) -> Report:
    report = {
        "uuid": workload["uuid"],
        "description": workload.get("description") or "",
        "runner": {workload["runner_type"]: workload["runner"]},
        "scenario": {workload["name"]: workload["args"]},
        "hooks": [_hook_report(hook) for hook in workload.get("hooks") or ()],
        "min_duration": workload.get("min_duration"),
        "max_duration": workload.get("max_duration"),
        "start_time": workload.get("start_time"),
        "load_duration": workload.get("load_duration") or 0.0,
        "full_duration": workload.get("full_duration") or 0.0,
        "statistics": workload.get("statistics") or {},
        "data": workload["data"],
        "failed_iteration_count": workload.get("failed_iteration_count") or 0,
        "total_iteration_count": workload.get("total_iteration_count") or 0,
        "created_at": records.time_text(workload.get("created_at")),
        "updated_at": records.time_text(workload.get("updated_at")),
        "contexts": workload.get("contexts") or {},
        "contexts_results": workload.get("contexts_results") or [],
        "position": workload["position"],
        "pass_sla": bool(workload.get("pass_sla", True)),
        "sla": workload.get("sla") or {},
        "sla_results": workload.get("sla_results") or {},
    }
    load_info = workload.get("load_info") or {}
    if any(load_info.get(x) for x in ("agents", "lost", "traffic")):
        # released Rally refuses unknown keys, so its own runs have none
        report["load_info"] = load_info
    return report


def _hook_report(hook: records.Record) -> Report:
    config = records.hook_config(hook)
    return {
        "config": {
            **_hook(config), "description": config.get("description") or "",
        },
        "results": hook.get("results") or [],
        "summary": hook.get("summary") or {},
    }


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
