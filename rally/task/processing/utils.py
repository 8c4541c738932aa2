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

"""Arithmetic that charts share: averaging down and percentiles."""

from __future__ import annotations

import math
import typing as t

import numpy as np

#: points that are averaged down at once
_BLOCK = 1000
#: share of a point of the result that rounding may take or give
_SLACK = 1e-6


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
        self._count = 0
        self._sum = 0.0  # of what no point of the result stands for yet
        self._added: list[float] = []

    def add_point(self, value: float) -> None:
        if self._ratio == 1.0:
            self._count += 1
            self._zipped.append(value)
            return
        self._added.append(value + 0.0)  # fails if it is no number
        if len(self._added) >= _BLOCK:
            self._flush()

    add = add_point

    def add_array(self, values: np.ndarray[t.Any, t.Any]) -> None:
        """Add every element of an array."""
        self._flush()
        if self._ratio == 1.0:
            self._zipped += values.tolist()
        else:
            self._zip(values)
        self._count += len(values)

    def _flush(self) -> None:
        if self._added:
            values, self._added = self._added, []
            self._zip(np.array(values, dtype=np.float64))
            self._count += len(values)

    def _zip(self, values: np.ndarray[t.Any, t.Any]) -> None:
        """Cut the sum along the values where points of the result end."""
        done = len(self._zipped)
        wanted = int((self._count + len(values)) / self._ratio + _SLACK)
        sums = np.concatenate(([0.0], np.cumsum(values)))
        ends = np.arange(done + 1, wanted + 1) * self._ratio - self._count
        cuts = np.interp(ends, np.arange(len(sums)), sums)
        if len(cuts):
            points = np.diff(cuts, prepend=-self._sum) / self._ratio
            self._zipped += points.tolist()
            self._sum = float(sums[-1] - cuts[-1])
        else:
            self._sum += float(sums[-1])

    def get_zipped_graph(self) -> list[list[float]]:
        """Points as [number of the iteration, value]."""
        self._flush()
        values = list(self._zipped)
        weight = self._count - len(values) * self._ratio
        if self._ratio > 1.0 and weight > _SLACK * self._ratio:
            values.append(self._sum / weight)
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
