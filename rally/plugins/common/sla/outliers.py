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

"""Criterion: number of iterations that last unusually long."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import clock
from rally.common.counting import counted
from rally.task import sla
from rally.task.results import moments

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk

#: how far beyond the permitted number outliers are still told apart
COUNTED_BEYOND = 100


@sla.configure(name="outliers")
class Outliers(sla.SLA):
    """How many iterations may last unusually long.

    An iteration without error is an outlier if its duration exceeds
    ``mean + sigmas * deviation`` of those that are not longer, provided that
    the same holds for every longer one. So outliers do not hide each other,
    and the order in which iterations ended plays no part. Counting stops at
    100 more than permitted. Below ``min_iterations`` there are none.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "max": {
                "type": "integer", "minimum": 0,
                "description": "How many outliers there may be (0 by "
                               "default).",
            },
            "min_iterations": {
                "type": "integer", "minimum": 3,
                "description": "How many iterations without error it takes "
                               "to call one an outlier (3 by default).",
            },
            "sigmas": {
                "type": "number", "minimum": 0.0, "exclusiveMinimum": 0.0,
                "description": "How many standard deviations an outlier is "
                               "above the mean (3 by default).",
            },
        },
        "additionalProperties": False,
    }

    def __init__(self, criterion_value: dict[str, t.Any]) -> None:
        super().__init__(criterion_value)
        self.max_outliers: int = criterion_value.get("max", 0)
        self.min_iterations: int = criterion_value.get("min_iterations", 3)
        self.sigmas: float = criterion_value.get("sigmas", 3.0)
        self.durations = moments.Moments()
        self.longest_ns: list[int] = []  # in descending order

    def add_iteration(self, iteration: sla.Result) -> bool:
        if not iteration["error"]:
            duration_ns = clock.to_ns(iteration["duration"])
            self.durations.add(duration_ns)
            self._keep_longest([duration_ns])
        return self._judge()

    def add_chunk(self, chunk: Chunk) -> bool:
        values = sla.durations_without_error(chunk)
        self.durations.add_array(values)
        if len(self.longest_ns) == self._kept:
            values = values[values > self.longest_ns[-1]]
        self._keep_longest(values.tolist())
        return self._judge()

    def merge(self, other: Outliers) -> bool:
        self.validate_type(other)
        self.durations.merge(other.durations)
        self._keep_longest(other.longest_ns)
        return self._judge()

    @property
    def _kept(self) -> int:
        return self.max_outliers + COUNTED_BEYOND

    def _keep_longest(self, durations_ns: list[int]) -> None:
        if durations_ns:
            both = sorted(self.longest_ns + durations_ns, reverse=True)
            self.longest_ns = both[:self._kept]

    @property
    def outliers(self) -> int:
        """How many there are; at most 100 more than permitted."""
        return self._count_outliers(self._kept)

    def _judge(self) -> bool:
        enough = self.max_outliers + 1
        self.success = self._count_outliers(enough) < enough
        return self.success

    def _count_outliers(self, enough: int) -> int:
        """Number of outliers, or *enough* if there are more."""
        count = self.durations.count
        total, total2 = self.durations.total_ns, self.durations.total_ns2
        for found, value in enumerate(self.longest_ns[:enough]):
            if count < max(self.min_iterations, 3):
                return found
            count -= 1
            total -= value
            total2 -= value * value
            if not _stands_out(value, count, total, total2, self.sigmas):
                return found
        return min(len(self.longest_ns), enough)

    def nothing_to_judge(self) -> str:
        needed = max(self.min_iterations, 3)
        if self.durations.count >= needed:
            return ""
        return "%s without error, and it takes %d" % (
            counted(self.durations.count, "iteration"), needed
        )

    def details(self) -> str:
        return "Maximum number of outliers %i <= %i - %s" % (
            self.outliers, self.max_outliers, self.status(),
        )


def _stands_out(
    value: int, count: int, total: int, total2: int, sigmas: float
) -> bool:
    """Is value > mean + sigmas * standard deviation of the sample?

    Decided without rounding, so that nearly equal durations and huge ones
    are judged alike.

    :param count: size of the sample, above 1
    :param total: its sum
    :param total2: its sum of squares
    """
    distance = value * count - total
    if distance <= 0:
        return False
    up, down = sigmas.as_integer_ratio()
    variance = count * total2 - total * total  # times count * (count - 1)
    return (
        distance * distance * (count - 1) * down * down
        > up * up * variance * count
    )
