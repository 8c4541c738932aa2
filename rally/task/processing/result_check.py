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

"""Whether something is the result of an iteration."""

from __future__ import annotations

import typing as t

_RESULT_TYPES: t.Mapping[str, type] = {
    "duration": float,
    "timestamp": float,
    "idle_duration": float,
    "error": list,
    "output": dict,
    "atomic_actions": list,
}
_ACTION_TYPES: t.Mapping[str, type] = {
    "name": str,
    "started_at": float,
    "finished_at": float,
    "children": list,
}


def problem_of(result: t.Any) -> str | None:
    """What is wrong with *result*, or None.

    Looks only at what readers rely on; other keys are let pass.
    """
    if not isinstance(result, dict):
        return "a result is a dict, not %r" % (result,)
    return (
        _wrong_type(result, _RESULT_TYPES, "result")
        or _wrong_error(result["error"])
        or _wrong_output(result["output"])
        or _wrong_actions(result["atomic_actions"])
    )


def _wrong_type(
    values: t.Any, types: t.Mapping[str, type], what: str
) -> str | None:
    if not isinstance(values, dict):
        return "%s is a dict, not %r" % (what, values)
    for key, expected in types.items():
        if key not in values:
            return "%s lacks the key '%s'" % (what, key)
        if not isinstance(values[key], expected):
            return "%s['%s'] is of type %s, but should be of type %s" % (
                what,
                key,
                type(values[key]).__name__,
                expected.__name__,
            )
    return None


def _wrong_error(error: list[t.Any]) -> str | None:
    for part in error:
        if not isinstance(part, str):
            return "result['error'] holds %r, which is not a text" % (part,)
    return None


def _wrong_output(output: dict[str, t.Any]) -> str | None:
    for kind in ("additive", "complete"):
        if not isinstance(output.get(kind), list):
            return "result['output'] lacks the list '%s'" % kind
        if output[kind]:
            problem = _wrong_charts(kind, output[kind])
            if problem:
                return problem
    return None


def _wrong_charts(kind: str, outputs: list[t.Any]) -> str | None:
    # charts are many modules, and few scenarios have output
    from rally.task.processing import charts

    for output in outputs:
        problem = charts.validate_output(kind, output)
        if problem:
            return str(problem)
    return None


def _wrong_actions(actions: t.Iterable[t.Any]) -> str | None:
    for action in actions:
        problem = _wrong_type(action, _ACTION_TYPES, "atomic action")
        if problem:
            return problem
        problem = _wrong_actions(action["children"])
        if problem:
            return problem
    return None
