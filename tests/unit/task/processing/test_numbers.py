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

"""Laws of sets of numbers: exact if small, near their ranks if large."""

from __future__ import annotations

import random

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.task.processing import numbers, utils
from tests.unit import test

floats = st.floats(min_value=-1e6, max_value=1e6)
lists = st.lists(floats, min_size=1, max_size=30)
shares = st.sampled_from([0.0, 0.1, 0.5, 0.95, 1.0])


def numbers_of(values, scale=None):
    made = numbers.Numbers(scale)
    for value in values:
        made.add(value)
    return made


def many(seed, spread=1.0, count=3000):
    draw = random.Random(seed)
    return [draw.lognormvariate(0, spread) for _ in range(count)]


@ddt.ddt
class NumbersTestCase(test.TestCase):
    @hypothesis.given(lists, shares)
    def test_few_are_exact_whatever_they_are(self, values, share):
        found = numbers_of(values)

        self.assertEqual(
            [utils.percentile(values, share)], found.percentiles(share)
        )
        self.assertEqual((min(values), max(values)), found.extremes())

    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(
        seed=st.integers(0, 10**6), share=shares,
        spread=st.sampled_from([0.01, 1.0, 3.0]),
        factor=st.sampled_from([1.0, -1.0, 1e-9, 1e12]),
        scale=st.sampled_from([None, numbers.NANOSECONDS]),
    )
    def test_many_are_near_their_ranks(
        self, seed, share, spread, factor, scale
    ):
        if scale is not None:
            factor = 1.0
        values = [factor * value for value in many(seed, spread)]
        [found] = numbers_of(values, scale).percentiles(share)

        rank = (len(values) - 1) * share
        ordered = sorted(values)
        low = ordered[int(rank)]
        high = ordered[min(int(rank) + 1, len(values) - 1)]
        tiny = 1.01 / (scale or float("inf"))
        self.assertLessEqual(low - abs(low) / 128 - tiny, found)
        self.assertLessEqual(found, high + abs(high) / 128 + tiny)

    @hypothesis.settings(max_examples=20, deadline=None)
    @hypothesis.given(
        seed=st.integers(0, 10**6), cut=st.integers(0, 3000),
        share=shares,
    )
    def test_they_merge_into_those_of_the_union(self, seed, cut, share):
        values = many(seed)
        merged = numbers_of(values[:cut], 1e9)
        merged.merge(numbers_of(values[cut:], 1e9))

        union = numbers_of(values, 1e9)
        self.assertEqual(union.count, merged.count)
        self.assertEqual(union.extremes(), merged.extremes())
        self.assertEqual(union.percentiles(share), merged.percentiles(share))
        self.assertEqual(union.heights(20), merged.heights(20))

    @ddt.data(1, 7, 60)
    def test_bars_hold_every_number_once(self, bar_count):
        for values in (many(1), many(2, count=900), [5.0] * 4, [5.0] * 2000):
            heights = numbers_of(values, 1e9).heights(bar_count)

            self.assertEqual(bar_count, len(heights))
            self.assertEqual(len(values), sum(heights))
            self.assertGreaterEqual(min(heights), 0)

    def test_bars_that_are_finer_than_buckets_show_no_gaps(self):
        draw = random.Random(1)
        values = [1.5 + draw.random() / 4 for _ in range(100_000)]

        heights = numbers_of(values, 1e9).heights(300)

        self.assertGreater(min(heights[3:-3]), 100)

    def test_bars_of_few_are_those_of_the_values(self):
        self.assertEqual(
            [2, 0, 0, 2], numbers_of([0.0, 1.0, 6.0, 8.0]).heights(4)
        )

    def test_of_nothing_is_none(self):
        self.assertEqual([None], numbers.Numbers().percentiles(0.5))
        self.assertIsNone(numbers.Numbers().extremes())

    def test_of_zeros_is_zero(self):
        found = numbers_of([0.0] * 3000)

        self.assertEqual([0.0], found.percentiles(0.5))
        self.assertEqual((0.0, 0.0), found.extremes())
