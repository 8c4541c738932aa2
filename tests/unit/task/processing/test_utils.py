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

"""Tests of averaging down and of percentiles."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np

from rally.task.processing import utils
from tests.unit import test

numbers = st.floats(min_value=-1e9, max_value=1e9)
lists = st.lists(numbers, min_size=1, max_size=60)


class GraphZipperTestCase(test.TestCase):
    def zipped(self, values, base_size, zipped_size):
        zipper = utils.GraphZipper(base_size, zipped_size)
        for value in values:
            zipper.add_point(value)
        return zipper.get_zipped_graph()

    def test_leaves_short_series_alone(self):
        self.assertEqual([[1, 7], [2, 8]], self.zipped([7, 8], 2, 10))

    def test_shares_points_on_a_border(self):
        self.assertEqual(
            [[1, 0.8], [4, 3.2], [7, 5.8], [10, 8.2]],
            self.zipped(range(10), 10, 4),
        )

    def test_gives_nothing_for_nothing(self):
        self.assertEqual([], self.zipped([], 10, 4))

    @hypothesis.given(lists, st.integers(1, 80), st.integers(1, 20))
    @hypothesis.settings(max_examples=100)
    def test_stays_within_the_values(self, values, base_size, zipped_size):
        points = self.zipped(values, base_size, zipped_size)
        slack = 1e-6 * max(1, *map(abs, values))
        for _, value in points:
            self.assertTrue(min(values) - slack <= value)
            self.assertTrue(value <= max(values) + slack)

    @hypothesis.given(lists, st.integers(1, 20), st.integers(1, 60))
    @hypothesis.settings(max_examples=100)
    def test_takes_arrays_as_it_takes_points(self, values, size, at):
        zipper = utils.GraphZipper(len(values), size)
        for value in values[:at]:
            zipper.add_point(value)
        zipper.add_array(np.array(values[at:]))
        slack = 1e-6 * max(1, *map(abs, values))

        one_by_one = self.zipped(values, len(values), size)
        points = zipper.get_zipped_graph()

        self.assertEqual(len(one_by_one), len(points))
        for (place, value), (same, expected) in zip(points, one_by_one):
            self.assertEqual(same, place)
            self.assertAlmostEqual(expected, value, delta=slack)

    @hypothesis.given(lists, st.integers(1, 20))
    @hypothesis.settings(max_examples=100)
    def test_is_bounded_and_in_order(self, values, zipped_size):
        points = self.zipped(values, len(values), zipped_size)
        self.assertTrue(len(points) <= zipped_size)
        places = [place for place, _ in points]
        self.assertEqual(sorted(places), places)


class PercentileTestCase(test.TestCase):
    def test_interpolates_between_ranks(self):
        self.assertEqual(2.5, utils.percentile([4, 1, 3, 2], 0.5))

    def test_trusts_sorted_points(self):
        self.assertEqual(1, utils.percentile([3, 1, 2], 0.5, True))

    def test_has_none_without_points(self):
        self.assertIsNone(utils.percentile([], 0.5))
