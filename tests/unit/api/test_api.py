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

"""The entry point for programs."""

from __future__ import annotations

import json
import logging
import os
import unittest.mock

from rally import api as rally_api
from rally import exceptions
from rally.common import cfg, config_files, db
from rally.task.cleanup import notes
from tests.unit.cli import base

CONFIG = {
    "version": 2,
    "title": "Words",
    "tags": ["filed"],
    "subtasks": [
        {
            "title": "one",
            "scenario": {"Dummy.dummy": {}},
            "runner": {"serial": {"times": 3}},
        }
    ],
}


class APITestCase(base.HomeTestCase):
    """Has an API on a database in the home folder."""

    def setUp(self):
        super().setUp()
        root = logging.getLogger()
        handlers, level = list(root.handlers), root.level
        self.addCleanup(root.setLevel, level)
        self.addCleanup(root.handlers.__setitem__, slice(None), handlers)
        self.addCleanup(cfg.CONF.clear)
        self.addCleanup(db.engine_reset)
        self.config = self.write(
            "rally.conf",
            "[database]\nconnection = sqlite:///%s\n"
            % self.path("rally.sqlite"),
        )

    def make_api(self, **how):
        if not os.path.exists(self.path("rally.sqlite")):
            rally_api.API(config_file=self.config, skip_db_check=True)
            db.schema_create()
        return rally_api.API(config_file=self.config, **how)


class ConfigurationTestCase(APITestCase):
    def test_a_missing_database_is_an_error(self):
        error = self.assertRaises(
            exceptions.RallyException,
            rally_api.API, config_file=self.config,
        )
        self.assertIn("Database is missing", str(error))

    def test_a_missing_file_is_an_error(self):
        error = self.assertRaises(
            exceptions.RallyException, rally_api.API, config_file="/nope"
        )
        self.assertIn("/nope", str(error))

    def test_the_first_file_on_the_search_path_counts(self):
        self.write("two/rally.conf", "")
        self.write("three/rally.conf", "")
        folders = [self.path(x) for x in ("one", "two", "three")]
        self.assertEqual(
            [self.path("two", "rally.conf")],
            config_files.default_files(folders),
        )

    def test_there_may_be_several_one_after_another(self):
        self.make_api(config_args=["--debug"])
        self.assertTrue(cfg.CONF.debug)
        self.make_api()
        self.assertFalse(cfg.CONF.debug)

    def test_has_a_version(self):
        self.assertEqual(1, self.make_api().version)


class DeploymentTestCase(APITestCase):
    def test_comes_and_goes(self):
        deployment = self.make_api().deployment
        made = deployment.create(config={}, name="old")
        self.assertEqual("deploy->finished", made["status"])
        self.assertEqual(made, deployment.get(deployment="old"))
        self.assertEqual([made], deployment.list())
        self.assertEqual({}, deployment.check(deployment="old"))
        deployment.destroy(deployment="old")
        self.assertEqual([], deployment.list())


class Watcher:
    """Keeps what it is told."""

    def __init__(self):
        self.phases = []

    def on_progress(self, progress):
        if progress.phase not in self.phases:
            self.phases.append(progress.phase)


class TaskTestCase(APITestCase):
    def setUp(self):
        super().setUp()
        self.api = self.make_api()
        self.env = self.api.deployment.create(config={}, name="lab")

    def test_start_records_what_the_file_says(self):
        watcher = Watcher()
        uuid, status = self.api.task.start(
            deployment="lab", config=CONFIG, listener=watcher
        )
        self.assertEqual("finished", status)
        task = self.api.task.get(task_id=uuid)
        self.assertEqual("Words", task["title"])
        self.assertEqual(["filed"], task["tags"])
        self.assertEqual("lab", task["env_name"])
        self.assertEqual("done", watcher.phases[-1])

    def test_start_runs_a_task_that_was_created(self):
        task = self.api.task.create(deployment="lab", tags=["b", "a", "b"])
        self.assertEqual("init", task["status"])
        uuid, _ = self.api.task.start(
            deployment="lab", config=CONFIG, task=task["uuid"]
        )
        self.assertEqual(task["uuid"], uuid)
        found = self.api.task.list(tags=["a"], env="lab", status="finished")
        self.assertEqual([uuid], [x["uuid"] for x in found])
        self.assertEqual(["a", "b"], found[0]["tags"])

    def test_deleting_a_task_removes_what_its_clean_up_needs(self):
        self.check_removed(self.api.task.delete)

    def test_so_does_deleting_its_environment(self):
        self.check_removed(lambda uuid: self.api.deployment.destroy("lab"))

    def check_removed(self, delete):
        failing = {"dummy_context": {"fail_cleanup": True}}
        (subtask,) = CONFIG["subtasks"]
        uuid, _ = self.api.task.start(
            deployment="lab",
            config={**CONFIG, "subtasks": [{**subtask, "contexts": failing}]},
        )
        folder = self.path(".rally", "contexts")
        (workload,) = os.listdir(folder)
        note = notes.keep(workload, [])

        delete(uuid)

        self.assertEqual([], os.listdir(folder))
        self.assertFalse(note.exists())

    def test_results_can_be_read_lazily(self):
        uuid, _ = self.api.task.start(deployment="lab", config=CONFIG)
        for lazy in (True, False):
            task = self.api.task.get(uuid, detailed=True, lazy=lazy)
            data = task["subtasks"][0]["workloads"][0]["data"]
            self.assertEqual(not lazy, isinstance(data, list))
            self.assertEqual(3, len(list(data)))

    def test_validate_records_nothing(self):
        self.api.task.validate(deployment="lab", config=CONFIG)
        self.assertRaises(
            exceptions.InvalidTaskException,
            self.api.task.validate, deployment="lab", config={"version": 2},
        )
        self.assertEqual([], self.api.task.list())

    def test_export_gives_the_report(self):
        uuid, _ = self.api.task.start(deployment="lab", config=CONFIG)
        report = self.api.task.export(tasks=[uuid], output_type="json")
        self.assertIn(uuid, report["print"])
        self.assertRaises(
            exceptions.ValidationError,
            self.api.task.export, tasks=[uuid], output_type="nope",
        )

    def test_a_long_title_is_kept_or_refused(self):
        task = self.api.task.create(deployment="lab", title="x" * 255)
        error = self.assertRaises(
            exceptions.DBException,
            self.api.task.create, deployment="lab", title="x" * 256,
        )
        self.assertEqual("x" * 255, task["title"])
        self.assertIn("title has 256 characters", str(error))

    def test_an_interrupted_validation_ends_the_task(self):
        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        changed = unittest.mock.patch(
            "rally.task.sla.SLA.validate", interrupt
        )
        changed.start()
        self.addCleanup(changed.stop)
        self.assertRaises(
            KeyboardInterrupt,
            self.api.task.start, deployment="lab", config=CONFIG,
        )
        (task,) = self.api.task.list()
        self.assertEqual("aborted", task["status"])


class ImportTestCase(APITestCase):
    def setUp(self):
        super().setUp()
        self.api = self.make_api()
        self.api.deployment.create(config={}, name="lab")

    def report(self):
        uuid, _ = self.api.task.start(deployment="lab", config=CONFIG)
        report = self.api.task.export(tasks=[uuid], output_type="json")
        (task,) = json.loads(report["print"])["tasks"]
        return task

    def test_a_task_of_a_report_is_stored(self):
        report = self.report()
        task = self.api.task.import_results(
            deployment="lab", task_results=report, tags=["x"]
        )
        self.assertEqual("finished", task["status"])
        self.assertEqual(["x"], task["tags"])
        stored = self.api.task.get(task["uuid"], detailed=True)
        self.assertEqual(
            report["subtasks"][0]["workloads"][0]["data"],
            stored["subtasks"][0]["workloads"][0]["data"],
        )

    def test_outputs_hold_what_reports_hold(self):
        report = self.report()
        (workload,) = report["subtasks"][0]["workloads"]
        output = {
            "additive": [
                {"title": "a", "chart_plugin": "StatsTable",
                 "data": [["x", None], ["y", 2 ** 70]]},
            ],
            "complete": [
                {"title": "b", "chart_plugin": "Lines",
                 "data": [["x", [[1, None], [2, 3]]], ["y", [[None, 1]]]]},
                {"title": "c", "chart_plugin": "Pie",
                 "data": [["x", None], ["y", 1]]},
                {"title": "d", "chart_plugin": "Table",
                 "data": {"cols": ["x"], "rows": [[None], ["\udcff"]]}},
            ],
        }
        workload["data"][0]["output"] = output
        (event,) = (x for x in [{"event_type": "iteration", "value": 1}])
        workload["hooks"] = [{
            "config": {
                "action": {"sys_call": "x"},
                "trigger": {"event": {"unit": "iteration", "at": [1]}},
                "description": "",
            },
            "results": [{
                "status": "failed", "started_at": 1.0, "finished_at": 2.0,
                "triggered_by": event, "output": output,
                "error": {"etype": "E", "msg": "\udcff", "details": ""},
            }],
            "summary": {"failed": 1},
        }]
        task = self.api.task.import_results(
            deployment="lab", task_results=report
        )
        for form in ("json", "html-static", "junit-xml", "old-json-results"):
            done = self.api.task.export(
                tasks=[task["uuid"]], output_type=form
            )
            self.assertIn("dummy", done["print"])
        again = self.api.task.export(tasks=[task["uuid"]], output_type="json")
        (shown,) = json.loads(again["print"])["tasks"]
        (workload,) = shown["subtasks"][0]["workloads"]
        found = workload["data"][0]["output"]
        self.assertEqual(
            [["x", None], ["y", 2.0 ** 70]], found["additive"][0]["data"]
        )
        self.assertEqual(
            [[None], ["\\udcff"]], found["complete"][2]["data"]["rows"]
        )
        self.assertEqual(
            "\\udcff", workload["hooks"][0]["results"][0]["error"]["msg"]
        )

    def test_what_was_lost_stays_lost(self):
        report = self.report()
        (workload,) = report["subtasks"][0]["workloads"]
        lost = [{"first": 2, "step": 1, "count": 3, "agent": "n1",
                 "reason": "gone"}]
        workload["load_info"] = {"run": "r", "lost": lost, "agents": []}
        task = self.api.task.import_results(
            deployment="lab", task_results=report
        )
        again = self.api.task.export(tasks=[task["uuid"]], output_type="json")
        (shown,) = json.loads(again["print"])["tasks"]
        found = shown["subtasks"][0]["workloads"][0]["load_info"]
        self.assertEqual({"run": "", "lost": lost, "agents": []}, found)

    def refused(self, change):
        report = self.report()
        change(report["subtasks"][0]["workloads"][0])
        before = self.api.task.list()
        error = self.assertRaises(
            exceptions.RallyException,
            self.api.task.import_results,
            deployment="lab", task_results=report,
        )
        self.assertEqual(before, self.api.task.list())
        return str(error)

    def test_what_violates_the_schema_is_refused(self):
        text = self.refused(lambda workload: workload.update(nope=1))
        self.assertIn("subtasks/0/workloads/0", text)

    def test_a_number_that_no_database_keeps_is_refused(self):
        for field, value in (
            ("start_time", 1e300), ("start_time", -1e300),
            ("position", 2 ** 31), ("position", -1),
        ):
            text = self.refused(
                lambda workload, it={field: value}: workload.update(it)
            )
            self.assertIn("subtasks/0/workloads/0/%s" % field, text)

    def test_a_name_that_no_database_keeps_is_refused(self):
        long = {"S" * 256: {}}
        text = self.refused(lambda workload: workload.update(scenario=long))
        self.assertIn("the name of a scenario has 256 characters", text)

    def test_an_iteration_that_is_none_is_refused(self):
        text = self.refused(
            lambda workload: workload["data"].append({"timestamp": 1})
        )
        self.assertIn("iteration 4 of Dummy.dummy is not a result", text)
