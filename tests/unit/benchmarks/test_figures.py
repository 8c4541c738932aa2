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

"""What is computed from measurements."""

from __future__ import annotations

import typing as t

import ddt

from tests.benchmarks import figures
from tests.unit import test


def row(
    start: float, duration: float, idle: float = 0, error: t.Any = ()
) -> dict[str, t.Any]:
    return {
        "timestamp": start, "duration": duration, "idle_duration": idle,
        "error": list(error),
    }


@ddt.ddt
class BudgetTestCase(test.TestCase):
    @ddt.data(
        (figures.Budget.at_least(20), 20, True),
        (figures.Budget.at_least(20), 19.9, False),
        (figures.Budget.at_most(0.7), 0.7, True),
        (figures.Budget.at_most(0.7), 0.71, False),
        (figures.Budget.below(1), 0.99, True),
        (figures.Budget.below(1), 1, False),
    )
    @ddt.unpack
    def test_knows_which_side_it_is_on(self, budget, value, expected):
        self.assertIs(expected, budget.allows(value))

    def test_is_written_in_words_unless_told_how(self):
        self.assertEqual("at least 0.8", figures.Budget.at_least(0.8).text)
        self.assertEqual("20 x", figures.Budget.at_least(20, "20 x").text)

    def test_judges_a_result(self):
        result = figures.Result.judged(
            "what", "21", 21, figures.Budget.at_least(20), more=1
        )

        self.assertIs(True, result.holds)
        self.assertEqual({"value": 21, "limit": 20, "more": 1}, result.values)

    def test_a_result_that_is_missing_says_why_on_one_line(self):
        result = figures.Result.missing("noop", "no\n  index " + "x" * 500)

        self.assertFalse(result.is_measured)
        self.assertIsNone(result.holds)
        self.assertIn("not measured: no index xxx", result.measured)
        self.assertLess(len(result.measured), 220)


class CostTestCase(test.TestCase):
    def test_leaves_out_what_both_runs_share(self):
        cost = figures.Cost(few=100, few_cpu_s=1.5, many=1_100, many_cpu_s=2)

        self.assertAlmostEqual(0.0005, cost.per_iteration_s)

    def test_of_runs_that_differ_by_noise_only_is_refused(self):
        for cost in (
            figures.Cost(100, 2.0, 1_000, 1.9), figures.Cost(9, 1.0, 9, 2.0)
        ):
            error = self.assertRaises(
                ValueError, lambda cost=cost: cost.per_iteration_s
            )
            self.assertIn("more iterations", str(error))

    def test_rate_is_the_median_of_the_runs(self):
        costs = [
            figures.Cost(0, 1.0, 1_000, 1.0 + spent)
            for spent in (0.1, 9.0, 0.2)
        ]

        self.assertAlmostEqual(
            5_000, figures.iterations_per_cpu_second(costs)
        )


class RatioTestCase(test.TestCase):
    def test_share_of_the_ideal_rate(self):
        self.assertAlmostEqual(0.5, figures.share_of_rate(6_400, 2, 6_400))
        self.assertEqual(0, figures.share_of_rate(0, 0, 6_400))

    def test_growth_is_told_for_each_role_of_both_runs(self):
        self.assertEqual(
            {"agent": 1.5},
            figures.growth(
                {"agent": 10, "worker": 5}, {"agent": 15, "controller": 1}
            ),
        )


class StopDelayTestCase(test.TestCase):
    @staticmethod
    def is_failed(iteration: t.Mapping[str, t.Any]) -> bool:
        return bool(iteration["error"])

    def test_runs_from_the_first_violating_end_to_the_last_start(self):
        rows = [
            row(13.0, 0.1, error=("E", "m", "t")),
            row(10.0, 1.0, idle=0.5, error=("E", "m", "t")),
            row(12.25, 5.0),
            row(9.0, 0.1),
        ]

        self.assertAlmostEqual(
            1.5, figures.stop_delay_s(rows, self.is_failed)
        )

    def test_is_nothing_if_nothing_started_afterwards(self):
        rows = [row(1.0, 0.1), row(2.0, 0.1, error=("E", "m", "t"))]

        self.assertEqual(0, figures.stop_delay_s(rows, self.is_failed))

    def test_is_unknown_if_nothing_violated(self):
        self.assertIsNone(figures.stop_delay_s([], self.is_failed))
        self.assertIsNone(
            figures.stop_delay_s([row(1.0, 0.1)], self.is_failed)
        )
