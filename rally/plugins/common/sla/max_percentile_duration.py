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

"""Criterion: percentiles of durations."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import clock
from rally.task import sla

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk
    from rally.task.results.distribution import Distribution

_PERCENTILE = {
    "type": "number", "minimum": 0, "exclusiveMinimum": 0, "maximum": 100,
    "description": "Which one: 99 is the duration that 99 % do not exceed.",
}
_MAX = {
    "type": "number", "minimum": 0, "exclusiveMinimum": 0,
    "description": "Seconds that it may not exceed.",
}
_LIMIT = {
    "type": "object",
    "properties": {"percentile": _PERCENTILE, "max": _MAX},
    "required": ["percentile", "max"],
    "additionalProperties": False,
}
_LIMITS = {
    "anyOf": [_LIMIT, {"type": "array", "minItems": 1, "items": _LIMIT}],
}
_CRITERION = {
    "type": "object",
    "properties": {
        "percentile": _PERCENTILE,
        "max": _MAX,
        "atomic": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                **_LIMITS,
                "description": "Name of an action, and its limit, or a list "
                               "of limits.",
            },
            "description": "Limits of single actions.",
        },
    },
    "dependencies": {"percentile": ["max"], "max": ["percentile"]},
    "minProperties": 1,
    "additionalProperties": False,
}


class Limit(t.NamedTuple):
    """What part of the iterations may take how long at most."""

    action: str | None  # None: the whole iteration
    percentile: float
    max_s: float


@sla.configure(name="max_percentile_duration")
class MaxPercentileDuration(sla.SLA):
    """Maximum percentile of durations, in seconds.

    ``{"percentile": 99, "max": 0.5}``: 99 % of the iterations take half a
    second at most. ``"atomic": {"name": {"percentile": 95, "max": 0.1}}``
    does the same for top-level atomic actions, each occurrence counted. A
    list states several limits. Failed iterations do not count. A percentile
    of up to 1000 durations is exact, beyond that within 0.8 %.
    """

    CONFIG_SCHEMA = {
        "$schema": consts.JSON_SCHEMA7,
        "anyOf": [
            _CRITERION,
            {
                "type": "array", "minItems": 1, "items": _CRITERION,
                "description": "Or a list of these, all of which have to "
                               "hold.",
            },
        ],
    }

    def __init__(
        self, criterion_value: dict[str, t.Any] | list[dict[str, t.Any]]
    ) -> None:
        from rally.task.results import distribution  # imports numpy

        super().__init__(criterion_value)
        self.durations = distribution.Distribution()
        self.actions: dict[str, Distribution] = {
            limit.action: distribution.Distribution()
            for limit in self.limits if limit.action is not None
        }

    @property
    def limits(self) -> list[Limit]:
        parts = self.criterion_value
        if isinstance(parts, dict):
            parts = [parts]
        return [limit for part in parts for limit in _limits_of(part)]

    def add_iteration(self, iteration: sla.Result) -> bool:
        if not iteration["error"]:
            self.durations.add(clock.to_ns(iteration["duration"]))
            for name, duration_ns in sla.actions_of(iteration, self.actions):
                self.actions[name].add(duration_ns)
        return self._judge()

    def add_chunk(self, chunk: Chunk) -> bool:
        self.durations.add_array(sla.durations_without_error(chunk))
        for name, values in sla.actions_without_error(chunk, self.actions):
            self.actions[name].add_array(values)
        return self._judge()

    def merge(self, other: MaxPercentileDuration) -> bool:
        return self.merge_all([other])

    def merge_all(self, others: t.Iterable[MaxPercentileDuration]) -> bool:
        for other in others:
            self.validate_type(other)
            self.durations.merge(other.durations)
            for name, durations in self.actions.items():
                durations.merge(other.actions[name])
        return self._judge()

    def _judge(self) -> bool:
        self.success = all(
            self._percentile_s(limit) <= limit.max_s for limit in self.limits
        )
        return self.success

    def _percentile_s(self, limit: Limit) -> float:
        durations = self.durations
        if limit.action is not None:
            durations = self.actions[limit.action]
        return (durations.percentile(limit.percentile / 100) or 0.0) / 1e9

    def nothing_to_judge(self) -> str:
        if not self.durations.count:
            return "no iteration without error"
        return sla.never_ran(
            name for name, durations in self.actions.items()
            if not durations.count
        )

    def details(self) -> str:
        lines = [
            "%s: p%g %.2fs <= %.2fs" % (
                "Duration of one iteration" if limit.action is None
                else "Action '%s'" % limit.action,
                limit.percentile, self._percentile_s(limit), limit.max_s,
            )
            for limit in self.limits
        ]
        if len(lines) == 1:
            return "%s - %s" % (lines[0], self.status())
        return "\n".join([*lines, "Status: %s" % self.status()])


def _limits_of(part: dict[str, t.Any]) -> t.Iterator[Limit]:
    if "percentile" in part:
        yield Limit(None, part["percentile"], part["max"])
    for name, limits in part.get("atomic", {}).items():
        for limit in limits if isinstance(limits, list) else [limits]:
            yield Limit(name, limit["percentile"], limit["max"])
