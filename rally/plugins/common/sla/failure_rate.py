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

"""Criterion: share of failed iterations."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.task import sla

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk


@sla.configure(name="failure_rate")
class FailureRate(sla.SLA):
    """Percentage of iterations that may, or must, fail.

    A workload without any criterion gets this one, with a ``max`` of 0.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "min": {
                "type": "number", "minimum": 0.0, "maximum": 100.0,
                "description": "The lowest rate that passes, percent (0 by "
                               "default).",
            },
            "max": {
                "type": "number", "minimum": 0.0, "maximum": 100.0,
                "description": "The highest rate that passes, percent (100 "
                               "by default).",
            },
        },
        "minProperties": 1,
        "additionalProperties": False,
    }

    def __init__(self, criterion_value: dict[str, float]) -> None:
        super().__init__(criterion_value)
        self.min_percent = criterion_value.get("min", 0)
        self.max_percent = criterion_value.get("max", 100)
        self.errors = 0
        self.total = 0

    @property
    def error_rate(self) -> float:
        """Percentage of failed iterations; 0 of none."""
        return self.errors * 100 / self.total if self.total else 0.0

    def add_iteration(self, iteration: sla.Result) -> bool:
        return self._count(1, 1 if iteration["error"] else 0)

    def add_chunk(self, chunk: Chunk) -> bool:
        return self._count(len(chunk), chunk.failed_count)

    def merge(self, other: FailureRate) -> bool:
        self.validate_type(other)
        return self._count(other.total, other.errors)

    def _count(self, total: int, errors: int) -> bool:
        self.total += total
        self.errors += errors
        if self.total:
            self.success = (
                self.min_percent <= self.error_rate <= self.max_percent
            )
        return self.success

    def nothing_to_judge(self) -> str:
        return "" if self.total else "no iteration ran"

    def details(self) -> str:
        return "Failure rate criteria %.2f%% <= %.2f%% <= %.2f%% - %s" % (
            self.min_percent, self.error_rate, self.max_percent,
            self.status(),
        )
