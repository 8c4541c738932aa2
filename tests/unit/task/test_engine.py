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

"""The engine runs whole tasks here, over a database of the test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import threading
import time
import typing as t
from unittest import mock

import ddt
import msgspec

from rally import consts, exceptions, plugins
from rally.common import cfg, db, objects, validation
from rally.common.db import retrying
from rally.env import env_mgr, platform
from rally.plugins.common.runners import constant, serial
from rally.task import (
    consumer,
    context,
    engine,
    hook,
    runner,
    scenario,
    sla,
    task_cfg,
)
from rally.task.cleanup import leftovers
from rally.task.results import head
from tests.fuzz import seeds
from tests.unit import test


@scenario.configure(name="EngineTest.signal")
class SignalScenario(scenario.Scenario):
    """Presses Ctrl-C in iteration 3."""

    def run(self):
        if self.context["iteration"] == 3:
            os.kill(os.getpid(), signal.SIGINT)
        self.sleep_between(0.02)


@scenario.configure(name="EngineTest.ask_for_abort")
class AskForAbort(scenario.Scenario):
    """Asks for an end of its own task in iteration 2."""

    def run(self, soft=False):
        if self.context["iteration"] == 2:
            objects.Task.get(self.context["task"]["uuid"]).abort(soft=soft)
        self.sleep_between(0.05)


@runner.configure(name="engine_test_cannot_abort")
class CannotAbort(constant.ConstantScenarioRunner):
    """A runner with a mistake where it matters."""

    def abort(self):
        raise ValueError("a mistake of the plugin")


@sla.configure(name="engine_test_raises")
class RaisingSLA(sla.SLA):
    """Cannot judge."""

    CONFIG_SCHEMA = {"type": "integer"}

    def add_iteration(self, iteration):
        raise ValueError("cannot judge this")

    def merge(self, other):
        return True

    def details(self):
        return "?"


@sla.configure(name="engine_test_breaks")
class BreakingSLA(sla.SLA):
    """Raises in the method that it is told."""

    CONFIG_SCHEMA = {"enum": ["merge", "details", "leave"]}

    def add_iteration(self, iteration):
        return True

    def merge(self, other):
        if self.criterion_value == "merge":
            raise RuntimeError("a mistake")
        if self.criterion_value == "leave":
            raise SystemExit(3)
        return True

    def details(self):
        if self.criterion_value == "details":
            raise RuntimeError("a mistake")
        return "?"


class Shared:
    """Something that the runners of a task share; notes its life."""

    events: t.ClassVar[list[t.Any]] = []

    def __enter__(self):
        self.events.append("made")
        return self

    def __exit__(self, *exc_info):
        self.events.append("closed")


@runner.configure(name="engine_test_sharing")
class Sharing(serial.SerialScenarioRunner):
    """Shares something with the other runners of its task."""

    def get_ready(self, name, context):
        Shared.events.append("%s with %s" % (name, list(context["config"])))

    def run(self, name, context, args):
        self.scope.share("engine_test_sharing", Shared)
        super().run(name, context, args)


@runner.configure(name="engine_test_short")
class Short(serial.SerialScenarioRunner):
    """Makes less of the load than was asked for."""

    def run(self, name, context, args):
        super().run(name, context, args)
        self.shortfalls = ["half of it was missing"]


@hook.configure(name="engine_test_endless")
class Endless(hook.HookAction):
    """Asks for an end of its task, and never ends itself."""

    CONFIG_SCHEMA = {"type": "object"}
    to_set: t.ClassVar[list[threading.Event]] = []

    def run(self):
        end = threading.Event()
        self.to_set.append(end)
        if "signal" in self.config:
            os.kill(os.getpid(), self.config["signal"])
            if "second" in self.config:
                end.wait(1)  # the load ends, and the task waits for this
                os.kill(os.getpid(), self.config["second"])
        else:
            objects.Task.get(self.task["uuid"]).abort()
        end.wait(60)


@hook.configure(name="engine_test_raising")
class Raising(hook.HookTrigger):
    """Raises at the first second."""

    CONFIG_SCHEMA = {"type": "object"}

    def get_listening_event(self):
        return "time"

    def on_event(self, event_type, value=None):
        raise ValueError("bad trigger")


class Listener:
    def __init__(self):
        self.seen = []

    def on_progress(self, progress):
        self.seen.append(progress)


class EngineTestCase(test.DBTestCase):
    def setUp(self):
        super().setUp()
        plugins.load()
        self.env = env_mgr.EnvManager.create("env", {})

    def run_task(self, *workloads, listener=None, abort_on_sla=False):
        """Run *workloads*; the task as stored."""
        config = task_cfg.TaskConfig({
            "version": 2, "title": "a task",
            "subtasks": [
                {"title": "subtask", **workload} for workload in workloads
            ],
        })
        task = objects.Task(env_uuid=self.env.uuid, title="a task")
        self.uuid = task["uuid"]
        runs = engine.TaskEngine(
            config, task, self.env, abort_on_sla, listener
        )
        runs.validate()
        runs.run()
        return db.task_get(self.uuid, detailed=True)

    def workloads(self, task):
        return [w for s in task["subtasks"] for w in s["workloads"]]

    def criteria(self, workload):
        return {
            result["criterion"]: result["success"]
            for result in workload["sla_results"]["sla"]
        }


class RunTestCase(EngineTestCase):
    def test_results_statistics_and_verdict_agree(self):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"constant": {"times": 30, "concurrency": 3}},
        })

        (workload,) = self.workloads(task)
        self.assertEqual(consts.TaskStatus.FINISHED, task["status"])
        self.assertEqual(30, workload["total_iteration_count"])
        self.assertEqual(30, len(workload["data"]))
        total = workload["statistics"]["durations"]["total"]["data"]
        self.assertEqual(30, total["iteration_count"])
        self.assertEqual({"failure_rate": True}, self.criteria(workload))
        stamps = [row["timestamp"] for row in workload["data"]]
        self.assertEqual(sorted(stamps), stamps)
        info = workload["load_info"]
        self.assertEqual((30, 30, []),
                         (info["asked"], info["stored"], info["lost"]))
        self.assertEqual(0, info["counters"]["duplicated"])
        self.assertGreater(info["generator"]["cpu_share"], 0)
        self.assertIn(info["generator_limited"], ([], ["local"]))

    def test_subtasks_run_one_after_another(self):
        one = {"scenario": {"Dummy.dummy": {}},
               "runner": {"serial": {"times": 2}}}
        task = self.run_task(one, one, one)

        self.assertEqual(
            [2, 2, 2],
            [w["total_iteration_count"] for w in self.workloads(task)],
        )

    def test_whoever_watches_sees_the_end(self):
        listener = Listener()
        self.run_task(
            {"scenario": {"Dummy.dummy": {}},
             "runner": {"serial": {"times": 5}}},
            listener=listener,
        )

        last = listener.seen[-1]
        self.assertEqual(("done", 5, 5), (last.phase, last.done, last.asked))

    def test_a_failing_context_is_shown_as_what_it_is(self):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"serial": {"times": 5}},
            "contexts": {"dummy_context": {"fail_setup": True}},
        })

        (workload,) = self.workloads(task)
        self.assertEqual(0, workload["total_iteration_count"])
        self.assertIs(False, self.criteria(workload)["something_went_wrong"])
        self.assertFalse(task["pass_sla"])

    def test_a_load_that_fell_short_has_not_passed(self):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"engine_test_short": {"times": 3}},
        })
        [workload] = self.workloads(task)

        self.assertFalse(workload["pass_sla"])
        self.assertIn(
            "half of it was missing",
            workload["sla_results"]["sla"][-1]["detail"],
        )
        self.assertEqual(
            ["half of it was missing"], workload["load_info"]["shortfalls"]
        )

    def test_an_sla_that_raises_fails_the_workload_loudly(self):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"serial": {"times": 5}},
            "sla": {"engine_test_raises": 1},
        })

        (workload,) = self.workloads(task)
        failed = [
            result["detail"] for result in workload["sla_results"]["sla"]
            if result["criterion"] == "something_went_wrong"
        ]
        self.assertIn("cannot judge this", failed[0])
        self.assertFalse(task["pass_sla"])


class SharingTestCase(EngineTestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(Shared.events.clear)

    def workload(self, scenario_name="Dummy.dummy", **more):
        return {
            "scenario": {scenario_name: {}},
            "runner": {"engine_test_sharing": {"times": 300}},
            **more,
        }

    def test_runners_share_things_as_long_as_the_task_runs(self):
        self.run_task(self.workload(), self.workload())
        self.assertEqual(
            ["Dummy.dummy with []", "made", "Dummy.dummy with []", "closed"],
            Shared.events,
        )

    def test_a_runner_may_get_ready_before_contexts_are_set_up(self):
        self.run_task(
            self.workload(contexts={"dummy_context": {"fail_setup": True}})
        )
        self.assertEqual(
            ["Dummy.dummy with ['dummy_context@default']"], Shared.events
        )

    def test_they_are_closed_when_the_task_is_stopped(self):
        self.run_task(self.workload("EngineTest.signal"), self.workload())
        self.assertEqual(["made", "closed"], Shared.events[1:])

    def test_they_are_closed_when_the_task_crashes(self):
        with contextlib.suppress(KeyboardInterrupt), mock.patch.object(
            Sharing, "_run_scenario", side_effect=KeyboardInterrupt
        ):
            self.run_task(self.workload(), self.workload())
        self.assertEqual(["made", "closed"], Shared.events[1:])


class StopTestCase(EngineTestCase):
    def test_an_sla_failure_stops_this_and_later_workloads(self):
        task = self.run_task(
            {"scenario": {"Dummy.dummy_exception": {"sleep": 0.01}},
             "runner": {"constant": {"times": 2000, "concurrency": 2}},
             "sla": {"failure_rate": {"max": 0}}},
            {"scenario": {"Dummy.dummy": {}},
             "runner": {"serial": {"times": 1}}},
            abort_on_sla=True,
        )

        (workload,) = self.workloads(task)
        self.assertLess(workload["total_iteration_count"], 2000)
        self.assertIs(False, self.criteria(workload)["aborted_on_sla"])
        self.assertEqual(consts.TaskStatus.ABORTED, task["status"])
        self.assertIsNotNone(workload["load_info"]["stop_latency_s"])

    def test_a_runner_that_fails_to_abort_is_stopped_all_the_same(self):
        # an error of the plugin is an error of the workload
        task = self.run_task(
            {"scenario": {"Dummy.dummy_exception": {"sleep": 0.01}},
             "runner": {"engine_test_cannot_abort": {
                 "times": 20000, "concurrency": 2}},
             "sla": {"failure_rate": {"max": 0}}},
            abort_on_sla=True,
        )

        (workload,) = self.workloads(task)
        self.assertLess(workload["total_iteration_count"], 20000)
        [details] = [
            result["detail"] for result in workload["sla_results"]["sla"]
            if result["criterion"] == "something_went_wrong"
        ]
        self.assertIn("a mistake of the plugin", details)

    def test_an_abort_stops_the_load_before_it_is_called_aborted(self):
        task = self.run_task({
            "scenario": {"EngineTest.ask_for_abort": {}},
            "runner": {"serial": {"times": 400}},
        })

        (workload,) = self.workloads(task)
        self.assertLess(workload["total_iteration_count"], 400)
        self.assertIs(False, self.criteria(workload)["aborted_manually"])
        self.assertEqual(consts.TaskStatus.ABORTED, task["status"])
        self.assertEqual(
            workload["total_iteration_count"], len(workload["data"])
        )

    def test_a_soft_abort_lets_the_last_workload_end(self):
        task = self.run_task({
            "scenario": {"EngineTest.ask_for_abort": {"soft": True}},
            "runner": {"serial": {"times": 6}},
        })

        (workload,) = self.workloads(task)
        self.assertEqual(6, workload["total_iteration_count"])
        self.assertEqual(consts.TaskStatus.ABORTED, task["status"])

    def test_ctrl_c_ends_the_task_in_order(self):
        before = signal.getsignal(signal.SIGINT)
        task = self.run_task({
            "scenario": {"EngineTest.signal": {}},
            "runner": {"serial": {"times": 500}},
        })

        (workload,) = self.workloads(task)
        self.assertLess(workload["total_iteration_count"], 500)
        self.assertEqual(consts.TaskStatus.ABORTED, task["status"])
        self.assertEqual(before, signal.getsignal(signal.SIGINT))

    def test_no_thread_outlives_the_run(self):
        before = set(threading.enumerate())
        self.run_task({"scenario": {"Dummy.dummy": {}},
                       "runner": {"serial": {"times": 2}}})

        self.assertEqual(before, set(threading.enumerate()))


class ValidationTestCase(EngineTestCase):
    def check_refused(self, workload, *texts):
        error = self.assertRaises(
            exceptions.InvalidTaskConfig, self.run_task, workload
        )
        for text in texts:
            self.assertIn(text, str(error))
        stored = objects.Task.get(self.uuid)
        self.assertEqual(consts.TaskStatus.CRASHED, stored["status"])
        result = stored["validation_result"]
        self.assertEqual("InvalidTaskConfig", result["etype"])
        self.assertIn("Traceback", json.loads(result["trace"]))

    def test_an_unknown_scenario_is_named(self):
        self.check_refused({"scenario": {"Dummy.dumy": {}}}, "Dummy.dumy")

    def test_all_that_is_wrong_is_named_at_once(self):
        self.check_refused(
            {
                "scenario": {"Dummy.dumy": {}},
                "runner": {"distributed": {
                    "runner": {"serial": {}}, "local_agents": 1,
                }},
                "contexts": {"dummy_contxt": {}},
                "sla": {"failure_rat": {}},
            },
            "Scenario plugin named 'Dummy.dumy'",
            "Context plugin named 'dummy_contxt'",
            "SLA plugin named 'failure_rat'",
        )

    def test_an_unknown_argument_is_named_with_its_position(self):
        self.check_refused(
            {"scenario": {"Dummy.failure": {"slep": 1}}}, "slep",
            "position 0",
        )

    def test_all_plugins_of_a_workload_are_checked(self):
        for part, text in (
            ({"runner": {"constant": {"times": "x"}}}, "'x'"),
            ({"runner": {"nope": {}}}, "nope"),
            ({"sla": {"nope": 1}}, "nope"),
            ({"contexts": {"nope": 1}}, "nope"),
            ({"runner": {"constant": {"times": 1, "concurrency": 2}}},
             "concurrency"),
            ({"hooks": [{"action": {"nope": 1},
                         "trigger": {"event": {"unit": "time",
                                               "at": [1]}}}]}, "nope"),
        ):
            self.check_refused(
                {"scenario": {"Dummy.dummy": {}}, **part}, text
            )


@runner.configure(name="engine_test_appending")
class Appending(runner.ScenarioRunner):
    """As plugins of Rally 5.1 may: it appends lists of results itself."""

    CONFIG_SCHEMA = {"type": "object"}

    def _run_scenario(self, cls, method_name, context, args):
        for batch in self.config["batches"]:
            # no task file can hold numbers that are none
            batch = [float(x) if x in ("nan", "inf", "-inf") else x
                     for x in batch]
            self.result_queue.append([
                {
                    "timestamp": 1700000000.0 + i, "duration": duration,
                    "idle_duration": 0.0,
                    "error": ["E", "m", "t"] if duration == 2.5 else [],
                    "output": {"additive": [], "complete": []},
                    "atomic_actions": [],
                }
                if isinstance(duration, float) else duration
                for i, duration in enumerate(batch)
            ])


class PluginsQueueTestCase(EngineTestCase):
    """Results that a runner plugin puts into ``result_queue`` itself."""

    def run_batches(self, *batches, sla=None):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"engine_test_appending": {"batches": batches}},
            "sla": sla or {},
        })
        return self.workloads(task)[0]

    def test_they_are_counted_judged_and_stored(self):
        workload = self.run_batches(
            [1.0, 1.5], [2.5], sla={"failure_rate": {"max": 50}}
        )

        self.assertEqual(
            (3, 1, True),
            (workload["total_iteration_count"],
             workload["failed_iteration_count"], workload["pass_sla"]),
        )
        self.assertEqual(3, len(workload["data"]))
        self.assertEqual(
            {"failure_rate"}, set(self.criteria(workload))
        )

    def test_a_criterion_that_they_break_fails(self):
        workload = self.run_batches(
            [1.0], [2.5], sla={"failure_rate": {"max": 0}}
        )

        self.assertFalse(workload["pass_sla"])

    def test_what_is_no_result_is_refused_alone(self):
        bad = [
            "nan", "inf", "-inf", -1.0, 1e300, "text", None, {},
            {"duration": 1.0},
        ]
        workload = self.run_batches([1.0, *bad, 1.5], [2.0])

        self.assertEqual(3, workload["total_iteration_count"])
        self.assertEqual(
            [1.0, 1.5, 2.0],
            sorted(row["duration"] for row in workload["data"]),
        )
        info = workload["load_info"]
        self.assertEqual(len(bad), info["counters"]["dropped"])
        self.assertEqual(
            1, len([p for p in info["problems"] if "dropped" in p])
        )
        self.assertTrue(workload["pass_sla"])

    def test_nothing_but_bad_ones_is_nothing(self):
        workload = self.run_batches(["nan"])

        self.assertFalse(workload["pass_sla"])
        self.assertEqual(1, workload["load_info"]["counters"]["dropped"])



@scenario.configure(name="EngineTest.huge_error")
class HugeError(scenario.Scenario):
    """Fails with megabytes, which no compression makes smaller."""

    def run(self, megabytes):
        raise ValueError(os.urandom(megabytes << 19).hex())


class LargeRowsTestCase(EngineTestCase):
    """Errors of megabytes; each is in the message and in the traceback."""

    def load(self, megabytes, runner_name):
        times = {"times": 4}
        if runner_name == "constant":
            times["concurrency"] = 2
        task = self.run_task({
            "scenario": {"EngineTest.huge_error": {"megabytes": megabytes}},
            "runner": {runner_name: times},
        })
        [workload] = self.workloads(task)
        with contextlib.closing(sqlite3.connect(self.db_path)) as other:
            sizes = other.execute(
                "SELECT iteration_count, length(payload) FROM workloaddata"
            ).fetchall()
        return workload, sizes

    def test_a_chunk_is_cut_by_bytes(self):
        for runner_name in ("constant", "serial"):
            workload, sizes = self.load(1, runner_name)

            self.assertEqual(4, workload["total_iteration_count"])
            self.assertEqual(4, workload["failed_iteration_count"])
            self.assertGreater(len(sizes), 1)
            self.assertLess(max(size for _, size in sizes), 4 << 20)
            self.assertEqual(
                0, workload["load_info"]["counters"]["cut_rows"]
            )
            self.assertEqual(1 << 20, len(workload["data"][0]["error"][1]))

    def test_a_row_that_is_too_large_alone_is_cut_and_counted(self):
        for runner_name in ("constant", "serial"):
            workload, sizes = self.load(12, runner_name)

            self.assertEqual(4, workload["total_iteration_count"])
            self.assertEqual(
                4, workload["load_info"]["counters"]["cut_rows"]
            )
            self.assertLess(max(size for _, size in sizes), 16 << 20)
            message = workload["data"][0]["error"][1]
            self.assertIn("[cut by Rally: ", message)
            self.assertLessEqual(len(message), 2 << 20)


@runner.configure(name="engine_test_delivering")
class Delivering(runner.ScenarioRunner):
    """Hands over chunks of an agent, of which some are damaged."""

    CONFIG_SCHEMA = {"type": "object"}
    said: t.ClassVar[list[t.Any]] = []

    def _run_scenario(self, cls, method_name, context, args):
        good = seeds.rows(9).packed()
        lie = msgspec.structs.replace(good.head, count=8)
        for sequence, chunk in enumerate((
            good, head.PackedChunk(good.head, b"rows"),
            head.PackedChunk(lie, good.payload), good,
        )):
            self.result_queue.append(
                head.DeliveredChunk("a1", sequence, 5, chunk)
            )

    def chunk_stored(self, stored):
        self.said.append((stored.sequence, "stored"))

    def chunk_refused(self, chunk, reason):
        self.said.append((chunk.sequence, reason))


class DeliveredChunksTestCase(EngineTestCase):
    def test_they_are_checked_before_they_are_stored(self):
        Delivering.said.clear()

        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"engine_test_delivering": {}},
        })

        told = dict(Delivering.said)
        self.assertEqual("stored", told[0])
        self.assertEqual("stored", told[3])
        self.assertIn("cannot be read", told[1])
        self.assertIn("it is not what its head says", told[2])
        self.assertEqual(18, len(self.workloads(task)[0]["data"]))


class DatabaseInTroubleTestCase(EngineTestCase):
    """A local run, while the database cannot be used."""

    def setUp(self):
        super().setUp()
        self.set("raw_result_chunk_size", 10)

    def set(self, option, value):
        cfg.CONF.set_override(option, value)
        self.addCleanup(cfg.CONF.clear_override, option)

    def stored_chunks(self):
        with contextlib.closing(sqlite3.connect(self.db_path)) as other:
            found = other.execute("SELECT count(*) FROM workloaddata")
            return found.fetchone()[0]

    def lock(self, seconds):
        """Lock the database when the load has begun, for so long."""
        class Locker(Listener):
            def on_progress(this, progress):
                super().on_progress(progress)
                if not self.other and self.stored_chunks():
                    self.other = sqlite3.connect(
                        self.db_path, isolation_level=None,
                        check_same_thread=False, timeout=30,
                    )
                    self.other.execute("BEGIN EXCLUSIVE")
                    self.locked_at = time.monotonic()
                    self.timer.start()

        def release():
            self.other.execute("ROLLBACK")
            self.other.close()

        self.other = None
        self.timer = threading.Timer(seconds, release)
        self.addCleanup(self.timer.join)
        return Locker()

    def test_the_run_goes_on_and_counts_what_it_did_again(self):
        listener = self.lock(3)

        task = self.run_task(
            {
                "scenario": {"Dummy.dummy": {"sleep": 0.01}},
                "runner": {"constant": {"times": 600, "concurrency": 4}},
            },
            listener=listener,
        )

        (workload,) = self.workloads(task)
        self.assertEqual(consts.TaskStatus.FINISHED, task["status"])
        self.assertEqual(600, len(workload["data"]))
        info = workload["load_info"]
        self.assertGreater(info["counters"]["database_retries"], 0)
        said = [p for p in info["problems"] if "the database can" in p]
        self.assertIn("cannot be used (database is locked)", said[0])
        self.assertIn("can be used again", said[-1])
        self.assertIn(said[0], listener.seen[-1].problems)

    def test_nothing_is_counted_where_nothing_happened(self):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"constant": {"times": 3, "concurrency": 1}},
        })

        (workload,) = self.workloads(task)
        counters = workload["load_info"]["counters"]
        self.assertEqual(0, counters["database_retries"])

    def test_it_ends_with_what_to_do_if_that_lasts(self):
        self.set("database_patience", 1.0)
        listener = self.lock(8)

        error = self.assertRaises(
            retrying.DatabaseLost, self.run_task,
            {
                "scenario": {"Dummy.dummy": {"sleep": 0.01}},
                "runner": {"constant_for_duration": {
                    "duration": 300, "concurrency": 4,
                }},
            },
            listener=listener,
        )

        self.assertLess(time.monotonic() - self.locked_at, 30)
        self.assertIn("rally task recover %s" % self.uuid, str(error))
        self.timer.join()
        task = db.task_get(self.uuid, detailed=True)
        (workload,) = self.workloads(task)
        self.assertGreater(len(workload["data"]), 0)


class CleanupTestCase(EngineTestCase):
    """A clean-up that failed is not over with the task."""

    def run_with(self, **config):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "contexts": {"dummy_context": config},
            "runner": {"constant": {"times": 1, "concurrency": 1}},
        })
        (workload,) = self.workloads(task)
        self.kept = list(self.home.glob(".rally/contexts/*"))
        return workload

    def test_what_it_needs_is_kept_and_the_user_told(self):
        workload = self.run_with(fail_cleanup=True)

        (problem,) = workload["load_info"]["problems"]
        self.assertIn("clean-up of dummy_context@default failed", problem)
        self.assertIn("rally task recover %s" % self.uuid, problem)
        self.assertEqual([workload["uuid"]], [p.name for p in self.kept])
        self.assertTrue(leftovers.is_left(workload))

    def test_also_if_the_set_up_failed_before(self):
        workload = self.run_with(fail_setup=True, fail_cleanup=True)

        self.assertIn("rally task recover",
                      " ".join(workload["load_info"]["problems"]))
        self.assertEqual(1, len(self.kept))

    def test_after_one_that_succeeded_nothing_is_kept(self):
        workload = self.run_with()

        self.assertEqual([], workload["load_info"]["problems"])
        self.assertEqual([], self.kept)
        self.assertFalse(leftovers.is_left(workload))


@context.configure(name="engine_test_shapes", order=1)
class ShapesContext(context.Context):
    """Keeps what it was given."""

    seen: t.ClassVar[list[t.Any]] = []

    def setup(self):
        self.seen.append(self.env["platforms"])

    def cleanup(self):
        self.seen.append(self.env["platforms"])


@validation.add("required_platform", platform="shapes")
@validation.configure(name="engine_test_shapes")
class ShapesValidator(validation.Validator):
    """Keeps what it was given."""

    seen: t.ClassVar[list[t.Any]] = []

    def validate(self, context, config, plugin_cls, plugin_cfg):
        if context:
            self.seen.append(context["platforms"])


@validation.add("engine_test_shapes")
@validation.add("required_platform", platform="shapes", admin=True)
@scenario.configure(name="EngineTest.shapes")
class ShapesScenario(scenario.Scenario):
    """Fails unless the environment has the shape that plugins read."""

    def run(self):
        assert self.context["env"]["platforms"] == SHAPES


@platform.configure(name="existing", platform="shapes")
class ShapesPlatform(platform.Platform):
    """A platform that scenarios in the field know."""

    CONFIG_SCHEMA: t.ClassVar[t.Any] = {"type": "object"}

    def create(self):
        return dict(self.spec), {"secret": "of the plugin"}

    def destroy(self):
        pass

    def check_health(self):
        return {"available": True}

    def _get_validation_context(self):
        return {"engine_test_shapes": None}


SHAPES = {"shapes": {"admin": {"username": "root"}, "users": []}}


@context.configure(name="engine_test_signal", order=2)
class SignalContext(context.Context):
    """Is told to end while it is set up."""

    def setup(self):
        os.kill(os.getpid(), signal.SIGTERM)
        self.context["made"] = True

    def cleanup(self):
        ShapesContext.seen.append(self.context["made"])


@context.configure(name="engine_test_exit", order=2)
class ExitingContext(context.Context):
    """Ends the program, as if all had gone well."""

    def setup(self):
        raise SystemExit(0)

    def cleanup(self):
        """Nothing was made."""


class ExitingContextTestCase(EngineTestCase):
    def test_it_fails_its_workload_and_nothing_else(self):
        other = {"scenario": {"Dummy.dummy": {}},
                 "runner": {"serial": {"times": 2}}}
        task = self.run_task(
            {**other, "contexts": {"engine_test_exit": None}}, other
        )

        first, second = self.workloads(task)
        (failed,) = [each["detail"] for each in first["sla_results"]["sla"]
                     if not each["success"]]
        self.assertIn("SystemExit", failed)
        self.assertFalse(task["pass_sla"])
        self.assertEqual(2, second["total_iteration_count"])


@ddt.ddt
class BrokenCriterionTestCase(EngineTestCase):
    @ddt.data("merge", "details", "leave")
    def test_a_criterion_that_cannot_be_judged_has_failed(self, how):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"constant": {"times": 30, "concurrency": 2}},
            "sla": {"engine_test_breaks": how, "failure_rate": {"max": 0}},
        })

        (workload,) = self.workloads(task)
        self.assertFalse(task["pass_sla"])
        (failed,) = [each["detail"] for each in workload["sla_results"]["sla"]
                     if not each["success"]]
        self.assertIn("engine_test_breaks cannot be judged", failed)
        # what was done before it was noticed is all there
        done = workload["total_iteration_count"]
        self.assertEqual(done, len(workload["data"]))
        self.assertEqual(done, workload["load_info"]["stored"])


FIRST = {"event": {"unit": "iteration", "at": [1]}}


@ddt.ddt
class HooksTestCase(EngineTestCase):
    def tearDown(self):
        super().tearDown()
        while Endless.to_set:
            Endless.to_set.pop().set()

    @ddt.data({}, {"signal": signal.SIGINT})
    def test_an_abort_gives_up_on_what_never_ends(self, asks):
        with mock.patch.object(consumer, "HOOKS_GRACE_S", 0.2):
            task = self.run_task({
                "scenario": {"Dummy.dummy": {}},
                "runner": {"serial": {"times": 2}},
                "hooks": [{"action": {"engine_test_endless": asks},
                           "trigger": FIRST}],
            })

        (workload,) = self.workloads(task)
        self.assertEqual(consts.TaskStatus.ABORTED, task["status"])
        (found,) = workload["hooks"]
        self.assertEqual({"failed": 1}, found["summary"])
        self.assertEqual("HookGivenUp", found["results"][0]["error"]["etype"])

    def test_so_does_a_second_signal_at_once(self):
        with mock.patch.object(
            Endless, "give_up", autospec=True,
            side_effect=hook.HookAction.give_up,
        ) as given_up:
            self.assertRaises(KeyboardInterrupt, self.run_task, {
                "scenario": {"Dummy.dummy": {}},
                "runner": {"serial": {"times": 2}},
                "hooks": [{"action": {"engine_test_endless": {
                    "signal": signal.SIGINT, "second": signal.SIGTERM,
                }}, "trigger": FIRST}],
            })

        self.assertEqual(1, given_up.call_count)

    def test_a_trigger_that_raises_at_a_second_fails_its_workload(self):
        task = self.run_task({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"serial": {"times": 5}},
            "hooks": [{"action": {"engine_test_endless": {}},
                       "trigger": {"engine_test_raising": {}}}],
        })

        (workload,) = self.workloads(task)
        self.assertEqual(5, workload["total_iteration_count"])
        self.assertIs(False, self.criteria(workload)["something_went_wrong"])
        self.assertFalse(task["pass_sla"])


class SignalInValidationTestCase(EngineTestCase):
    def test_what_was_set_up_for_the_checks_is_cleaned_up(self):
        ShapesContext.seen.clear()
        before = signal.getsignal(signal.SIGTERM)
        self.env = env_mgr.EnvManager.create("shaped", SHAPES)
        self.patch_validation_context({"engine_test_signal": None})

        self.assertRaises(
            KeyboardInterrupt, self.run_task,
            {"scenario": {"EngineTest.shapes": {}},
             "runner": {"serial": {"times": 1}}},
        )

        self.assertEqual([True], ShapesContext.seen)
        self.assertEqual(before, signal.getsignal(signal.SIGTERM))

    def test_a_clean_up_of_it_that_failed_is_told(self):
        self.env = env_mgr.EnvManager.create("shaped", SHAPES)
        self.patch_validation_context({"dummy_context": {
            "fail_cleanup": True,
        }})
        with self.assertLogs("rally.task.engine", "WARNING") as logs:
            task = self.run_task({
                "scenario": {"EngineTest.shapes": {}},
                "runner": {"serial": {"times": 1}},
            })

        said = " ".join(logs.output)
        self.assertEqual(consts.TaskStatus.FINISHED, task["status"])
        self.assertIn("clean-up of dummy_context@default failed", said)
        self.assertIn("for the validation", said)
        self.assertIn("rally task recover %s" % self.uuid, said)

    def patch_validation_context(self, wanted):
        patched = mock.patch.object(
            ShapesPlatform, "_get_validation_context", lambda self: wanted
        )
        patched.start()
        self.addCleanup(patched.stop)


class ShapeTestCase(EngineTestCase):
    def test_plugins_see_the_data_of_platforms_and_nothing_else(self):
        ShapesContext.seen.clear()
        ShapesValidator.seen.clear()
        self.env = env_mgr.EnvManager.create("shaped", SHAPES)

        task = self.run_task({
            "scenario": {"EngineTest.shapes": {}},
            "contexts": {"engine_test_shapes": None},
            "runner": {"serial": {"times": 1}},
        })

        (workload,) = self.workloads(task)
        self.assertEqual([], [row["error"] for row in workload["data"]
                              if row["error"]])
        # around validation and around the load, set-up and clean-up each
        self.assertEqual(4 * [SHAPES], ShapesContext.seen)
        self.assertNotEqual([], ShapesValidator.seen)
        for seen in ShapesValidator.seen:
            self.assertEqual(SHAPES, seen)
