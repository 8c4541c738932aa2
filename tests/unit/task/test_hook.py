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

"""Tests of hooks."""

from __future__ import annotations

import threading
import time
import typing as t

import ddt

from rally import exceptions
from rally.common.plugin import plugin
from rally.task import hook
from tests.unit import test

TASK = {"uuid": "t"}
EVENT = {"event_type": "iteration", "value": 1}
CHART = {"title": "T", "chart_plugin": "Pie", "data": [["a", 1]]}


class HookTestCase(test.TestCase):
    def action(self, run: t.Any) -> type[hook.HookAction]:
        cls: t.Any = type("Action", (hook.HookAction,), {"run": run})
        hook.configure(name="test_action")(cls)
        self.addCleanup(cls.unregister)
        return cls

    def trigger(
        self, event_type: str, wanted: t.Container[int]
    ) -> type[hook.HookTrigger]:
        class Trigger(hook.HookTrigger):
            def get_listening_event(self) -> str:
                return event_type

            def on_event(self, event_type: str, value: t.Any = None) -> bool:
                if value not in wanted:
                    return False
                return super().on_event(event_type, value)

        name = f"test_{event_type}"
        plugin.configure(name=name)(Trigger)
        self.addCleanup(Trigger.unregister)
        return Trigger


@ddt.ddt
class HookActionTestCase(HookTestCase):
    def result(self, run: t.Any) -> t.Any:
        action = self.action(run)(TASK, None, EVENT)
        action.run_async()
        result = action.result()
        self.assertLessEqual(result["started_at"], result["finished_at"])
        self.assertAlmostEqual(time.time(), result["started_at"], delta=60)
        self.assertEqual(EVENT, result["triggered_by"])
        return result

    def test_a_good_run(self) -> None:
        result = self.result(lambda self: None)
        self.assertEqual("success", result["status"])
        self.assertEqual(
            {"status", "started_at", "finished_at", "triggered_by"},
            set(result),
        )

    @ddt.data(ValueError("boo"), SystemExit("boo"))
    def test_whatever_is_raised_is_a_failure(self, e: BaseException) -> None:
        def run(self: hook.HookAction) -> None:
            raise e

        result = self.result(run)
        self.assertEqual("failed", result["status"])
        self.assertEqual(type(e).__name__, result["error"]["etype"])
        self.assertEqual("boo", result["error"]["msg"])
        self.assertIn("raise e", result["error"]["details"])

    def test_an_error_of_its_own(self) -> None:
        def run(self: hook.HookAction) -> None:
            self.set_error("Kind", "what", "why")

        result = self.result(run)
        self.assertEqual("failed", result["status"])
        self.assertEqual(
            {"etype": "Kind", "msg": "what", "details": "why"},
            result["error"],
        )

    def test_a_name_in_another_encoding_is_escaped(self) -> None:
        def run(self: hook.HookAction) -> None:
            self.set_error("Kind", "no file \udcff", "\ud800")

        error = self.result(run)["error"]
        self.assertEqual("no file \\udcff", error["msg"])
        self.assertEqual("\\ud800", error["details"])

    def test_a_status_of_its_own(self) -> None:
        def run(self: hook.HookAction) -> None:
            self.set_status("validation_failed")

        self.assertEqual("validation_failed", self.result(run)["status"])

    def test_output(self) -> None:
        def run(self: hook.HookAction) -> None:
            self.add_output(additive=CHART)
            self.add_output(complete=CHART)

        self.assertEqual(
            {"additive": [CHART], "complete": [CHART]},
            self.result(run)["output"],
        )

    def test_bad_output_is_a_failure(self) -> None:
        def run(self: hook.HookAction) -> None:
            self.add_output(additive={"chart_plugin": "Pie"})

        result = self.result(run)
        self.assertEqual("failed", result["status"])
        self.assertEqual("RallyException", result["error"]["etype"])


class HookTriggerTestCase(HookTestCase):
    def test_results_are_summed_up_by_status(self) -> None:
        def run(self: hook.HookAction) -> None:
            if self._triggered_by["value"] == 2:
                raise ValueError()

        action_cls = self.action(run)
        cfg = {
            "description": "d",
            "action": ("test_action", "config"),
            "trigger": ("test_iteration", {"x": 1}),
        }
        trigger = self.trigger("iteration", {1, 2, 3})(cfg, TASK, action_cls)
        self.assertEqual({"x": 1}, trigger.config)
        started = [trigger.on_event("iteration", n) for n in range(5)]
        self.assertEqual([False, True, True, True, False], started)
        results = trigger.get_results()
        self.assertEqual(cfg, results["config"])
        self.assertEqual({"success": 2, "failed": 1}, results["summary"])
        self.assertEqual(
            [
                {"event_type": "iteration", "value": 1},
                {"event_type": "iteration", "value": 2},
                {"event_type": "iteration", "value": 3},
            ],
            [r["triggered_by"] for r in results["results"]],
        )


class ExecutorTestCase(HookTestCase):
    def executor(self, *triggers: str) -> hook.HookExecutor:
        hooks = [
            {"action": ("test_action", name), "trigger": (name, {})}
            for name in triggers
        ]
        executor = hook.HookExecutor({"hooks": hooks}, TASK)
        self.addCleanup(executor.stop)
        return executor


class HookExecutorTestCase(ExecutorTestCase):
    def setUp(self) -> None:
        super().setUp()
        seen: list[t.Any] = []
        self.seen = seen
        self.has_run = threading.Event()
        has_run = self.has_run

        def run(self: hook.HookAction) -> None:
            seen.append((self.config, self._triggered_by["value"]))
            has_run.set()

        self.action(run)

    def test_each_trigger_hears_of_its_own_events(self) -> None:
        self.trigger("iteration", {2, 3})
        self.trigger("time", ())
        executor = self.executor("test_time", "test_iteration")
        for number in (1, 2, 3, 4):
            executor.on_event("iteration", number)
        of_time, of_iteration = executor.results()
        self.assertEqual([], of_time["results"])
        self.assertEqual({"success": 2}, of_iteration["summary"])
        self.assertEqual(
            [("test_iteration", 2), ("test_iteration", 3)], sorted(self.seen)
        )

    def test_without_hooks_nothing_happens(self) -> None:
        executor = hook.HookExecutor({}, TASK)
        executor.on_event("iteration", 1)
        self.assertEqual([], executor.results())

    def test_seconds_count_from_the_first_iteration_that_starts(
        self,
    ) -> None:
        self.trigger("time", {0, 1})
        executor = self.executor("test_time")
        self.assertFalse(self.has_run.is_set())
        started = time.time()
        # with several workers, number 1 need not be the first
        executor.on_event("iteration", 2)
        executor.on_event("iteration", 1)
        self.assertTrue(self.has_run.wait(timeout=10))
        self.has_run.clear()
        self.assertTrue(self.has_run.wait(timeout=10))
        (results,) = executor.results()
        at = [r["started_at"] - started for r in results["results"]]
        values = [r["triggered_by"]["value"] for r in results["results"]]
        self.assertEqual([0, 1], values)
        # each in the second it is due in; clocks differ a little
        self.assertEqual([0, 1], [int(moment + 0.01) for moment in at])

    def test_the_timer_stops_at_once(self) -> None:
        self.trigger("time", {0})
        executor = self.executor("test_time")
        executor.on_event("iteration", 1)
        self.assertTrue(self.has_run.wait(timeout=10))
        executor.results()
        names = {thread.name for thread in threading.enumerate()}
        self.assertNotIn("hook timer", names)

    def test_what_a_trigger_raises_at_a_second_is_not_lost(self) -> None:
        class Raises(set[int]):
            def __contains__(self, value: object) -> bool:
                raise ValueError("bad trigger")

        self.trigger("time", Raises())
        executor = self.executor("test_time")
        executor.on_event("iteration", 1)
        executor.results()
        self.assertIsInstance(executor.error, ValueError)

    def test_an_unknown_action_or_trigger_is_an_error(self) -> None:
        self.assertRaises(exceptions.PluginNotFound, self.executor, "nope")


class GivenUpTestCase(ExecutorTestCase):
    def test_what_still_runs_can_be_given_up(self) -> None:
        go_on, has_begun = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def hang(self: hook.HookAction) -> None:
            has_begun.set()
            go_on.wait(60)

        self.action(hang)
        self.trigger("iteration", {1, 2})
        executor = self.executor("test_iteration")
        executor.on_event("iteration", 1)
        self.assertTrue(has_begun.wait(timeout=10))
        self.assertEqual(1, len(executor.running()))

        executor.give_up()
        executor.on_event("iteration", 2)  # comes too late to be waited for

        (results,) = executor.results()
        self.assertEqual({"failed": 2}, results["summary"])
        for result in results["results"]:
            self.assertEqual("HookGivenUp", result["error"]["etype"])
            self.assertLessEqual(result["started_at"], result["finished_at"])
        self.assertEqual([], executor.running())
