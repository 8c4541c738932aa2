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

"""Tests of how much load there is and how it is shared out."""

from __future__ import annotations

import fractions

import hypothesis
from hypothesis import strategies as st

from rally.task.load import plan
from tests.unit import test


class LoadPlanTestCase(test.TestCase):
    def test_no_process_is_without_work(self) -> None:
        made = plan.LoadPlan(times=3, concurrency=8)
        self.assertEqual(3, made.process_count(cpus=16))

    def test_processes_can_be_limited(self) -> None:
        made = plan.LoadPlan(times=100, concurrency=8, max_processes=2)
        self.assertEqual(2, made.process_count(cpus=16))

    def test_one_process_per_cpu_is_enough(self) -> None:
        made = plan.LoadPlan(times=None, concurrency=8, duration_s=1)
        self.assertEqual(4, made.process_count(cpus=4))


class SplitByWeightTestCase(test.TestCase):
    @hypothesis.given(
        st.integers(0, 10**6),
        st.lists(st.integers(1, 100), min_size=1, max_size=9),
    )
    def test_each_is_its_part_rounded_and_all_are_the_whole(
        self, whole: int, weights: list[int]
    ) -> None:
        shares = plan.split_by_weight(whole, weights)

        self.assertEqual(whole, sum(shares))
        for share, weight in zip(shares, weights, strict=True):
            exact = fractions.Fraction(whole * weight, sum(weights))
            self.assertLess(abs(share - exact), 1)

    def test_what_is_left_goes_to_who_lost_most(self) -> None:
        self.assertEqual([6, 2], plan.split_by_weight(8, [3, 1]))
        self.assertEqual([2, 1, 1], plan.split_by_weight(4, [1, 1, 1]))
        self.assertEqual([5, 1], plan.split_by_weight(6, [4, 1]))


class SplitEvenlyTestCase(test.TestCase):
    @hypothesis.given(st.integers(0, 10**9), st.integers(1, 500))
    def test_shares_are_exactly_the_whole(
        self, whole: int, parts: int
    ) -> None:
        shares = plan.split_evenly(whole, parts)

        self.assertEqual(whole, sum(shares))
        self.assertEqual(parts, len(shares))
        self.assertLessEqual(max(shares) - min(shares), 1)
        self.assertEqual(sorted(shares, reverse=True), shares)
