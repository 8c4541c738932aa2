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

"""Tests of when snapshots go out."""

from __future__ import annotations

import ddt

from rally.task.load import snapshot_pace
from tests.unit import test


@ddt.ddt
class SnapshotPaceTestCase(test.TestCase):
    @ddt.data(
        lambda tick: True,
        lambda tick: tick < 370,  # it fails, and goes on failing
        lambda tick: tick % 3 > 0,  # it flaps
        lambda tick: tick < 370 or tick % 2 > 0,
    )
    def test_five_a_second_at_the_most_whatever_the_verdict(self, verdict):
        pace = snapshot_pace.SnapshotPace(0.25)
        sent, urgent = [], []
        for tick in range(1000):  # a block each 10 ms
            now, is_passing = 100 + tick / 100, verdict(tick)
            if pace.is_due(is_passing, now):
                sent.append(now)
                if pace.sent(is_passing, now):
                    urgent.append(tick)

        for start in sent:
            self.assertLessEqual(
                len([each for each in sent if start <= each < start + 1]), 5
            )
        self.assertGreaterEqual(len(sent), 39)
        turns = [tick for tick in range(1000) if not verdict(tick)]
        self.assertEqual(turns[:1], urgent)

    def test_once_it_fails_the_interval_may_be_another(self):
        pace = snapshot_pace.SnapshotPace(1.0, 0.3)
        self.assertFalse(pace.sent(True, 10.0))
        self.assertEqual(11.0, pace.due_at)
        self.assertTrue(pace.sent(False, 10.5))
        self.assertEqual(10.8, pace.due_at)
        self.assertFalse(pace.sent(True, 11.0))
        self.assertEqual(11.3, pace.due_at)
