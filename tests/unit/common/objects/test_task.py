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

"""Tasks, subtasks and workloads as objects."""

from __future__ import annotations

import subprocess
import sys
import typing as t

import ddt
import jsonschema

from rally import consts, exceptions
from rally.common import db, objects
from rally.common.objects import task as task_module
from rally.task.results import chunk as chunk_module
from rally.task.results import stored as stored_results
from tests.unit import test

STATUS = consts.TaskStatus


class TaskTestCase(test.DBTestCase):
    def make(self, **attributes: t.Any) -> objects.Task:
        if not db.env_list():
            self.make_env("e")
        env_uuid = db.env_get("e")["uuid"]
        return objects.Task(env_uuid=env_uuid, **attributes)

    def test_a_new_task_is_recorded(self):
        task = self.make(title="x", tags=["b", "a"])

        found = objects.Task.get(task["uuid"])

        self.assertEqual(("x", STATUS.INIT, ["a", "b"]), (
            found["title"], found["status"], found["tags"]))
        self.assertRaises(KeyError, found.__getitem__, "nope")

    def test_a_temporary_task_is_not_recorded(self):
        task = objects.Task(temporary=True, env_uuid="e")

        task.update_status(STATUS.RUNNING)
        task.update_status(STATUS.FINISHED, [STATUS.RUNNING])
        task.set_failed("E", "m", "t")

        self.assertEqual(STATUS.CRASHED, task["status"])
        self.assertTrue(task.is_temporary)
        self.assertEqual([], db.task_list())

    def test_status_changes_only_from_those_allowed(self):
        task = self.make()

        task.update_status(STATUS.RUNNING)
        self.assertRaises(
            exceptions.DBRecordNotFound,
            task.update_status, STATUS.FINISHED, [STATUS.INIT],
        )
        task.update_status(STATUS.FINISHED, [STATUS.RUNNING])

        self.assertEqual(STATUS.FINISHED, task["status"])
        self.assertEqual(
            STATUS.FINISHED, objects.Task.get_status(task["uuid"])
        )

    def test_failures_are_recorded(self):
        task = self.make()

        task.set_validation_failed({"etype": "E", "msg": "m"})
        self.assertEqual(STATUS.VALIDATION_FAILED, task["status"])
        self.assertEqual({"etype": "E", "msg": "m"},
                         task["validation_result"])

        task.set_failed("E", "m", "tb")
        self.assertEqual(
            {"etype": "E", "msg": "m", "trace": "tb"},
            objects.Task.get(task["uuid"])["validation_result"],
        )

    def test_programs_get_times_as_text_and_the_name_of_the_environment(self):
        workload = self.make_workload()
        shown = objects.Task.get(workload["task_uuid"], detailed=True)

        values = shown.to_dict()

        self.assertEqual("env", values["env_name"])
        self.assertEqual("env", values["deployment_name"])
        self.assertEqual(values["env_uuid"], values["deployment_uuid"])
        subtask = values["subtasks"][0]
        for record in (values, subtask, subtask["workloads"][0]):
            self.assertRegex(
                record["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"
            )
        self.assertEqual([], subtask["workloads"][0]["data"])
        self.assertNotIsInstance(shown["created_at"], str)

    def test_tasks_are_listed_and_deleted(self):
        first, second = self.make(tags=["a"]), self.make(tags=["b"])

        self.assertEqual(
            [first["uuid"], second["uuid"]],
            [task["uuid"] for task in objects.Task.list(deployment="e")],
        )
        self.assertEqual(
            [second["uuid"]],
            [task["uuid"] for task in objects.Task.list(tags=["b", "c"])],
        )
        self.assertEqual(
            {"id", "uuid"}, set(objects.Task.list(uuids_only=True)[0].task)
        )

        self.assertRaises(exceptions.DBConflict, first.delete, "finished")
        first.delete()
        objects.Task.delete_by_uuid(second["uuid"])
        self.assertEqual([], objects.Task.list())
        self.assertRaises(exceptions.DBRecordNotFound, first.delete)


@ddt.ddt
class AbortTestCase(test.DBTestCase):
    @ddt.data(
        (STATUS.RUNNING, False, STATUS.ABORTING),
        (STATUS.RUNNING, True, STATUS.SOFT_ABORTING),
        (STATUS.SOFT_ABORTING, False, STATUS.ABORTING),
        (STATUS.SOFT_ABORTING, True, STATUS.SOFT_ABORTING),
        (STATUS.ABORTING, False, STATUS.ABORTING),
        (STATUS.ABORTING, True, STATUS.ABORTING),
    )
    @ddt.unpack
    def test_a_task_under_way_is_asked_to_stop(self, before, soft, after):
        task = objects.Task(env_uuid=self.make_env(), status=before)

        task.abort(soft=soft)

        self.assertEqual(after, objects.Task.get_status(task["uuid"]))

    @ddt.data(
        STATUS.INIT, STATUS.VALIDATING, STATUS.ABORTED, STATUS.FINISHED,
        STATUS.CRASHED, STATUS.VALIDATION_FAILED, STATUS.PAUSED,
    )
    def test_others_are_refused(self, status):
        task = objects.Task(env_uuid=self.make_env(), status=status)

        self.assertRaises(exceptions.RallyException, task.abort)

        self.assertEqual(status, objects.Task.get_status(task["uuid"]))


GOOD = {
    "timestamp": 1.0,
    "duration": 1.0,
    "idle_duration": 1.0,
    "error": [],
    "output": {"additive": [], "complete": []},
    "atomic_actions": [],
}
ACTION = {
    "name": "a", "started_at": 1.0, "finished_at": 2.0, "children": []
}
CHART = {"title": "t", "chart_plugin": "Pie", "data": [["a", 1]]}


@ddt.ddt
class ResultCheckTestCase(test.TestCase):
    def check(self, result: t.Any) -> bool:
        task = objects.Task(temporary=True)
        return task.result_has_valid_schema(result)

    @ddt.data(
        {},
        {"error": ["a", "b"]},
        {"error": ["a", "b", "c"]},
        {"atomic_actions": [ACTION]},
        {"atomic_actions": [dict(ACTION, failed=True, more=1)]},
        {"atomic_actions": [dict(ACTION, children=[ACTION])]},
        {"extra": 1},
        {"output": {"additive": [CHART], "complete": []}},
    )
    def test_results_in_rallys_form_are_right(self, change):
        self.assertTrue(self.check({**GOOD, **change}))

    @ddt.data(
        {"error": ["a", "b", 1]},
        {"error": "text"},
        {"duration": 1},
        {"timestamp": "x"},
        {"idle_duration": None},
        {"atomic_actions": {}},
        {"atomic_actions": ["x"]},
        {"atomic_actions": [dict(ACTION, started_at=1)]},
        {"atomic_actions": [dict(ACTION, children=[{"name": "z"}])]},
        {"output": {}},
        {"output": []},
        {"output": {"additive": [{"title": "t"}], "complete": []}},
    )
    def test_others_are_wrong(self, change):
        self.assertFalse(self.check({**GOOD, **change}))

    @ddt.data(*GOOD)
    def test_no_key_may_lack(self, key):
        self.assertFalse(
            self.check({k: v for k, v in GOOD.items() if k != key})
        )

    @ddt.data(None, [], 5)
    def test_what_is_no_dict_is_wrong(self, result):
        self.assertFalse(self.check(result))


class WorkloadTestCase(test.DBTestCase):
    def make(self) -> tuple[objects.Task, objects.Subtask, objects.Workload]:
        task = objects.Task(env_uuid=self.make_env())
        subtask = task.add_subtask(
            title="s", description="d", contexts={"c": 1}
        )
        workload = subtask.add_workload(
            name="Dummy.dummy", description="d", position=2,
            runner={"times": 1}, runner_type="constant", contexts={},
            hooks=[], sla={}, args={"a": 1},
        )
        return task, subtask, workload

    def test_records_hang_together(self):
        task, subtask, workload = self.make()
        subtask.update_status("finished")

        stored = db.task_get(task["uuid"], detailed=True)["subtasks"][0]

        self.assertEqual(("s", "d", "finished"), (
            stored["title"], stored["description"], stored["status"]))
        self.assertEqual("finished", subtask["status"])
        self.assertEqual(workload["uuid"], stored["workloads"][0]["uuid"])
        self.assertEqual({"a": 1}, stored["workloads"][0]["args"])

    def test_chunks_are_stored_once(self):
        _, _, workload = self.make()
        chunk = chunk_module.Chunk.of_results([GOOD])
        envelope = stored_results.envelope(chunk.packed(), 0)

        self.assertEqual(1, workload.add_chunks([envelope]))
        self.assertEqual(0, workload.add_chunks([envelope]))

        self.assertEqual(
            [GOOD], list(stored_results.workload_results(workload["uuid"]))
        )

    def test_progress_shows_while_it_runs(self):
        _, _, workload = self.make()

        workload.update_progress(
            statistics={"durations": {}}, total=5, failed=1,
            min_duration=0.1, max_duration=0.2, start_time=1700000000.123456,
            load_duration=3.0, load_info={"asked": 10},
            sla_results=[{"criterion": "x", "success": False, "detail": ""}],
        )

        stored = db.workload_get(workload["uuid"])
        self.assertEqual(
            (5, 1, 0.1, 0.2, 1700000000.123456, 3.0, {"asked": 10}, False),
            tuple(stored[key] for key in (
                "total_iteration_count", "failed_iteration_count",
                "min_duration", "max_duration", "start_time",
                "load_duration", "load_info", "pass_sla")),
        )

    def test_a_part_of_a_task_can_be_made_a_task(self):
        workload = {
            "name": "N.n", "position": 3, "description": "d",
            "args": {"a": 1}, "runner_type": "constant",
            "runner": {"times": 1}, "sla": {"f": 1}, "contexts": {"u": 1},
            "hooks": [
                {"config": {"action": ["x", {"y": 1}],
                            "trigger": ["e", {"z": 1}],
                            "description": "D"}},
                {"config": {"action": ("x", 1), "trigger": ("e", 2)}},
            ],
        }

        task = objects.Workload.to_task(workload)

        self.assertEqual(2, task["version"])
        self.assertEqual(
            {
                "title": "N.n", "description": "d",
                "scenario": {"N.n": {"a": 1}}, "contexts": {"u": 1},
                "runner": {"constant": {"times": 1}},
                "hooks": [
                    {"action": {"x": {"y": 1}}, "trigger": {"e": {"z": 1}},
                     "description": "D"},
                    {"action": {"x": 1}, "trigger": {"e": 2}},
                ],
                "sla": {"f": 1},
            },
            task["subtasks"][0],
        )


class SchemaTestCase(test.TestCase):
    WORKLOAD: t.ClassVar[dict[str, t.Any]] = {
        "pass_sla": True, "sla_results": {"sla": []}, "sla": {},
        "statistics": {}, "contexts": {}, "data": [], "runner": {"c": {}},
        "scenario": {"D.d": {}}, "full_duration": 1.0, "load_duration": 1.0,
        "total_iteration_count": 1, "failed_iteration_count": 0,
        "position": 0, "start_time": None,
    }

    def errors(self, **workload: t.Any) -> list[t.Any]:
        task = {"subtasks": [{"workloads": [{**self.WORKLOAD, **workload}]}]}
        schema = task_module.TASK_SCHEMA
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        return list(validator(schema).iter_errors(task))

    def hook(self, **result: t.Any) -> dict[str, t.Any]:
        triggered_by = {"event_type": "iteration", "value": 1}
        return {
            "config": {"action": {"a": 1}, "trigger": ["t", {}]},
            "summary": {},
            "results": [{"finished_at": 1.0, "status": "failed",
                         "triggered_by": triggered_by, **result}],
        }

    def test_a_plain_workload_is_right(self):
        self.assertEqual([], self.errors())

    def test_both_forms_of_a_failed_hook_are_right(self):
        for error in (
            ["E", "m", "d"], {"etype": "E", "msg": "m", "details": "d"}
        ):
            self.assertEqual([], self.errors(hooks=[self.hook(error=error)]))

    def test_unknown_keys_are_wrong(self):
        self.assertEqual(1, len(self.errors(unknown=1)))
        self.assertEqual(1, len(self.errors(hooks=[self.hook(unknown=1)])))

    def test_hook_output_is_checked(self):
        output = {"additive": [CHART], "complete": [
            dict(CHART, data={"cols": ["a"], "rows": [["b", 1]]})]}

        self.assertEqual([], self.errors(hooks=[self.hook(output=output)]))
        self.assertNotEqual(
            [], self.errors(hooks=[self.hook(output={"additive": 1})])
        )


class StartUpTestCase(test.TestCase):
    def test_objects_do_not_load_the_database_library(self):
        code = (
            "import sys, rally.common.objects;"
            "print([m for m in ('sqlalchemy', 'alembic', 'numpy')"
            " if m in sys.modules])"
        )

        found = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, timeout=60,
        )

        self.assertEqual("[]", found.stdout.strip())
