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

"""Tests of the number of outliers."""

from __future__ import annotations

import statistics
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.plugins.common.sla import outliers
from rally.task.results import chunk
from tests.unit import test
from tests.unit.plugins.common.sla import cases
from tests.unit.task import iterations


def seen(
    durations: t.Sequence[float], **value: t.Any
) -> outliers.Outliers:
    criterion = outliers.Outliers(value)
    for duration in durations:
        criterion.add_iteration(cases.iteration(duration))
    return criterion


def reference(durations: t.Sequence[float], sigmas: float) -> int:
    """How many are outliers, by the definition."""
    rest, found = sorted(durations), 0
    while len(rest) >= 3:
        longest = rest.pop()
        bound = statistics.fmean(rest) + sigmas * statistics.stdev(rest)
        if longest <= bound * (1 + 1e-9):
            return found
        found += 1
    return found


@ddt.ddt
class OutliersTestCase(test.TestCase):
    @ddt.data(
        ([1.0, 1.0, 1.0], 0), ([1.0, 1.0, 9.0], 1), ([1.0, 9.0], 0), ([], 0),
        ([9.0, 1.0, 1.0, 1.0], 1),
        ([2.0, 2.5, 1.8, 2.2, 2.4, 1.9, 2.1, 2.3, 2.6, 1.7, 7.5, 8.5], 2),
        ([1.0] * 60 + [2.0] * 40, 0), ([1.0] * 95 + [2.0] * 5, 5),
        ([1.0 + i % 10 / 10 for i in range(1000)] + [10.0] * 9 + [99.0], 10),
    )
    @ddt.unpack
    def test_outliers_are_counted(
        self, durations: list[float], count: int
    ) -> None:
        for order in (durations, durations[::-1], sorted(durations)):
            self.assertEqual(count, seen(order).outliers)

    def test_failed_iterations_do_not_count(self) -> None:
        criterion = seen([1.0] * 10)
        criterion.add_iteration(cases.iteration(9.0, True))
        self.assertTrue(criterion.success)

    def test_too_few_iterations_have_none(self) -> None:
        durations = [2.0, 2.4, 1.8, 2.2, 2.6, 11.0]
        self.assertEqual(0, seen(durations, min_iterations=7).outliers)
        self.assertEqual(1, seen(durations, min_iterations=6).outliers)

    def test_bound_and_details(self) -> None:
        criterion = seen([1.0] * 20 + [8.0, 9.0], max=1)
        self.assertEqual(
            {
                "criterion": "outliers", "success": False,
                "detail": "Maximum number of outliers 2 <= 1 - Failed",
            },
            criterion.result(),
        )
        self.assertTrue(seen([1.0] * 20 + [9.0], max=1).success)

    def test_counting_stops_well_beyond_the_bound(self) -> None:
        criterion = seen([1.0] * 4000 + [9.0] * 200, max=3)
        self.assertEqual(103, criterion.outliers)

    def test_a_tiny_spread_far_from_zero_is_resolved(self) -> None:
        far = [1e5 + i % 2 * 1e-9 for i in range(100)]
        self.assertEqual(1, seen([*far, 1e5 + 9e-9]).outliers)
        self.assertEqual(0, seen(far).outliers)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        durations=st.lists(st.integers(1, 50), max_size=40),
        sigmas=st.sampled_from([0.3, 1.0, 1.7, 3.0]),
    )
    def test_counting_follows_the_definition(
        self, durations: list[int], sigmas: float
    ) -> None:
        row = chunk.Row(0, 0, 0, 0, 0, (), (), None, None)
        criterion = outliers.Outliers({"sigmas": sigmas})
        criterion.add_chunk(iterations.chunk_of(
            row._replace(duration_ns=duration) for duration in durations
        ))
        self.assertEqual(reference(durations, sigmas), criterion.outliers)
