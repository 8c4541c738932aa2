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

"""Does a series of measurements grow? Robust against single outliers.

The first quarter of a run warms up: libraries load, caches fill, leases find
their size. What matters is the second quarter beside the last one.
"""

from __future__ import annotations

import dataclasses
import statistics
import typing as t

HOUR_S = 3600.0
#: slopes between all pairs of more points than this would take long
MOST_POINTS = 300

Point: t.TypeAlias = tuple[float, float]  # seconds, value


@dataclasses.dataclass(frozen=True)
class Limit:
    """By how much a quantity may differ late in a run."""

    share: float
    constant: float

    def of(self, value: float) -> float:
        return value * self.share + self.constant


@dataclasses.dataclass(frozen=True)
class Trend:
    """How a quantity developed."""

    early: float  # in the second quarter
    late: float  # in the last quarter
    slope_per_hour: float  # over the second half
    limit: float

    @property
    def growth(self) -> float:
        return self.late - self.early

    @property
    def is_flat(self) -> bool:
        return self.growth <= self.limit


def quarter(points: t.Sequence[Point], which: int) -> list[float]:
    """Values of one quarter of the time, 0 to 3."""
    first, last = points[0][0], points[-1][0]
    length = (last - first) / 4
    start, end = first + which * length, first + (which + 1) * length
    return [
        value for at, value in points
        if start <= at and (at < end or which == 3)
    ]


def slope(points: t.Sequence[Point]) -> float:
    """Theil-Sen: the median of the slopes between all pairs, per second."""
    step = -(-len(points) // MOST_POINTS)
    thin = points[::max(1, step)]
    slopes = [
        (b - a) / (later - at)
        for i, (at, a) in enumerate(thin)
        for later, b in thin[i + 1:]
        if later > at
    ]
    return statistics.median(slopes) if slopes else 0.0


def of_medians(points: t.Sequence[Point], limit: Limit) -> Trend:
    """For what goes up and down all the time: memory."""
    return _trend(points, limit, statistics.median)


def of_peaks(points: t.Sequence[Point], limit: Limit) -> Trend:
    """For what has an upper bound: descriptors, threads, spools."""
    return _trend(points, limit, max)


def _trend(
    points: t.Sequence[Point],
    limit: Limit,
    sum_up: t.Callable[[t.Sequence[float]], float],
) -> Trend:
    early = sum_up(quarter(points, 1) or [points[0][1]])
    late = sum_up(quarter(points, 3) or [points[-1][1]])
    half = points[len(points) // 2:]
    return Trend(early, late, slope(half) * HOUR_S, limit.of(early))
