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
"""Criteria that hold because there was nothing they could have judged."""

from __future__ import annotations

import importlib
import typing as t

import ddt

from rally.task import sla
from rally.task.processing import records
from tests.unit import test
from tests.unit.plugins.common.sla import cases

FAILED = cases.iteration(1.0, True, boot=0.5)
PASSED = cases.iteration(1.0, False, boot=0.5)
LIMIT = {"percentile": 99, "max": 2.0}
#: name -> value, iterations that say nothing, and ones that do
CRITERIA: t.Mapping[str, t.Any] = {
    "failure_rate": ({"max": 10}, [], [PASSED]),
    "max_seconds_per_iteration": (2.0, [], [FAILED]),
    "max_avg_duration": (2.0, [FAILED], [FAILED, PASSED]),
    "max_avg_duration_per_atomic": (
        {"boot": 1.0}, [FAILED, cases.iteration(1.0, False, other=1.0)],
        [PASSED],
    ),
    "max_percentile_duration": (LIMIT, [FAILED], [PASSED]),
    "outliers": ({"max": 1}, [PASSED, FAILED, FAILED], [PASSED] * 3),
    "performance_degradation": (
        {"max_degradation": 50}, [FAILED], [PASSED],
    ),
}


@ddt.ddt
class NothingToJudgeTestCase(test.TestCase):
    def result(
        self, name: str, value: t.Any, iterations: t.Iterable[t.Any]
    ) -> sla.SLAResult:
        importlib.import_module("rally.plugins").load()
        criterion = sla.SLA.get(name)(value)
        for each in iterations:
            criterion.add_iteration(each)
        return t.cast(sla.SLAResult, criterion.result())

    @ddt.data(*sorted(CRITERIA))
    def test_it_holds_and_says_that_this_means_nothing(
        self, name: str
    ) -> None:
        value, nothing, _ = CRITERIA[name]
        for iterations in ([], nothing):
            found = self.result(name, value, iterations)
            self.assertTrue(found["success"])
            self.assertIn("nothing to judge", found["detail"])
            self.assertTrue(records.is_vacuous(found))

    @ddt.data(*sorted(CRITERIA))
    def test_what_has_judged_something_does_not_say_so(
        self, name: str
    ) -> None:
        value, _, something = CRITERIA[name]
        found = self.result(name, value, something)
        self.assertTrue(found["success"])
        self.assertFalse(records.is_vacuous(found))

    def test_an_action_that_never_ran_is_named(self) -> None:
        limits = {"boot": 1.0, "delete": 1.0}
        found = self.result("max_avg_duration_per_atomic", limits, [PASSED])
        self.assertIn(
            "(nothing to judge: no iteration without error ran 'delete')",
            found["detail"],
        )
        limits = {**LIMIT, "atomic": {"boot": LIMIT, "delete": LIMIT}}
        found = self.result("max_percentile_duration", limits, [PASSED])
        self.assertIn("ran 'delete'", found["detail"])
