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

"""Tests of how far ahead numbers are drawn."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st

from rally.task.load import drawing
from tests.unit import test


class DrawAheadTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now_ns = 0
        self.ahead = drawing.DrawAhead(lambda: self.now_ns)

    @hypothesis.given(
        draws=st.lists(
            st.tuples(st.integers(0, 10**8), st.integers(0, 64)), max_size=30
        )
    )
    def test_it_is_no_more_than_a_millisecond_of_the_pace(
        self, draws: list[tuple[int, int]]
    ) -> None:
        ahead = drawing.DrawAhead(lambda: self.now_ns)
        before = 1
        for passed_ns, came in draws:
            self.now_ns += passed_ns
            want = ahead.want()
            self.assertTrue(1 <= want <= drawing.MAX_DRAW_AHEAD)
            self.assertLessEqual(want, 2 * before)
            if want > 1:
                self.assertLessEqual(
                    want * passed_ns, before * drawing.DRAW_AHEAD_NS
                )
            came = min(came, want)
            ahead.drew(came)
            before = max(1, came)

    def test_it_grows_while_iterations_are_fast(self) -> None:
        wants = []
        for _ in range(10):
            self.now_ns += 1000 * (wants[-1] if wants else 1)
            wants.append(self.ahead.want())
            self.ahead.drew(wants[-1])
        self.assertEqual([2, 4, 8, 16, 32, 64, 64, 64, 64, 64], wants)

    def test_slow_iterations_draw_one_at_a_time(self) -> None:
        for _ in range(5):
            self.now_ns += 2_000_000
            self.assertEqual(1, self.ahead.want())
            self.ahead.drew(1)
