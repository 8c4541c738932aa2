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

"""Tests of where iteration numbers come from."""

from __future__ import annotations

import os
import random
import select
import signal
import struct
import threading
import time
import typing as t

from rally.task.load import lease_ring, source
from rally.task.results.progressions import numbers_of
from tests.unit import test


def drawn_by_processes(
    feed: t.Any, count: int, kill_after_s: float | None = None
) -> list[int]:
    """What *count* processes draw; some are killed in the middle of it."""
    reader, writer = os.pipe()
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            try:
                while drawn := feed.draw_many(random.choice((1, 3, 16))):
                    os.write(writer, struct.pack("%dq" % len(drawn), *drawn))
            finally:
                os._exit(0)
        pids.append(pid)
    os.close(writer)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        for pid in pids[::2]:
            os.kill(pid, signal.SIGKILL)
    data = bytearray()
    while piece := os.read(reader, 1 << 20):
        data += piece
    os.close(reader)
    for pid in pids:
        os.waitpid(pid, 0)
    return list(struct.unpack("%dq" % (len(data) // 8), data))


class CounterSourceTestCase(test.TestCase):
    def test_processes_draw_each_number_once(self) -> None:
        made = source.CounterSource(30_000)
        self.assertEqual(
            list(range(1, 30_001)), sorted(drawn_by_processes(made, 4))
        )
        self.assertTrue(made.is_used_up)
        self.assertEqual(30_000, made.drawn_count)

    def test_a_killed_process_keeps_nobody_from_drawing(self) -> None:
        for _ in range(5):
            made = source.CounterSource(50_000)
            drawn = drawn_by_processes(made, 4, random.uniform(0, 0.03))
            self.assertEqual(len(set(drawn)), len(drawn))
            self.assertGreaterEqual(len(drawn), 50_000 - 2 * 16)

    def test_a_draw_never_exceeds_what_is_asked_for(self) -> None:
        made = source.CounterSource(5)
        self.assertEqual([1, 2, 3], list(made.draw_many(3)))
        self.assertEqual([4, 5], list(made.draw_many(3)))
        self.assertIsNone(made.draw())

    def test_without_end_it_goes_on(self) -> None:
        made = source.CounterSource(None)
        made.draw_many(10**6)
        self.assertEqual(10**6 + 1, made.draw())

    def test_nothing_is_drawn_or_started_after_a_stop(self) -> None:
        made = source.CounterSource(None)
        number = made.draw()
        made.stop()
        made.stop()
        self.assertIsNone(made.draw())
        self.assertFalse(made.may_start(number or 0))
        self.assertEqual(1, made.drawn_count)
        self.assertEqual(2, made.undrawn()[0][0])


class LeaseFeedTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.feed = source.LeaseFeed()
        self.feed.on_change(self.feed.wake)

    def test_numbers_come_in_the_order_of_the_leases(self) -> None:
        self.feed.grant(10, 1, 2)
        self.feed.grant(3, 5, 3)
        self.feed.close()
        self.assertEqual(
            [10, 11, 3, 8, 13], [self.feed.draw() for _ in range(5)]
        )
        self.assertIsNone(self.feed.draw())
        self.assertEqual([], self.feed.returned())

    def test_a_draw_may_span_leases(self) -> None:
        self.feed.grant(10, 1, 2)
        self.feed.grant(3, 5, 3)
        self.feed.grant(50, 2, 9)
        self.assertEqual(
            [10, 11, 3, 8, 13, 50, 52], [*self.feed.draw_many(7)]
        )
        self.assertEqual([54, 56], [*self.feed.draw_many(2)])
        self.assertEqual([58, 60, 62, 64, 66], [*self.feed.draw_many(9)])

    def test_processes_draw_each_number_once(self) -> None:
        expected: list[int] = []
        first = 1
        for i in range(50):
            step = 1 + i % 3
            self.feed.grant(first, step, 200)
            expected += range(first, first + 200 * step, step)
            first += 200 * step
        self.feed.close()
        self.assertEqual(expected, sorted(drawn_by_processes(self.feed, 3)))

    def test_a_killed_process_keeps_nobody_from_drawing(self) -> None:
        for _ in range(5):
            feed = source.LeaseFeed()
            for i in range(100):
                feed.grant(1 + 300 * i, 1, 300)
            feed.close()
            drawn = drawn_by_processes(feed, 4, random.uniform(0, 0.02))
            self.assertEqual(len(set(drawn)), len(drawn))
            self.assertGreaterEqual(len(drawn), 30_000 - 2 * 16)

    def test_a_draw_waits_for_a_grant(self) -> None:
        timer = threading.Timer(0.05, self.feed.grant, (7, 1, 1))
        timer.start()
        self.assertEqual(7, self.feed.draw())

    def test_a_close_ends_the_wait(self) -> None:
        threading.Timer(0.05, self.feed.close).start()
        self.assertIsNone(self.feed.draw())

    def test_a_stop_gives_back_what_nobody_has_drawn(self) -> None:
        self.feed.grant(1, 2, 5)
        self.feed.grant(100, 1, 2)
        self.feed.draw_many(2)
        self.feed.stop()
        self.assertIsNone(self.feed.draw())
        self.assertEqual([(5, 2, 3), (100, 1, 2)], self.feed.returned())
        self.assertEqual(2, self.feed.drawn_count)

    def test_drawn_but_never_started_is_given_back_too(self) -> None:
        self.feed.grant(1, 1, 4)
        self.feed.draw_many(4)
        self.feed.stop()
        self.feed.give_back([4, 3])
        self.assertEqual([(3, 1, 2)], self.feed.returned())

    def test_a_grant_after_the_stop_comes_back(self) -> None:
        self.feed.stop()
        self.feed.grant(1, 1, 4)
        self.assertIsNone(self.feed.draw())
        self.assertEqual([(1, 1, 4)], self.feed.returned())

    def test_behind_the_fence_nothing_is_drawn_or_started(self) -> None:
        self.feed.grant(1, 1, 10)
        number = self.feed.draw()
        self.feed.renew(time.monotonic_ns() - 1)
        got: list[t.Any] = []
        threads = [
            threading.Thread(target=lambda: got.append(self.feed.draw())),
            threading.Thread(
                target=lambda: got.append(self.feed.may_start(number or 0))
            ),
        ]
        for thread in threads:
            thread.start()
            thread.join(0.05)
        self.assertEqual([], got)

        self.feed.renew(time.monotonic_ns() + 10**10)
        for thread in threads:
            thread.join(10)
        self.assertEqual({2, True}, set(got))

    def test_the_fence_holds_while_the_feeder_is_frozen(self) -> None:
        reader, writer = os.pipe()
        feed = source.LeaseFeed(fence_ns=0)
        feeder = os.fork()
        if feeder == 0:
            self._feed_a_child(feed, writer)
        self.assertTrue(select.select([reader], [], [], 60)[0])
        os.kill(feeder, signal.SIGSTOP)
        stopped_ns = time.monotonic_ns()
        time.sleep(1.5)
        os.kill(feeder, signal.SIGKILL)
        os.waitpid(feeder, 0)
        os.close(writer)
        data = b""
        while piece := os.read(reader, 1 << 16):
            data += piece
        starts = struct.unpack("%dq" % (len(data) // 8), data)
        self.assertTrue(starts)
        fence_ns = stopped_ns + 100_000_000
        # it may be held up between its look at the fence and the start
        self.assertLessEqual(sum(ns > fence_ns for ns in starts), 1)

    @staticmethod
    def _feed_a_child(feed: source.LeaseFeed, writer: int) -> None:
        """Renew for 0.1 s at a time while a child draws."""
        feed.grant(1, 1, 10**6)
        feed.renew(time.monotonic_ns() + 100_000_000)
        if os.fork() == 0:
            until = time.monotonic() + 2.0
            thread = threading.Thread(
                target=TestWorker(feed, writer).run, daemon=True
            )
            thread.start()
            thread.join(until - time.monotonic())
            os._exit(0)
        while True:
            feed.renew(time.monotonic_ns() + 100_000_000)
            time.sleep(0.02)

    def test_the_feeder_learns_that_little_remains(self) -> None:
        self.feed.grant(1, 1, 100, low=10)
        self.assertFalse(self.feed.wait_low(0.01))
        threading.Timer(0.05, self.feed.draw_many, (95,)).start()
        self.assertTrue(self.feed.wait_low(10))
        self.assertEqual(5, self.feed.remaining)

    def test_a_stop_ends_the_wait_of_the_feeder(self) -> None:
        self.feed.grant(1, 1, 100, low=10)
        threading.Timer(0.05, self.feed.stop).start()
        self.assertTrue(self.feed.wait_low(10))

    def test_what_is_granted_is_taken_once(self) -> None:
        self.feed.grant(1, 2, 5)
        self.feed.grant(11, 2, 5)
        self.feed.grant(100, 1, 2)
        self.assertEqual([(1, 2, 10), (100, 1, 2)], self.feed.take_granted())
        self.assertEqual([], self.feed.take_granted())
        self.feed.grant(21, 2, 1)
        self.assertEqual([(21, 2, 1)], self.feed.take_granted())

    def test_more_leases_than_there_is_room_for_are_refused(self) -> None:
        for i in range(lease_ring.SLOTS):
            self.assertTrue(self.feed.grant(1 + 2 * i, 1, 1))
        last = 1 + 2 * lease_ring.SLOTS
        self.assertFalse(self.feed.grant(last, 1, 1))
        self.assertEqual(lease_ring.SLOTS, len(self.feed.take_granted()))
        self.assertEqual(1, self.feed.draw())
        self.assertTrue(self.feed.grant(last, 1, 1))
        self.feed.stop()
        self.assertEqual(
            [*range(3, last + 1, 2)], [*numbers_of(self.feed.returned())]
        )

    def test_what_was_reserved_is_a_number_as_soon_as_it_is_rung(
        self
    ) -> None:
        self.feed._reserved = [1, 0]  # drawn while others drew the last
        self.feed._counter.take(2)
        self.feed.grant(1, 2, 1)
        self.assertEqual([1], [*self.feed.held()])
        self.feed.grant(7, 1, 1)
        for i in range(lease_ring.SLOTS + 1):  # until their slots are gone
            self.feed.grant(100 + 2 * i, 1, 1)
            self.assertEqual(100 + 2 * i, self.feed._draw_new(1, 1)[0])
        self.assertEqual([1, 7], [*self.feed.held()])
        self.assertEqual({1, 7}, {self.feed.draw(), self.feed.draw()})

    def test_a_draw_whose_lease_is_gone_starts_nothing_wrong(self) -> None:
        self.feed.grant(1, 1, 1)
        index = self.feed._counter.take(1)  # and then it was frozen
        for i in range(lease_ring.SLOTS):
            self.feed.grant(100 + 2 * i, 1, 1)
            self.feed.draw()
        self.assertEqual([], [*self.feed._numbers(index, index + 1)])


class TestWorker:
    """Draws numbers and tells when it starts them."""

    def __init__(self, feed: source.LeaseFeed, writer: int) -> None:
        self.feed = feed
        self.writer = writer

    def run(self) -> None:
        while (number := self.feed.draw()) is not None:
            if self.feed.may_start(number):
                os.write(self.writer, struct.pack("q", time.monotonic_ns()))
                time.sleep(0.002)
