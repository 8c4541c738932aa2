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

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st

from rally.task.reporting import traffic_history
from rally.task.reporting.traffic_history import TrafficHistory
from rally.task.results.row import NS
from rally.task.results.traffic import Traffic
from tests.unit import test

T0 = 1_700_000_000 * NS

#: steps of time in ns, and what came in each: sent and received
steps = st.lists(
    st.tuples(
        st.integers(NS // 1000, 10 * NS), st.integers(0, 10 ** 9),
        st.integers(0, 10 ** 9),
    ),
    min_size=1, max_size=50,
)


class TrafficHistoryTestCase(test.TestCase):
    @hypothesis.given(steps, st.integers(1, 40))
    def test_it_is_bounded_and_rises_to_the_whole(
        self, steps: list[tuple[int, int, int]], repeats: int
    ) -> None:
        history, known, at = TrafficHistory(), Traffic(1), T0
        for passed, sent, got in steps * repeats:
            at += passed
            known = known.merge(Traffic(1, sent, got))
            history.add(at, known)

        points = history.to_list(T0)
        self.assertLessEqual(len(points), traffic_history.MAX_POINTS + 2)
        self.assertEqual([T0 / NS, 0, 0], points[0])
        self.assertEqual(
            [known.sent_bytes, known.received_bytes], points[-1][1:]
        )
        for before, after in zip(points, points[1:]):
            self.assertLess(before[0], after[0])
            self.assertLessEqual(before[1:], after[1:])

    def test_a_week_leaves_points_all_over_it(self) -> None:
        history = TrafficHistory()
        for minute in range(1, 7 * 24 * 60):
            history.add(
                T0 + minute * 60 * NS, Traffic(minute, 60 * minute, minute)
            )
        points = history.to_list(T0)
        self.assertGreater(len(points), traffic_history.MAX_POINTS // 2 - 1)
        rates = {
            (b[1] - a[1]) / (b[0] - a[0])
            for a, b in zip(points, points[1:])
        }
        self.assertEqual({1.0}, rates)

    def test_it_ends_with_the_last_change(self) -> None:
        history = TrafficHistory()
        history.add(T0 + NS, Traffic(1, 5, 7))
        history.add(T0 + 9 * NS, Traffic(1, 5, 7))
        self.assertEqual(
            [[T0 / NS, 0, 0], [T0 / NS + 1, 5, 7]], history.to_list(T0)
        )

    def test_sources_that_are_counted_again_make_no_dent(self) -> None:
        history = TrafficHistory()
        for second, sent in enumerate((5, 10, 2, 15), 1):
            history.add(T0 + second * NS, Traffic(1, sent, 0))
        self.assertEqual(
            [0, 5, 10, 15], [point[1] for point in history.to_list(T0)]
        )
