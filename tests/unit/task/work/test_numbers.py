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

"""Tests of sets and accounts of iteration numbers."""

from __future__ import annotations

import hypothesis
import numpy as np
from hypothesis import strategies as st

from rally.task.work import numbers
from tests.unit import test

intervals = st.tuples(st.integers(0, 60), st.integers(0, 15)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


class IntervalSetTestCase(test.TestCase):
    @hypothesis.settings(max_examples=200)
    @hypothesis.given(st.lists(intervals, max_size=12), intervals)
    def test_it_is_a_set(
        self, added: list[tuple[int, int]], window: tuple[int, int]
    ) -> None:
        made = numbers.IntervalSet()
        known: set[int] = set()
        for start, stop in added:
            if start == stop:
                continue
            new = set(range(start, stop)) - known
            self.assertEqual(len(new), made.add(start, stop))
            known |= new

        self.assertEqual(len(known), made.count)
        self.assertEqual(
            [n in known for n in range(80)], [n in made for n in range(80)]
        )
        self.assertEqual(
            [n for n in range(*window) if n not in known],
            [n for gap in made.gaps(*window) for n in range(*gap)],
        )


class LedgerTestCase(test.TestCase):
    def test_what_is_not_settled_stays_open(self) -> None:
        ledger = numbers.Ledger()
        ledger.grant(1, 4, 5)  # 1 5 9 13 17
        ledger.grant(2, 4, 3)  # 2 6 10
        self.assertEqual(4, ledger.settle(np.array([13, 2, 1, 10])))

        self.assertEqual(
            [5, 6, 9, 17], sorted(numbers.numbers_of(ledger.open()))
        )

    def test_what_comes_twice_settles_once(self) -> None:
        ledger = numbers.Ledger()
        ledger.grant(1, 1, 3)
        self.assertEqual(2, ledger.settle(np.array([1, 2])))
        self.assertEqual(0, ledger.settle(np.array([2])))
        self.assertEqual(0, ledger.settle(np.array([99])))

    def test_a_part_without_end_can_be_cut_off(self) -> None:
        ledger = numbers.Ledger()
        ledger.grant(1, 1, 1 << 42)
        ledger.settle(np.array([1, 2, 4]))
        ledger.cut(6, 1, (1 << 42) - 5)
        self.assertEqual([(3, 1, 1), (5, 1, 1)], ledger.open())

    @hypothesis.given(
        st.lists(st.tuples(st.integers(1, 5), st.integers(0, 20)), max_size=5),
        st.data(),
    )
    def test_open_and_settled_are_all(
        self, grants: list[tuple[int, int]], data: st.DataObject
    ) -> None:
        ledger, first = numbers.Ledger(), 1
        granted: list[int] = []
        for step, count in grants:
            ledger.grant(first, step, count)
            granted += range(first, first + step * count, step)
            first += step * count
        chosen = [n for n in granted if data.draw(st.booleans())]
        for part in np.array_split(np.array(chosen, dtype=np.int64), 3):
            ledger.settle(part)

        self.assertEqual(
            granted,
            sorted([*chosen, *numbers.numbers_of(ledger.open())]),
        )


class ProgressionsTestCase(test.TestCase):
    @hypothesis.given(st.sets(st.integers(1, 200)))
    def test_they_hold_exactly_the_numbers(self, given: set[int]) -> None:
        found = numbers.progressions(given)
        self.assertEqual(sorted(given), sorted(numbers.numbers_of(found)))

    def test_a_stride_is_one_progression(self) -> None:
        self.assertEqual(
            [(3, 4, 100)], numbers.progressions(range(3, 403, 4))
        )


class ProgressionsInTestCase(test.TestCase):
    @hypothesis.given(
        st.lists(st.integers(1, 60), max_size=40)
        | st.permutations(range(1, 40, 3))
    )
    def test_they_hold_each_number_of_an_array_once(
        self, given: list[int]
    ) -> None:
        found = numbers.progressions_in(np.array(given, dtype=np.int64))
        self.assertEqual(sorted(set(given)), sorted(numbers.numbers_of(found)))
        self.assertEqual(len(set(given)), numbers.count_of(found))
        self.assertTrue(all(step > 0 and count for _, step, count in found))

    def test_a_stride_is_one_progression(self) -> None:
        for order in (1, -1):
            array = np.arange(3, 3 + 350, 7)[::order]
            self.assertEqual([(3, 7, 50)], numbers.progressions_in(array))


class LostTestCase(test.TestCase):
    def test_reports_show_the_last_number(self) -> None:
        lost = numbers.Lost(((1, 4, 3), (7, 1, 1)), "gone", "node1")
        self.assertEqual(
            {
                "agent": "node1", "count": 4, "reason": "gone",
                "numbers": [[1, 9, 4], [7, 7, 1]],
            },
            lost.to_dict(),
        )
