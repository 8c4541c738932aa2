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

"""Documents that tasks are exported as, and the indices they go to."""

from __future__ import annotations

import collections
import datetime as dt
import typing as t

from rally.plugins.common.exporters.elastic import releases
from rally.task.processing import records

#: where a document goes, its id, and its content
Document: t.TypeAlias = tuple[str, str, dict[str, t.Any]]

_NO_ACTION = "no-name-action"

TASK_INDEX = "rally_task_data_v1"
WORKLOAD_INDEX = "rally_workload_data_v1"
ACTION_INDEX = "rally_atomic_action_data_v1"
#: characters of a keyword that is indexed; a longer one, such as the
#: traceback of an error, would be refused with its document: the limit is
#: 32766 bytes, and a character has up to four
_MAX_KEYWORD = 8191

_PLACE = {"deployment_uuid": "keyword", "deployment_name": "keyword"}
_CONFIG = dict.fromkeys(
    ("scenario_cfg", "contexts", "runner_name", "runner_cfg"), "keyword"
)

#: index -> field -> type, as releases from 5.x on name types
FIELDS: dict[str, dict[str, str]] = {
    TASK_INDEX: {
        "task_uuid": "keyword",
        **_PLACE,
        "title": "text",
        "description": "text",
        "status": "keyword",
        "pass_sla": "boolean",
        "tags": "keyword",
    },
    WORKLOAD_INDEX: {
        **_PLACE,
        "scenario_name": "keyword",
        **_CONFIG,
        "description": "text",
        "task_uuid": "keyword",
        "subtask_uuid": "keyword",
        "started_at": "date",
        "load_duration": "long",
        "full_duration": "long",
        "pass_sla": "boolean",
        "success_rate": "float",
        "sla_details": "text",
    },
    ACTION_INDEX: {
        **_PLACE,
        "action_name": "keyword",
        "workload_uuid": "keyword",
        **_CONFIG,
        "success": "boolean",
        "duration": "float",
        "started_at": "date",
        "finished_at": "date",
        "parent": "keyword",
        "error": "keyword",
    },
}


def mapping_of(index: str, release: releases.Release) -> dict[str, t.Any]:
    """Body that creates *index* in a cluster of a release."""
    properties = {
        name: _type_of(kind, release) for name, kind in FIELDS[index].items()
    }
    mapping: dict[str, t.Any] = {"properties": properties}
    if release.doc_type is not None:
        mapping = {release.doc_type: mapping}
    return {"mappings": mapping}


def _type_of(kind: str, release: releases.Release) -> dict[str, t.Any]:
    if kind not in ("keyword", "text"):
        return {"type": kind}
    limit = {"ignore_above": _MAX_KEYWORD} if kind == "keyword" else {}
    if release.has_keywords:
        return {"type": kind, **limit}
    analyzed = "not_analyzed" if kind == "keyword" else "analyzed"
    return {"type": "string", "index": analyzed, **limit}


def task_documents(task: records.Record) -> t.Iterator[Document]:
    """Documents of a task, of its workloads and of their actions."""
    place = {
        "deployment_uuid": task.get("env_uuid"),
        "deployment_name": task.get("env_name"),
    }
    yield TASK_INDEX, task["uuid"], {
        "task_uuid": task["uuid"],
        **place,
        "title": task.get("title") or "",
        "description": task.get("description") or "",
        "status": task.get("status"),
        "pass_sla": task.get("pass_sla"),
        "tags": list(task.get("tags") or ()),
    }
    for _, subtask, workload in records.workloads_of([task]):
        config = {
            "scenario_cfg": flat(workload["args"]),
            "contexts": flat(workload["contexts"]),
            "runner_name": workload["runner_type"],
            "runner_cfg": flat(workload["runner"]),
        }
        yield WORKLOAD_INDEX, workload["uuid"], {
            "task_uuid": task["uuid"],
            "subtask_uuid": subtask.get("uuid"),
            **place,
            "scenario_name": workload["name"],
            **config,
            **_workload_facts(workload),
        }
        common = {**place, "workload_uuid": workload["uuid"], **config}
        for number, iteration in enumerate(workload["data"], 1):
            name = "%s_iter_%d" % (workload["uuid"], number)
            yield from _iteration_documents(iteration, name, common)


def _workload_facts(workload: records.Record) -> dict[str, t.Any]:
    total = workload.get("total_iteration_count") or 0
    failed = workload.get("failed_iteration_count") or 0
    start_time = workload.get("start_time")
    return {
        "description": workload.get("description") or "",
        "started_at": None if start_time is None else _moment(start_time),
        "load_duration": workload.get("load_duration"),
        "full_duration": workload.get("full_duration"),
        "pass_sla": workload.get("pass_sla"),
        "success_rate": (total - failed) / total if total else 0.0,
        "sla_details": [
            criterion["detail"]
            for criterion in records.criteria_of(workload)
            if not criterion["success"]
        ],
    }


def _iteration_documents(
    iteration: records.Record, name: str, common: dict[str, t.Any]
) -> t.Iterator[Document]:
    seen: collections.Counter[str] = collections.Counter()

    def documents(
        actions: t.Iterable[records.Record], parent: str | None
    ) -> t.Iterator[Document]:
        for action in actions:
            is_failed = bool(action.get("failed"))
            key = _key(name, action["name"], seen)
            yield ACTION_INDEX, key, {
                **common,
                "action_name": action["name"],
                "success": not is_failed,
                "duration": action["finished_at"] - action["started_at"],
                "started_at": _moment(action["started_at"]),
                "finished_at": _moment(action["finished_at"]),
                "parent": parent,
                "error": iteration["error"] if is_failed else None,
            }
            yield from documents(action.get("children") or (), key)

    actions = iteration["atomic_actions"]
    yield from documents(actions, None)
    if iteration["error"] and not (actions and actions[-1].get("failed")):
        ended = iteration["timestamp"] + iteration["duration"]
        ended += iteration["idle_duration"]
        yield ACTION_INDEX, _key(name, _NO_ACTION, seen), {
            **common,
            "action_name": _NO_ACTION,
            "success": False,
            "duration": 0,
            "started_at": _moment(ended),
            "finished_at": _moment(ended),
            "parent": None,
            "error": iteration["error"],
        }


def _key(
    iteration: str, action: str, seen: collections.Counter[str]
) -> str:
    number = seen[action]
    seen[action] += 1
    return "%s_action_%s_%d" % (iteration, action, number)


def flat(config: t.Any, path: str = "") -> list[str]:
    """A configuration as sorted ``path=value`` texts.

    ``{"a": {"b": 1}, "c": [2]}`` is ``["a.b=1", "c[0]=2"]``.
    """
    if isinstance(config, dict):
        dot = path + "." if path else ""
        parts = [flat(config[key], dot + str(key)) for key in sorted(config)]
    elif isinstance(config, (list, tuple)):
        parts = [
            flat(item, "%s[%d]" % (path, i)) for i, item in enumerate(config)
        ]
    else:
        return ["%s=%s" % (path, config) if path else str(config)]
    return [text for part in parts for text in part]


def _moment(timestamp: float) -> str:
    moment = dt.datetime.fromtimestamp(timestamp, dt.timezone.utc)
    return moment.strftime(records.TIMEFORMAT)
