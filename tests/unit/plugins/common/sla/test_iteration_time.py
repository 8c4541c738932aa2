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

"""Tests of the longest iteration."""

from __future__ import annotations

from rally.plugins.common.sla import iteration_time
from tests.unit import test
from tests.unit.plugins.common.sla import cases


class IterationTimeTestCase(test.TestCase):
    def test_longest_iteration_counts_even_if_it_failed(self) -> None:
        criterion = iteration_time.IterationTime(3)
        self.assertTrue(criterion.add_iteration(cases.iteration(3.0)))
        self.assertFalse(criterion.add_iteration(cases.iteration(3.1, True)))
        self.assertFalse(criterion.add_iteration(cases.iteration(1.0)))
        self.assertEqual(
            "Maximum seconds per iteration 3.10s <= 3.00s - Failed",
            criterion.details(),
        )
