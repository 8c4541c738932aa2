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

"""Tests of the mean duration of actions."""

from __future__ import annotations

from rally.plugins.common.sla.max_average_duration_per_atomic import (
    MaxAverageDurationPerAtomic,
)
from tests.unit import test
from tests.unit.plugins.common.sla import cases


class MaxAverageDurationPerAtomicTestCase(test.TestCase):
    def test_each_action_has_its_bound(self) -> None:
        criterion = MaxAverageDurationPerAtomic({"a": 1, "b": 2})
        self.assertTrue(criterion.add_iteration(
            cases.iteration(3.0, a=1.0, c=9.0)
        ))
        self.assertTrue(criterion.add_iteration(
            cases.iteration(3.0, True, a=9.0)
        ))
        self.assertFalse(criterion.add_iteration(
            cases.iteration(3.0, a=2.0, b=1.0)
        ))
        self.assertEqual(
            "Average duration of one iteration for atomic actions:\n"
            "Action: 'a'. 1.50s <= 1.00s\n"
            "Action: 'b'. 1.00s <= 2.00s\n"
            "Status: Failed",
            criterion.details(),
        )

    def test_repeated_actions_count_each(self) -> None:
        criterion = MaxAverageDurationPerAtomic({"a": 1})
        iteration = cases.iteration(2.0, a=1.0)
        iteration["atomic_actions"] *= 2
        self.assertTrue(criterion.add_iteration(iteration))

    def test_actions_that_one_side_saw_survive_a_merge(self) -> None:
        sides = []
        for name in ("a", "b"):
            side = MaxAverageDurationPerAtomic({"a": 1, "b": 1})
            side.add_iteration(cases.iteration(1.0, False, **{name: 2.0}))
            sides.append(side)
        sides[0].merge(sides[1])
        self.assertIn("'a'. 2.00s", sides[0].details())
        self.assertIn("'b'. 2.00s", sides[0].details())
