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

"""Tests of the base class, as a runner plugin and its readers see it."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
import typing as t

import testtools

from rally import exceptions, plugins
from rally.common import utils
from rally.task import runner, scenario, sla
from rally.task.results.chunk import Chunk
from tests.unit import test


def setUpModule() -> None:
    plugins.load()


class Task(dict[str, t.Any]):
    """A task record as far as a runner knows it."""

    def result_has_valid_schema(self, result: t.Any) -> bool:
        return "duration" in result


def result(timestamp: float, error: t.Any = ()) -> dict[str, t.Any]:
    return {
        "timestamp": timestamp, "duration": 0.5, "idle_duration": 0.0,
        "error": list(error), "atomic_actions": [],
        "output": {"additive": [], "complete": []},
    }


def _make_load(
    queue: t.Any, events: t.Any, times: int, info: dict[str, int]
) -> None:
    """Body of a process of the runner below."""
    if times < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    first = info["processes_counter"] * times
    for number in range(first, first + times):
        events.put({"type": "iteration", "value": number + 1})
        queue.put(result(float(number)))


class FieldRunner(runner.ScenarioRunner):
    """Written as plugins in the field are: makes its processes itself."""

    CONFIG_SCHEMA = {"type": "object"}

    def _run_scenario(
        self, cls: t.Any, method_name: str, context: t.Any, args: t.Any
    ) -> None:
        queue: t.Any = multiprocessing.Queue()
        events: t.Any = multiprocessing.Queue()
        pool = self._create_process_pool(
            2, _make_load,
            ((queue, events, n) for n in self.config["per_process"]),
        )
        self._join_processes(pool, queue, events)


class ImportedRunner(runner.ScenarioRunner):
    """Notes what is imported when the load begins."""

    CONFIG_SCHEMA = {"type": "object"}

    def _run_scenario(
        self, cls: t.Any, method_name: str, context: t.Any, args: t.Any
    ) -> None:
        self.imported = set(sys.modules)


class OnceRunner(runner.ScenarioRunner):
    """Runs iterations itself, with the helpers of the module."""

    CONFIG_SCHEMA = {"type": "object"}

    def _run_scenario(
        self, cls: t.Any, method_name: str, context: t.Any, args: t.Any
    ) -> None:
        events = utils.DequeAsQueue(self.event_queue)
        for i in itertools.count():
            if self.aborted.is_set() or i == self.config["times"]:
                return
            self._send_result(runner._run_scenario_once(
                cls, method_name,
                runner._get_scenario_context(i, context), args, events,
            ))


class RunnerTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        for cls in (FieldRunner, ImportedRunner, OnceRunner):
            runner.configure(name="test_" + cls.__name__)(cls)
            self.addCleanup(cls.unregister)

    def make(
        self, cls: t.Any = OnceRunner, batch_size: int = 0, **config: t.Any
    ) -> t.Any:
        return cls(Task(uuid="task"), config, batch_size=batch_size)

    def test_what_a_scenario_takes_long_to_import_is_there_before(
        self
    ) -> None:
        """Its first iteration would seem to take as long otherwise."""
        class Slow(scenario.Scenario):
            IMPORTS = ("mailbox",)

        scenario.configure(name="Slow.slow")(Slow)
        self.addCleanup(Slow.unregister)
        sys.modules.pop("mailbox", None)
        made = self.make(ImportedRunner)

        made.run("Slow.slow", {}, {})

        self.assertIn("mailbox", made.imported)

    def test_results_go_out_at_once_by_default(self) -> None:
        made = self.make()
        made._send_result(result(2.0))
        self.assertEqual(1, len(made.result_queue))
        self.assertEqual([result(2.0)], list(made.result_queue[0]))

    def test_a_batch_is_sorted_by_time(self) -> None:
        made = self.make(batch_size=3)
        made._flushed_at = time.monotonic()
        for timestamp in (3.0, 1.0, 2.0, 5.0, 4.0):
            made._send_result(result(timestamp))
        self.assertEqual(1, len(made.result_queue))
        made._flush_results()
        self.assertEqual(
            [[1.0, 2.0, 3.0], [4.0, 5.0]],
            [[r["timestamp"] for r in part] for part in made.result_queue],
        )

    def test_a_result_of_the_wrong_form_is_dropped_and_told(self) -> None:
        made = self.make()
        made._send_result({"bad": 1})
        made._send_result({"bad": 1})
        self.assertEqual(0, len(made.result_queue))
        self.assertEqual(2, made.counters["dropped"])
        self.assertEqual(1, len(made.problems_so_far()))

    def test_times_that_make_no_sense_are_dropped_alone(self) -> None:
        made = self.make()
        action = {
            "name": "a", "started_at": 5.0, "finished_at": 4.0,
            "children": [],
        }
        bad: list[dict[str, t.Any]] = [
            {"duration": float("nan")}, {"duration": float("inf")},
            {"duration": -0.5}, {"idle_duration": -1.0},
            {"timestamp": -1.0}, {"timestamp": float("nan")},
            {"timestamp": 1e12}, {"atomic_actions": [action]},
            {"output": {"additive": [object()], "complete": []}},
        ]
        for each in bad:
            made._send_result({**result(1.0), **each})
        made._send_result(result(2.0))
        made._finish()
        self.assertEqual(
            [2.0], [r["timestamp"] for part in made.result_queue
                    for r in part]
        )
        self.assertEqual(1, made.board.merged().iterations)
        self.assertEqual(len(bad), made.counters["dropped"])
        self.assertEqual(1, len(made.problems_so_far()))

    def test_a_plugin_of_the_field_gets_chunks_and_aggregates(self) -> None:
        made = self.make(FieldRunner, per_process=(30, 30))
        made.run("Dummy.dummy", {}, {})
        rows = [r for part in made.result_queue for r in part]
        self.assertEqual(
            list(map(float, range(60))), sorted(r["timestamp"] for r in rows)
        )
        self.assertEqual(60, len(made.event_queue))
        self.assertEqual(60, made.board.merged().iterations)
        self.assertTrue(made.board.is_closed)
        self.assertTrue(made.result_queue.is_closed)
        self.assertEqual([], made.lost)

    def test_a_dead_process_of_a_plugin_is_told(self) -> None:
        made = self.make(FieldRunner, per_process=(5, -1))
        made.run("Dummy.dummy", {}, {})
        self.assertEqual(5, made.board.merged().iterations)
        self.assertIn("exit code -9", made.lost[0].reason)
        self.assertEqual(1, len(made.problems_so_far()))

    def test_a_scenario_finds_out_who_runs_it(self) -> None:
        found = []

        @scenario.configure(name="Test.who")
        class Who(scenario.Scenario):
            def run(self) -> None:
                found.append(self.context["agent"])
                self.context["agent"]["labels"]["touched"] = "yes"

        self.addCleanup(Who.unregister)
        made = self.make(times=2)
        given: dict[str, t.Any] = {}
        made.run("Test.who", given, {})
        self.assertEqual({}, given)
        for agent in found:
            self.assertEqual({"touched": "yes"}, agent.pop("labels"))
        alone = {"name": "local", "index": 0, "count": 1}
        self.assertEqual([alone, alone], found)

    def test_the_helpers_of_the_module_run_iterations(self) -> None:
        made = self.make(times=3)
        made.run("Dummy.dummy", {}, {"sleep": 0})
        rows = [r for part in made.result_queue for r in part]
        self.assertEqual(
            ["foo"] * 3, [r["atomic_actions"][0]["name"] for r in rows]
        )
        self.assertEqual(
            [{"type": "iteration", "value": n} for n in (1, 2, 3)],
            list(made.event_queue),
        )
        self.assertGreater(made.run_duration, 0)

    def test_criteria_judge_what_a_plugin_sends(self) -> None:
        made = self.make()
        made.configure_streams({"failure_rate": {"max": 0}}, 10, True)
        made._send_result(result(1.0, ["ValueError", "no", ""]))
        made._finish()
        self.assertFalse(made.board.merged().is_passing)

    def test_an_error_in_a_criterion_ends_the_run(self) -> None:
        @sla.configure(name="test_runner_raising")
        class Raising(sla.SLA):
            def add_iteration(self, iteration: t.Any) -> bool:
                raise RuntimeError("criterion broke")

            def merge(self, other: t.Any) -> bool:
                return True

            def details(self) -> str:
                return ""

        self.addCleanup(Raising.unregister)
        for kind, config in (
            ("serial", {"times": 10**6}),
            ("constant", {"times": 10**6, "concurrency": 2}),
        ):
            made = runner.ScenarioRunner.get(kind)(
                Task(uuid="t"), config, batch_size=100
            )
            made.configure_streams({"test_runner_raising": None}, 100, False)
            with testtools.ExpectedException(
                runner.JudgingFailed, "(?s).*RuntimeError: criterion broke.*"
            ):
                made.run("Dummy.dummy", {}, {})
            self.assertTrue(made.result_queue.is_closed)

    def test_a_runner_that_does_not_say_cannot_be_distributed(self) -> None:
        for call in (
            lambda: OnceRunner.load_plan({}),
            lambda: OnceRunner.split_config({}, 2),
        ):
            with testtools.ExpectedException(
                runner.NotDistributable, ".*split_config.*"
            ):
                call()
        self.assertEqual(7, self.make(times=7).asked)
        self.assertIsNone(self.make().offered_rate)

    def test_an_unknown_scenario_closes_the_streams_too(self) -> None:
        made = self.make(times=1)
        self.assertRaises(
            exceptions.PluginNotFound, made.run, "No.such", {}, {}
        )
        self.assertTrue(made.event_queue.is_closed)

    def test_arguments_of_a_load_process_come_ready(self) -> None:
        made = self.make(times=1)
        made.is_preprocessed = True
        made.run("Dummy.dummy", {}, {"sleep": 0})
        self.assertEqual(1, made.board.merged().iterations)

    def test_only_the_first_start_is_told_if_nobody_counts(self) -> None:
        made = self.make()
        made.configure_streams({}, 10, iteration_events=False)
        made.send_event("iteration", 3)
        made.send_event("iteration", 4)
        made.send_event("something", "else")
        self.assertEqual(
            [("iteration", 3), ("something", "else")],
            [(e["type"], e["value"]) for e in made.event_queue],
        )


class HelpersTestCase(test.TestCase):
    def test_a_timeout_has_a_result(self) -> None:
        made = runner.format_result_on_timeout(ValueError("hello"), 3)
        self.assertEqual(3, made["duration"])
        self.assertEqual(["ValueError", "hello"], made["error"][:2])
        self.assertLessEqual(made["timestamp"], time.time() - 3)

    def test_a_worker_thread_puts_its_result(self) -> None:
        queue: t.Any = multiprocessing.SimpleQueue()
        events: t.Any = multiprocessing.SimpleQueue()
        context = runner._get_scenario_context(4, {"task": {"uuid": "x"}})
        thread = threading.Thread(
            target=runner._worker_thread,
            args=(
                queue, scenario.Scenario.get("Dummy.dummy"), "run", context,
                {}, events,
            ),
        )
        thread.start()
        thread.join(10)
        self.assertEqual([], queue.get()["error"])
        self.assertEqual({"type": "iteration", "value": 5}, events.get())

    def test_chunks_are_lists_of_results(self) -> None:
        chunk = Chunk.of_results([result(1.0)])
        self.assertEqual([result(1.0)], list(chunk))
