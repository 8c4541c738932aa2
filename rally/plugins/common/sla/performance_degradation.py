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

"""Criterion: how much longer the longest iteration is than the shortest."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import clock
from rally.task import sla

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk


@sla.configure(name="performance_degradation")
class PerformanceDegradation(sla.SLA):
    """How much longer than the shortest iteration the longest may be, percent.

    Failed iterations do not count.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "max_degradation": {
                "type": "number", "minimum": 0.0,
                "description": "The highest difference that passes, percent "
                               "of the shortest duration.",
            },
        },
        "required": ["max_degradation"],
        "additionalProperties": False,
    }

    def __init__(self, criterion_value: dict[str, float]) -> None:
        super().__init__(criterion_value)
        self.max_degradation = criterion_value["max_degradation"]
        self.min_ns: int | None = None
        self.max_ns: int | None = None

    @property
    def degradation(self) -> float:
        """Percents; infinite if an iteration took no time at all."""
        if self.min_ns is None or self.max_ns is None:
            return 0.0
        shortest, longest = max(self.min_ns, 0), max(self.max_ns, 0)
        if shortest == longest:
            return 0.0
        if not shortest:
            return float("inf")
        return (longest - shortest) * 100 / shortest

    def add_iteration(self, iteration: sla.Result) -> bool:
        if not iteration["error"]:
            duration_ns = clock.to_ns(iteration["duration"])
            self._extend(duration_ns, duration_ns)
        return self.success

    def add_chunk(self, chunk: Chunk) -> bool:
        durations = sla.durations_without_error(chunk)
        if len(durations):
            self._extend(int(durations.min()), int(durations.max()))
        return self.success

    def merge(self, other: PerformanceDegradation) -> bool:
        self.validate_type(other)
        if other.min_ns is not None and other.max_ns is not None:
            self._extend(other.min_ns, other.max_ns)
        return self.success

    def _extend(self, shortest_ns: int, longest_ns: int) -> None:
        if self.min_ns is None or shortest_ns < self.min_ns:
            self.min_ns = shortest_ns
        if self.max_ns is None or longest_ns > self.max_ns:
            self.max_ns = longest_ns
        self.success = self.degradation <= self.max_degradation

    def nothing_to_judge(self) -> str:
        return "no iteration without error" if self.min_ns is None else ""

    def details(self) -> str:
        return "Current degradation: %s%% - %s" % (
            round(self.degradation, 6), self.status(),
        )
