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

"""Tests of criteria and their checker."""

from __future__ import annotations

import importlib
import threading
import typing as t

from rally import exceptions
from rally.common import portable
from rally.common import streaming_algorithms as algorithms
from rally.task import sla
from rally.task.results import chunk
from tests.unit import test
from tests.unit.task import iterations

CONFIG: dict[str, t.Any] = {
    "sla": {"failure_rate": {"max": 0}, "max_avg_duration": 2},
}


class Longest(sla.SLA):
    """A criterion as plugins in the field write them."""

    def __init__(self, criterion_value: float) -> None:
        super().__init__(criterion_value)
        self.longest = algorithms.MaxComputation()
        self.seen = 0

    def add_iteration(self, iteration: sla.Result) -> bool:
        self.seen += 1
        self.longest.add(iteration["duration"])
        return self._judge()

    def merge(self, other: Longest) -> bool:
        self.validate_type(other)
        self.seen += other.seen
        self.longest.merge(other.longest)
        return self._judge()

    def _judge(self) -> bool:
        self.success = (self.longest.result() or 0) <= self.criterion_value
        return self.success

    def details(self) -> str:
        return "%s of %d" % (self.longest.result(), self.seen)


class Locked(Longest):
    def __init__(self, criterion_value: float) -> None:
        super().__init__(criterion_value)
        self.lock = threading.Lock()


class Raising(Longest):
    def add_iteration(self, iteration: sla.Result) -> bool:
        raise ZeroDivisionError("in a plugin")


def rows(*durations_s: float, failed: bool = False) -> chunk.Chunk:
    row = chunk.Row(0, 0, 0, 0, 0, (), (), None, None)
    error = iterations.ERROR if failed else None
    return iterations.chunk_of(
        row._replace(duration_ns=int(duration * 1e9), error=error)
        for duration in durations_s
    )


class PluginTestCase(test.TestCase):
    def test_a_chunk_is_fed_iteration_by_iteration(self) -> None:
        criterion = Longest(2)
        self.assertTrue(criterion.add_chunk(rows(1.0, 2.0)))
        self.assertFalse(criterion.add_chunk(rows(3.0)))
        self.assertEqual("3.0 of 3", criterion.details())
        self.assertEqual("Failed", criterion.status())

    def test_state_is_derived_from_attributes(self) -> None:
        mine, other = Longest(2), Longest(2)
        mine.add_chunk(rows(1.0))
        other.add_chunk(rows(3.0))

        mine.merge(Longest.from_state(
            2, iterations.over_the_wire(other.to_state())
        ))

        self.assertFalse(mine.success)
        self.assertEqual("3.0 of 2", mine.details())
        self.assertIsNone(Longest.state_problem(2))

    def test_an_attribute_that_cannot_be_carried_is_named(self) -> None:
        problem = Locked.state_problem(2)
        assert problem is not None
        self.assertIn("'lock' of Locked", problem)

    def test_an_exception_surfaces(self) -> None:
        self.assertRaises(
            ZeroDivisionError, Raising(1).add_chunk, rows(1.0)
        )


class SLACheckerTestCase(test.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name in ("failure_rate", "max_average_duration"):
            importlib.import_module("rally.plugins.common.sla." + name)

    def test_all_criteria_have_to_hold(self) -> None:
        checker = sla.SLAChecker(CONFIG)
        self.assertTrue(checker.add_chunk(rows(1.0)))
        self.assertFalse(checker.add_chunk(rows(9.0)))
        self.assertEqual(
            [("failure_rate", True), ("max_avg_duration", False)],
            [(r["criterion"], r["success"]) for r in checker.results()],
        )

    def test_all_criteria_see_each_iteration(self) -> None:
        checker = sla.SLAChecker(CONFIG)
        for result in (*rows(9.0, failed=True), *rows(9.0)):
            self.assertFalse(checker.add_iteration(result))
        self.assertEqual(
            ["Failure rate criteria 0.00% <= 50.00% <= 0.00% - Failed",
             "Average duration of one iteration 9.00s <= 2.00s - Failed"],
            [result["detail"] for result in checker.results()],
        )

    def test_a_merged_checker_judges_both_sides(self) -> None:
        mine, other = sla.SLAChecker(CONFIG), sla.SLAChecker(CONFIG)
        mine.add_chunk(rows(1.0))
        other.add_chunk(rows(1.0, failed=True))
        self.assertFalse(mine.merge(sla.SLAChecker(CONFIG).restored(
            iterations.over_the_wire(other.to_state())
        )))

    def test_checkers_of_other_workloads_are_not_merged(self) -> None:
        mine = sla.SLAChecker(CONFIG)
        for other in ({}, {"sla": {"failure_rate": {"max": 0}}},
                      {"sla": {**CONFIG["sla"], "max_avg_duration": 3}}):
            self.assertRaises(
                TypeError, mine.merge, sla.SLAChecker(other)
            )

    def test_a_state_of_other_criteria_is_refused(self) -> None:
        state = sla.SLAChecker(CONFIG).to_state()
        for other in (None, 1, {}, {**state, "outliers": {}},
                      {**state, "failure_rate": None}):
            self.assertRaises(
                portable.MalformedState, sla.SLAChecker(CONFIG).restored, other
            )

    def test_without_criteria_everything_passes(self) -> None:
        configs: list[dict[str, t.Any]] = [{}, {"sla": {}}]
        for config in configs:
            checker = sla.SLAChecker(config)
            self.assertTrue(checker.add_chunk(rows(1.0, failed=True)))
            self.assertEqual([], checker.results())

    def test_an_unknown_criterion_is_an_error(self) -> None:
        self.assertRaises(
            exceptions.PluginNotFound, sla.SLAChecker, {"sla": {"no such": 1}}
        )

    def test_what_else_went_wrong_is_among_the_results(self) -> None:
        checker = sla.SLAChecker({})
        checker.set_aborted_on_sla()
        checker.set_aborted_manually()
        checker.set_unexpected_failure(ValueError("boo"))
        results: list[t.Any] = checker.results()
        self.assertEqual(
            ["aborted_on_sla", "aborted_manually", "something_went_wrong"],
            [result["criterion"] for result in results],
        )
        self.assertEqual("Unexpected error: boo", results[-1]["detail"])
        self.assertFalse(any(result["success"] for result in results))
