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

"""Tests of intervals, of their error rate and of their power.

Pairs of runs are made up, of kinds that are hard: heavy tails, moments that
depend on those before, a target that stalls. What the documentation says of
false alarms is what comes out here.
"""

from __future__ import annotations

import math
import typing as t

import ddt
import hypothesis
import numpy as np
from hypothesis import strategies as st

from rally.task.comparing import intervals
from rally.task.results import distribution
from tests.unit import test

Floats: t.TypeAlias = np.ndarray[t.Any, np.dtype[np.float64]]
Interval = intervals.Interval
SHARES = (0.5, 0.95, 0.99)
#: of a task with ten actions, thrice a percentile and failures each
ERROR_RATE = 0.05
PAIRS = 300


def counts(values: t.Sequence[int]) -> intervals.Counts:
    return np.array(values, dtype=np.int64)


def quantiles_of(seconds: Floats, error_rate: float) -> list[Interval]:
    """Of one run, whose durations are in the order of time."""
    values = np.rint(seconds * 1e9).astype(np.int64)
    batches = intervals.batch_count(len(values))
    place = np.arange(len(values)) * batches // len(values)
    sizes = np.bincount(place, minlength=batches)
    durations = distribution.Distribution()
    durations.add_array(values)
    found = []
    for share, limit in zip(SHARES, durations.percentiles(SHARES)):
        hits = np.bincount(place[values <= limit], minlength=batches)
        spread = intervals.spread_of(hits, sizes)
        found.append(
            intervals.quantile(durations, share, spread, error_rate)
        )
    return found


# ---- kinds of runs


def independent(random: np.random.Generator, size: int) -> Floats:
    return np.exp(random.standard_normal(size))


def heavy_tailed(random: np.random.Generator, size: int) -> Floats:
    """Their variance is infinite."""
    return random.pareto(1.5, size) + 1


def drifting(random: np.random.Generator, size: int, memory: float) -> Floats:
    """Each one depends on those before, as under a load that others make."""
    weights = math.sqrt(1 - memory ** 2) * memory ** np.arange(500)
    noise = random.standard_normal(size + 499)
    level = np.convolve(noise, weights, mode="valid")
    own = random.standard_normal(size)
    return np.exp(0.3 * level + 0.3 * own)


def short_memory(random: np.random.Generator, size: int) -> Floats:
    return drifting(random, size, 0.9)


def long_memory(random: np.random.Generator, size: int) -> Floats:
    """The slow spells are one twentieth of the run."""
    return drifting(random, size, 1 - 20 / size)


def stalling(random: np.random.Generator, size: int) -> Floats:
    """Now and then twenty iterations take five times as long."""
    seconds = np.exp(0.2 * random.standard_normal(size))
    at = 0
    while at < size:
        at += int(random.exponential(size / 30))
        length = int(random.exponential(20))
        seconds[at:at + length] *= 5
        at += length
    return seconds


KINDS = (independent, heavy_tailed, short_memory, long_memory, stalling)


@ddt.ddt
class ErrorRateTestCase(test.TestCase):
    @ddt.data(*((kind, 2 if kind is long_memory else 1) for kind in KINDS))
    @ddt.unpack
    def test_equal_runs_seldom_differ(self, kind: t.Any, times: int) -> None:
        """Each interval at 95 %, as if it were the only one. Where slow
        spells are as long as a twentieth of the run, twice as often.
        """
        rate = times * ERROR_RATE
        random = np.random.default_rng(12)
        alarms = np.zeros(len(SHARES))
        for _ in range(PAIRS):
            before = quantiles_of(kind(random, 1000), ERROR_RATE)
            after = quantiles_of(kind(random, 1000), ERROR_RATE)
            for i, pair in enumerate(zip(before, after)):
                low, _, high = intervals.ratio(*pair)
                alarms[i] += low is not None and low > 0
                alarms[i] += high is not None and high < 0
        # two standard deviations of what so many pairs show
        bound = rate + 2 * math.sqrt(rate * (1 - rate) / PAIRS)
        self.assertLessEqual(float(alarms.max()) / PAIRS, bound)

    @ddt.data(*KINDS)
    def test_all_questions_together_seldom_raise_an_alarm(
        self, kind: t.Any
    ) -> None:
        """At the error rate that one of forty questions has."""
        random = np.random.default_rng(12)
        alarms = 0
        for _ in range(PAIRS):
            before = quantiles_of(kind(random, 1000), ERROR_RATE / 40)
            after = quantiles_of(kind(random, 1000), ERROR_RATE / 40)
            found = [intervals.ratio(*pair) for pair in zip(before, after)]
            alarms += any(x.low is not None and x.low > 0 for x in found)
        self.assertLessEqual(alarms / PAIRS, ERROR_RATE / 2)

    def test_independent_iterations_count_as_such(self) -> None:
        """The method loses little where it would not be needed."""
        random = np.random.default_rng(1)
        wide = []
        for _ in range(50):
            (low, value, high), *_ = quantiles_of(
                independent(random, 4000), ERROR_RATE
            )
            wide.append((t.cast(float, high) - t.cast(float, low)) / value)
        # of the median of a lognormal distribution: 2 * 1.96 * sqrt(pi/2/n)
        self.assertLess(float(np.mean(wide)), 1.4 * 0.0777)


@ddt.ddt
class PowerTestCase(test.TestCase):
    @ddt.data(
        (independent, 4000, 0.25), (heavy_tailed, 2000, 0.25),
        (short_memory, 4000, 0.5), (stalling, 2000, 0.5),
    )
    @ddt.unpack
    def test_what_got_slower_is_found(
        self, kind: t.Any, size: int, slower: float
    ) -> None:
        """A median beyond 5 %, among forty questions."""
        random = np.random.default_rng(12)
        found = 0
        for _ in range(60):
            before, *_ = quantiles_of(kind(random, size), ERROR_RATE / 40)
            after, *_ = quantiles_of(
                kind(random, size) * (1 + slower), ERROR_RATE / 40
            )
            low = intervals.ratio(before, after).low
            found += low is not None and low > 0.05
        self.assertGreaterEqual(found / 60, 0.8)


@ddt.ddt
class IntervalsTestCase(test.TestCase):
    @ddt.data(
        (0.05, 1, 12.706), (0.05, 2, 4.303), (0.05, 7, 2.365),
        (0.01, 10, 3.169), (0.001, 63, 3.452), (1e-6, 30, 6.119),
    )
    @ddt.unpack
    def test_quantiles_of_t_are_those_of_tables(
        self, error_rate: float, degrees: int, expected: float
    ) -> None:
        self.assertAlmostEqual(
            expected, intervals.t_quantile(error_rate, degrees), places=3
        )

    @ddt.data((0, 0), (15, 0), (16, 8), (31, 8), (32, 16), (10 ** 6, 64))
    @ddt.unpack
    def test_batches_have_two_iterations_at_least(
        self, iterations: int, expected: int
    ) -> None:
        self.assertEqual(expected, intervals.batch_count(iterations))

    def test_batches_that_depend_on_each_other_are_joined(self) -> None:
        sizes = counts([10] * 64)
        slow_spells = counts(([1] * 16 + [9] * 16) * 2)
        spread = intervals.spread_of(slow_spells, sizes)
        self.assertLessEqual(spread.batches, 8)
        mixed = counts([1, 9] * 32)
        self.assertEqual(64, intervals.spread_of(mixed, sizes).batches)

    def test_batches_never_say_more_than_independent_ones_would(self) -> None:
        """Chance can make all batches equal."""
        spread = intervals.spread_of(counts([5] * 8), counts([10] * 8))
        self.assertAlmostEqual(math.sqrt(0.25 / 80), spread.deviation)

    def test_a_tail_of_which_there_is_too_little_has_no_limit(self) -> None:
        *_, tail = quantiles_of(np.linspace(1, 2, 50), 0.01)
        self.assertIsNone(tail.high)
        self.assertIsNotNone(tail.low)

    def test_equal_durations_have_an_interval_of_no_width(self) -> None:
        for found in quantiles_of(np.full(100, 0.5), 0.2):
            if found.high is not None:
                self.assertEqual((5e8, 5e8, 5e8), found)
        low, value, high = intervals.ratio(
            Interval(5e8, 5e8, 5e8), Interval(6e8, 6e8, 6e8)
        )
        for each in (low, value, high):
            self.assertAlmostEqual(0.2, t.cast(float, each))

    def test_a_change_without_a_limit_is_unlimited(self) -> None:
        found = intervals.ratio(Interval(1, 2, 3), Interval(1, 2, None))
        self.assertIsNone(found.high)
        self.assertIsNotNone(found.low)

    def test_a_share_has_limits_even_if_nothing_failed(self) -> None:
        sizes = counts([100] * 10)
        found = intervals.proportion(counts([0] * 10), sizes, 0.05)
        self.assertEqual((0.0, 0.0), found[:2])
        self.assertAlmostEqual(0.0051, t.cast(float, found.high), places=3)

    def test_failures_that_come_together_say_less(self) -> None:
        sizes = counts([100] * 16)
        spread = intervals.proportion(counts([5] * 16), sizes, 0.05)
        at_once = intervals.proportion(counts([80] + [0] * 15), sizes, 0.05)
        self.assertLess(
            t.cast(float, spread.high) + 0.05, t.cast(float, at_once.high)
        )

    @hypothesis.given(
        a=st.tuples(*[st.floats(1e3, 1e12)] * 3),
        b=st.tuples(*[st.floats(1e3, 1e12)] * 3),
        factor=st.floats(0.5, 4),
    )
    def test_law_of_ratios(
        self, a: tuple[float, ...], b: tuple[float, ...], factor: float
    ) -> None:
        """The interval holds the change, whichever unit durations are in, and
        the way back is the inverse."""
        before, after = Interval(*sorted(a)), Interval(*sorted(b))
        low, value, high = intervals.ratio(before, after)
        assert low is not None and high is not None
        self.assertLessEqual(low, value + 1e-9)
        self.assertLessEqual(value, high + 1e-9)
        scaled = [
            Interval(*(t.cast(float, x) * factor for x in each))
            for each in (before, after)
        ]
        back = intervals.ratio(after, before)
        for i, each in enumerate((low, value, high)):
            self.assertAlmostEqual(
                1.0, (1 + intervals.ratio(*scaled)[i]) / (1 + each), places=6
            )
            self.assertAlmostEqual(
                1.0, (1 + each) * (1 + back[2 - i]), places=6
            )
