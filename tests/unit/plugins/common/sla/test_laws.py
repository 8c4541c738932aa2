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

"""Laws that hold for each criterion."""

from __future__ import annotations

import importlib
import itertools
import random
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task import sla
from rally.task.results import chunk
from tests.unit import test
from tests.unit.plugins.common.sla import cases
from tests.unit.task import iterations

#: module, name and values of each criterion
CRITERIA: list[tuple[str, str, list[t.Any]]] = [
    ("failure_rate", "failure_rate", [{"max": 40}, {"min": 10, "max": 50}]),
    ("iteration_time", "max_seconds_per_iteration", [2, 1e5]),
    ("max_average_duration", "max_avg_duration", [1.5, 1e5]),
    (
        "max_average_duration_per_atomic", "max_avg_duration_per_atomic",
        [{"foo": 1.5, "last": 1e5, "unheard of": 1}, {"foo": 1e6}],
    ),
    (
        "outliers", "outliers",
        [{}, {"max": 1, "sigmas": 0.5, "min_iterations": 4}],
    ),
    (
        "performance_degradation", "performance_degradation",
        [{"max_degradation": 0.0}, {"max_degradation": 50}],
    ),
    (
        "max_percentile_duration", "max_percentile_duration",
        [
            {"percentile": 90, "max": 2},
            [
                {"percentile": 50, "max": 3, "atomic": {
                    "foo": {"percentile": 99, "max": 2},
                    "last": [{"percentile": 50, "max": 1},
                             {"percentile": 100, "max": 4}],
                    "unheard of": {"percentile": 1, "max": 1},
                }},
                {"percentile": 99.9, "max": 4},
            ],
        ],
    ),
]
CASES = [
    (name, value) for _, name, values in CRITERIA for value in values
]


def observed(
    name: str, value: t.Any, chunks: t.Iterable[chunk.Chunk]
) -> sla.SLA:
    criterion = sla.SLA.get(name)(value)
    for part in chunks:
        criterion.add_chunk(part)
    return criterion


def carried(criterion: sla.SLA) -> sla.SLA:
    return type(criterion).from_state(
        criterion.criterion_value,
        iterations.over_the_wire(criterion.to_state()),
    )


@ddt.ddt
class CriterionLawTestCase(test.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for module, _, _ in CRITERIA:
            importlib.import_module("rally.plugins.common.sla." + module)

    @ddt.idata(CASES)
    @ddt.unpack
    @hypothesis.settings(max_examples=20, deadline=None)
    @hypothesis.given(
        sides=iterations.shares(max_repeats=50), seed=st.integers(0, 99)
    )
    def test_sides_together_judge_as_one_process_would(
        self,
        name: str,
        value: t.Any,
        sides: list[list[chunk.Chunk]],
        seed: int,
    ) -> None:
        alone = observed(name, value, itertools.chain(*sides))

        shares = [observed(name, value, side) for side in sides]
        random.Random(seed).shuffle(shares)
        merged = observed(name, value, [])
        for share in shares:
            verdict = merged.merge(carried(share))
            self.assertIs(merged.success, verdict)

        self.assertEqual(alone.result(), merged.result())
        self.assertEqual(alone.to_state(), merged.to_state())
        self.assertEqual(alone.result(), carried(merged).result())

    @ddt.idata(CASES)
    @ddt.unpack
    @hypothesis.settings(max_examples=20, deadline=None)
    @hypothesis.given(sides=iterations.shares())
    def test_grouping_of_merges_plays_no_part(
        self, name: str, value: t.Any, sides: list[list[chunk.Chunk]]
    ) -> None:
        left = observed(name, value, [])
        for side in sides:
            left.merge(observed(name, value, side))
        right = observed(name, value, [])
        for side in reversed(sides):
            share = observed(name, value, side)
            share.merge(right)
            right = share
        self.assertEqual(left.to_state(), right.to_state())

    @ddt.idata(CASES)
    @ddt.unpack
    @hypothesis.settings(max_examples=20, deadline=None)
    @hypothesis.given(sides=iterations.shares())
    def test_columns_and_single_results_give_the_same_verdict(
        self, name: str, value: t.Any, sides: list[list[chunk.Chunk]]
    ) -> None:
        by_columns, by_results = observed(name, value, []), (
            observed(name, value, [])
        )
        for part in itertools.chain(*sides):
            verdict = by_columns.add_chunk(part)
            for result in part:
                self.assertIs(
                    by_results.add_iteration(result), by_results.success
                )
            self.assertIs(by_columns.success, verdict)
        self.assertEqual(by_results.result(), by_columns.result())
        self.assertEqual(by_results.to_state(), by_columns.to_state())

    @ddt.idata(CASES)
    @ddt.unpack
    def test_nothing_seen_passes(self, name: str, value: t.Any) -> None:
        self.assertTrue(carried(observed(name, value, [])).success)

    @ddt.idata(CASES)
    @ddt.unpack
    def test_other_criteria_are_not_merged(
        self, name: str, value: t.Any
    ) -> None:
        class Other(sla.SLA):
            def add_iteration(self, iteration: sla.Result) -> bool:
                return True

            def merge(self, other: t.Any) -> bool:
                return True

            def details(self) -> str:
                return ""

        self.assertRaises(
            TypeError, observed(name, value, []).merge, Other(None)
        )

    @ddt.idata(CASES)
    @ddt.unpack
    def test_nonsense_is_refused(self, name: str, value: t.Any) -> None:
        good = sla.SLA.get(name)(value).to_state()
        wrong = [{**good, key: "no"} for key in good if good[key] is not None]
        for state in (None, 3, [1], *wrong):
            with self.assertRaises(portable.MalformedState):
                sla.SLA.get(name).from_state(value, state)

    @ddt.idata(CASES)
    @ddt.unpack
    def test_each_can_be_shared_and_its_value_is_valid(
        self, name: str, value: t.Any
    ) -> None:
        self.assertIsNone(sla.SLA.get(name).state_problem(value))
        self.assertEqual([], cases.problems(name, value))
