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

"""Tests of the mean duration."""

from __future__ import annotations

from rally.plugins.common.sla import max_average_duration
from tests.unit import test
from tests.unit.plugins.common.sla import cases


class MaxAverageDurationTestCase(test.TestCase):
    def test_failed_iterations_do_not_count(self) -> None:
        criterion = max_average_duration.MaxAverageDuration(3.1)
        for duration in (3.1, 3.1, 3.1):
            self.assertTrue(criterion.add_iteration(
                cases.iteration(duration)
            ))
        self.assertTrue(criterion.add_iteration(cases.iteration(9.0, True)))
        self.assertFalse(criterion.add_iteration(cases.iteration(3.2)))
        self.assertEqual(
            "Average duration of one iteration 3.12s <= 3.10s - Failed",
            criterion.details(),
        )
        self.assertTrue(criterion.add_iteration(cases.iteration(2.0)))
