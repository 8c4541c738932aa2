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

"""Arithmetic that charts share: averaging down and quantiles."""

from __future__ import annotations

import collections
import math
import typing as t


class GraphZipper:
    """Averages a series down to a bounded number of points.

    A point of the result is the mean of the points it stands for; a point
    that falls on the border of two counts in both, by its share.
    """

    def __init__(self, base_size: int, zipped_size: int = 1000) -> None:
        """Expect *base_size* points, give *zipped_size* of them.

        :param base_size: how many points will be added, about
        :param zipped_size: the most points to give
        """
        self.base_size = base_size
        self.zipped_size = zipped_size
        self._ratio = max(1.0, base_size / zipped_size)
        self._zipped: list[float] = []
        self._weight = 0.0
        self._sum = 0.0
        self._count = 0

    def add_point(self, value: float) -> None:
        self._count += 1
        if self._ratio == 1.0:
            self._zipped.append(value)
            return
        room = self._ratio - self._weight
        if room > 1.0:
            self._weight += 1.0
            self._sum += value
            return
        self._zipped.append((self._sum + value * room) / self._ratio)
        self._weight = 1.0 - room
        self._sum = value * self._weight

    def get_zipped_graph(self) -> list[list[float]]:
        """Points as [number of the iteration, value]."""
        values = list(self._zipped)
        if self._weight > 1e-6 * self._ratio:
            values.append(self._sum / self._weight)
        if len(values) < 2 or self._ratio == 1.0:
            return [[i, value] for i, value in enumerate(values, 1)]
        step = (self._count - 1) / (len(values) - 1)
        return [
            [round(1 + i * step), value] for i, value in enumerate(values)
        ]


def percentile(
    points: t.Sequence[float] | None,
    percent: float,
    ignore_sorting: bool = False,
) -> float | None:
    """Value below which *percent* of *points* lie, interpolated.

    :param points: numbers
    :param percent: from 0 to 1
    :param ignore_sorting: *points* are sorted already
    :returns: None without points
    """
    if not points:
        return None
    ordered = points if ignore_sorting else sorted(points)
    rank = (len(ordered) - 1) * percent
    low = math.floor(rank)
    high = math.ceil(rank)
    if low == high:
        return ordered[low]
    return ordered[low] * (high - rank) + ordered[high] * (rank - low)


class Quantiles:
    """Quantiles of a stream of numbers, in bounded memory.

    The values themselves up to *exact* of them. Beyond that each value
    counts as the middle of its bucket, *resolution* buckets per power of
    two: off by at most half of 1 / *resolution*. Extremes stay exact.
    """

    def __init__(self, exact: int = 10_000, resolution: int = 128) -> None:
        self.exact = exact
        self.resolution = resolution
        self.count = 0
        self.minimum = math.inf
        self.maximum = -math.inf
        self._values: list[float] = []
        self._buckets: collections.Counter[float] = collections.Counter()

    def add(self, value: float) -> None:
        self.count += 1
        self._values.append(value)
        if len(self._values) > self.exact:
            self._spill()

    def merge(self, other: Quantiles) -> None:
        """Take the values of *other* in too."""
        self.count += other.count
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self._buckets.update(other._buckets)
        self._values.extend(other._values)
        if len(self._values) > self.exact or self._buckets:
            self._spill()

    def pairs(self) -> list[tuple[float, int]]:
        """Sorted (value, how many of it)."""
        counts = collections.Counter(self._values)
        counts.update(self._buckets)
        return sorted(counts.items())

    def extremes(self) -> tuple[float, float] | None:
        """Smallest and largest value; None without values."""
        if not self.count:
            return None
        values = self._values or (self.minimum,)
        return (
            min(self.minimum, min(values)),
            max(self.maximum, max(values)),
        )

    def percentiles(self, *percents: float) -> list[float | None]:
        """Of each of *percents* (0 to 1), interpolated; None if empty."""
        if not self._buckets:
            self._values.sort()
            return [percentile(self._values, p, True) for p in percents]
        pairs = self.pairs()
        low, high = self.extremes() or (0.0, 0.0)
        return [
            min(high, max(low, _at_rank(pairs, (self.count - 1) * p)))
            for p in percents
        ]

    def _spill(self) -> None:
        if not self._values:
            return
        self.minimum = min(self.minimum, min(self._values))
        self.maximum = max(self.maximum, max(self._values))
        self._buckets.update(map(self._middle_of_bucket, self._values))
        self._values = []

    def _middle_of_bucket(self, value: float) -> float:
        if not value:
            return 0.0
        mantissa, exponent = math.frexp(value)
        scale = 2 * self.resolution  # a mantissa is from 0.5 to 1
        middle = int(mantissa * scale) + math.copysign(0.5, value)
        return math.ldexp(middle / scale, exponent)


def _at_rank(pairs: list[tuple[float, int]], rank: float) -> float:
    seen = 0
    low = math.floor(rank)
    for i, (value, count) in enumerate(pairs):
        seen += count
        if seen > low:
            if low + 1 < seen or i + 1 == len(pairs):
                return value
            step = pairs[i + 1][0] - value
            return value + step * (rank - low)
    return pairs[-1][0]
