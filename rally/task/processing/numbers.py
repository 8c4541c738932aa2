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

"""Sets of numbers that charts and tables sum up, in bounded memory."""

from __future__ import annotations

import math
import typing as t

import numpy as np

from rally.task.processing import utils
from rally.task.results import distribution

#: seconds as the integers that a ``Distribution`` holds
NANOSECONDS = 1e9
#: where the largest of the first numbers lies, if no scale is given
_LARGEST = 2.0**36
_LIMIT = 2**62


class Numbers:
    """Extremes, quantiles and heights of bars over a stream of numbers.

    The numbers themselves up to 1000 of them. Beyond, a ``Distribution``:
    quantiles are within 1/128 of the two nearest ranks. Extremes are exact.

    :param scale: what makes integers of them, fine enough to be rounded. By
        default the first 1000 numbers decide; the bound holds then for what
        is between a billionth and a hundred million times the largest
    """

    def __init__(self, scale: float | None = None) -> None:
        self.count = 0
        self.total = 0.0
        self._scale = scale
        self._values: list[float] = []  # not counted yet
        self._counted = distribution.Distribution()
        self._lowest, self._highest = math.inf, -math.inf

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1
        self._values.append(value)
        if len(self._values) > distribution.EXACT_LIMIT:
            self._spill()

    def add_array(self, values: np.ndarray[t.Any, t.Any]) -> None:
        """Add every element of an array."""
        self.total += float(values.sum())
        self.count += len(values)
        if self._is_exact:
            self._values += values.tolist()
        else:
            self._spill()
            self._take_count(values)

    def merge(self, other: Numbers) -> None:
        """Take in the numbers of *other*, which has the same scale."""
        self.count += other.count
        self.total += other.total
        self._lowest = min(self._lowest, other._lowest)
        self._highest = max(self._highest, other._highest)
        self._counted.merge(other._counted)
        self._values += other._values
        if len(self._values) > distribution.EXACT_LIMIT:
            self._spill()

    def extremes(self) -> tuple[float, float] | None:
        """Smallest and largest number; None without any."""
        if not self.count:
            return None
        return (
            min([self._lowest, *self._values]),
            max([self._highest, *self._values]),
        )

    def percentiles(self, *shares: float) -> list[float | None]:
        """Of each of *shares* (0 to 1), interpolated; None if empty."""
        if self._is_exact:
            self._values.sort()
            return [utils.percentile(self._values, p, True) for p in shares]
        scale = self._spill()
        return [
            min(self._highest, max(self._lowest, t.cast(float, found) / scale))
            for found in self._counted.percentiles(shares)
        ]

    def heights(self, bar_count: int) -> list[int]:
        """How many numbers each of *bar_count* equal bars holds.

        The bars lie between the extremes. Buckets are spread over the bars
        that they meet, so that no gap between them shows.
        """
        low, high = self.extremes() or (0.0, 0.0)
        width = (high - low) / bar_count

        def place(value: float) -> float:
            return min(max((value - low) / width, 0.0), bar_count)

        if not width:
            return [self.count] + [0] * (bar_count - 1)
        heights = [0.0] * bar_count
        if self._is_exact:
            for value in self._values:
                heights[min(int(place(value)), bar_count - 1)] += 1
            return [int(height) for height in heights]
        scale = self._spill()
        for first, end, count in self._counted.buckets():
            _spread(heights, place(first / scale), place(end / scale), count)
        return _rounded(heights)

    @property
    def _is_exact(self) -> bool:
        return self.count <= distribution.EXACT_LIMIT

    def _spill(self) -> float:
        """Count the values that are kept; the scale that they have then."""
        values, self._values = self._values, []
        self._take_count(np.array(values, dtype=np.float64))
        return t.cast(float, self._scale)

    def _take_count(self, values: np.ndarray[t.Any, t.Any]) -> None:
        values = values[~np.isnan(values)]
        if not len(values):
            return
        self._lowest = min(self._lowest, float(values.min()))
        self._highest = max(self._highest, float(values.max()))
        if self._scale is None:
            largest = max(abs(self._lowest), abs(self._highest))
            self._scale = _LARGEST / (2.0 ** math.frexp(largest)[1])
        scaled = np.rint(values * self._scale).clip(-_LIMIT, _LIMIT)
        self._counted.add_array(scaled.astype(np.int64))


def _spread(
    heights: list[float], start: float, stop: float, count: int
) -> None:
    """Add *count* to the bars between two places, in equal shares."""
    first = min(int(start), len(heights) - 1)
    last = min(int(stop), len(heights) - 1)
    if first == last:
        heights[first] += count
        return
    for bar in range(first, last + 1):
        part = min(stop, bar + 1) - max(start, bar)
        heights[bar] += count * part / (stop - start)


def _rounded(heights: t.Iterable[float]) -> list[int]:
    """Whole numbers with the same sum, up to rounding, everywhere."""
    found, before, total = [], 0, 0.0
    for height in heights:
        total += height
        found.append(round(total) - before)
        before = round(total)
    return found
