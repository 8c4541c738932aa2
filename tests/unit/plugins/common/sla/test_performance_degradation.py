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

"""Tests of the degradation."""

from __future__ import annotations

import ddt

from rally.plugins.common.sla import performance_degradation
from tests.unit import test
from tests.unit.plugins.common.sla import cases


@ddt.ddt
class PerformanceDegradationTestCase(test.TestCase):
    @ddt.data(
        ([1.0, 1.5], 50, True, "50.0"), ([3.0, 7.0], 50, False, "133.333333"),
        ([3.0, 4.0], 33.333333, False, "33.333333"), ([], 0, True, "0.0"),
        ([0.0, 0.0], 0, True, "0.0"), ([0.0, 1.0], 50, False, "inf"),
        ([-0.5, 0.0], 50, True, "0.0"),
    )
    @ddt.unpack
    def test_longest_over_shortest(
        self, durations: list[float], limit: float, holds: bool, shown: str
    ) -> None:
        criterion = performance_degradation.PerformanceDegradation(
            {"max_degradation": limit}
        )
        for duration in durations:
            criterion.add_iteration(cases.iteration(duration))
        criterion.add_iteration(cases.iteration(99.0, True))
        self.assertIs(holds, criterion.success)
        self.assertEqual(
            "Current degradation: %s%% - %s" % (shown, criterion.status()),
            criterion.details(),
        )
