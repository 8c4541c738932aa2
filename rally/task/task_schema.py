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

"""JSON schemas of task files, both versions of their format."""

from __future__ import annotations

import typing as t

from rally import consts

_Dict: t.TypeAlias = dict[str, t.Any]

SINGLE_ENTITY: _Dict = {
    "type": "object",
    "description": "An object with a single property.",
    "minProperties": 1,
    "maxProperties": 1,
    "patternProperties": {".*": {"type": "object"}},
}

HOOK: _Dict = {
    "type": "object",
    "properties": {
        "action": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "patternProperties": {".*": {}},
        },
        "trigger": SINGLE_ENTITY,
        "description": {"type": "string"},
    },
    "required": ["action", "trigger"],
    "additionalProperties": False,
}

WORKLOAD_KEYS: _Dict = {
    "scenario": SINGLE_ENTITY,
    "description": {"type": "string"},
    "runner": SINGLE_ENTITY,
    "sla": {"type": "object"},
    "hooks": {"type": "array", "items": HOOK},
    "contexts": {"type": "object"},
}

SUBTASK_KEYS: _Dict = {
    "title": {"type": "string", "maxLength": 128},
    "group": {"type": "string"},
    "description": {"type": "string"},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
}

V1: _Dict = {
    "type": "object",
    "$schema": consts.JSON_SCHEMA,
    "patternProperties": {
        ".*": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "args": {"type": "object"},
                    "description": {"type": "string"},
                    "runner": {
                        "type": "object",
                        "properties": {"type": {"type": "string"}},
                        "required": ["type"],
                    },
                    "context": {"type": "object"},
                    "sla": {"type": "object"},
                    "hooks": {
                        "type": "array",
                        "items": {"$ref": "#/definitions/hook"},
                    },
                },
                "additionalProperties": False,
            },
        }
    },
    "definitions": {
        "hook": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "args": {},
                "trigger": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "args": {}},
                    "required": ["name", "args"],
                    "additionalProperties": False,
                },
            },
            "required": ["name", "args", "trigger"],
            "additionalProperties": False,
        }
    },
}


SUBTASK_SIMPLE: _Dict = {
    "type": "object",
    "$schema": consts.JSON_SCHEMA,
    "properties": {**SUBTASK_KEYS, **WORKLOAD_KEYS},
    "additionalProperties": False,
    "required": ["title", "scenario"],
}

SUBTASK_COMPLEX: _Dict = {
    "type": "object",
    "$schema": consts.JSON_SCHEMA,
    "properties": {
        **SUBTASK_KEYS,
        "title": {"type": "string"},
        "run_in_parallel": {"type": "boolean"},
        "workloads": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": WORKLOAD_KEYS,
                "additionalProperties": False,
                "required": ["scenario"],
            },
        },
    },
    "additionalProperties": False,
    "required": ["title", "workloads"],
}
