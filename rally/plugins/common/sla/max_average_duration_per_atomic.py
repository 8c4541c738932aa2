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

"""Criterion: mean duration of atomic actions."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.task import sla
from rally.task.results import moments

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk


@sla.configure(name="max_avg_duration_per_atomic")
class MaxAverageDurationPerAtomic(sla.SLA):
    """Limits of the mean durations of atomic actions, seconds.

    The value maps names of top-level actions to seconds. Each occurrence of
    an action counts; actions of failed iterations do not.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "patternProperties": {
            ".*": {
                "type": "number",
                "description": "Name of an action, and the seconds that its "
                               "mean may not exceed.",
            },
        },
        "minProperties": 1,
        "additionalProperties": False,
    }

    def __init__(self, criterion_value: dict[str, float]) -> None:
        super().__init__(criterion_value)
        self.durations = {name: moments.Moments() for name in criterion_value}

    def add_iteration(self, iteration: sla.Result) -> bool:
        if not iteration["error"]:
            for name, duration_ns in sla.actions_of(iteration, self.durations):
                self.durations[name].add(duration_ns)
        return self._judge()

    def add_chunk(self, chunk: Chunk) -> bool:
        for name, values in sla.actions_without_error(chunk, self.durations):
            self.durations[name].add_array(values)
        return self._judge()

    def merge(self, other: MaxAverageDurationPerAtomic) -> bool:
        self.validate_type(other)
        for name, durations in self.durations.items():
            durations.merge(other.durations[name])
        return self._judge()

    def _judge(self) -> bool:
        self.success = all(
            self.durations[name].mean_s() <= limit
            for name, limit in self.criterion_value.items()
        )
        return self.success

    def nothing_to_judge(self) -> str:
        return sla.never_ran(
            name for name, durations in self.durations.items()
            if not durations.count
        )

    def details(self) -> str:
        lines = [
            "Action: '%s'. %.2fs <= %.2fs"
            % (name, self.durations[name].mean_s(), limit)
            for name, limit in self.criterion_value.items()
        ]
        return "\n".join([
            "Average duration of one iteration for atomic actions:",
            *lines, "Status: %s" % self.status(),
        ])
