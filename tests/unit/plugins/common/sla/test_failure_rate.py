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

"""Tests of the failure rate."""

from __future__ import annotations

import typing as t

import ddt

from rally.plugins.common.sla import failure_rate
from tests.unit import test
from tests.unit.plugins.common.sla import cases


@ddt.ddt
class FailureRateTestCase(test.TestCase):
    @ddt.data(
        ({"max": 33.334}, 1, 3, True), ({"max": 33.333}, 1, 3, False),
        ({"max": 0}, 0, 3, True), ({"max": 0}, 1, 100, False),
        ({"min": 50}, 1, 3, False), ({"min": 50, "max": 50}, 1, 2, True),
        ({"min": 100}, 2, 2, True),
    )
    @ddt.unpack
    def test_rate_has_to_lie_between_the_bounds(
        self, value: dict[str, float], failed: int, total: int, holds: bool
    ) -> None:
        criterion = failure_rate.FailureRate(value)
        for i in range(total):
            criterion.add_iteration(cases.iteration(1.0, i < failed))
        self.assertIs(holds, criterion.success)

    def test_details(self) -> None:
        criterion = failure_rate.FailureRate({"max": 20})
        criterion.add_iteration(cases.iteration(1.0, True))
        self.assertEqual(
            {
                "criterion": "failure_rate", "success": False,
                "detail": "Failure rate criteria 0.00% <= 100.00% <= 20.00% "
                          "- Failed",
            },
            criterion.result(),
        )

    @ddt.data({"max": 101}, {"min": -1}, {}, {"mean": 1}, 5)
    def test_schema_refuses(self, value: t.Any) -> None:
        (problem,) = cases.problems("failure_rate", value)
        self.assertIn("jsonschema@default validation", problem)
