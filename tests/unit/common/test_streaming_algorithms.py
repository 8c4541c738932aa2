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

"""Tests of the streaming algorithms."""

from __future__ import annotations

import math
import random
import statistics
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.common import streaming_algorithms as algorithms
from tests.unit import test
from tests.unit.task import iterations

ALGORITHMS: tuple[type[algorithms.StreamingAlgorithm], ...] = (
    algorithms.MeanComputation, algorithms.StdDevComputation,
    algorithms.MinComputation, algorithms.MaxComputation,
    algorithms.IncrementComputation, algorithms.DegradationComputation,
)
SUMMED = ALGORITHMS[:2]
NUMERIC = tuple(
    cls for cls in ALGORITHMS if cls is not algorithms.IncrementComputation
)

values = st.one_of(
    st.just(0.0),
    st.just(0.1),
    st.sampled_from([1e15, 1e15 + 0.125, 1e15 + 0.25]),
    st.floats(0, 1e12),
    st.floats(0, 1e-300),
    st.integers(0, 10 ** 20),
)


class Range(algorithms.StreamingAlgorithm):
    """One as a plugin may bring along."""

    def __init__(self) -> None:
        self.smallest = algorithms.MinComputation()
        self.seen: list[float] = []

    def add(self, value: float) -> None:
        self.smallest.add(value)
        self.seen.append(value)

    def merge(self, other: Range) -> None:
        self.smallest.merge(other.smallest)
        self.seen = sorted(self.seen + other.seen)

    def result(self) -> t.Any:
        return self.smallest.result(), sorted(self.seen)


def seen(cls: type[t.Any], numbers: t.Iterable[float]) -> t.Any:
    made = cls()
    for number in numbers:
        made.add(number)
    return made


def carried(made: t.Any) -> t.Any:
    return type(made).from_state(iterations.over_the_wire(made.to_state()))


@ddt.ddt
class StreamingAlgorithmsTestCase(test.TestCase):
    @ddt.data(*ALGORITHMS, Range)
    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        shares=st.lists(st.lists(values, max_size=8), max_size=5),
        seed=st.integers(0, 99),
    )
    def test_merging_shares_equals_the_union(
        self,
        cls: type[algorithms.StreamingAlgorithm],
        shares: list[list[float]],
        seed: int,
    ) -> None:
        alone = seen(cls, sum(shares, []))

        random.Random(seed).shuffle(shares)
        merged = cls()
        for share in shares:
            merged.merge(carried(seen(cls, share)))

        self.assertEqual(alone.result(), merged.result())
        self.assertEqual(alone.result(), carried(merged).result())
        if cls is not Range:
            self.assertEqual(alone.to_state(), merged.to_state())

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        shares=st.lists(st.lists(st.floats(-1, 1e9), max_size=8), max_size=5)
    )
    def test_saved_points_of_shares_are_those_of_the_union(
        self, shares: list[list[float]]
    ) -> None:
        merged = algorithms.PointsSaver(chunk_size=4)
        for share in shares:
            side = algorithms.PointsSaver(chunk_size=3)
            for value in share:
                side.add(value)
            self.assertEqual(share, side.result())
            merged.merge(carried(side))
            side.reset()
        self.assertEqual(sum(shares, []), merged.result())
        merged.reset()

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        numbers=st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=30)
    )
    def test_results_are_those_of_the_standard_library(
        self, numbers: list[float]
    ) -> None:
        mean, deviation = (seen(cls, numbers).result() for cls in SUMMED)
        self.assertAlmostEqual(statistics.fmean(numbers), mean, places=6)
        self.assertAlmostEqual(
            1.0, (1 + deviation) / (1 + statistics.stdev(numbers)), places=9
        )

    @ddt.data(
        (algorithms.MeanComputation, None, 2.5),
        (algorithms.StdDevComputation, None, 1.8027756377319946),
        (algorithms.MinComputation, None, 1.0),
        (algorithms.MaxComputation, None, 4.5),
        (algorithms.IncrementComputation, 0, 3),
        (algorithms.DegradationComputation, 0.0, 350.0),
        (algorithms.PointsSaver, [], [1, 2, 4.5]),
    )
    @ddt.unpack
    def test_results_are_those_of_rally(
        self,
        cls: type[algorithms.StreamingAlgorithm],
        empty: t.Any,
        result: t.Any,
    ) -> None:
        self.assertEqual(empty, cls().result())
        self.assertEqual(result, seen(cls, [1, 2, 4.5]).result())

    @ddt.data(
        ([0.1] * 10, 0.0), ([1e15, 1e15 + 0.5, 1e15 + 1], 0.5), ([7], None),
        ([5e-324, 5e-324], 0.0),
    )
    @ddt.unpack
    def test_deviation_of_nearly_equal_values_is_exact(
        self, numbers: list[float], deviation: float
    ) -> None:
        whole = seen(algorithms.StdDevComputation, numbers)
        parts = algorithms.StdDevComputation()
        for number in numbers:
            parts.merge(seen(algorithms.StdDevComputation, [number]))
        self.assertEqual(deviation, whole.result())
        self.assertEqual(deviation, parts.result())

    def test_degradation_knows_durations_of_zero(self) -> None:
        cls = algorithms.DegradationComputation
        self.assertEqual(math.inf, seen(cls, [0, 1]).result())
        self.assertEqual(0.0, seen(cls, [0, 0]).result())
        self.assertRaises(ValueError, cls().add, -1)

    @ddt.data(*NUMERIC)
    def test_what_is_no_number_is_refused(
        self, cls: type[algorithms.StreamingAlgorithm]
    ) -> None:
        nonsense: list[t.Any] = ["x", None, []]
        for value in nonsense:
            made = cls()
            self.assertRaises(TypeError, made.add, value)
            self.assertEqual(cls().result(), made.result())

    @ddt.data(*SUMMED)
    def test_a_sum_needs_finite_numbers(
        self, cls: type[algorithms.StreamingAlgorithm]
    ) -> None:
        for value in (math.inf, math.nan):
            self.assertRaises(TypeError, cls().add, value)

    def test_points_are_gone_after_a_reset(self) -> None:
        saver = algorithms.PointsSaver(chunk_size=2)
        for value in (1, 2.5, 3):
            saver.add(value)
        self.assertEqual([1.0, 2.5, 3], saver.result())
        self.assertEqual([1.0, 2.5, 3], saver.result())
        saver.reset()
        self.assertRaises(TypeError, saver.result)
        self.assertRaises(TypeError, saver.add, 1)

    @ddt.data(*ALGORITHMS, algorithms.PointsSaver)
    def test_nonsense_is_refused(
        self, cls: type[algorithms.StreamingAlgorithm]
    ) -> None:
        for state in (None, [1], {"count": 1, "sum": [1, 10 ** 9]},
                      {"_value": {}, "_count": "x", "min_value": 1}):
            self.assertRaises(portable.MalformedState, cls.from_state, state)
