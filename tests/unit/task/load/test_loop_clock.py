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

"""Tests of the clock that wakes an event loop."""

from __future__ import annotations

import asyncio
import typing as t

from rally.common import clock
from rally.task.load import loop_clock
from tests.unit import test

FAR_NS = 3_600_000_000_000


class LoopClockTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)
        self.clock = loop_clock.LoopClock(self.loop, self.ring)
        self.addCleanup(self.clock.close)
        self.rung: list[int] = []

    def ring(self) -> None:
        self.rung.append(clock.now_ns())
        self.loop.stop()

    def never(self) -> None:
        self.rung.append(0)

    def test_it_rings_at_a_moment_and_not_before(self) -> None:
        at_ns = clock.now_ns() + 3_000_000
        self.clock.call_at(at_ns, self.ring)
        self.loop.run_forever()
        self.assertGreaterEqual(self.rung[0], at_ns)

    def test_a_moment_that_has_passed_rings_at_once(self) -> None:
        for at_ns in (clock.now_ns() - 1, 0):
            self.clock.call_at(at_ns, self.ring)
            self.loop.run_forever()
        self.assertEqual(2, len(self.rung))

    def test_a_new_moment_takes_the_place_of_what_was(self) -> None:
        self.clock.call_at(clock.now_ns() + 1, self.never)
        self.clock.call_at(clock.now_ns() + FAR_NS, self.never)
        self.clock.call_at(clock.now_ns() + 2_000_000, self.ring)
        self.loop.run_forever()
        self.assertNotIn(0, self.rung)
        self.assertEqual(1, len(self.rung))

    def test_the_same_moment_again_rings_once_and_calls_the_last(
        self
    ) -> None:
        at_ns = clock.now_ns() + 2_000_000
        for call in (self.never, self.never, self.ring):
            self.clock.call_at(at_ns, call)
        self.loop.run_forever()
        self.assertEqual(1, len(self.rung))
        self.assertNotIn(0, self.rung)

    def test_what_it_calls_may_set_it_again(self) -> None:
        left = [3]

        def again() -> None:
            left[0] -= 1
            next_call: t.Callable[[], None] = again if left[0] else self.ring
            self.clock.call_at(clock.now_ns() + 100_000, next_call)

        self.clock.call_at(clock.now_ns() + 100_000, again)
        self.loop.run_forever()
        self.assertEqual((0, 1), (left[0], len(self.rung)))
