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

"""JSON schema of one task in a JSON report."""

from __future__ import annotations

import collections.abc
import typing as t

from rally import consts

if t.TYPE_CHECKING:
    import jsonschema

Schema: t.TypeAlias = dict[str, t.Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
ARRAY: Schema = {"type": "array"}
OBJECT: Schema = {"type": "object"}
NUMBER_OR_NULL: Schema = {"oneOf": [NUMBER, {"type": "null"}]}
#: counts workloads, in a column of 32 bits
POSITION: Schema = {"type": "integer", "minimum": 0, "maximum": 2 ** 31 - 1}
#: seconds since the epoch that have 64 bits as nanoseconds, as those of
#: iterations have
_FURTHEST_S = 2 ** 63 // 10 ** 9
STAMP_OR_NULL: Schema = {
    "type": ["number", "null"],
    "minimum": -_FURTHEST_S, "maximum": _FURTHEST_S,
}


def _record(
    properties: t.Mapping[str, Schema], required: t.Sequence[str]
) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _all(schema: Schema, *names: str) -> dict[str, Schema]:
    """Properties of one kind."""
    return dict.fromkeys(names, schema)


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _tuple_of(*items: Schema) -> Schema:
    return {"type": "array", "items": list(items)}


#: null is how a report shows a number that is none
ADDITIVE_DATA: Schema = _list_of(
    {**_tuple_of(STRING, NUMBER_OR_NULL), "additionalItems": False}
)
COMPLETE_DATA: Schema = {
    "anyOf": [
        # names with a number, or with points
        _list_of(
            _tuple_of(
                STRING,
                {
                    "anyOf": [
                        _list_of(_tuple_of(NUMBER_OR_NULL, NUMBER_OR_NULL)),
                        NUMBER_OR_NULL,
                    ]
                },
            )
        ),
        # a table
        _record(
            {
                "cols": _list_of(STRING),
                "rows": _list_of(
                    _list_of({"anyOf": [STRING, NUMBER_OR_NULL]})
                ),
            },
            required=["cols", "rows"],
        ),
        # lines of text
        _list_of(STRING),
    ]
}


def _chart(data: Schema) -> Schema:
    return _record(
        {
            **_all(
                STRING, "title", "description", "chart_plugin", "label",
                "axis_label",
            ),
            "data": data,
        },
        required=["title", "chart_plugin", "data"],
    )


OUTPUT: Schema = _record(
    {
        "additive": _list_of(_chart(ADDITIVE_DATA)),
        "complete": _list_of(_chart(COMPLETE_DATA)),
    },
    required=["additive", "complete"],
)

#: Rally's own hooks fail with an object, the schema of released Rally has
#: the list only
HOOK_ERROR: Schema = {
    "anyOf": [
        {"type": "array", "minItems": 3, "maxItems": 3, "items": STRING},
        {
            "type": "object",
            "properties": _all(STRING, "etype", "msg", "details"),
            "required": ["etype", "msg"],
        },
    ]
}

#: a plugin by its name, with its config; or a list of both
PLUGIN: Schema = {
    "anyOf": [
        {"type": "object", "minProperties": 1},
        {**_tuple_of(STRING, {}), "minItems": 2, "maxItems": 2},
    ]
}

#: one run of a hook
HOOK_RUN: Schema = _record(
    {
        **_all(NUMBER, "started_at", "finished_at"),
        "triggered_by": _record(
            {"event_type": STRING, "value": {}},
            required=["event_type", "value"],
        ),
        "status": STRING,
        "error": HOOK_ERROR,
        "output": {"$ref": "#/definitions/output"},
    },
    required=["finished_at", "triggered_by", "status"],
)

HOOK_RESULT: Schema = _record(
    {
        "config": {
            "type": "object",
            "properties": _all(PLUGIN, "action", "trigger"),
            "required": ["action", "trigger"],
        },
        "results": _list_of(HOOK_RUN),
        "summary": OBJECT,
    },
    required=["config", "results", "summary"],
)

#: the verdict of an SLA criterion
CRITERION: Schema = {
    "type": "object",
    "properties": {
        "criterion": STRING, "detail": STRING, "success": BOOLEAN,
    },
    "required": ["criterion", "detail", "success"],
}

#: a row of the statistics of durations
STATISTICS_ROW: Schema = {
    "type": "object",
    "properties": {
        "name": STRING,
        "display_name": STRING,
        "data": OBJECT,
        "children": _list_of({"$ref": "#/definitions/statistics-row"}),
    },
    "required": ["name", "display_name", "data"],
}

WORKLOAD: Schema = _record(
    {
        **_all(
            STRING, "uuid", "task_uuid", "subtask_uuid", "description",
            "runner_type", "created_at", "updated_at",
        ),
        **_all(NUMBER, "load_duration", "full_duration"),
        **_all(INTEGER, "failed_iteration_count", "total_iteration_count"),
        "position": POSITION,
        **_all(OBJECT, "args", "contexts", "sla"),
        "load_info": {
            "type": "object", "properties": _all(OBJECT, "percentiles"),
        },
        "runner": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": OBJECT,
        },
        **_all(ARRAY, "data", "contexts_results"),
        **_all(
            {"$ref": "#/definitions/number-or-null"},
            "min_duration", "max_duration",
        ),
        "start_time": STAMP_OR_NULL,
        "pass_sla": BOOLEAN,
        "scenario": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "patternProperties": {".*": OBJECT},
        },
        "hooks": _list_of({"$ref": "#/definitions/hook_result"}),
        "statistics": {
            "type": "object",
            "properties": {
                "durations": {
                    "type": "object",
                    "properties": {
                        "total": {"$ref": "#/definitions/statistics-row"},
                        "atomics": _list_of(
                            {"$ref": "#/definitions/statistics-row"}
                        ),
                    },
                },
                "atomics": OBJECT,
            },
        },
        "sla_results": {
            "type": "object",
            "properties": {"sla": _list_of(CRITERION)},
        },
    },
    required=[
        "pass_sla", "sla_results", "sla", "statistics", "contexts", "data",
        "runner", "scenario", "full_duration", "load_duration",
        "total_iteration_count", "failed_iteration_count", "position",
    ],
)

SUBTASK: Schema = _record(
    {
        **_all(
            STRING, "uuid", "task_uuid", "title", "description", "status",
            "created_at", "updated_at",
        ),
        **_all(BOOLEAN, "pass_sla", "run_in_parallel"),
        "sla": OBJECT,
        "workloads": _list_of({"$ref": "#/definitions/workload"}),
    },
    required=["workloads"],
)

TASK_SCHEMA: Schema = {
    "$schema": consts.JSON_SCHEMA,
    **_record(
        {
            **_all(
                STRING, "uuid", "title", "description", "status",
                "env_name", "env_uuid", "created_at", "updated_at",
            ),
            "version": NUMBER,
            "tags": ARRAY,
            "pass_sla": BOOLEAN,
            "subtasks": _list_of(SUBTASK),
        },
        required=["subtasks"],
    ),
    "definitions": {
        "number-or-null": NUMBER_OR_NULL,
        "workload": WORKLOAD,
        "hook_result": HOOK_RESULT,
        "output": OUTPUT,
        "statistics-row": STATISTICS_ROW,
    },
}


def error_in(
    item: t.Any, schema: Schema = TASK_SCHEMA
) -> jsonschema.ValidationError | None:
    """The most telling violation of *schema*, if there is one.

    A list may be any sequence: results are read from where they are kept.
    """
    import jsonschema  # costs more than most commands that import this

    base = jsonschema.validators.validator_for(schema)
    types = base.TYPE_CHECKER.redefine("array", _is_array)
    validator = jsonschema.validators.extend(base, type_checker=types)
    errors = validator(schema).iter_errors(item)
    found: jsonschema.ValidationError | None
    found = jsonschema.exceptions.best_match(errors)
    return found


def _is_array(_checker: t.Any, value: t.Any) -> bool:
    return isinstance(
        value, collections.abc.Sequence
    ) and not isinstance(value, str)
