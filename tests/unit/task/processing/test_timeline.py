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

from rally.task.processing import columns, timeline
from rally.task.results import chunk
from tests.unit import test
from tests.unit.task.processing import fakes

starts = st.lists(
    st.floats(min_value=-1e5, max_value=1e5), min_size=1, max_size=80
)


class TimelineTestCase(test.TestCase):
    def drawn(self, moments, max_steps=16, block=7):
        line = timeline.Timeline(max_steps)
        for start in range(0, len(moments), block):
            rows = [
                fakes.iteration(
                    moments[number], 0.5 + number,
                    error=["E", "", ""] if number % 2 == 0 else [],
                )
                for number in range(start, min(start + block, len(moments)))
            ]
            line.add_columns(columns.Columns(chunk.Chunk.of_results(rows)))
        return line.to_dict()

    @hypothesis.given(starts)
    @hypothesis.settings(max_examples=100)
    def test_counts_every_iteration_once(self, moments):
        found = self.drawn(moments)
        self.assertEqual(len(moments), sum(found["count"]))
        self.assertEqual((len(moments) + 1) // 2, sum(found["failed"]))
        self.assertEqual(len(moments) - 0.5, max(found["max"]))

    @hypothesis.given(starts)
    @hypothesis.settings(max_examples=100)
    def test_has_bounded_steps_in_order(self, moments):
        found = self.drawn(moments)
        self.assertTrue(len(found["at"]) <= 16)
        self.assertTrue(found["at"][-1] < 16 * found["step_s"])
        self.assertEqual(sorted(set(found["at"])), found["at"])

    def test_uses_most_of_its_steps(self):
        found = self.drawn([i / 100 for i in range(10_000)], 240, 1000)
        self.assertTrue(120 < len(found["at"]) <= 240)

    def test_is_empty_without_iterations(self):
        found = self.drawn([])
        self.assertEqual([], found["at"])
        self.assertEqual([], found["p99"])
