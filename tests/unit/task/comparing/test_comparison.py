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

"""Tests of the comparison of two tasks."""

from __future__ import annotations

import json
import typing as t

import ddt

from rally.task.comparing import comparison, forms, matching
from tests.unit import test
from tests.unit.task.processing import fakes

Outcome, Verdict = comparison.Outcome, comparison.Verdict
RULES = comparison.Rules()


def rows(
    seconds: float, count: int = 400, failing: int = 0, **more: t.Any
) -> list[fakes.Record]:
    """Iterations that take about so long; each *failing*th one fails."""
    return [
        (fakes.failed if failing and i % failing == 0 else fakes.iteration)(
            i, **{"seconds": seconds * (1 + i * 7919 % 100 / 500)}
            if not (failing and i % failing == 0) else {}, **more
        )
        for i in range(count)
    ]


def task(*workloads: fakes.Record, **more: t.Any) -> fakes.Record:
    return fakes.task(*workloads, **more)


def one(
    results: t.Sequence[fakes.Record], name: str = "Dummy.dummy",
    **more: t.Any
) -> fakes.Record:
    more = {"runner": {"times": 400, "concurrency": 2}, **more}
    return fakes.workload(
        results, name,
        failed_iteration_count=sum(bool(x["error"]) for x in results), **more
    )


def compared(
    before: fakes.Record, after: fakes.Record, **rules: t.Any
) -> comparison.Comparison:
    return comparison.compare(
        before, after, comparison.Rules(**rules) if rules else RULES
    )


def verdicts(
    found: comparison.Comparison, workload: int = 0
) -> dict[tuple[str | None, str], Verdict]:
    return {
        (change.action, change.measure): change.verdict
        for change in found.workloads[workload].changes
    }


@ddt.ddt
class ComparisonTestCase(test.TestCase):
    def test_a_task_is_not_worse_than_itself(self) -> None:
        same = task(one(rows(0.5, failing=10)))
        found = compared(same, same)
        self.assertEqual(Outcome.PASSED, found.outcome)
        self.assertEqual(0, found.count(Verdict.WORSE))
        self.assertEqual(Verdict.SAME, verdicts(found)[None, "p50"])

    def test_what_got_slower_is_named_by_how_much(self) -> None:
        found = compared(task(one(rows(0.5))), task(one(rows(0.6))))
        self.assertEqual(Outcome.WORSE, found.outcome)
        change = found.workloads[0].changes[0]
        self.assertEqual((None, "p50"), (change.action, change.measure))
        self.assertAlmostEqual(0.2, change.change.value)
        assert change.change.low is not None
        self.assertTrue(0.05 < change.change.low < 0.2)
        self.assertEqual(Verdict.WORSE, verdicts(found)["outer", "p50"])

    def test_what_got_faster_is_not_worse(self) -> None:
        found = compared(task(one(rows(0.6))), task(one(rows(0.5))))
        self.assertEqual(Outcome.PASSED, found.outcome)
        self.assertEqual(Verdict.BETTER, verdicts(found)[None, "p50"])

    def test_what_is_below_the_threshold_is_not_worse(self) -> None:
        found = compared(
            task(one(rows(0.5))), task(one(rows(0.6))), threshold=0.3
        )
        self.assertEqual(Outcome.PASSED, found.outcome)
        self.assertEqual(Verdict.SAME, verdicts(found)[None, "p50"])

    @ddt.data((0.0, Outcome.WORSE), (0.4, Outcome.PASSED))
    @ddt.unpack
    def test_more_failures_are_worse(
        self, threshold: float, outcome: Outcome
    ) -> None:
        found = compared(
            task(one(rows(0.5))), task(one(rows(0.5, failing=4))),
            failure_threshold=threshold,
        )
        self.assertEqual(outcome, found.outcome)

    def test_failed_iterations_have_no_durations_to_compare(self) -> None:
        """A target that fails at once has not become fast."""
        quick = [
            row if i % 2 else fakes.failed(i, duration=0.001)
            for i, row in enumerate(rows(0.5))
        ]
        found = compared(task(one(rows(0.5))), task(one(quick)))
        self.assertEqual(
            Verdict.WORSE, verdicts(found)[None, "failures"]
        )
        self.assertNotEqual(Verdict.BETTER, verdicts(found)[None, "p50"])

    def test_if_all_fail_it_is_worse_though_nothing_has_a_duration(
        self
    ) -> None:
        found = compared(
            task(one(rows(0.5))), task(one(rows(0.5, failing=1)))
        )
        self.assertEqual(Outcome.WORSE, found.outcome)
        self.assertIn("0 now", found.not_comparable[0])

    def test_if_all_failed_before_too_nothing_can_be_judged(self) -> None:
        failing = task(one(rows(0.5, failing=1)))
        found = compared(failing, failing)
        self.assertEqual(Outcome.NOT_COMPARABLE, found.outcome)

    def test_too_few_iterations_are_not_comparable(self) -> None:
        few = task(one(rows(0.5, 5)))
        found = compared(few, few)
        self.assertEqual(Outcome.NOT_COMPARABLE, found.outcome)
        self.assertIn("below 16", found.not_comparable[0])

    def test_what_has_no_counterpart_is_told(self) -> None:
        both, other = one(rows(0.5)), one(rows(0.5), "Zoo.empty")
        found = compared(task(both, other), task(both))
        self.assertEqual(Outcome.NOT_COMPARABLE, found.outcome)
        self.assertIn("Zoo.empty", found.not_comparable[0])
        found = compared(task(both), task(both, other))
        self.assertEqual(Outcome.PASSED, found.outcome)
        self.assertIn("Zoo.empty", found.notes[0])

    def test_another_load_is_another_test(self) -> None:
        before = task(one(rows(0.5)))
        after = task(one(rows(0.5), runner={"times": 400, "concurrency": 9}))
        found = compared(before, after)
        self.assertEqual(Outcome.NOT_COMPARABLE, found.outcome)
        self.assertIn(
            "runner.constant.concurrency: 2 -> 9", found.not_comparable[0]
        )
        found = compared(before, after, ignored=("runner",))
        self.assertEqual(Outcome.PASSED, found.outcome)
        self.assertIn("2 -> 9", found.workloads[0].notes[0])

    def test_workloads_of_one_configuration_match_in_their_order(
        self
    ) -> None:
        before = task(one(rows(0.5)), one(rows(2.0)))
        found = compared(before, before)
        self.assertEqual(2, len(found.workloads))
        self.assertEqual(Outcome.PASSED, found.outcome)

    def test_what_makes_a_comparison_doubtful_is_told(self) -> None:
        after = task(
            one(rows(0.5), load_info=fakes.load_info()), status="running"
        )
        found = compared(task(one(rows(0.5))), after)
        self.assertIn("is running", found.notes[0])
        notes = " ".join(found.workloads[0].notes)
        self.assertIn("3 iterations of the task are lost", notes)
        self.assertIn("limited by its generator", notes)

    def test_an_action_of_one_side_only_is_told(self) -> None:
        other = rows(0.5, atomic_actions=[fakes.action("new", 1.0, 0.1)])
        found = compared(task(one(rows(0.5))), task(one(other)))
        notes = found.workloads[0].notes
        self.assertIn("Actions of the baseline only: outer.", notes)
        self.assertIn("Actions of the task only: new.", notes)

    def test_names_are_bounded_and_this_is_told(self) -> None:
        ids = [
            fakes.iteration(
                i, atomic_actions=[fakes.action("id-%d" % i, 1.0, 0.1)]
            )
            for i in range(1100)
        ]
        found = compared(task(one(ids)), task(one(ids)))
        self.assertIn("more than 1000 names", found.workloads[0].notes[-1])
        self.assertEqual(
            {None}, {change.action for change in found.workloads[0].changes}
        )

    def test_actions_that_hardly_ran_do_not_widen_intervals(self) -> None:
        def width(results: t.Sequence[fakes.Record]) -> float:
            found = compared(task(one(results)), task(one(results)))
            change = found.workloads[0].changes[0].change
            return t.cast(float, change.high) - t.cast(float, change.low)

        bare = rows(0.5, atomic_actions=[])
        ids = [
            {**row, "atomic_actions": [fakes.action("id-%d" % i, 1.0, 0.1)]}
            for i, row in enumerate(bare)
        ]
        self.assertEqual(width(bare), width(ids))

    def test_results_are_walked_over_and_never_held(self) -> None:
        stored = fakes.StoredRows(3000)
        workload = one([], total_iteration_count=3000)
        workload["data"] = stored
        compared(task(workload), task(workload))
        self.assertEqual(4, stored.passes)

    def test_where_nothing_failed_nothing_is_asked(self) -> None:
        found = compared(task(one(rows(0.5))), task(one(rows(0.5, failing=9))))
        measures = [
            (change.action, change.measure)
            for change in found.workloads[0].changes
        ]
        self.assertIn((None, "failures"), measures)
        self.assertNotIn(("outer", "failures"), measures)

    def test_more_questions_make_wider_intervals(self) -> None:
        few = compared(task(one(rows(0.5))), task(one(rows(0.5))),
                       percentiles=(50.0,))
        many = compared(task(one(rows(0.5))), task(one(rows(0.5))))
        width = [
            t.cast(float, each.change.high) - t.cast(float, each.change.low)
            for each in (few.workloads[0].changes[0],
                         many.workloads[0].changes[0])
        ]
        self.assertLess(*width)


class FormsTestCase(test.TestCase):
    def test_json_holds_all_of_it(self) -> None:
        found = compared(task(one(rows(0.5))), task(one(rows(0.6, 20))))
        values = json.loads(json.dumps(forms.as_dict(found), allow_nan=False))
        self.assertEqual("task-uuid", values["baseline"]["uuid"])
        changes = values["workloads"][0]["changes"]
        self.assertEqual(6, len(changes))
        self.assertEqual(6, sum(values["counts"].values()))
        tail = next(x for x in changes if x["measure"] == "p99")
        self.assertIsNone(tail["low"])
        self.assertEqual("unclear", tail["verdict"])


class MatchingTestCase(test.TestCase):
    def test_what_judges_is_no_part_of_the_load(self) -> None:
        before = one([], sla={"failure_rate": {"max": 0}})
        after = one([], sla={}, description="Other words.")
        found = matching.matched(task(before), task(after), ())
        self.assertEqual(1, len(found.pairs))
