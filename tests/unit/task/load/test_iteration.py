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

"""Tests of one iteration and its row."""

from __future__ import annotations

import time
import typing as t

import ddt

from rally.common import clock
from rally.task import atomic, scenario, types
from rally.task.load import iteration
from rally.task.results import chunk
from rally.task.results import row as row_module
from tests.unit import test


def times_of(row: chunk.Row) -> tuple[int, ...]:
    return row_module.times_of(row.times, row.started_ns)


class Later(types.DeferredResource):
    def resolve(self, scenario: t.Any) -> str:
        return "of iteration %d" % scenario.context["iteration"]


class Nested(scenario.Scenario):
    def run(self, fail: bool = False) -> None:
        with atomic.ActionTimer(self, "a"):
            with atomic.ActionTimer(self, "b"):
                pass
            with atomic.ActionTimer(self, "b"):
                if fail:
                    raise ValueError("so")
        with atomic.ActionTimer(self, "c"):
            pass


class Says(scenario.Scenario):
    """Keeps what it was called with."""

    seen: t.ClassVar[list[t.Any]] = []

    def run(self, **kwargs: t.Any) -> None:
        self.seen.append((dict(self.context), kwargs))
        for value in (self.context, *kwargs.values()):
            if isinstance(value, dict):
                value["spoilt"] = True


class Idle(scenario.Scenario):
    def run(self) -> None:
        self.sleep_between(0.02)
        self.sleep_between(0.01)


class Raises(scenario.Scenario):
    def run(self, what: t.Any) -> None:
        raise what


class BadInit(scenario.Scenario):
    def __init__(self, context: t.Any) -> None:
        raise OSError("no constructor")


class BadText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class LeavesBehind(scenario.Scenario):
    def run(self, output: t.Any = None, actions: t.Any = None) -> None:
        if output is not None:
            self._output["complete"].append(output)
        if actions is not None:
            self._atomic_actions.extend(actions)


class NamesAtRandom(scenario.Scenario):
    def run(self) -> None:
        with atomic.ActionTimer(self, "action-%d" % self.context["iteration"]):
            pass


class NamesAtLength(scenario.Scenario):
    def run(self) -> None:
        with atomic.ActionTimer(self, "x" * 10 ** 6):
            pass


class NotCopied:
    def __deepcopy__(self, memo: t.Any) -> t.NoReturn:
        raise SystemError("not copied")


def run(
    cls: t.Any, context: t.Any = None, number: int = 1, **args: t.Any
) -> row_module.Row:
    runner = iteration.IterationRunner(cls, "run", context or {}, args)
    row = runner.run(number, iteration.Slot())
    # whatever happened, it can be sent and stored
    again = chunk.Chunk.unpack(chunk.Chunk.of_rows([row]).pack())
    assert again.numbers.tolist() == [number]
    return row


@ddt.ddt
class IterationTestCase(test.TestCase):
    def test_a_name_of_any_length_is_cut_and_marked(self) -> None:
        runner = iteration.IterationRunner(NamesAtLength, "run", {}, {})
        rows = [runner.run(i, iteration.Slot()) for i in (1, 2)]

        names = {node.name for row in rows for node in row.shape}
        self.assertEqual(
            {"x" * (row_module.MAX_NAME - 24) + "... (1000000 characters)"},
            names,
        )
        self.assertEqual({}, runner._shapes)  # a key is not cut

    @ddt.data(False, True)
    def test_actions_are_those_of_the_slow_way(self, fail: bool) -> None:
        kept: list[t.Any] = []

        class Kept(Nested):
            def run(self, fail: bool = False) -> None:
                kept.append(self)
                super().run(fail)

        row = run(Kept, fail=fail)
        shape, times = row_module.shape_of(
            kept[0].atomic_actions(), row.started_ns
        )
        self.assertEqual(shape, row.shape)
        self.assertTrue(
            all(abs(a - b) <= 1 for a, b in zip(times, times_of(row)))
        )
        self.assertEqual(fail, row.error is not None)
        self.assertGreaterEqual(row.duration_ns, times_of(row)[-1] - 300)

    def test_a_row_has_number_start_and_lag(self) -> None:
        runner = iteration.IterationRunner(Nested, "run", {}, {})
        before = clock.now_ns()
        row = runner.run(7, iteration.Slot(), due_ns=before - 1000)
        self.assertEqual(7, row.number)
        self.assertLessEqual(before, row.started_ns)
        self.assertEqual(row.started_ns - before + 1000, row.lag_ns)

    def test_each_iteration_gets_a_copy(self) -> None:
        Says.seen.clear()
        context = {"users": [{"id": 1}], "config": {}}
        runner = iteration.IterationRunner(
            Says, "run", context, {"arg": {"x": [1]}}
        )
        for number in (1, 2):
            runner.run(number, iteration.Slot())
        (one, args_one), (two, args_two) = Says.seen
        self.assertEqual([1, 2], [one["iteration"], two["iteration"]])
        self.assertIsNot(one["users"][0], two["users"][0])
        self.assertEqual({"x": [1], "spoilt": True}, args_two["arg"])
        self.assertIsNot(args_one["arg"]["x"], args_two["arg"]["x"])
        self.assertEqual({"users": [{"id": 1}], "config": {}}, context)

    def test_deferred_arguments_are_resolved(self) -> None:
        Says.seen.clear()
        run(Says, number=4, arg=Later())
        self.assertEqual({"arg": "of iteration 4"}, Says.seen[0][1])

    def test_idle_time_is_no_duration(self) -> None:
        before = time.monotonic_ns()
        row = run(Idle)
        passed = time.monotonic_ns() - before
        self.assertGreaterEqual(row.idle_ns, 29_000_000)
        self.assertLessEqual(row.duration_ns, passed - row.idle_ns)

    @ddt.data(
        SystemExit(1), KeyboardInterrupt(), GeneratorExit(), BadText(),
        ValueError("\udcff"), RecursionError(),
    )
    def test_whatever_is_raised_is_a_failure(
        self, what: BaseException
    ) -> None:
        row = run(Raises, what=what)
        assert row.error is not None
        self.assertEqual(type(what).__name__, row.error[0])

    def test_a_failing_constructor_is_a_failure(self) -> None:
        row = run(BadInit)
        assert row.error is not None
        self.assertEqual(("OSError", "no constructor"), row.error[:2])
        self.assertIn("Traceback", row.error[2])

    def test_a_failing_copy_is_a_failure(self) -> None:
        for row in (
            run(Nested, context={"x": NotCopied()}),
            run(Nested, x=NotCopied()),
        ):
            assert row.error is not None
            self.assertEqual(("SystemError", "not copied"), row.error[:2])

    def test_unknown_arguments_are_a_failure(self) -> None:
        row = run(Nested, no_such_argument=1)
        assert row.error is not None
        self.assertEqual("TypeError", row.error[0])

    @ddt.data(
        {"data": object()}, {1, 2}, {("a", "tuple"): 1},
        {"data": [["x", 10 ** 400]]},
    )
    def test_output_that_cannot_be_stored_is_a_failure(
        self, output: t.Any
    ) -> None:
        row = run(LeavesBehind, output=output)
        self.assertIsNotNone(row.error)
        self.assertIsNone(row.output)

    def test_output_holds_what_charts_can_show(self) -> None:
        data = [["\udcff\\ud800 \U0001f600", 2 ** 70, 2 ** 63, -1]]
        row = run(LeavesBehind, output={"data": data})
        self.assertIsNone(row.error)
        assert row.output is not None
        (chart,) = row.output["complete"]
        shown = ["\\udcff\\ud800 \U0001f600", 2.0 ** 70, 2 ** 63, -1]
        self.assertEqual([shown], chart["data"])

    def test_output_is_plain(self) -> None:
        row = run(LeavesBehind, output={"data": (1, 2)})
        self.assertEqual(
            {"additive": [], "complete": [{"data": [1, 2]}]}, row.output
        )

    @ddt.data(
        [{}], [None], [{"name": [], "children": []}],
        [{"name": "x", "children": [], "started_at": float("nan"),
          "finished_at": 1.0}],
        [{"name": "x", "children": [], "started_at": 1.0,
          "finished_at": 1e300}],
    )
    def test_broken_actions_are_a_failure(self, actions: t.Any) -> None:
        self.assertIsNotNone(run(LeavesBehind, actions=actions).error)

    def test_an_action_cut_off_ends_with_its_iteration(self) -> None:
        row = run(LeavesBehind, actions=[
            {"name": "open", "started_at": clock.now(), "children": []}
        ])
        self.assertTrue(row.shape[0].failed)
        self.assertAlmostEqual(row.duration_ns, times_of(row)[1], delta=1000)

    def test_action_names_at_random_do_not_fill_the_memory(self) -> None:
        runner = iteration.IterationRunner(NamesAtRandom, "run", {}, {})
        slot = iteration.Slot()
        for i in range(3000):
            row = runner.run(i, slot)
            self.assertEqual("action-%d" % i, row.shape[0].name)
        self.assertLessEqual(len(runner._shapes), 1000)
