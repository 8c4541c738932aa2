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

"""Laws of the leases in shared memory."""

from __future__ import annotations

import tracemalloc
from unittest import mock

import hypothesis
from hypothesis import strategies as st

from rally.task.load import lease_ring, source
from rally.task.results.progressions import numbers_of
from tests.unit import test

LEASES = st.lists(
    st.tuples(
        st.integers(1, 10**12), st.integers(1, 500), st.integers(1, 10**6)
    ),
    max_size=20,
)


class Words(list):
    """Memory whose reader can be held up: *meanwhile*, at a read."""

    meanwhile = None
    reads = 0

    def __getitem__(self, at):
        self.reads += 1
        if self.meanwhile is not None:
            self.meanwhile(self.reads)
        return super().__getitem__(at)


def ring():
    words = Words([0] * lease_ring.LeaseRing.WORDS)
    return words, lease_ring.LeaseRing(words)


class LeaseRingTestCase(test.TestCase):
    @hypothesis.settings(max_examples=50)
    @hypothesis.given(leases=LEASES, data=st.data())
    def test_what_was_added_is_found(self, leases, data):
        _, made = ring()
        start, starts = 0, []
        for first, step, count in leases:
            self.assertTrue(made.add((first, step, count), start, 0))
            starts.append((start, first, step))
            start += count
        if not leases:
            return
        index = data.draw(st.integers(0, start - 1))
        base, first, step = max(each for each in starts if each[0] <= index)

        [found] = made.numbers(index, index + 1)

        self.assertEqual((first + (index - base) * step, step, 1), found)

    def test_a_continued_lease_takes_one_slot(self):
        _, made = ring()
        for window in range(1000):
            made.add((3 + 4 * 25 * window, 4, 25), 25 * window, 0)

        self.assertEqual(1, len(made))
        self.assertEqual([(3, 4, 25_000)], made.numbers(0, 25_000))

    def test_a_slot_is_used_again_once_it_is_drawn(self):
        with mock.patch.object(lease_ring, "SLOTS", 4):
            _, made = ring()
            for i in range(4):
                self.assertTrue(made.add((10 * i, 1, 2), 2 * i, 0))
            self.assertFalse(made.add((40, 1, 2), 8, 1))
            self.assertTrue(made.add((40, 1, 2), 8, 2))
            self.assertEqual(
                [(10, 1, 2), (20, 1, 2), (30, 1, 2), (40, 1, 2)],
                made.numbers(0, 10),
            )

    @hypothesis.given(
        index=st.integers(0, 7), stop_at=st.integers(1, 25),
        adds=st.integers(1, 9), cursor=st.integers(0, 3),
    )
    def test_a_reader_never_sees_half_a_lease(
        self, index, stop_at, adds, cursor
    ):
        """It is stopped at any of its reads, for some or many leases."""
        with mock.patch.object(lease_ring, "SLOTS", 4):
            words, made = ring()
            writer = lease_ring.LeaseRing(words)
            for i in range(4):
                writer.add((100 * i, 7 + i, 2), 2 * i, 0)
            made._cursor = cursor

            def write(reads):
                if reads >= stop_at:
                    words.meanwhile = None
                    for i in range(4, 4 + adds):
                        writer.add((100 * i, 7 + i, 2), 2 * i, 1 << 40)

            words.reads, words.meanwhile = 0, write
            found = made.numbers(index, index + 1)

        at, offset = divmod(index, 2)
        self.assertIn(found, (
            [], [(100 * at + offset * (7 + at), 7 + at, 1)]
        ))

    @hypothesis.given(steps=st.integers(0, 5))
    def test_a_torn_slot_is_not_read(self, steps):
        """The writer is stopped after some of its writes."""
        with mock.patch.object(lease_ring, "SLOTS", 1):
            words, made = ring()
            made.add((100, 7, 2), 0, 0)
            before = list(words)
            made.add((200, 9, 3), 2, 2)
            after = list(words)
            words[:] = before
            order = [1, 2, 3, 4, 1, 0]  # start, stop, first, step, start
            values = [lease_ring._TORN, *after[2:5], after[1], after[0]]
            for at, value in list(zip(order, values))[:steps]:
                words[at] = value

            self.assertIn(made.numbers(0, 1), ([], [(100, 7, 1)]))
            self.assertIn(made.numbers(2, 3), ([], [(200, 9, 1)]))


class LongRunTestCase(test.TestCase):
    #: three times around; a week of four each second is 148 times
    GRANTS = 3 * lease_ring.SLOTS

    def test_leases_that_are_drawn_as_they_come_take_no_memory(self):
        feed = source.LeaseFeed()
        first = 1
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for i in range(self.GRANTS):
            step = 1 + i % 3  # never goes on where the last one ended
            self.assertTrue(feed.grant(first, step, 2))
            drawn = [*feed.draw_many(2)]
            self.assertEqual([first, first + step], drawn)
            self.assertEqual([(first, step, 2)], feed.take_granted())
            first += 10
            if i == self.GRANTS // 2:
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
        self.assertLess(grown, 10_000)
        self.assertEqual([], [*numbers_of(feed.undrawn())])
