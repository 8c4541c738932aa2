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
import hypothesis.strategies as st

from rally.task.distributed.controller import flow_control
from tests.unit import test

MS = 1_000_000


class Link:
    """Carries chunks one after another, each in the same time."""

    def __init__(self, pace, chunk_ns):
        self.pace, self.chunk_ns = pace, chunk_ns

    def carry(self, count):
        """Ask for chunks as the pace allows it; most that were waiting."""
        now, asked, most = 0, [], 0
        for _ in range(count):
            while len(asked) < self.pace.allowed:
                asked.append(now)
            most = max(most, len(asked))
            now += self.chunk_ns
            self.pace.arrived(asked.pop(0), now)
        return most


class PaceTestCase(test.TestCase):
    def test_a_fast_link_carries_as_many_as_there_may_be(self):
        pace = flow_control.Pace(64)
        Link(pace, MS).carry(100)
        self.assertEqual(64, pace.allowed)

    def test_a_link_that_needs_seconds_carries_one(self):
        pace = flow_control.Pace(64)
        self.assertEqual(1, Link(pace, 24_000 * MS).carry(10))

    @hypothesis.given(chunk_ns=st.integers(1, 3_000 * MS))
    def test_nothing_waits_long_for_others(self, chunk_ns):
        most = Link(flow_control.Pace(64), chunk_ns).carry(300)
        queue_ns = (most - 1) * chunk_ns
        self.assertLessEqual(queue_ns, flow_control.SLOW_NS)

    def test_a_link_that_becomes_slow_gets_fewer_and_then_more_again(self):
        pace = flow_control.Pace(64)
        Link(pace, MS).carry(100)
        Link(pace, 2_000 * MS).carry(300)
        self.assertEqual(1, pace.allowed)
        Link(pace, MS).carry(100)
        self.assertEqual(64, pace.allowed)

    def test_those_asked_for_before_it_slowed_down_count_once(self):
        pace = flow_control.Pace(64)
        Link(pace, MS).carry(100)
        for i in range(10):
            pace.arrived(0, 5_000 * MS + i)
        self.assertEqual(32, pace.allowed)

    def test_a_chunk_that_comes_twice_teaches_patience(self):
        pace = flow_control.Pace(64)
        pace.came_twice()
        self.assertEqual(2 * flow_control.RETRY_NS, pace.retry_ns)
        for _ in range(100):
            pace.came_twice()
        self.assertEqual(flow_control.MAX_RETRY_NS, pace.retry_ns)
