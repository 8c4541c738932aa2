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

"""Criterion: mean duration of an iteration."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import clock
from rally.task import sla
from rally.task.results import moments

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk


@sla.configure(name="max_avg_duration")
class MaxAverageDuration(sla.SLA):
    """Limit of the mean duration of an iteration, seconds.

    Failed iterations do not count.
    """

    CONFIG_SCHEMA = {
        "type": "number",
        "$schema": consts.JSON_SCHEMA7,
        "exclusiveMinimum": 0.0,
        "description": "Seconds that the mean may not exceed.",
    }

    def __init__(self, criterion_value: float) -> None:
        super().__init__(criterion_value)
        self.durations = moments.Moments()

    @property
    def avg(self) -> float:
        """Mean duration of an iteration, seconds; 0 of none."""
        return self.durations.mean_s()

    def add_iteration(self, iteration: sla.Result) -> bool:
        if not iteration["error"]:
            self.durations.add(clock.to_ns(iteration["duration"]))
        return self._judge()

    def add_chunk(self, chunk: Chunk) -> bool:
        self.durations.add_array(sla.durations_without_error(chunk))
        return self._judge()

    def merge(self, other: MaxAverageDuration) -> bool:
        self.validate_type(other)
        self.durations.merge(other.durations)
        return self._judge()

    def _judge(self) -> bool:
        self.success = self.avg <= self.criterion_value
        return self.success

    def nothing_to_judge(self) -> str:
        return "" if self.durations.count else "no iteration without error"

    def details(self) -> str:
        return "Average duration of one iteration %.2fs <= %.2fs - %s" % (
            self.avg, self.criterion_value, self.status(),
        )
