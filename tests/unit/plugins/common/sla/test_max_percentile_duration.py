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

"""Tests of percentiles."""

from __future__ import annotations

import typing as t

import ddt

from rally.plugins.common.sla import max_percentile_duration
from tests.unit import test
from tests.unit.plugins.common.sla import cases


@ddt.ddt
class MaxPercentileDurationTestCase(test.TestCase):
    def judge(
        self, value: t.Any, *iterations: dict[str, t.Any]
    ) -> max_percentile_duration.MaxPercentileDuration:
        criterion = max_percentile_duration.MaxPercentileDuration(value)
        for iteration in iterations:
            criterion.add_iteration(iteration)
        return criterion

    def test_percentile_is_interpolated(self) -> None:
        spread = [cases.iteration(float(i)) for i in range(11)]
        for percentile, bound, holds in (
            (95, 9.5, True), (95, 9.4, False), (100, 10, True), (50, 5, True),
        ):
            criterion = self.judge(
                {"percentile": percentile, "max": bound}, *spread
            )
            self.assertIs(holds, criterion.success)

    def test_failed_iterations_do_not_count(self) -> None:
        criterion = self.judge(
            {"percentile": 99, "max": 1}, cases.iteration(1.0),
            cases.iteration(9.0, True),
        )
        self.assertEqual(
            "Duration of one iteration: p99 1.00s <= 1.00s - Passed",
            criterion.details(),
        )

    def test_several_limits_have_a_line_each(self) -> None:
        criterion = self.judge(
            [
                {"percentile": 50, "max": 3},
                {"atomic": {"a": {"percentile": 95, "max": 0.1}}},
            ],
            cases.iteration(1.0, a=0.2),
        )
        self.assertFalse(criterion.success)
        self.assertEqual(
            "Duration of one iteration: p50 1.00s <= 3.00s\n"
            "Action 'a': p95 0.20s <= 0.10s\n"
            "Status: Failed",
            criterion.details(),
        )

    @ddt.data(
        None, 5, {}, [], {"percentile": 99}, {"max": 1},
        {"percentile": 0, "max": 1}, {"percentile": 101, "max": 1},
        {"percentile": 99, "max": 0}, {"atomic": {}},
        {"atomic": {"a": {"max": 1}}}, {"percentile": 9, "max": 1, "x": 1},
    )
    def test_schema_refuses(self, value: t.Any) -> None:
        (problem,) = cases.problems("max_percentile_duration", value)
        self.assertIn("jsonschema@default validation", problem)
