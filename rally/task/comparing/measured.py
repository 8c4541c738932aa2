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

"""What a run of a workload showed, as intervals can be made of it."""

from __future__ import annotations

import typing as t

import numpy as np

from rally.task.comparing import intervals
from rally.task.processing import columns
from rally.task.results import ordered
from rally.task.results.distribution import Distribution

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk

#: stands for the iterations as a whole, beside the names of actions
ITERATION = None
#: names of actions that are kept; a run with more has ids in its names
MAX_NAMES = 1000


class Series:
    """One kind of action, or iterations: how often, how long, how failing."""

    def __init__(self, batches: int) -> None:
        self.runs = np.zeros(batches, dtype=np.int64)
        self.failed = np.zeros(batches, dtype=np.int64)
        #: of those in iterations without error, as are all durations
        self.passed = np.zeros(batches, dtype=np.int64)
        self.durations = Distribution()
        #: percentile -> how many durations of each batch are up to it
        self.up_to: dict[float, intervals.Counts] = {}
        self._limits: dict[float, float] = {}

    def count(self, part: _Part) -> None:
        size = len(self.runs)
        self.runs += np.bincount(part.batches, minlength=size)
        self.failed += np.bincount(
            part.batches[part.is_failed], minlength=size
        )
        self.passed += np.bincount(part.passed_batches, minlength=size)
        self.durations.add_array(part.passed_ns)

    @property
    def has_durations(self) -> bool:
        """Whether there are enough of them to say anything."""
        return self.durations.count >= intervals.MIN_ITERATIONS

    def ask(self, percentiles: t.Iterable[float]) -> None:
        """Have durations up to these counted in the second walk."""
        if not self.has_durations:
            return
        shares = [each / 100 for each in percentiles]
        found = self.durations.percentiles(shares)
        for percentile, limit in zip(percentiles, found):
            self._limits[percentile] = t.cast(float, limit)
            self.up_to[percentile] = np.zeros_like(self.runs)

    def count_again(self, part: _Part) -> None:
        for percentile, limit in self._limits.items():
            self.up_to[percentile] += np.bincount(
                part.passed_batches[part.passed_ns <= limit],
                minlength=len(self.runs),
            )

    def quantile(
        self, percentile: float, error_rate: float
    ) -> intervals.Interval:
        """Nanoseconds, of a series that has durations.

        :param percentile: one of those that were asked for
        """
        spread = intervals.spread_of(self.up_to[percentile], self.passed)
        return intervals.quantile(
            self.durations, percentile / 100, spread, error_rate
        )

    def failures(self, error_rate: float) -> intervals.Interval:
        """Share of those that failed."""
        return intervals.proportion(self.failed, self.runs, error_rate)


class _Part(t.NamedTuple):
    """What a chunk has of a series, a row for each time it ran."""

    name: str | None
    batches: intervals.Counts
    is_failed: t.Any  # an array of truth values
    passed_batches: intervals.Counts
    passed_ns: intervals.Counts


class Measured:
    """All series of a run, in memory that its length does not change."""

    def __init__(self, iterations: int) -> None:
        """:param iterations: how many there will be"""
        self.iterations = iterations
        self.batches = intervals.batch_count(iterations)
        self.series: dict[str | None, Series] = {
            ITERATION: Series(self.batches),
        }
        self.has_more_names = False

    @property
    def whole(self) -> Series:
        """The iterations."""
        return self.series[ITERATION]

    def add(self, part: _Part) -> None:
        found = self.series.get(part.name)
        if found is None:
            if len(self.series) > MAX_NAMES:
                self.has_more_names = True
                return
            found = self.series[part.name] = Series(self.batches)
        found.count(part)

    def parts(
        self, chunks: t.Iterable[Chunk]
    ) -> t.Iterator[_Part]:
        """What there is of each series in chunks by the order of time."""
        first = 0
        for chunk in chunks:
            places = np.arange(first, first + len(chunk), dtype=np.int64)
            batches = np.minimum(
                places * self.batches // self.iterations, self.batches - 1
            )
            first += len(chunk)
            yield from _parts(columns.Columns(chunk), batches)


def _parts(
    read: columns.Columns, batches: intervals.Counts
) -> t.Iterator[_Part]:
    passed = ~read.is_failed
    yield _Part(
        ITERATION, batches, read.is_failed, batches[passed],
        read.chunk.duration_ns[passed],
    )
    for action in read.actions:
        rows = batches[action.rows]
        kept = passed[action.rows]
        yield _Part(
            action.display_name, rows, np.full(len(rows), action.is_failed),
            rows[kept], action.taken_ns[kept],
        )


def measure(
    results: t.Any, percentiles: t.Sequence[float]
) -> Measured | None:
    """Read results twice: how long things took, then when which of it.

    :param results: ``data`` of a workload
    :returns: None if there are too few iterations to say anything
    """
    found = Measured(len(results))
    if not found.batches:
        return None
    for part in found.parts(ordered.chunks_of(results)):
        found.add(part)
    for series in found.series.values():
        series.ask(percentiles)
    for part in found.parts(ordered.chunks_of(results)):
        if part.name in found.series:
            found.series[part.name].count_again(part)
    return found
