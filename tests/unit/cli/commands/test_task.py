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

"""Commands about tasks, from the file to the report."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import time
from unittest import mock

import ddt

from rally.cli import watching
from rally.cli.commands import task_views
from rally.common import db, owners
from tests.unit import processes
from tests.unit.cli import base

PASSING = """
version: 2
title: Words
tags: [filed]
subtasks:
  - title: one
    scenario: {Dummy.dummy: {}}
    runner: {serial: {times: {{ times }}}}
    hooks:
      - action: {sys_call: "true"}
        trigger: {event: {unit: iteration, at: [2]}}
"""
FAILING = """
version: 2
title: Words
subtasks:
  - title: one
    scenario: {Dummy.failure: {sleep: 0, from_iteration: 1, to_iteration: 2}}
    runner: {serial: {times: 3}}
"""


@ddt.ddt
class RefusedTaskTestCase(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.make_env()

    @ddt.data(
        ("{}}", 117),
        ("{version: 2}", 113),
        ("[1]", 113),
        ("", 113),
        ("{version: 2, title: a, subtasks: [{title: x, nope: 1}]}", 113),
    )
    @ddt.unpack
    def test_a_refused_file_leaves_no_task(self, text, code):
        outcome = self.rally("task", "start", "-", stdin=text)
        self.assertEqual(code, outcome.code, outcome.out)
        self.assertEqual("", self.rally("task", "list", "--uuids-only").out)

    def test_a_file_that_cannot_run_leaves_a_crashed_task(self):
        text = (
            "{version: 2, title: a, subtasks: "
            "[{title: x, scenario: {No.such: {}}}]}"
        )
        outcome = self.rally("task", "start", "-", stdin=text)
        self.assertEqual(114, outcome.code)
        self.assertIn("No.such", outcome.out)
        shown = self.rally("task", "detailed")
        self.assertIn(": crashed", shown.out)
        self.assertIn("InvalidTaskConfig", shown.out)

    def test_validate_tells_that_it_is_valid(self):
        path = self.write("t.yaml", PASSING)
        outcome = self.rally(
            "task", "validate", path, "--task-args", "times=2"
        )
        self.assertEqual(0, outcome.code, outcome)
        self.assertIn("Task syntax is correct :)", outcome.out)
        self.assertIn("Input Task is valid :)", outcome.out)
        self.assertEqual("", self.rally("task", "list", "--uuids-only").out)

    def test_an_environment_that_is_not_ready_exits_with_1(self):
        self.rally("env", "destroy")
        path = self.write("t.yaml", FAILING)
        outcome = self.rally("task", "start", path)
        self.assertEqual(1, outcome.code)
        self.assertIn("The task cannot start", outcome.out)
        self.assertEqual("", self.rally("task", "list", "--uuids-only").out)

    @ddt.data(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    def test_one_that_is_given_up_before_it_runs_is_aborted(self, number):
        path = self.write("t.yaml", PASSING)

        def interrupt(*args, **kwargs):
            os.kill(os.getpid(), number)
            time.sleep(20)

        with mock.patch("rally.api.tasks._Task.start", interrupt):
            outcome = self.rally(
                "task", "start", path, "--task-args", "times=2"
            )

        self.assertEqual(130, outcome.code, outcome)
        (task,) = db.task_list()
        self.assertEqual("aborted", task["status"])

    def test_an_unknown_environment_is_named(self):
        path = self.write("t.yaml", FAILING)
        outcome = self.rally("task", "start", path, "--env", "nope")
        self.assertEqual(203, outcome.code)
        self.assertIn("nope", outcome.out)


class FinishedTaskTestCase(base.CommandTestCase):
    """All that can be done with a task that has run, in one run of it."""

    def setUp(self):
        super().setUp()
        self.make_env()

    def start(self, text, *words):
        path = self.write("t.yaml", text)
        return self.rally("task", "start", path, *words)

    def uuids(self, *words):
        return self.rally("task", "list", "--uuids-only", *words).out.split()

    def test_a_passing_task(self):
        outcome = self.start(
            PASSING, "--tag", "a", "b", "--task-args", "times=3"
        )
        self.assertEqual(0, outcome.code, outcome)
        (uuid,) = self.uuids()
        for line in (
            "Task [tags: 'a', 'b', 'filed'] %s: started" % uuid,
            "Using task: %s" % uuid,
            "Task %s: finished" % uuid,
            "test scenario Dummy.dummy",
            "args position 0",
            "Task %s has 0 error(s)" % uuid,
            "\trally task report %s --out output.html" % uuid,
        ):
            self.assertIn(line + "\n", outcome.out)
        self.assertIn("RALLY_TASK=%s\n" % uuid, self.read(".rally/globals"))
        self._look_at(uuid)
        self._report(uuid)
        self._restart(uuid)
        self._delete(uuid)

    def _look_at(self, uuid):
        self.assertEqual(
            "Task %s: finished\n" % uuid, self.rally("task", "status").out
        )
        shown = self.rally("task", "detailed", uuid, "--iterations-data").out
        self.assertIn("Atomics per iteration", shown)
        self.assertIn("| iteration | duration | 1. foo |", shown)
        hidden = self.rally(
            "task", "detailed", "--filter-by", "scenario=No.such", "--", uuid
        )
        self.assertNotIn("test scenario", hidden.out)
        self.assertEqual([uuid], self.uuids("--tag", "a"))
        self.assertEqual([], self.uuids("--tag", "nope"))
        self.assertEqual([], self.uuids("--status", "running"))
        table = self.rally("task", "list").out
        self.assertIn("| 'a', 'b', 'filed' |", table)
        stored = db.task_get(uuid)
        self.assertEqual("Words", stored["title"])
        checked = self.rally("task", "sla-check", "--json")
        self.assertEqual(0, checked.code)
        self.assertEqual(
            ["PASS"], [x["status"] for x in json.loads(checked.out)]
        )
        refused = self.rally("task", "abort", uuid)
        self.assertEqual(100, refused.code)
        self.assertIn("has ended already", refused.out)

    def _report(self, uuid):
        path = self.path("report.json")
        outcome = self.rally("task", "report", uuid, "--json", "--out", path)
        self.assertEqual(0, outcome.code, outcome)
        with open(path) as f:
            (task,) = json.load(f)["tasks"]
        self.assertEqual(uuid, task["uuid"])
        imported = self.rally(
            "task", "import", "--file", path, "--tag", "imported"
        )
        self.assertEqual(0, imported.code, imported)
        (copy,) = self.uuids("--tag", "imported")
        self.assertEqual("Task UUID: %s.\n" % copy, imported.out)
        again = self.rally("task", "report", copy, "--json").out
        (copied,) = json.loads(again)["tasks"]
        for key in ("data", "statistics", "scenario", "sla_results", "hooks"):
            self.assertEqual(
                task["subtasks"][0]["workloads"][0][key],
                copied["subtasks"][0]["workloads"][0][key],
                key,
            )
        page = self.path("page.html")
        self.assertEqual(
            0, self.rally("task", "report", path, "--out", page).code
        )
        self.assertTrue(os.path.getsize(page))
        exported = self.rally("task", "export", "--type", "junit-xml", uuid)
        self.assertIn("<testsuites>", exported.out)
        self.assertEqual(
            110, self.rally("task", "export", "--type", "nope").code
        )
        old = json.loads(self.rally("task", "results", uuid).out)
        self.assertEqual("Dummy.dummy", old[0]["key"]["name"])

    def _restart(self, uuid):
        outcome = self.rally("task", "restart", uuid, "--tag", "again")
        self.assertEqual(0, outcome.code, outcome)
        (copy,) = self.uuids("--tag", "again")
        self.assertEqual("Words", db.task_get(copy)["title"])
        outcome = self.rally("task", "restart", uuid, "--scenario", "No.such")
        self.assertEqual(1, outcome.code)
        self.assertIn("The task has no such scenario", outcome.out)

    def _delete(self, uuid):
        others = [x for x in self.uuids() if x != uuid]
        outcome = self.rally("task", "delete", "--uuid", uuid)
        self.assertEqual(
            "Successfully deleted task `%s`\n" % uuid, outcome.out
        )
        self.assertEqual(others, self.uuids())
        db.task_update(others[0], {"status": "running"})
        self.assertIn(
            "--force", self.rally("task", "delete", others[0]).out
        )
        self.rally("task", "delete", "--force", *others)
        self.assertEqual([], self.uuids())
        self.assertIn(
            "There are no tasks. To run a new task",
            self.rally("task", "list").out,
        )

    def test_a_failing_task_exits_with_2(self):
        outcome = self.start(FAILING, "--no-use")
        self.assertEqual(2, outcome.code, outcome)
        (uuid,) = self.uuids()
        self.assertIn("has 2 error(s)", outcome.out)
        self.assertIn(
            "At least one workload did not pass SLA criteria.\n\n"
            "Dummy.failure (position 0): failure_rate: ", outcome.out
        )
        self.assertNotIn("RALLY_TASK", self.read(".rally/globals"))
        checked = self.rally("task", "sla-check", "--uuid", uuid)
        self.assertEqual(1, checked.code)
        self.assertIn("| FAIL ", checked.out)
        failures = self.rally(
            "task", "detailed", uuid, "--filter-by", "sla-failures"
        )
        self.assertIn("test scenario Dummy.failure", failures.out)


    def test_a_clean_up_that_failed_exits_with_183(self):
        contexts = "    contexts: {dummy_context: {fail_cleanup: true}}\n"
        outcome = self.start(FAILING.replace(
            "{sleep: 0, from_iteration: 1, to_iteration: 2}",
            "{sleep: 0, from_iteration: 7}",
        ) + contexts, "--no-use")

        (uuid,) = self.uuids()
        self.assertEqual(183, outcome.code, outcome)
        said = outcome.out + outcome.err
        self.assertIn("dummy_context@default", said)
        self.assertIn("rally task recover %s" % uuid, " ".join(said.split()))

    def test_a_failed_criterion_comes_before_a_failed_clean_up(self):
        contexts = "    contexts: {dummy_context: {fail_cleanup: true}}\n"

        self.assertEqual(2, self.start(FAILING + contexts).code)


class OtherTaskTestCase(base.CommandTestCase):
    """States that a task is in for a moment only."""

    def setUp(self):
        super().setUp()
        self.env_uuid = self.make_env()
        self.uuid = db.task_create({
            "env_uuid": self.env_uuid, "status": "running",
            "owner": owners.claim(),
        })["uuid"]

    def test_a_large_fleet_is_told_by_label(self):
        agents = [
            {"name": "n%d" % i, "state": "running", "iterations": 4}
            for i in range(40)
        ]
        group = {
            "label": "zone", "value": "a", "agents": 40, "iterations": 160,
            "failed": 1, "lost": 0, "p50": 0.1, "p95": 0.2, "p99": None,
        }
        self.make_progress({
            "agents": agents, "by_label": [group], "slowest_agents": ["n9"],
            "shortfalls": ["nobody of zone=b"],
            "generator_limited": ["n1"],
            "odd_agents": [{"name": "n9", "effect": 0.4, "deviations": 9}],
        })

        said = self.rally("task", "status", "--uuid", self.uuid).out

        self.assertIn(
            "zone=a: 40 agents, 160 iterations, 1 failed, p50/p95/p99 "
            "0.100/0.200/n/a s", said,
        )
        self.assertIn("Odd, beyond chance: n9 (slower, 90 %)", said)
        self.assertIn("limit the load: n1", said)
        self.assertIn("Less than was asked for: nobody of zone=b", said)
        self.assertNotIn("n17", said)

    def test_watching_ends_with_the_task(self):
        self.make_progress({"asked": 100})
        looks = iter(["running", "finished"])

        def look(width):
            db.task_update(self.uuid, {"status": next(looks)})
            return task_views._status_lines(self.uuid, width)

        with contextlib.redirect_stdout(io.StringIO()) as out:
            watching.watch(look, 0.01)

        self.assertIn("40 of 100 iterations", out.getvalue())
        self.assertIn("finished", out.getvalue().splitlines()[-1])

    def make_progress(self, info):
        """What is recorded of a workload of the task."""
        subtask = db.subtask_create(self.uuid, "one")
        workload = db.workload_create(
            self.uuid, subtask["uuid"], "Dummy.dummy", "", 0,
            {}, "serial", [], {}, {}, {},
        )
        db.workload_update_progress(
            workload["uuid"], statistics={}, total=40, failed=2,
            min_duration=0.1, max_duration=0.2, start_time=1.0,
            load_duration=2.0, load_info=info,
        )

    def test_a_running_task_tells_how_far_it_is(self):
        subtask = db.subtask_create(self.uuid, "one")
        workload = db.workload_create(
            self.uuid, subtask["uuid"], "Dummy.dummy", "", 0,
            {}, "serial", [], {}, {}, {},
        )
        db.workload_update_progress(
            workload["uuid"], statistics={}, total=40, failed=2,
            min_duration=0.1, max_duration=0.2, start_time=1.0,
            load_duration=2.0,
            load_info={
                "asked": 100, "stored": 30, "percentiles": {"50": 0.15},
                "response": {"p50": 1, "p95": 2, "p99": 3, "max": 4},
                "agents": [
                    {"name": "a", "state": "running", "iterations": 40},
                    {"name": "b", "state": "joined", "iterations": 0},
                ],
            },
        )
        out = self.rally("task", "status", self.uuid).out
        self.assertIn("Task %s: running\n" % self.uuid, out)
        self.assertIn("40 of 100 iterations, 2 failed, 30 stored", out)
        self.assertIn("by agent: a 40 (running), b 0 (joined)\n", out)
        self.assertIn("partial", out)
        shown = self.rally("task", "detailed", self.uuid).out
        self.assertIn("marked as 'running'. What follows is partial", shown)
        self.assertIn(
            "Response time from the due moment: p50 1.000 s, p95 2.000 s, "
            "p99 3.000 s, max 4.000 s", shown,
        )

    def test_percentiles_are_told_once_there_are_any(self):
        self.make_progress({
            "percentiles": {"50": None, "95": None, "99": None},
        })
        self.assertNotIn("p50", self.rally("task", "status", self.uuid).out)
        self.make_progress({"percentiles": {"50": 0.0, "95": 0.5}})
        self.assertIn(
            ", p50/p95/p99 0.000/0.500/n/a s\n",
            self.rally("task", "status", self.uuid).out,
        )

    def test_what_an_earlier_release_counted_it_had_stored(self):
        subtask = db.subtask_create(self.uuid, "one")
        workload = db.workload_create(
            self.uuid, subtask["uuid"], "Dummy.dummy", "", 0,
            {}, "serial", [], {}, {}, {},
        )
        db.workload_update_progress(
            workload["uuid"], statistics={}, total=2, failed=1,
            min_duration=0.1, max_duration=0.2, start_time=1.0,
            load_duration=2.0, load_info={},
        )
        out = self.rally("task", "status", self.uuid).out
        self.assertIn("2 iterations, 1 failed, 2 stored", out)

    def test_no_results_are_promised_of_a_task_that_has_ended(self):
        db.task_update(self.uuid, {"status": "crashed"})
        shown = self.rally("task", "results", self.uuid)
        self.assertEqual(1, shown.code)
        self.assertIn("in status 'crashed'", shown.out)
        self.assertNotIn("wait", shown.out)

    def test_a_task_without_results_says_when_they_come(self):
        shown = self.rally("task", "detailed", self.uuid)
        self.assertEqual(0, shown.code)
        self.assertIn(
            "marked as 'running'. Results available when it is 'finished'.",
            shown.out,
        )

    def test_results_of_it_are_refused(self):
        subtask = db.subtask_create(self.uuid, "one")
        db.workload_create(
            self.uuid, subtask["uuid"], "Dummy.dummy", "", 0,
            {}, "serial", [], {}, {}, {},
        )

        shown = self.rally("task", "results", self.uuid)

        self.assertEqual(1, shown.code)
        self.assertIn("in status 'running'", shown.out)
        self.assertNotIn("[", shown.out)

    def test_all_that_are_named_are_deleted(self):
        other = db.task_create({"env_uuid": self.env_uuid})["uuid"]

        outcome = self.rally(
            "task", "delete", self.uuid, "--force", "--uuid", other
        )

        self.assertEqual(0, outcome.code, outcome.out)
        self.assertEqual([], db.task_list())

    def test_what_is_deleted_is_in_use_no_more(self):
        self.rally("task", "use", self.uuid)
        self.rally("task", "delete", self.uuid, "--force")

        outcome = self.rally("task", "status")

        self.assertEqual(2, outcome.code)
        self.assertIn("Missing argument 'UUID'", outcome.err)

    def test_sla_check_without_data_exits_with_2(self):
        self.assertEqual(2, self.rally("task", "sla-check", self.uuid).code)

    def test_abort_of_an_abandoned_task_closes_it(self):
        subtask = db.subtask_create(self.uuid, "one")
        process = processes.name_of_an_ended_one()
        db.task_update(self.uuid, {"owner": process})
        outcome = self.rally("task", "abort", self.uuid)
        self.assertEqual(0, outcome.code)
        self.assertIn("successfully stopped", outcome.out)
        self.assertIn("is gone", outcome.err)
        task = db.task_get(self.uuid, detailed=True)
        self.assertEqual("aborted", task["status"])
        self.assertFalse(task["pass_sla"])
        self.assertEqual(
            [(subtask["uuid"], "aborted")],
            [(x["uuid"], x["status"]) for x in task["subtasks"]],
        )

    def test_abort_closes_a_task_that_an_earlier_release_left(self):
        db.task_update(self.uuid, {"owner": None})
        shown = self.rally("task", "list").out
        self.assertIn("running (controller gone)", shown)
        outcome = self.rally("task", "abort", self.uuid)
        self.assertEqual(0, outcome.code)
        self.assertEqual("aborted", db.task_get_status(self.uuid))

    def test_unknown_tasks_exit_with_203(self):
        for command in ("status", "detailed", "abort", "use", "sla-check"):
            self.assertEqual(203, self.rally("task", command, "nope").code)

    def test_use_changes_the_default(self):
        outcome = self.rally("task", "use", self.uuid)
        self.assertEqual("Using task: %s\n" % self.uuid, outcome.out)

    def test_report_of_an_environment_takes_all_its_tasks(self):
        out = self.rally("task", "report", "--json", "--env", "lab").out
        self.assertEqual(
            [self.uuid], [task["uuid"] for task in json.loads(out)["tasks"]]
        )

    def test_wrong_status_is_a_usage_error(self):
        outcome = self.rally("task", "list", "--status", "nope")
        self.assertEqual(2, outcome.code)
        self.assertIn("sla_failed", outcome.err)

    def test_missing_files_exit_with_1(self):
        self.assertEqual(
            1, self.rally("task", "import", "--file", "/nope").code
        )
        self.assertEqual(1, self.rally("task", "trends").code)

    def test_report_into_a_missing_folder_says_so(self):
        outcome = self.rally(
            "task", "report", self.uuid, "--out", "/nope/x.html"
        )
        self.assertNotEqual(0, outcome.code)
        self.assertIn("/nope", outcome.out)
