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

"""Laws of dealing out iteration numbers."""

from __future__ import annotations

import collections

import hypothesis
import hypothesis.strategies as st

from rally.task.work import leases as work
from tests.unit import test

number_sets = st.sets(st.integers(1, 400), max_size=120)
leases = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 40)), min_size=1, max_size=8
)


def _apart(parts):
    """Leases with these steps and counts, one after another."""
    first, runs = 1, []
    for step, count in parts:
        runs.append((first, step, count))
        first += step * count
    return runs


class RunsTestCase(test.TestCase):
    @hypothesis.given(numbers=number_sets)
    def test_runs_of_a_set_are_that_set(self, numbers):
        runs = work.runs_of(numbers)

        self.assertEqual(sorted(numbers), sorted(work.numbers_of(runs)))
        self.assertEqual(len(numbers), work.count_of(runs))

    def test_a_stride_is_one_run(self):
        self.assertEqual(((3, 7, 50),), work.runs_of(range(3, 3 + 350, 7)))


NUMBER_RUNS = st.tuples(
    st.integers(1, 30), st.integers(1, 7), st.integers(1, 12)
)


class CommonTestCase(test.TestCase):
    @hypothesis.given(one=NUMBER_RUNS, other=NUMBER_RUNS)
    def test_it_is_the_intersection(self, one, other):
        both = set(work.numbers_of([one])) & set(work.numbers_of([other]))

        found = work.common(one, other)

        runs = [] if found is None else [found]
        self.assertEqual(sorted(both), list(work.numbers_of(runs)))


class LedgerTestCase(test.TestCase):
    @hypothesis.given(parts=leases, data=st.data())
    def test_every_number_is_settled_exactly_once(self, parts, data):
        ledger, granted = work.Ledger(), set()
        for run in _apart(parts):
            ledger.grant(run)
            granted.update(work.numbers_of([run]))
        stored = data.draw(st.sets(st.sampled_from(sorted(granted))))
        rest = sorted(granted - stored)
        back = data.draw(st.sets(st.sampled_from(rest))) if rest else set()

        new = ledger.store(work.runs_of(stored))
        again = ledger.store(work.runs_of(stored))
        ledger.give_back(work.runs_of(back))

        self.assertEqual((len(stored), 0), (new, again))
        left = sorted(granted - stored - back)
        self.assertEqual(left, list(work.numbers_of(ledger.outstanding())))
        self.assertEqual(len(left), ledger.outstanding_count)
        self.assertEqual(
            ledger.granted,
            ledger.stored + ledger.returned + ledger.outstanding_count,
        )

    def test_numbers_never_granted_are_counted_as_unknown(self):
        ledger = work.Ledger()
        ledger.grant((10, 1, 5))

        new = ledger.store([(8, 1, 4), (100, 3, 2)])

        self.assertEqual((2, 4), (new, ledger.unknown))

    def test_a_settled_lease_takes_no_memory(self):
        ledger = work.Ledger()
        for first in range(1, 100_000, 100):
            ledger.grant((first, 1, 100))
            ledger.store([(first, 1, 100)])

        self.assertEqual([], ledger._leases)


class ClosedWorkTestCase(test.TestCase):
    @hypothesis.given(
        times=st.integers(0, 500),
        sizes=st.lists(st.integers(1, 60), min_size=1, max_size=40),
        data=st.data(),
    )
    def test_a_number_is_dealt_again_only_if_it_came_back(
        self, times, sizes, data
    ):
        closed, held = work.ClosedWork(times), collections.Counter()
        for size in sizes:
            run = closed.take(size)
            if run is None:
                break
            numbers = list(work.numbers_of([run]))
            self.assertLessEqual(len(numbers), size)
            held.update(numbers)
            self.assertEqual({1}, set(held.values()) - {0} or {1})
            if data.draw(st.booleans()):
                closed.give_back([run])
                held.subtract(numbers)
        out = sum(held.values())
        self.assertEqual(times - out, closed.left)

    @hypothesis.given(
        first=st.integers(1, 1000), length=st.integers(0, 300),
        parts=st.integers(1, 12),
    )
    def test_strides_are_disjoint_and_together_the_range(
        self, first, length, parts
    ):
        dealt = work.strides(first, first + length, parts)

        numbers = list(work.numbers_of(dealt))
        self.assertEqual(
            list(range(first, first + length)), sorted(numbers)
        )
        counts = [count for _, _, count in dealt]
        self.assertLessEqual(max(counts) - min(counts), 1)

    @hypothesis.given(
        wanted=st.integers(0, 10**6), concurrency=st.integers(1, 200),
        agents=st.integers(1, 50), left=st.integers(1, 10**6),
    )
    def test_a_block_never_takes_more_than_is_left(
        self, wanted, concurrency, agents, left
    ):
        size = work.block_size(wanted, concurrency, agents, left)

        self.assertGreaterEqual(size, 1)
        self.assertLessEqual(size, left)
