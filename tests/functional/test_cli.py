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

"""The commands that a user knows from Rally."""

from __future__ import annotations

import json
import re
import typing as t
import xml.etree.ElementTree as xml

from tests.functional import cluster
from tests.functional.cluster import task_of
from tests.functional.sandbox import ENV, Done, Sandbox

CONSTANT = {"constant": {"times": 10, "concurrency": 2}}


def table_in(out: str) -> list[dict[str, str]]:
    """Rows of the last ASCII table of an output."""
    lines = [
        [cell.strip() for cell in line.strip("| \n").split(" | ")]
        for line in out.splitlines() if line.startswith("|")
    ]
    head, *rows = [line for line in lines if len(line) > 1]  # no title
    return [dict(zip(head, row)) for row in rows]


class ProcessTestCase(cluster.TestCase):
    """What depends on the process itself."""

    def test_version_and_usage(self):
        done = self.rally("--version")
        self.assertEqual(0, done.code)
        self.assertRegex(done.out, r"^Rally version: \d+\.\d+")
        for words in ((), ("task",), ("task", "fly"), ("task", "--fly")):
            done = self.rally(*words)
            self.assertEqual(2, done.code, words)
            self.assertIn("Usage: rally", done.out + done.err)

    def test_a_task_from_standard_input(self):
        task = task_of(
            {"scenario": {"Dummy.dummy": {}}, "runner": CONSTANT}
        )
        done = self.rally("task", "start", "-", stdin=json.dumps(task))
        self.assertEqual(0, done.code, done.out)

    def test_the_identifiers_of_last_time_are_remembered(self):
        self.must("env", "create", "--name", "other")
        self.run_task(task_of(
            {"scenario": {"Dummy.dummy": {}}, "runner": CONSTANT}
        ))
        done = self.rally("task", "status", env={"RALLY_ENV": ""})
        self.assertEqual(0, done.code, done.out)
        self.assertIn("finished", done.out)

    def test_results_go_to_standard_output_and_logs_do_not(self):
        done = self.rally("env", "list", "--json")
        json.loads(done.out)


class DatabaseTestCase(cluster.PlainTestCase):
    def test_is_made_upgraded_and_shown(self):
        box = Sandbox(with_database=False)
        self.addCleanup(box.close)
        commands = [
            ("task", "list"), ("db", "create"), ("db", "revision"),
            ("db", "ensure"), ("db", "upgrade"), ("db", "show"),
            ("env", "list"), ("db", "recreate"), ("db", "create"),
        ]
        done = dict(zip(commands, box.rally_many(commands)))
        missing = done["task", "list"]
        self.assertEqual(2, missing.code)
        self.assertIn("rally db create", missing.out)
        self.assertRegex(done["db", "revision"].out, r"^[0-9a-f]{12}$")
        self.assertIn(box.db.name, done["db", "show"].out)
        for words in commands[2:-1]:
            self.assertEqual(0, done[words].code, done[words].out)


class EnvAndPluginTestCase(cluster.SharedTestCase):
    COMMANDS: t.ClassVar[dict[str, list[str]]] = {
        "create": ["env", "create", "--name", "a", "--no-use"],
        "create again": ["env", "create", "--name", "a", "--no-use"],
        "list": ["env", "list"],
        "list --json": ["env", "list", "--json"],
        "show": ["env", "show", "a"],
        "show --json": ["env", "show", "a", "--json"],
        "show --only-spec": ["env", "show", "a", "--only-spec"],
        "info": ["env", "info", "a"],
        "check": ["env", "check", "a"],
        "use": ["env", "use", "a"],
        "use unknown": ["env", "use", "nobody"],
        "cleanup": ["env", "cleanup", "a"],
        "destroy": ["env", "destroy", "a"],
        "start in destroyed": ["task", "start", "t.json", "--env", "a"],
        "delete": ["env", "delete", "a"],
        "list after": ["env", "list", "--json"],
        "plugins": ["plugin", "list"],
        "plugins like": ["plugin", "list", "dummy.dumm"],
        "plugins of": ["plugin", "list", "--plugin-base", "SLA"],
        "no plugins": ["plugin", "list", "no-such"],
        "show plugin": ["plugin", "show", "Dummy.dummy"],
        "show runner": ["plugin", "show", "distributed"],
        "show no plugin": ["plugin", "show", "no-such"],
    }
    done: t.ClassVar[dict[str, Done]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        task = home.sandbox.write("t.json", json.dumps(task_of(
            {"scenario": {"Dummy.dummy": {}}, "runner": CONSTANT}
        )))
        commands = [
            [str(task) if word == "t.json" else word for word in words]
            for words in cls.COMMANDS.values()
        ]
        done = home.sandbox.rally_many(commands)
        cls.done = dict(zip(cls.COMMANDS, done))

    def test_exit_codes(self):
        expected = {
            "create again": 1, "use unknown": 1, "start in destroyed": 1,
            "show no plugin": 211,
        }
        for name, done in self.done.items():
            self.assertEqual(
                expected.get(name, 0), done.code, name + ": " + done.out
            )

    def test_environments_are_listed(self):
        names = {row["name"] for row in table_in(self.done["list"].out)}
        self.assertEqual({ENV, "a"}, names)
        listed = json.loads(self.done["list --json"].out)
        self.assertEqual({ENV, "a"}, {env["name"] for env in listed})
        after = json.loads(self.done["list after"].out)
        self.assertEqual([ENV], [env["name"] for env in after])

    def test_an_environment_is_shown(self):
        self.assertIn("READY", self.done["show"].out)
        shown = json.loads(self.done["show --json"].out)
        self.assertEqual("a", shown["name"])
        self.assertEqual({}, json.loads(self.done["show --only-spec"].out))

    def test_plugins_are_listed(self):
        out = self.done["plugins"].out
        for name in ("constant_for_duration", "distributed", "rps",
                     "max_percentile_duration", "Dummy.dummy", "sys_call",
                     "HttpRequests.check_request", "dummy_context",
                     "junit-xml", "html-static", "Numbered.sleep"):
            self.assertIn("| " + name, out)
        self.assertIn("Dummy.dummy_output", self.done["plugins like"].out)
        self.assertNotIn("Dummy.dummy", self.done["plugins of"].out)
        self.assertIn("failure_rate", self.done["plugins of"].out)
        self.assertIn("not found", self.done["no plugins"].out)

    def test_a_plugin_is_shown(self):
        out = self.done["show plugin"].out
        for word in ("NAME", "MODULE", "PARAMETERS", "sleep"):
            self.assertIn(word, out)
        self.assertIn("agents", self.done["show runner"].out)
        self.assertIn("not found", self.done["show no plugin"].out)


class TaskTestCase(cluster.SharedTestCase):
    passed: t.ClassVar[str]
    failed: t.ClassVar[str]
    first: t.ClassVar[dict[str, Done]]
    done: t.ClassVar[dict[str, Done]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        box = home.sandbox
        good = box.write("good.json", json.dumps(task_of(
            {
                "scenario": {"Dummy.dummy": {"sleep": 0.01}},
                "runner": CONSTANT,
                "sla": {"failure_rate": {"max": 0}},
            },
            tags=["from file"],
        )))
        bad = box.write("bad.yaml", (
            "Dummy.dummy_exception:\n"
            "- runner: {type: constant, times: {{ times }}}\n"
            "  sla: {failure_rate: {max: 0}, max_avg_duration: 9}\n"
        ))
        first = {
            "validate": ["task", "validate", good],
            "empty list": ["task", "list"],
            "start": ["task", "start", good, "--tag", "x", "y"],
            "start bad": ["task", "start", bad, "--no-use",
                          "--task-args", "times=3"],
        }
        cls.first = dict(zip(first, box.rally_many(first.values())))
        uuids = [
            cluster.uuid_in(cls.first[name].out)
            for name in ("start", "start bad")
        ]
        cls.passed, cls.failed = (str(uuid) for uuid in uuids)
        commands = cls.commands(box, cls.passed, cls.failed)
        cls.done = dict(zip(commands, box.rally_many(commands.values())))

    @classmethod
    def commands(cls, box, passed, failed):
        files = {
            name: box.folder / name
            for name in ("r.html", "s.html", "r.json", "j.xml", "t.html")
        }
        return {
            "status": ["task", "status", passed],
            "status of the last": ["task", "status"],
            "detailed": ["task", "detailed", passed],
            "iterations": ["task", "detailed", passed, "--iterations-data"],
            "failed": ["task", "detailed", failed],
            "filtered": ["task", "detailed", passed, "--filter-by",
                         "sla-failures"],
            "results": ["task", "results", passed],
            "list": ["task", "list"],
            "uuids": ["task", "list", "--uuids-only"],
            "crashed": ["task", "list", "--status", "crashed"],
            "tagged": ["task", "list", "--tag", "x", "--uuids-only"],
            "sla-check": ["task", "sla-check", passed],
            "sla-check failed": ["task", "sla-check", failed],
            "sla-check --json": ["task", "sla-check", failed, "--json"],
            "report": ["task", "report", passed, "--out", files["r.html"]],
            "static": ["task", "report", passed, failed, "--html-static",
                       "--out", files["s.html"]],
            "json": ["task", "report", failed, "--json", "--out",
                     files["r.json"]],
            "junit": ["task", "export", passed, failed, "--type",
                      "junit-xml", "--to", files["j.xml"]],
            "trends": ["task", "trends", passed, passed, "--out",
                       files["t.html"]],
            "import": ["task", "import", "--file", files["r.json"]],
            "use": ["task", "use", failed],
            "status of the used": ["task", "status", failed],
            "abort": ["task", "abort", passed],
            "restart": ["task", "restart", failed, "--no-use"],
            "delete": ["task", "delete", passed],
            "status after": ["task", "status", passed],
        }

    def file(self, name):
        return (self.sandbox.folder / name).read_text()

    def test_exit_codes(self):
        expected = {
            "start bad": 2, "sla-check failed": 1, "sla-check --json": 1,
            "restart": 2, "status after": 203,
        }
        for name, done in {**self.first, **self.done}.items():
            if name == "abort":
                self.assertNotEqual(0, done.code, done.out)
                continue
            self.assertEqual(
                expected.get(name, 0), done.code, name + ": " + done.out
            )

    def test_validate_says_that_it_is_valid(self):
        out = self.first["validate"].out
        self.assertIn("Task syntax is correct :)", out)
        self.assertIn("Input Task is valid :)", out)

    def test_start_says_what_scripts_look_for(self):
        out = self.first["start"].out
        for line in ("Preparing input task", "Task is:",
                     "Running Rally version", "Using task: " + self.passed,
                     "Response Times (sec)", "Load duration: ",
                     "Full duration: ",
                     "rally task report %s --out output.html" % self.passed):
            self.assertIn(line, out)
        self.assertRegex(
            out, r"Task \[tags: .*'x', 'y'\] %s: started" % self.passed
        )
        self.assertIn("At least one workload did not pass SLA criteria.",
                      self.first["start bad"].out)

    def test_the_first_list_says_how_to_run_a_task(self):
        self.assertIn("There are no tasks. To run a new task, use:",
                      self.first["empty list"].out)

    def test_status(self):
        line = "Task %s: finished" % self.passed
        self.assertIn(line, self.done["status"].out)
        self.assertIn(line, self.done["status of the last"].out)

    def test_detailed_has_a_row_per_action(self):
        rows = table_in(self.done["detailed"].out)
        by_name = {row["Action"]: row for row in rows}
        for name in ("foo", "-> bar", "total", "-> duration",
                     "-> idle_duration"):
            self.assertEqual("10", by_name[name]["Count"])
            self.assertEqual("100.0%", by_name[name]["Success"])
        self.assertGreaterEqual(float(by_name["foo"]["Min (sec)"]), 0.01)

    def test_detailed_with_iterations(self):
        out = self.done["iterations"].out
        self.assertIn("Atomics per iteration", out)
        rows = re.findall(r"^\| +(\d+) +\|", out, re.M)
        self.assertEqual([str(i) for i in range(1, 11)], rows)

    def test_detailed_shows_errors_and_filters(self):
        self.assertIn("has 3 error(s)", self.done["failed"].out)
        self.assertNotIn("Dummy.dummy", self.done["filtered"].out)

    def test_results_are_in_the_old_form(self):
        [result] = json.loads(self.done["results"].out)
        self.assertEqual("Dummy.dummy", result["key"]["name"])
        self.assertEqual("constant", result["key"]["kw"]["runner"]["type"])
        self.assertEqual(10, len(result["result"]))
        for row in result["result"]:
            self.assertEqual({"foo"}, set(row["atomic_actions"]))

    def test_tasks_are_listed_oldest_first(self):
        rows = table_in(self.done["list"].out)
        uuids = [row["UUID"] for row in rows]
        self.assertEqual([self.passed, self.failed], uuids)
        self.assertIn("'x', 'y'", rows[0]["Tag(s)"])
        self.assertEqual(uuids, self.done["uuids"].out.split())
        self.assertEqual([self.passed], self.done["tagged"].out.split())
        self.assertIn("There are no tasks in 'crashed' status.",
                      self.done["crashed"].out)

    def test_sla_check_shows_each_criterion(self):
        [row] = table_in(self.done["sla-check"].out)
        self.assertEqual("PASS", row["status"])
        checks = json.loads(self.done["sla-check --json"].out)
        self.assertEqual(
            {"failure_rate": "FAIL", "max_avg_duration": "PASS"},
            {each["criterion"]: each["status"] for each in checks},
        )

    def test_reports_are_written(self):
        self.assertIn("Dummy.dummy", self.file("r.html"))
        self.assertIn("Dummy.dummy_exception", self.file("s.html"))
        self.assertIn("Dummy.dummy", self.file("t.html"))
        [task] = json.loads(self.file("r.json"))["tasks"]
        self.assertEqual(self.failed, task["uuid"])
        self.assertFalse(task["pass_sla"])

    def test_junit_counts_tests_and_failures(self):
        suites = list(xml.fromstring(self.file("j.xml")).iter("testsuite"))
        self.assertEqual(2, sum(int(s.attrib["tests"]) for s in suites))
        self.assertEqual(1, sum(int(s.attrib["failures"]) for s in suites))

    def test_import_makes_a_task(self):
        self.assertRegex(self.done["import"].out,
                         r"Task UUID: [0-9a-f-]{36}\.")

    def test_delete_says_so(self):
        self.assertIn("Successfully deleted task `%s`" % self.passed,
                      self.done["delete"].out)

    def test_a_finished_task_cannot_be_aborted(self):
        self.assertIn("finished", self.done["abort"].out)
