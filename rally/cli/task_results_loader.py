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

"""Results from files, in the form that the database gives them."""

from __future__ import annotations

import datetime as dt
import typing as t

from rally import consts, exceptions
from rally.api import imports
from rally.cli import task_results_stream
from rally.common.objects import report_schema
from rally.task.results import durations
from rally.task.results.row import NS

if t.TYPE_CHECKING:
    from rally.task.results import spooled

_PLUGIN: dict[str, t.Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name", "args"],
}
OLD_TASK_RESULT_SCHEMA: dict[str, t.Any] = {
    "type": "object",
    "$schema": consts.JSON_SCHEMA,
    "properties": {
        "key": {
            "type": "object",
            "properties": {
                "kw": {
                    "type": "object",
                    "properties": {
                        "args": {"type": ["object", "null"]},
                        "context": {"type": ["object", "null"]},
                        "runner": {
                            "type": ["object", "null"],
                            "properties": {"type": {"type": "string"}},
                        },
                        "sla": {"type": ["object", "null"]},
                    },
                },
                "name": {"type": "string"},
                "description": {"type": "string"},
                "pos": report_schema.POSITION,
            },
            "required": ["kw", "name", "pos"],
        },
        "sla": {"type": "array", "items": report_schema.CRITERION},
        "hooks": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "config": {**_PLUGIN, "properties": {
                        **_PLUGIN["properties"], "trigger": _PLUGIN,
                    }, "required": ["name", "args", "trigger"]},
                    "results": {
                        "type": ["array", "null"],
                        "items": report_schema.HOOK_RUN,
                    },
                    "summary": {"type": ["object", "null"]},
                },
                "required": ["config"],
            },
        },
        "result": {"type": "array"},
        "load_duration": {"type": "number"},
        "full_duration": {"type": "number"},
        "created_at": {"type": "string"},
    },
    "required": ["key", "sla", "result", "load_duration", "full_duration"],
    "additionalProperties": False,
    "definitions": {"output": report_schema.OUTPUT},
}

#: forms of a creation time; the second is how released Rally wrote it
_TIME_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%d-%mT%H:%M:%S")


class FailedToLoadResults(exceptions.RallyException):
    """What to do: export the results again with `rally task report --json`;
    the message says where the file differs from that form.
    """

    error_code = 225
    msg_fmt = "ERROR: Invalid task result format in %(source)s\n\n\t%(msg)s"


def load(path: str) -> list[dict[str, t.Any]]:
    """Tasks in a JSON report or in a file of ``rally task results``.

    :param path: the file
    :returns: tasks, as ``API().task.get(uuid, detailed=True, lazy=True)``
        gives them: results wait outside of memory
    :raises FailedToLoadResults: it holds no results in either form
    """
    try:
        content = task_results_stream.read(path, _new_iteration)
    except OSError as error:
        raise FailedToLoadResults(
            source=path, msg="It cannot be read: %s." % error.strerror
        ) from error
    except task_results_stream.Malformed as error:
        raise FailedToLoadResults(source=path, msg=str(error)) from None
    if isinstance(content, list):
        return _load_old(content, path)
    if isinstance(content, dict) and isinstance(content.get("tasks"), list):
        return [_new_task(task, path) for task in content["tasks"]]
    raise FailedToLoadResults(
        source=path,
        msg="It is neither a JSON report (an object with `tasks`) nor a "
        "list of results. Make one with `rally task report --json`.",
    )


def _check(item: t.Any, schema: dict[str, t.Any], path: str) -> None:
    error = report_schema.error_in(item, schema)
    if error is not None:
        place = "/".join(map(str, error.absolute_path)) or "the top level"
        raise FailedToLoadResults(
            source=path, msg="At %s: %s" % (place, _first_line(error.message))
        )


def _first_line(message: str, limit: int = 300) -> str:
    line = message.partition("\n")[0]
    return line if len(line) <= limit else line[:limit] + "..."


# ---- JSON reports


#: what reports read and the schema does not require
_TASK_DEFAULTS: dict[str, t.Any] = {
    "uuid": "n/a", "title": "", "description": "", "env_uuid": "n/a",
    "env_name": "n/a", "status": consts.TaskStatus.FINISHED,
}
_SUBTASK_DEFAULTS: dict[str, t.Any] = {"title": "", "description": ""}
_WORKLOAD_DEFAULTS: dict[str, t.Any] = {
    "uuid": "n/a", "description": "", "min_duration": None,
    "max_duration": None, "start_time": None,
}


def _new_task(task: dict[str, t.Any], path: str) -> dict[str, t.Any]:
    _check(task, report_schema.TASK_SCHEMA, path)
    subtasks = [
        {
            **_SUBTASK_DEFAULTS,
            **subtask,
            "workloads": list(map(_new_workload, subtask["workloads"])),
        }
        for subtask in task["subtasks"]
    ]
    tags = task.get("tags") or []
    return {**_TASK_DEFAULTS, **task, "tags": tags, "subtasks": subtasks}


def _new_workload(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """A workload whose plugins are named as the database names them."""
    return {
        **imports.of_report({**_WORKLOAD_DEFAULTS, **report}),
        "contexts_results": report.get("contexts_results") or [],
    }


# ---- results in the form of earlier releases


def _load_old(
    results: list[t.Any], path: str
) -> list[dict[str, t.Any]]:
    for result in results:
        _check(result, OLD_TASK_RESULT_SCHEMA, path)
    return [
        {
            "version": 2,
            "title": "Task loaded from a file.",
            "description": "Results in the form of `rally task results`.",
            "uuid": "n/a",
            "env_name": "n/a",
            "env_uuid": "n/a",
            "tags": [],
            "status": consts.TaskStatus.FINISHED,
            "subtasks": [
                {
                    "title": "A SubTask",
                    "description": "",
                    "workloads": [_old_workload(result)],
                }
                for result in results
            ],
        }
    ]


def _old_workload(result: dict[str, t.Any]) -> dict[str, t.Any]:
    key, config = result["key"], result["key"]["kw"]
    rows: spooled.SpooledResults = result["result"]
    found = durations.summary(rows.chunks())
    first = next(rows.chunks(), None)
    start_time = None if first is None else first.first_ns / NS
    created_at = _created_at(result.get("created_at"), start_time)
    updated_at = created_at + dt.timedelta(seconds=result["full_duration"])
    runner = dict(config.get("runner") or {"type": "serial"})
    return {
        "uuid": "n/a",
        "name": key["name"],
        "position": key["pos"],
        "description": key.get("description", ""),
        "full_duration": result["full_duration"],
        "load_duration": result["load_duration"],
        "total_iteration_count": found["total"],
        "failed_iteration_count": found["failed"],
        "min_duration": found["min_duration"],
        "max_duration": found["max_duration"],
        "start_time": start_time,
        "created_at": created_at.strftime(_TIME_FORMS[0]),
        "updated_at": updated_at.strftime(_TIME_FORMS[0]),
        "args": config.get("args") or {},
        "runner_type": runner.pop("type", "serial"),
        "runner": runner,
        "hooks": [_new_hook(hook) for hook in result.get("hooks") or ()],
        "sla": config.get("sla") or {},
        "sla_results": {"sla": result["sla"]},
        "pass_sla": all(each.get("success") for each in result["sla"]),
        "contexts": config.get("context") or {},
        "contexts_results": [],
        "data": rows,
        "statistics": found["statistics"],
    }


def _new_iteration(row: dict[str, t.Any]) -> dict[str, t.Any]:
    """An iteration; its actions are put one after another."""
    row = dict(row)
    row.setdefault("timestamp", 0.0)
    row.setdefault("output", {"additive": [], "complete": []})
    started = row["timestamp"]
    actions = []
    for name, duration in row["atomic_actions"].items():
        finished = started + (duration or 0.0)
        actions.append(
            {
                "name": name,
                "started_at": started,
                "finished_at": finished,
                "children": [],
                **({"failed": True} if duration is None else {}),
            }
        )
        started = finished
    row["atomic_actions"] = actions
    return row


def _new_hook(hook: dict[str, t.Any]) -> dict[str, t.Any]:
    config = hook["config"]
    trigger = config["trigger"]
    return {
        "config": {
            "description": config.get("description") or "",
            "action": [config["name"], config["args"]],
            "trigger": [trigger["name"], trigger["args"]],
        },
        "results": hook.get("results") or [],
        "summary": hook.get("summary") or {},
    }


def _created_at(text: str | None, start_time: float | None) -> dt.datetime:
    """A creation time, whichever way round month and day stand in it.

    Released Rally wrote the day before the month. Where both readings are
    dates, the one nearer to the first iteration is meant.
    """
    start = dt.datetime.fromtimestamp(start_time or 0, dt.timezone.utc)
    start = start.replace(tzinfo=None)
    readings = []
    for form in _TIME_FORMS:
        try:
            readings.append(dt.datetime.strptime(text or "", form))
        except ValueError:
            continue
    if start_time is None:
        return readings[0] if readings else start
    return min(readings, key=lambda moment: abs(moment - start), default=start)
