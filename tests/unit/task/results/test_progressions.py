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

"""Laws of progressions of iteration numbers."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np

from rally.task.results import progressions as work
from tests.unit import test

NUMBERS = st.lists(st.integers(1, 400), max_size=120)
PROGRESSIONS = st.tuples(
    st.integers(1, 30), st.integers(1, 7), st.integers(1, 12)
)


class ProgressionsTestCase(test.TestCase):
    @hypothesis.given(numbers=NUMBERS)
    def test_those_of_a_set_are_that_set(self, numbers):
        found = work.progressions(numbers)

        self.assertEqual(sorted(set(numbers)), sorted(work.numbers_of(found)))
        self.assertEqual(len(set(numbers)), work.count_of(found))
        self.assertTrue(all(step > 0 for _, step, _ in found))

    @hypothesis.given(numbers=NUMBERS)
    def test_those_of_an_array_are_the_same(self, numbers):
        array = np.array(numbers, dtype=np.int64)

        self.assertEqual(work.progressions(numbers), work.progressions(array))
        self.assertEqual(numbers, array.tolist())

    def test_a_stride_is_one_progression(self):
        self.assertEqual(
            ((3, 7, 50),), work.progressions(range(3, 3 + 350, 7))
        )

    def test_two_numbers_are_one_progression(self):
        self.assertEqual(((3, 4, 2),), work.progressions([7, 3]))


class CommonTestCase(test.TestCase):
    @hypothesis.given(one=PROGRESSIONS, other=PROGRESSIONS)
    def test_it_is_the_intersection(self, one, other):
        both = set(work.numbers_of([one])) & set(work.numbers_of([other]))

        found = work.common(one, other)

        parts = [] if found is None else [found]
        self.assertEqual(sorted(both), list(work.numbers_of(parts)))


class LostTestCase(test.TestCase):
    def test_reports_show_the_last_number(self):
        lost = work.Lost(((1, 4, 3), (7, 1, 1)), "gone", "node1")
        self.assertEqual(
            {
                "agent": "node1", "count": 4, "reason": "gone",
                "numbers": [[1, 9, 4], [7, 7, 1]],
            },
            lost.to_dict(),
        )
