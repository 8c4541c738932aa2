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

"""Tests of which deaths a load survives."""

from __future__ import annotations

from rally.task.load import deaths
from tests.unit import test

DAY_S = 24 * 3600.0


class DeathsTestCase(test.TestCase):
    def test_one_a_day_goes_on_for_ever(self):
        made = deaths.Deaths()
        for day in range(100):
            self.assertTrue(made.may_replace(day * DAY_S))

    def test_many_within_ten_minutes_are_too_many(self):
        made = deaths.Deaths()
        self.assertTrue(made.may_replace(0.0))
        for second in range(500, 509):
            self.assertTrue(made.may_replace(float(second)))
        self.assertFalse(made.may_replace(deaths.WINDOW_S - 1))
        self.assertTrue(made.may_replace(deaths.WINDOW_S))
        self.assertFalse(made.may_replace(deaths.WINDOW_S + 1))

    def test_a_report_names_some_and_counts_the_rest(self):
        made = deaths.Deaths()
        self.assertEqual("no worker delivered them", made.reason)
        for number in range(1000):
            made.add("worker-%d died" % number)

        self.assertTrue(made.reason.startswith("worker-0 died; worker-1 "))
        self.assertTrue(made.reason.endswith("worker-9 died; and 990 more"))
