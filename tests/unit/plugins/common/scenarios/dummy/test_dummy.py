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

"""Tests of the dummy scenarios."""

from __future__ import annotations

import random
import typing as t
from unittest import mock

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import utils
from rally.plugins.common import validators  # noqa: F401 (registers)
from rally.plugins.common.scenarios.dummy import dummy
from rally.task import scenario
from rally.task.processing import charts
from tests.unit import test


def _shape(actions: t.Any) -> t.Any:
    return [(a["name"], _shape(a["children"])) for a in actions]


class DummyTestCase(test.TestCase):
    def test_it_sleeps_inside_two_nested_actions(self) -> None:
        instance = dummy.Dummy()
        instance.run(sleep=0.02, anything="else")
        (foo,) = instance.atomic_actions()
        self.assertEqual([("foo", [("bar", [])])], _shape([foo]))
        self.assertGreaterEqual(foo["finished_at"] - foo["started_at"], 0.019)
        self.assertEqual(0, instance.idle_duration())

    def test_without_sleep_it_does_not_sleep_at_all(self) -> None:
        # a sleep of zero would give up the processor
        with mock.patch.object(utils, "interruptable_sleep") as sleep:
            dummy.Dummy().run()
            sleep.assert_not_called()
            dummy.Dummy().run(sleep=0.5)
            sleep.assert_called_once_with(0.5)

    def test_an_unknown_argument_is_allowed(self) -> None:
        validate = scenario.Scenario.validate
        self.assertEqual(
            [], validate("Dummy.dummy", {}, {"args": {"x": 1}}, None)
        )


@ddt.ddt
class FailingTestCase(test.TestCase):
    @ddt.data(
        ({"size_of_message": 5}, "MMMMM"),
        ({"message": "hi"}, "hi"),
        ({}, ": M"),
    )
    @ddt.unpack
    def test_an_exception_with_a_message(
        self, args: t.Any, message: str
    ) -> None:
        error = self.assertRaises(
            dummy.DummyScenarioException,
            dummy.DummyException().run,
            sleep=0,
            **args,
        )
        self.assertIn(message, str(error))
        self.assertEqual(244, error.error_code)

    def test_probabilities_of_never_and_always(self) -> None:
        instance = dummy.DummyExceptionProbability()
        for _ in range(50):
            instance.run(exception_probability=0)
            self.assertRaises(
                dummy.DummyScenarioException,
                instance.run,
                exception_probability=1,
            )

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        number=st.integers(0, 12),
        first=st.integers(0, 12),
        last=st.integers(0, 12),
        each=st.integers(1, 4),
    )
    def test_some_iterations_fail(
        self, number: int, first: int, last: int, each: int
    ) -> None:
        instance = dummy.DummyFailure({"iteration": number})
        has_failed = False
        try:
            instance.run(0, first, last, each)
        except dummy.DummyScenarioException:
            has_failed = True
        self.assertEqual(
            number in [n for n in range(first, last + 1) if n % each == 0],
            has_failed,
        )

    def test_actions_that_never_fail(self) -> None:
        instance = dummy.DummyRandomFailInAtomic()
        instance.run(exception_probability=0)
        self.assertEqual(
            [("dummy_fail_test", [("dummy_fail_inner_test", [])])] * 2,
            _shape(instance.atomic_actions()),
        )

    def test_actions_that_always_fail(self) -> None:
        instance = dummy.DummyRandomFailInAtomic()
        self.assertRaises(KeyError, instance.run, exception_probability=1)
        (action,) = instance.atomic_actions()
        self.assertTrue(action["failed"])

    def test_each_place_gets_a_quarter_of_the_probability(self) -> None:
        random.seed(1)
        self.addCleanup(random.seed)
        runs, passed = 2000, 0
        for _ in range(runs):
            try:
                dummy.DummyRandomFailInAtomic().run(0.8)
                passed += 1
            except KeyError:
                pass
        self.assertAlmostEqual((1 - 0.2) ** 4, passed / runs, delta=0.05)

    @ddt.data(
        ("Dummy.dummy_exception", {"size_of_message": 0}),
        ("Dummy.dummy_exception_probability", {"exception_probability": 2}),
        ("Dummy.dummy_random_action", {"actions": 2}),
        ("Dummy.failure", {"each": "1"}),
    )
    @ddt.unpack
    def test_bad_arguments(self, name: str, args: t.Any) -> None:
        self.assertEqual(
            1, len(scenario.Scenario.validate(name, {}, {"args": args}, None))
        )


class OutputTestCase(test.TestCase):
    def test_there_is_a_chart_of_each_kind(self) -> None:
        instance = dummy.DummyOutput()
        instance.run(random_range=3)
        output = t.cast(dict[str, t.Any], instance._output)
        self.assertEqual(
            ["StatsTable", "StackedArea", "Lines", "Pie"],
            [chart["chart_plugin"] for chart in output["additive"]],
        )
        self.assertEqual(
            ["Lines", "StackedArea", "TextArea", "Pie", "Table"],
            [chart["chart_plugin"] for chart in output["complete"]],
        )
        for chart in output["additive"]:
            self.assertLessEqual({v for _, v in chart["data"]}, {1, 2, 3})

    def test_the_report_can_show_all_of_them(self) -> None:
        instance = dummy.DummyOutput()
        instance.run()
        for chart in instance._output["complete"]:
            cls = charts.OutputChart.get(chart["chart_plugin"])
            self.assertIsNotNone(cls.render_complete_data(chart["data"]))


class ManyActionsTestCase(test.TestCase):
    def test_random_actions(self) -> None:
        instance = dummy.DummyRandomAction()
        instance.run(actions_num=3, sleep_min=0, sleep_max=0.001)
        self.assertEqual(
            [("action_0", []), ("action_1", []), ("action_2", [])],
            _shape(instance.atomic_actions()),
        )

    def test_timed_actions(self) -> None:
        instance = dummy.DummyTimedAtomicAction()
        instance.run(number_of_actions=3, sleep_factor=0.005)
        for number, action in enumerate(instance.atomic_actions()):
            self.assertEqual(f"action_{number}", action["name"])
            self.assertGreaterEqual(
                action["finished_at"] - action["started_at"],
                number * 0.005 - 0.001,
            )
