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

"""Tests of the distribution of durations."""

from __future__ import annotations

import random
import statistics
import typing as t

import ddt
import hypothesis
import numpy as np
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results import distribution
from tests.unit import test
from tests.unit.task import iterations

Values = list[int]

values = st.one_of(
    iterations.durations,
    st.integers(-(2 ** 40), 2 ** 62),
    st.sampled_from([2 ** 53 - 1, 2 ** 53, 2 ** 53 + 1, 2 ** 62 - 1]),
)
#: lists long enough to go beyond the exact limit
blocks = st.lists(
    st.tuples(st.lists(values, max_size=6), st.integers(1, 400)).map(
        lambda drawn: drawn[0] * drawn[1]
    ),
    max_size=5,
)


def of(block: Values) -> distribution.Distribution:
    made = distribution.Distribution()
    made.add_array(np.array(block, dtype=np.int64))
    return made


def carried(
    value: distribution.Distribution,
) -> distribution.Distribution:
    return distribution.Distribution.from_state(
        iterations.over_the_wire(value.to_state())
    )


@ddt.ddt
class DistributionTestCase(test.TestCase):
    @hypothesis.settings(max_examples=80, deadline=None)
    @hypothesis.given(parts=blocks, seed=st.integers(0, 99))
    def test_merging_shares_equals_the_union(
        self, parts: list[Values], seed: int
    ) -> None:
        alone = of([value for part in parts for value in part])

        shares = [carried(of(part)) for part in parts]
        random.Random(seed).shuffle(shares)
        merged = distribution.Distribution()
        for share in shares:
            merged.merge(share)

        self.assertEqual(alone.to_state(), merged.to_state())
        self.assertEqual(alone, carried(merged))
        quantiles = (0, 0.5, 0.99, 1)
        self.assertEqual(
            alone.percentiles(quantiles), merged.percentiles(quantiles)
        )

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(a=blocks, b=blocks, c=blocks)
    def test_grouping_of_merges_plays_no_part(
        self, a: list[Values], b: list[Values], c: list[Values]
    ) -> None:
        x, y, z = (of(sum(part, [])) for part in (a, b, c))
        left, right = x.copy(), y.copy()
        left.merge(y)
        left.merge(z)
        right.merge(z)
        right.merge(x)
        self.assertEqual(left, right)

    @hypothesis.settings(max_examples=80, deadline=None)
    @hypothesis.given(parts=blocks)
    def test_moments_are_exact(self, parts: list[Values]) -> None:
        block = sum(parts, [])
        seen = of(block)

        self.assertEqual(len(block), seen.count)
        self.assertEqual(sum(block), seen.total_ns)
        self.assertEqual(sum(x * x for x in block), seen.total_ns2)
        self.assertEqual(min(block, default=None), seen.min_ns)
        self.assertEqual(max(block, default=None), seen.max_ns)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(block=st.lists(values, min_size=2, max_size=50))
    def test_small_sets_have_the_quantiles_of_their_values(
        self, block: Values
    ) -> None:
        expected = statistics.quantiles(block, n=100, method="inclusive")
        for i in (50, 90, 95, 99):
            found = of(block).percentile(i / 100)
            assert found is not None
            self.assertAlmostEqual(
                expected[i - 1], found, delta=max(map(abs, block)) * 1e-12
            )

    @ddt.data(0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
    def test_large_sets_have_quantiles_within_their_bound(
        self, share: float
    ) -> None:
        numbers = random.Random(1)
        block = [int(numbers.paretovariate(1) * 1e6) for _ in range(20000)]
        rank = int((len(block) - 1) * share)
        ordered = sorted(block)

        found = of(block).percentile(share)

        assert found is not None
        self.assertLessEqual(ordered[rank] * (1 - 1 / 128), found)
        following = ordered[min(rank + 1, len(block) - 1)]
        self.assertGreaterEqual(following * (1 + 1 / 128), found)

    @hypothesis.settings(max_examples=200, deadline=None)
    @hypothesis.given(value=st.integers(-(2 ** 62), 2 ** 62))
    def test_the_middle_of_a_bucket_is_near_anything_in_it(
        self, value: int
    ) -> None:
        bucket = distribution.bucket_of(value)

        middle = distribution.middle_of(bucket)

        self.assertLessEqual(abs(middle - value), abs(value) / 128)
        self.assertLessEqual(bucket, distribution.bucket_of(value + 1))
        self.assertEqual(bucket, distribution.bucket_of(int(middle)))

    def test_the_quantiles_of_equal_values_are_that_value(self) -> None:
        for count in (2, 5000):
            seen = of([10 ** 15 + 1] * count)
            self.assertEqual(10 ** 15 + 1, seen.percentile(0.9))

    def test_an_empty_set_has_no_statistics(self) -> None:
        empty = carried(of([]))
        self.assertIsNone(empty.mean())
        self.assertIsNone(empty.percentile(0.5))
        self.assertEqual(0, empty.count_above(lambda value: True))

    def test_single_values_can_be_added(self) -> None:
        seen = distribution.Distribution()
        for value in (3, 1, 2):
            seen.add(value)
        self.assertEqual(of([1, 2, 3]), seen)

    def test_count_above_counts_what_satisfies_a_monotone_predicate(
        self,
    ) -> None:
        few, many = of(list(range(100))), of(list(range(1, 10001)) * 2)
        self.assertEqual(10, few.count_above(lambda value: value >= 90))
        self.assertAlmostEqual(
            10000, many.count_above(lambda value: value > 5000), delta=160
        )

    @ddt.data(
        None, 3, [], {}, {"count": 1},
        {"count": 2, "total": 3, "total2": 5, "min": 1, "max": 2},
        {"count": 2, "total": 3, "total2": 5, "min": 1, "max": 2,
         "values": [1]},
        {"count": 2, "total": 3, "total2": 5, "min": 1, "max": 2,
         "values": ["a", "b"]},
        {"count": 2000, "total": 3, "total2": 5, "min": 1, "max": 2,
         "buckets": [1, 10 ** 12], "counts": [1000, 1000]},
        {"count": 2000, "total": 3, "total2": 5, "min": 1, "max": 2,
         "buckets": [5, -1], "counts": [1000, 1000]},
        {"count": 2000, "total": 3, "total2": 5, "min": 1, "max": 2,
         "buckets": [], "counts": []},
        {"count": 2000, "total": 3, "total2": 5, "min": 1, "max": 2,
         "buckets": [1], "counts": [-2000]},
        {"count": 10 ** 15, "total": 3, "total2": 5, "min": 1, "max": 2},
    )
    def test_nonsense_is_refused(self, state: t.Any) -> None:
        self.assertRaises(
            portable.MalformedState, distribution.Distribution.from_state,
            state,
        )
