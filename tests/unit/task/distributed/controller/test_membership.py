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

from rally.task.distributed import clock
from rally.task.distributed.controller import collector as collecting
from rally.task.distributed.controller import membership
from rally.task.distributed.wire import messages
from tests.unit import test


def hello(instance):
    return messages.Hello(instance, "6.0.0", "host", 2, 0)


class MemberClockTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.member = membership.Member("n1", hello("a"), 0)

    def exchange(self, at, offset, round_trip):
        self.member.clock.add(clock.ClockSample(
            at, at + round_trip // 2 + offset, at + round_trip // 2 + offset,
            at + round_trip,
        ))

    def test_the_bound_stated_holds_for_all_that_was_shifted(self):
        self.exchange(0, 700, 100)
        self.assertEqual(700, self.member.shift_ns())
        worst = self.member.clock.error_ns
        self.exchange(1000, 700, 20)

        self.assertLess(self.member.clock.error_ns, worst)
        self.assertEqual(worst, self.member.clock_error_ns)

    def test_nothing_is_stated_without_an_exchange(self):
        self.assertIsNone(self.member.clock_error_ns)

    def test_another_process_may_have_another_clock(self):
        self.exchange(0, 700, 2)

        self.member.restarted(hello("b"))

        self.assertEqual(0, self.member.clock.count)
        self.exchange(1000, -5000, 100)
        self.assertEqual(-5000, self.member.shift_ns())

    def test_nothing_is_fetched_that_could_not_be_shifted(self):
        collector = collecting.Collector("r", {})
        self.member.advance(membership.AgentEvent.ASKED_TO_PREPARE)
        collector.announced(self.member, 2)
        self.assertEqual([], collector.fetch(0))

        self.exchange(0, 700, 2)

        self.assertNotEqual([], collector.fetch(0))


class MemberRateTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.member = membership.Member("n1", hello("a"), 0)
        self.member.progressed(100, 10**9)

    def test_it_counts_from_when_the_figure_was_true(self):
        self.member.progressed(100, 10**9)  # again, in a heartbeat
        self.member.progressed(1100, 2 * 10**9)
        self.assertEqual(1000, self.member.rate)

    def test_what_comes_too_soon_says_nothing(self):
        self.member.progressed(150, 10**9 + membership.RATE_WINDOW_NS - 1)
        self.assertEqual(0, self.member.rate)

    def test_an_agent_that_stands_still_has_no_rate(self):
        self.member.progressed(1100, 2 * 10**9)
        self.member.progressed(1100, 3 * 10**9)
        self.assertEqual(0, self.member.rate)

    def test_another_process_begins_with_a_clock_of_its_own(self):
        self.member.restarted(hello("b"))
        self.member.progressed(5, 10**12)
        self.member.progressed(105, 10**12 + 10**9)
        self.assertEqual(100, self.member.rate)
