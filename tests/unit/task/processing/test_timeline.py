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

"""Tests of the timeline."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st

from rally.task.processing import timeline
from tests.unit import test

starts = st.lists(
    st.floats(min_value=-1e5, max_value=1e5), min_size=1, max_size=80
)


class TimelineTestCase(test.TestCase):
    def columns(self, moments, max_steps=16):
        line = timeline.Timeline(max_steps)
        for number, moment in enumerate(moments):
            line.add(1.7e9 + moment, 0.5 + number, is_failed=number % 2 == 0)
        return line.to_dict()

    @hypothesis.given(starts)
    @hypothesis.settings(max_examples=100)
    def test_counts_every_iteration_once(self, moments):
        columns = self.columns(moments)
        self.assertEqual(len(moments), sum(columns["count"]))
        self.assertEqual((len(moments) + 1) // 2, sum(columns["failed"]))
        self.assertEqual(len(moments) - 0.5, max(columns["max"]))

    @hypothesis.given(starts)
    @hypothesis.settings(max_examples=100)
    def test_has_bounded_steps_in_order(self, moments):
        columns = self.columns(moments)
        self.assertTrue(len(columns["at"]) <= 16)
        self.assertTrue(columns["at"][-1] < 16 * columns["step_s"])
        self.assertEqual(sorted(set(columns["at"])), columns["at"])

    def test_uses_most_of_its_steps(self):
        columns = self.columns([i / 100 for i in range(10_000)], 240)
        self.assertTrue(120 < len(columns["at"]) <= 240)

    def test_is_empty_without_iterations(self):
        columns = self.columns([])
        self.assertEqual([], columns["at"])
        self.assertEqual([], columns["p99"])
