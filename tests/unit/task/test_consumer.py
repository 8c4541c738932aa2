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

"""Tests of how often merged aggregates are looked at."""

from __future__ import annotations

import ddt

from rally.task import consumer
from tests.unit import test


@ddt.ddt
class JudgeIntervalTestCase(test.TestCase):
    @ddt.data(
        (0.0, 0.1),  # few agents: ten times a second
        (0.001, 0.1),
        (0.06, 0.3),  # many: looking takes a fifth of one CPU
        (5.0, 1.0),  # however many: once a second
    )
    @ddt.unpack
    def test_many_agents_are_looked_at_less_often(self, look_s, expected):
        self.assertAlmostEqual(expected, consumer.judge_interval_s(look_s))


class Board:
    """Has an urgent snapshot at each of some seconds."""

    is_closed = False

    def __init__(self, urgent_at):
        self.urgent_at = list(urgent_at)
        self.now = 0.0

    def wait_urgent(self, timeout_s):
        until = self.now + timeout_s
        self.now = min([until, *self.urgent_at])
        if self.now in self.urgent_at:
            self.urgent_at.remove(self.now)
            return True
        return False


class WaitToJudgeTestCase(test.TestCase):
    def looks(self, has_turned):
        """When there are looks, with urgent snapshots all the time."""
        board = Board(at / 8 for at in range(1, 32))
        moments = []
        while board.now < 3:
            consumer.wait_to_judge(board, has_turned, 1.0, lambda: board.now)
            moments.append(board.now)
        return moments

    def test_what_is_urgent_is_looked_at_at_once(self):
        self.assertEqual([at / 8 for at in range(1, 25)], self.looks(False))

    def test_after_the_turn_nothing_is_urgent(self):
        self.assertEqual([1.0, 2.0, 3.0], self.looks(True))

    def test_a_board_that_closes_ends_the_wait(self):
        board = Board([])
        board.is_closed = True
        consumer.wait_to_judge(board, True, 1.0, lambda: board.now)
        self.assertEqual(0.0, board.now)
