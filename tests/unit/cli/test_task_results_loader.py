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

"""Tests of loading results from files."""

from __future__ import annotations

import io
import json
import os
import tempfile

import ddt

from rally.cli import task_results_loader as loader
from rally.plugins.common.exporters import (
    json_exporter,
    junit,
    old_json_results,
)
from rally.task.processing import plot, records, workloadpage
from rally.task.results import ordered
from tests.unit import test
from tests.unit.task.processing import fakes

#: not even None
ABSENT = object()


def old_result(**more):
    result = {
        "key": {
            "name": "Foo.bar", "pos": 1,
            "kw": {"runner": {"type": "rps", "rps": 2}, "args": {"a": 1}},
        },
        "sla": [{"criterion": "x", "success": False, "detail": "no"}],
        "result": [],
        "load_duration": 2.0,
        "full_duration": 3.0,
    }
    return {**result, **more}


def old_row(timestamp, **more):
    row = {
        "timestamp": timestamp, "duration": 1.0, "idle_duration": 0.1,
        "error": [], "atomic_actions": {"a": 0.25, "a (2)": 0.5},
    }
    return {**row, **more}


def changes(value):
    """*value* with each of its parts left out, or replaced."""
    parts = (
        list(value.items()) if isinstance(value, dict)
        else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, part in parts:
        for other in (None, "x", {}, ABSENT):
            copy = value.copy()
            if other is ABSENT:
                copy.pop(key)
            else:
                copy[key] = other
            yield copy
        for changed in changes(part):
            copy = value.copy()
            copy[key] = changed
            yield copy


@ddt.ddt
class LoadTestCase(test.TestCase):
    def load(self, content):
        handle, path = tempfile.mkstemp()
        self.addCleanup(os.unlink, path)
        with open(handle, "w") as stream:
            stream.write(
                content if isinstance(content, str) else json.dumps(content)
            )
        return loader.load(path)

    def load_old(self, **more):
        [task] = self.load([old_result(**more)])
        return task["subtasks"][0]["workloads"][0]

    def report_of(self, exporter_cls, *tasks):
        stream = io.StringIO()
        exporter_cls(tasks, None).write(stream)
        return stream.getvalue()

    @ddt.data(
        ("xx", "is not JSON"),
        ("{}", "neither a JSON report"),
        ("5", "neither a JSON report"),
        ('{"tasks": 1}', "neither a JSON report"),
        ('{"tasks": [{}]}', "'subtasks' is a required property"),
        ("[1]", "1 is not of type 'object'"),
        ('[{"key": {}}]', "is a required property"),
    )
    @ddt.unpack
    def test_refuses_what_holds_no_results(self, content, message):
        error = self.assertRaises(
            loader.FailedToLoadResults, self.load, content
        )
        self.assertIn(message, str(error))
        self.assertEqual(225, error.error_code)

    def report(self, **more):
        """A JSON report of one workload."""
        row = fakes.statistics_row("a")
        workload = {
            "scenario": {"Foo.bar": {}}, "runner": {"serial": {}},
            "pass_sla": True, "sla_results": {}, "sla": {},
            "statistics": {"durations": {"total": row, "atomics": [row]}},
            "contexts": {}, "data": [fakes.iteration(0)], "position": 0,
            "full_duration": 1.0, "load_duration": 1.0,
            "total_iteration_count": 1, "failed_iteration_count": 0,
        }
        return {"tasks": [{"subtasks": [{"workloads": [
            {**workload, **more}
        ]}]}]}

    @ddt.data(
        ({"runner": {}}, "runner: {} "),
        ({"hooks": [{"config": {"action": {}, "trigger": {"t": 1}},
                     "results": [], "summary": {}}]}, "config/action: "),
        ({"hooks": [{"config": {"action": ["a"], "trigger": {"t": 1}},
                     "results": [], "summary": {}}]}, "config/action: "),
        ({"hooks": [{"config": {}, "results": [], "summary": {}}]},
         "'action' is a required"),
        ({"sla_results": {"sla": [{"criterion": "c"}]}}, "is a required"),
        ({"statistics": {"durations": {"atomics": [{}]}}}, "is a required"),
        ({"load_info": {"percentiles": []}}, "percentiles: "),
        ({"data": [fakes.iteration(0), 5]}, "Iteration 2 of a workload"),
        ({"data": [{}]}, "KeyError: 'timestamp'"),
        ({"data": [{**fakes.iteration(0), "duration": "5"}]},
         "should be of type float"),
        ({"data": [fakes.iteration(0, 1e300)]}, "iterations 1 to 1"),
        ({"data": [fakes.iteration(0, output={"additive": [{}],
                                              "complete": []})]},
         "additive output lacks the key"),
        ({"data": {}}, "is not of type 'array'"),
    )
    @ddt.unpack
    def test_says_what_of_a_report_is_wrong(self, more, message):
        error = self.assertRaises(
            loader.FailedToLoadResults, self.load, self.report(**more)
        )
        self.assertIn(message, str(error))

    @ddt.data(
        ({"hooks": [{}]}, "'config' is a required"),
        ({"hooks": [{"config": {"name": "a", "args": 1}}]}, "'trigger' is a"),
        ({"sla": [{}]}, "is a required"),
        ({"result": [old_row(1.0, atomic_actions=5)]}, "Iteration 1 of"),
        ({"key": {"name": "a", "pos": 1, "kw": {"runner": "x"}}}, "runner: "),
    )
    @ddt.unpack
    def test_says_what_of_old_results_is_wrong(self, more, message):
        error = self.assertRaises(
            loader.FailedToLoadResults, self.load, [old_result(**more)]
        )
        self.assertIn(message, str(error))

    def test_takes_whole_numbers_of_seconds(self):
        row = {**fakes.iteration(0), "duration": 1, "timestamp": 5}
        [task] = self.load(self.report(data=[row]))
        [read] = task["subtasks"][0]["workloads"][0]["data"]
        self.assertEqual((1.0, 5.0), (read["duration"], read["timestamp"]))

    def test_takes_numbers_of_any_length(self):
        [task] = self.load(self.report(scenario={"Foo.bar": {"n": 2**70}}))
        [workload] = task["subtasks"][0]["workloads"]
        self.assertEqual({"n": 2**70}, workload["args"])
        self.assertEqual([fakes.iteration(0)], list(workload["data"]))

    def test_rows_wait_outside_of_memory_in_the_order_of_time(self):
        rows = [fakes.iteration(i * 7 % 2500) for i in range(2500)]
        [task] = self.load(self.report(data=rows))
        data = task["subtasks"][0]["workloads"][0]["data"]
        self.assertIsInstance(data, ordered.ChunkedResults)
        self.assertEqual(
            [fakes.iteration(i) for i in range(2500)], list(data)
        )

    def test_files_that_are_wrong_anywhere_are_refused_or_can_be_shown(self):
        whole = self.report(
            hooks=[fakes.hook()], load_info=fakes.load_info()
        )
        for content in (whole, [old_result(
            result=[old_row(1.0)],
            hooks=[{"config": {"name": "h", "args": {}, "trigger": {
                "name": "t", "args": {}}}, "results": []}],
        )]):
            for changed in changes(content):
                try:
                    tasks = self.load(changed)
                except loader.FailedToLoadResults:
                    continue
                for task, _, workload in records.workloads_of(tasks):
                    workloadpage.workload_page(workload, 0, task)
                    plot.Trends().add_result("uuid", workload)
                for cls in (json_exporter.JSONExporter, junit.JUnitXMLExporter,
                            old_json_results.OldJSONExporter):
                    self.report_of(cls, *tasks)

    def test_refuses_a_missing_file(self):
        error = self.assertRaises(
            loader.FailedToLoadResults, loader.load, "/no/such/file"
        )
        self.assertIn("/no/such/file", str(error))

    def test_gives_back_what_the_json_exporter_wrote(self):
        failed_hook = fakes.hook(
            "failed", error={"etype": "E", "msg": "m", "details": "d"}
        )
        workload = fakes.workload(
            [fakes.iteration(0), fakes.failed(1)], hooks=[failed_hook]
        )
        [task] = self.load(
            self.report_of(json_exporter.JSONExporter, fakes.task(workload))
        )
        [loaded] = task["subtasks"][0]["workloads"]
        loaded["hooks"][0]["config"].pop("description")
        self.assertEqual(workload, {**loaded, "data": list(loaded["data"])})

    def test_gives_back_what_the_old_exporter_wrote(self):
        workload = fakes.workload(
            [fakes.iteration(0), fakes.iteration(1)], hooks=[fakes.hook()]
        )
        [task] = self.load(
            self.report_of(
                old_json_results.OldJSONExporter, fakes.task(workload)
            )
        )
        [loaded] = task["subtasks"][0]["workloads"]
        self.assertEqual("n/a", loaded["uuid"])
        for key in ("name", "args", "runner", "runner_type", "contexts",
                    "sla", "sla_results", "pass_sla", "start_time",
                    "total_iteration_count", "created_at"):
            self.assertEqual(workload[key], loaded[key], key)
        self.assertEqual(
            [row["timestamp"] for row in workload["data"]],
            [row["timestamp"] for row in loaded["data"]],
        )

    def test_computes_statistics_of_old_results_again(self):
        loaded = self.load_old(result=[old_row(5.0), old_row(3.0)])
        self.assertEqual([3.0, 5.0], [r["timestamp"] for r in loaded["data"]])
        self.assertEqual(3.0, loaded["start_time"])
        durations = loaded["statistics"]["durations"]
        self.assertEqual(1.1, durations["total"]["data"]["max"])
        self.assertEqual(
            ["a", "a (2)"], [row["name"] for row in durations["atomics"]]
        )
        self.assertFalse(loaded["pass_sla"])

    def test_puts_old_actions_one_after_another(self):
        [row] = self.load_old(result=[old_row(3.0)])["data"]
        self.assertEqual(
            [("a", 3.0, 3.25), ("a (2)", 3.25, 3.75)],
            [
                (each["name"], each["started_at"], each["finished_at"])
                for each in row["atomic_actions"]
            ],
        )

    def test_takes_an_old_action_without_duration_as_failed(self):
        row = old_row(3.0, error=["E", "m"], atomic_actions={"a": None})
        loaded = self.load_old(result=[row])
        self.assertEqual(1, loaded["failed_iteration_count"])
        self.assertTrue(loaded["data"][0]["atomic_actions"][0]["failed"])

    @ddt.data(
        # 2023-11-14 with day and month the right way and the wrong way
        ("2023-11-14T22:13:00", fakes.START, "2023-11-14T22:13:00"),
        ("2023-14-11T22:13:00", fakes.START, "2023-11-14T22:13:00"),
        # 2023-05-04: both readings are dates
        ("2023-04-05T00:00:00", 1_683_158_400.0, "2023-05-04T00:00:00"),
        ("2023-05-04T00:00:00", 1_683_158_400.0, "2023-05-04T00:00:00"),
        ("nonsense", 0.0, "1970-01-01T00:00:00"),
    )
    @ddt.unpack
    def test_reads_times_of_both_forms(self, text, timestamp, expected):
        loaded = self.load_old(
            created_at=text, result=[old_row(timestamp)]
        )
        self.assertEqual(expected, loaded["created_at"])

    def test_gives_what_pages_are_made_of(self):
        tasks = self.load([old_result(result=[old_row(3.0)])])
        self.assertIn("Foo.bar", plot.plot(tasks))
        self.assertIn("Foo.bar", plot.trends(tasks))

    def test_fills_in_what_a_report_may_leave_out(self):
        workload = {
            "scenario": {"Foo.bar": {}}, "runner": {"serial": {}},
            "pass_sla": True, "sla_results": {}, "sla": {},
            "statistics": {}, "contexts": {}, "data": [], "position": 0,
            "full_duration": 1.0, "load_duration": 1.0,
            "total_iteration_count": 0, "failed_iteration_count": 0,
        }
        tasks = self.load(
            {"tasks": [{"subtasks": [{"workloads": [workload]}]}]}
        )
        self.assertIn("Foo.bar", plot.plot(tasks))
        self.report_of(json_exporter.JSONExporter, *tasks)
