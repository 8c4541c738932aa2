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

"""Indices of Elasticsearch that tasks are exported to."""

from __future__ import annotations

import typing as t

TASK_INDEX = "rally_task_data_v1"
WORKLOAD_INDEX = "rally_workload_data_v1"
ACTION_INDEX = "rally_atomic_action_data_v1"
DOC_TYPE = "data"

#: index -> field -> type, as releases from 5.x on name types
FIELDS: dict[str, dict[str, str]] = {
    TASK_INDEX: {
        "task_uuid": "keyword",
        "deployment_uuid": "keyword",
        "deployment_name": "keyword",
        "title": "text",
        "description": "text",
        "status": "keyword",
        "pass_sla": "boolean",
        "tags": "keyword",
    },
    WORKLOAD_INDEX: {
        "deployment_uuid": "keyword",
        "deployment_name": "keyword",
        "scenario_name": "keyword",
        "scenario_cfg": "keyword",
        "description": "text",
        "runner_name": "keyword",
        "runner_cfg": "keyword",
        "contexts": "keyword",
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
        "deployment_uuid": "keyword",
        "deployment_name": "keyword",
        "action_name": "keyword",
        "workload_uuid": "keyword",
        "scenario_cfg": "keyword",
        "contexts": "keyword",
        "runner_name": "keyword",
        "runner_cfg": "keyword",
        "success": "boolean",
        "duration": "float",
        "started_at": "date",
        "finished_at": "date",
        "parent": "keyword",
        "error": "keyword",
    },
}


def mapping_of(index: str, major: int) -> dict[str, t.Any]:
    """Body that creates *index* in a cluster of a major release."""
    properties = {
        name: _type_of(kind, major) for name, kind in FIELDS[index].items()
    }
    return {"mappings": {DOC_TYPE: {"properties": properties}}}


def _type_of(kind: str, major: int) -> dict[str, str]:
    if major > 2 or kind not in ("keyword", "text"):
        return {"type": kind}
    is_whole = kind == "keyword"
    return {
        "type": "string",
        "index": "not_analyzed" if is_whole else "analyzed",
    }
