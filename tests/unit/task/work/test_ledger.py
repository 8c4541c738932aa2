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

"""Laws of the account of what was granted."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np

from rally.task.results.progressions import count_of, numbers_of, progressions
from rally.task.work import ledger as work
from tests.unit import test


class Naive:
    """An account that names each number."""

    def __init__(self):
        self.open = set()
        self.granted = self.stored = self.unknown = self.returned_count = 0
        self.written_off = 0

    def grant(self, numbers):
        self.open.update(numbers)
        self.granted += len(numbers)

    def settle(self, numbers):
        new = self.open.intersection(numbers)
        self.open -= new
        self.unknown += len(numbers) - len(new)
        return new


@st.composite
def stories(draw):
    """Grants that interleave, and what becomes of their numbers.

    Each number of 1 to 90 is dealt to one of some grants; what was returned
    may be granted again.
    """
    owners = draw(st.lists(st.integers(0, 4), min_size=90, max_size=90))
    stride = draw(st.integers(1, 4))
    grants = progressions(range(1, 91, stride))
    for owner in range(5):
        mine = [n for n in range(1, 91) if owners[n - 1] == owner]
        grants += progressions(n for n in mine if (n - 1) % stride)
    order = draw(st.permutations(grants))
    kinds = st.sampled_from(
        ["grant", "store", "array", "back", "again", "write off"]
    )
    return order, draw(st.lists(st.tuples(
        kinds, st.sets(st.integers(1, 99), max_size=30)
    ), max_size=25))


class LedgerTestCase(test.TestCase):
    @hypothesis.settings(max_examples=100)
    @hypothesis.given(story=stories())
    def test_it_says_what_naming_each_number_would(self, story):
        waiting, events = list(story[0]), story[1]
        ledger, naive = work.Ledger(), Naive()
        back = set()
        for kind, numbers in events:
            if kind == "grant" and waiting:
                ledger.grant(waiting[-1])
                naive.grant(list(numbers_of([waiting.pop()])))
            elif kind == "again":
                for part in progressions(back):
                    ledger.grant(part)
                naive.grant(back)
                back = set()
            elif kind == "write off":
                left = list(numbers_of(ledger.write_off()))
                self.assertEqual(sorted(naive.open), sorted(left))
                naive.written_off += len(left)
                naive.open.clear()
            elif kind == "back":
                taken = ledger.give_back(progressions(numbers))
                new = naive.settle(numbers)
                self.assertEqual(sorted(new), sorted(numbers_of(taken)))
                back |= new
                naive.returned_count += len(new)
            else:
                array = np.array(sorted(numbers), dtype=np.int64)
                parts = progressions(array if kind == "array" else numbers)
                new = ledger.store(parts)
                known = len(naive.settle(numbers))
                self.assertEqual(known, new)
                naive.stored += new
            self._check(ledger, naive)

    def _check(self, ledger, naive):
        outstanding = ledger.outstanding()
        self.assertEqual(sorted(naive.open), sorted(numbers_of(outstanding)))
        self.assertEqual(len(naive.open), ledger.outstanding_count)
        self.assertEqual(
            (naive.granted, naive.stored, naive.returned_count,
             naive.written_off, naive.unknown),
            (ledger.granted, ledger.stored, ledger.returned,
             ledger.written_off, ledger.unknown),
        )
        self.assertLessEqual(size_of(ledger), 2 * len(naive.open))

    def test_numbers_never_granted_are_counted_as_unknown(self):
        ledger = work.Ledger()
        ledger.grant((10, 1, 5))

        new = ledger.store([(8, 1, 4), (100, 3, 2)])

        self.assertEqual((2, 4), (new, ledger.unknown))

    def test_of_what_comes_back_only_the_outstanding_is_dealt_again(self):
        ledger = work.Ledger()
        ledger.grant((1, 1, 10))
        ledger.store([(4, 1, 2)])

        taken = ledger.give_back([(3, 1, 4)])

        self.assertEqual([3, 6], sorted(numbers_of(taken)))
        self.assertEqual(6, count_of(ledger.outstanding()))

    def test_a_grant_without_end_can_be_settled(self):
        ledger = work.Ledger()
        ledger.grant((1, 1, 1 << 42))
        ledger.store(progressions([1, 2, 4]))
        ledger.give_back([(6, 1, (1 << 42) - 5)])

        self.assertEqual(((3, 2, 2),), ledger.outstanding())

    def test_settled_grants_take_no_memory(self):
        ledger = work.Ledger()
        for first in range(1, 100_000, 100):
            ledger.grant((first, 1, 100))
            ledger.store([(first, 1, 100)])

        self.assertEqual(0, size_of(ledger))

    def test_windows_of_a_schedule_are_one_grant_whatever_hangs(self):
        ledger = work.Ledger()
        for window in range(10_000):
            ledger.grant((3 + 4 * 25 * window, 4, 25))
            ledger.store([(3 + 4 * 25 * window + 4, 4, 24)])
            if window:  # the first number of the first window hangs
                ledger.store([(3 + 4 * 25 * window, 4, 1)])

        self.assertEqual(((3, 1, 1),), tuple(
            (first, 1, count) for first, _, count in ledger.outstanding()
        ))
        self.assertEqual(2, size_of(ledger))


def size_of(ledger):
    """Grants and intervals that it keeps."""
    return sum(1 + len(grant.starts) for grant in ledger._grants)
