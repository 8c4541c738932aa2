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

"""Criterion: duration of the longest iteration."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import clock
from rally.task import sla

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk


@sla.configure(name="max_seconds_per_iteration")
class IterationTime(sla.SLA):
    """Longest time an iteration may take, seconds.

    Failed iterations count, too.
    """

    CONFIG_SCHEMA = {
        "type": "number",
        "$schema": consts.JSON_SCHEMA7,
        "minimum": 0.0,
        "exclusiveMinimum": 0.0,
        "description": "Seconds that no iteration may exceed.",
    }

    def __init__(self, criterion_value: float) -> None:
        super().__init__(criterion_value)
        self.max_ns = 0

    @property
    def max_iteration_time(self) -> float:
        """Duration of the longest iteration, seconds; 0 of none."""
        return self.max_ns / 1e9

    def add_iteration(self, iteration: sla.Result) -> bool:
        return self._extend(clock.to_ns(iteration["duration"]))

    def add_chunk(self, chunk: Chunk) -> bool:
        return self._extend(int(chunk.duration_ns.max(initial=0)))

    def merge(self, other: IterationTime) -> bool:
        self.validate_type(other)
        return self._extend(other.max_ns)

    def _extend(self, duration_ns: int) -> bool:
        self.max_ns = max(self.max_ns, duration_ns)
        self.success = self.max_iteration_time <= self.criterion_value
        return self.success

    def nothing_to_judge(self) -> str:
        return "" if self.max_ns else "no iteration ran"

    def details(self) -> str:
        return "Maximum seconds per iteration %.2fs <= %.2fs - %s" % (
            self.max_iteration_time, self.criterion_value, self.status(),
        )
