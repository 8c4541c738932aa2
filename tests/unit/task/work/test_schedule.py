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

"""Tests of the due moments of an open model."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st

from rally.task.work import schedule
from tests.unit import test

S = 1_000_000_000
rates = st.one_of(
    st.integers(1, 20_000), st.floats(0.01, 20_000, allow_nan=False)
)
ramps = st.builds(
    lambda start, more, step, step_s: schedule.Schedule.ramp(
        start, start + more, step, step_s
    ),
    rates, st.integers(0, 1000), rates, st.floats(0.5, 100),
)
schedules = st.one_of(ramps, rates.map(schedule.Schedule.constant))


class ScheduleTestCase(test.TestCase):
    def test_a_constant_rate_is_exact(self) -> None:
        made = schedule.Schedule.of_config(3)
        self.assertEqual(
            [0, 333_333_333, 666_666_666, S],
            [made.due_ns(k) for k in range(4)],
        )
        self.assertEqual(10**6 * S, made.due_ns(3 * 10**6))

    def test_a_tenth_is_a_tenth(self) -> None:
        made = schedule.Schedule.of_config(0.1)
        self.assertEqual(10**9 * 10 * S, made.due_ns(10**9))

    def test_a_ramp_begins_with_start_and_is_capped_at_end(self) -> None:
        made = schedule.Schedule.of_config(
            {"start": 5, "end": 12, "step": 5, "duration": 2}
        )
        counts = [made.count_before(2 * i * S) for i in range(6)]
        self.assertEqual(
            [10, 20, 24, 24, 24],
            [b - a for a, b in zip(counts, counts[1:])],
        )

    def test_a_step_lasts_one_second_by_default(self) -> None:
        made = schedule.Schedule.of_config({"start": 1, "end": 3, "step": 1})
        self.assertEqual(
            [0, S, S + S // 2, 2 * S], [made.due_ns(k) for k in range(4)]
        )

    def test_a_rate_of_zero_is_refused(self) -> None:
        self.assertRaises(ValueError, schedule.Schedule.constant, 0)

    @hypothesis.settings(max_examples=200)
    @hypothesis.given(schedules, st.integers(0, 10**7))
    def test_due_moments_and_counts_agree(
        self, made: schedule.Schedule, k: int
    ) -> None:
        due = made.due_ns(k)
        self.assertLessEqual(due, made.due_ns(k + 1))
        self.assertLessEqual(made.count_before(due), k)
        self.assertGreater(made.count_before(due + 1), k)

    @hypothesis.settings(max_examples=200)
    @hypothesis.given(schedules, st.integers(0, 10**13))
    def test_counts_and_due_moments_agree(
        self, made: schedule.Schedule, ns: int
    ) -> None:
        count = made.count_before(ns)
        self.assertGreaterEqual(made.due_ns(count), ns)
        if count:
            self.assertLess(made.due_ns(count - 1), ns)

    def test_the_mean_rate_of_a_ramp_is_that_of_the_whole_run(self) -> None:
        made = schedule.Schedule.of_config(
            {"start": 10, "end": 30, "step": 20}
        )
        self.assertAlmostEqual(20.0, made.mean_rate(40) or 0)
        self.assertEqual(
            7.5, schedule.Schedule.constant(7.5).mean_rate(100)
        )
        self.assertIsNone(made.mean_rate(0))
