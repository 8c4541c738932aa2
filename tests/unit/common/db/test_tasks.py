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

"""Tasks, subtasks and workloads in the database."""

from __future__ import annotations

import contextlib
import datetime as dt
import typing as t

import sqlalchemy as sa

from rally import exceptions
from rally.common import db, objects
from rally.common.db import models
from rally.task.results import stored
from tests.unit import test


def count_rows() -> dict[str, int]:
    with db.get_engine().connect() as connection:
        return {
            name: connection.exec_driver_sql(
                "SELECT COUNT(*) FROM " + name
            ).scalar_one()
            for name in models.Base.metadata.tables
        }


@contextlib.contextmanager
def queries() -> t.Iterator[list[str]]:
    """What is read meanwhile, as SQL."""
    found: list[str] = []

    def note(_connection: t.Any, _cursor: t.Any, sql: str, *_: t.Any) -> None:
        if sql.startswith("SELECT"):
            found.append(sql)

    engine = db.get_engine()
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


class TaskTestCase(test.DBTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.env_uuid = self.make_env("e")

    def make(self, **values: t.Any) -> dict[str, t.Any]:
        return db.task_create({"env_uuid": self.env_uuid, **values})

    def test_a_new_task_has_every_column(self):
        task = self.make(title="T", tags=["b", "a", "b"], owner="host:1")

        self.assertEqual(
            {"env_uuid": self.env_uuid, "title": "T", "description": "",
             "input_task": "", "validation_result": {},
             "validation_duration": None, "task_duration": 0.0,
             "pass_sla": True, "status": "init", "owner": "host:1",
             "tags": ["a", "b"], "id": 1},
            {k: v for k, v in task.items()
             if k not in ("uuid", "created_at", "updated_at")},
        )
        self.assertIsInstance(task["created_at"], dt.datetime)
        self.assertIsNone(task["created_at"].tzinfo)
        self.assertEqual(["a", "b"], db.tags_get(task["uuid"], "task"))

    def test_what_is_read_is_what_was_stored(self):
        task = self.make(title="T", tags=["a"])
        del task["input_task"]  # large, read on its own only

        self.assertEqual(task, db.task_get(task["uuid"]))
        self.assertEqual([task], db.task_list())
        self.assertEqual(
            dict(task, subtasks=[]), db.task_get(task["uuid"], detailed=True)
        )
        self.assertEqual("init", db.task_get_status(task["uuid"]))

    def test_an_unknown_column_is_refused(self):
        self.assertRaises(TypeError, self.make, bogus=1)
        task = self.make()
        self.assertRaises(
            TypeError, db.task_update, task["uuid"], {"bogus": 1}
        )

    def test_a_missing_task_is_told(self):
        for func, args in (
            (db.task_get, ("nope",)),
            (db.task_get, (None,)),
            (db.task_get_status, ("nope",)),
            (db.task_update, ("nope", {})),
            (db.task_update_status, ("nope", "a", ["b"])),
            (db.task_delete, ("nope",)),
            (db.subtask_create, ("nope", "t")),
            (db.subtask_update, ("nope", {})),
        ):
            error = self.assertRaises(
                exceptions.DBRecordNotFound, func, *args
            )
            self.assertIn("criteria", error.kwargs)

    def test_an_update_keeps_the_rest(self):
        task = self.make(title="T", tags=["a"])

        updated = db.task_update(
            task["uuid"], {"title": "U", "id": 77, "uuid": "other"}
        )

        self.assertEqual(("U", ["a"], task["id"], task["uuid"]), (
            updated["title"], updated["tags"], updated["id"],
            updated["uuid"]))
        self.assertGreater(updated["updated_at"], task["updated_at"])
        self.assertEqual(updated, db.task_get(task["uuid"]))

    def test_tags_are_replaced_as_a_whole(self):
        task = self.make(tags=["a", "b"])

        updated = db.task_update(task["uuid"], {"tags": ["z", "b"]})

        self.assertEqual(["b", "z"], updated["tags"])
        self.assertEqual(
            [], db.task_update(task["uuid"], {"tags": []})["tags"]
        )

    def test_status_changes_only_from_those_allowed(self):
        task = self.make(status="running")
        uuid = task["uuid"]

        self.assertEqual(
            1, db.task_update_status(uuid, "aborting", ["running"])
        )
        error = self.assertRaises(
            exceptions.DBRecordNotFound,
            db.task_update_status, uuid, "aborting", ["running", "x"],
        )

        self.assertIn("running, x", str(error))

    def test_lists_are_filtered(self):
        other = self.make_env("other")
        a = self.make(title="a", tags=["a"])
        ab = self.make(title="ab", tags=["a", "b"], status="running")
        self.make(title="n", env_uuid=other)

        def titles(**filters: t.Any) -> list[str]:
            return [task["title"] for task in db.task_list(**filters)]

        self.assertEqual(["a", "ab", "n"], titles())
        self.assertEqual(["a", "ab"], titles(tags=["a", "x"]))
        self.assertEqual(["ab"], titles(tags=["b"]))
        self.assertEqual(["ab"], titles(tags="b"))
        self.assertEqual(["n"], titles(env="other"))
        self.assertEqual(["n"], titles(env=other))
        self.assertEqual(["ab"], titles(status="running", env="e"))
        self.assertEqual(
            [{"id": a["id"], "uuid": a["uuid"]},
             {"id": ab["id"], "uuid": ab["uuid"]}],
            db.task_list(env="e", uuids_only=True),
        )
        error = self.assertRaises(
            exceptions.DBRecordNotFound, db.task_list, env="nope"
        )
        self.assertIn("`rally env list` lists those", str(error))

    def test_a_thousand_tasks_are_listed(self):
        with db.get_engine().begin() as connection:
            connection.execute(
                models.Task.__table__.insert(),
                [{"env_uuid": self.env_uuid} for _ in range(1100)],
            )

        self.assertEqual(1100, len(db.task_list()))

    def test_one_statement_lists_them_with_environments_and_tags(self):
        other = self.make_env("other")
        with db.get_engine().begin() as connection:
            connection.execute(
                models.Task.__table__.insert(),
                [{"env_uuid": self.env_uuid} for _ in range(1000)],
            )
        self.make(tags=["b", "a"], env_uuid=other)

        with queries() as executed:
            listed = [task.to_dict() for task in objects.Task.list()]
        with queries() as executed_of_env:
            of_env = objects.Task.list(deployment="other")

        self.assertEqual(1, len(executed), executed)
        self.assertEqual(1, len(executed_of_env), executed_of_env)
        self.assertEqual(1001, len(listed))
        self.assertEqual(("e", []), (
            listed[0]["env_name"], listed[0]["tags"]))
        self.assertEqual(("other", ["a", "b"]), (
            listed[-1]["deployment_name"], listed[-1]["tags"]))
        self.assertEqual([listed[-1]], [task.to_dict() for task in of_env])
        self.assertEqual(
            objects.Task.get(listed[-1]["uuid"]).to_dict(), listed[-1]
        )

    def test_values_are_plain(self):
        task = self.make(validation_result={"a": [1]})

        self.assertIs(dict, type(task["validation_result"]))
        self.assertIs(
            dict, type(db.task_get(task["uuid"])["validation_result"])
        )


class DeleteTestCase(test.DBTestCase):
    def test_each_foreign_key_leads_an_index(self):
        inspector = sa.inspect(db.get_engine())

        for table in inspector.get_table_names():
            leading = {
                index["column_names"][0]
                for index in inspector.get_indexes(table)
            }
            for key in inspector.get_foreign_keys(table):
                self.assertIn(key["constrained_columns"][0], leading, table)

    def fill(self, env_uuid: str) -> dict[str, t.Any]:
        workload = self.make_workload(env_uuid)
        db.task_update(workload["task_uuid"], {"tags": ["x"]})
        db.workload_data_create(
            workload["task_uuid"], workload["uuid"], 0, {"raw": []}
        )
        return workload

    def test_nothing_of_a_task_stays(self):
        env_uuid = self.make_env()
        before = count_rows()
        workload = self.fill(env_uuid)

        self.assertRaises(
            exceptions.DBConflict,
            db.task_delete, workload["task_uuid"], status="finished",
        )
        db.task_delete(workload["task_uuid"], status="running")

        self.assertEqual(before, count_rows())

    def test_nothing_of_an_environment_stays(self):
        keep = self.make_env("keep")
        self.fill(keep)
        before = count_rows()
        env = db.env_create(
            "e", "READY", "", {}, {}, {},
            [{"status": "READY", "plugin_name": "a@b", "plugin_spec": {},
              "platform_name": "b"}],
        )
        self.fill(env["uuid"])
        self.fill(env["uuid"])
        db.verifier_create("v", "tempest", "openstack", "s", "1", True)
        with_verifier = dict(before, verifiers=1)
        db.verification_create("v", env["uuid"], tags=["t"])

        db.env_delete_cascade(env["uuid"])

        self.assertEqual(with_verifier, count_rows())
        db.env_delete_cascade("nope")  # as released Rally: no error


class WorkloadTestCase(test.DBTestCase):
    def outcome(
        self, workload: dict[str, t.Any], success: bool = True,
        **values: t.Any,
    ) -> None:
        arguments: dict[str, t.Any] = {
            "load_duration": 1.5, "full_duration": 2.0,
            "start_time": 1700000000.123456,
            "sla_results": [
                {"criterion": "c", "success": success, "detail": "d"}],
            "contexts_results": [{"c": 1}],
            "aggregate": {
                "statistics": {"durations": {}}, "total": 3, "failed": 1,
                "min_duration": 0.25, "max_duration": 2.5,
                "load_info": {"asked": 3}},
            **values,
        }
        db.workload_set_results(
            workload["uuid"], workload["subtask_uuid"],
            workload["task_uuid"], **arguments,
        )

    def test_a_new_workload_has_every_column(self):
        workload = self.make_workload(args={"b": 1, "a": [2]}, position=4)

        self.assertEqual(["b", "a"], list(workload["args"]))
        found = db.workload_get(workload["uuid"])
        self.assertNotIn("_profiling_data", found)
        self.assertEqual(
            (4, {}, 0, 0, None, None, None, True),
            tuple(found[key] for key in (
                "position", "load_info", "total_iteration_count",
                "failed_iteration_count", "min_duration", "max_duration",
                "start_time", "pass_sla")),
        )
        self.assertIsNone(db.workload_get("nope"))

    def test_a_workload_needs_its_subtask(self):
        workload = self.make_workload()

        self.assertRaises(
            exceptions.DBRecordNotFound,
            db.workload_create, workload["task_uuid"], "nope", "n", "", 0,
            {}, "c", [], {}, {}, {},
        )

    def test_an_aggregate_is_stored_as_it_is(self):
        workload = self.make_workload(hooks=[{"config": 1}])

        self.outcome(workload)

        found = db.workload_get(workload["uuid"])
        self.assertEqual(
            (3, 1, 0.25, 2.5, {"durations": {}}, {"asked": 3}, True, 1.5,
             2.0, 1700000000.123456, [{"c": 1}], [{"config": 1}]),
            tuple(found[key] for key in (
                "total_iteration_count", "failed_iteration_count",
                "min_duration", "max_duration", "statistics", "load_info",
                "pass_sla", "load_duration", "full_duration", "start_time",
                "contexts_results", "hooks")),
        )
        self.assertEqual("c", found["sla_results"]["sla"][0]["criterion"])

    def test_without_aggregate_the_stored_chunks_are_read(self):
        workload = self.make_workload()
        where = workload["task_uuid"], workload["uuid"]
        for order, (stamp, duration, error) in enumerate((
            (1700000002.0, 2.5, ["E", "m", "t"]),
            (1700000001.0, 1.5, []), (1700000000.5, 0.25, []),
        )):
            db.workload_data_create(*where, order, {"raw": [{
                "timestamp": stamp, "duration": duration,
                "idle_duration": 0.5, "error": error,
                "output": {"additive": [], "complete": []},
                "atomic_actions": [{
                    "name": "a", "children": [], "started_at": stamp,
                    "finished_at": stamp + duration}],
            }]})

        self.outcome(workload, aggregate=None, hooks_results=[{"h": 1}])

        found = db.workload_get(workload["uuid"])
        self.assertEqual((3, 1, 0.25, 2.5, [{"h": 1}]), (
            found["total_iteration_count"], found["failed_iteration_count"],
            found["min_duration"], found["max_duration"], found["hooks"]))
        durations = found["statistics"]["durations"]
        self.assertEqual(3, durations["total"]["data"]["iteration_count"])
        self.assertEqual(
            ["a", "<no-name-action>"],
            [row["name"] for row in durations["atomics"]],
        )

    def test_nothing_stored_has_no_extremes(self):
        workload = self.make_workload()

        self.outcome(workload, aggregate=None, sla_results=[])

        found = db.workload_get(workload["uuid"])
        self.assertEqual((0, 0, None, None, True), (
            found["total_iteration_count"], found["failed_iteration_count"],
            found["min_duration"], found["max_duration"],
            found["pass_sla"]))

    def test_durations_add_up_and_may_be_stored_again(self):
        first = self.make_workload()
        second = db.workload_create(
            first["task_uuid"], first["subtask_uuid"], "B.b", "", 1, {},
            "c", [], {}, {}, {},
        )
        self.outcome(first)
        self.outcome(second, load_duration=2.0)
        self.outcome(second, load_duration=2.5)

        task = db.task_get(first["task_uuid"], detailed=True)

        self.assertEqual(4.0, task["task_duration"])
        self.assertEqual(4.0, task["subtasks"][0]["duration"])
        self.assertTrue(task["pass_sla"])

    def test_a_failed_criterion_fails_all_above(self):
        workload = self.make_workload()
        self.outcome(workload, success=False)

        task = db.task_get(workload["task_uuid"], detailed=True)

        subtask = task["subtasks"][0]
        self.assertEqual((False, False, False), (
            task["pass_sla"], subtask["pass_sla"],
            subtask["workloads"][0]["pass_sla"]))

    def test_progress_of_a_missing_workload_is_told(self):
        self.assertRaises(
            exceptions.DBRecordNotFound, db.workload_update_progress,
            "nope", statistics={}, total=0, failed=0, min_duration=None,
            max_duration=None, start_time=None, load_duration=0.0,
            load_info={},
        )

    def test_results_are_read_lazily_on_demand(self):
        workload = self.make_workload()

        task = db.task_get(workload["task_uuid"], detailed=True, lazy=True)

        data = task["subtasks"][0]["workloads"][0]["data"]
        self.assertIsInstance(data, stored.StoredResults)
        self.assertEqual([], list(data))


class SessionTestCase(test.DBTestCase):
    def test_a_function_can_be_given_a_session(self):
        @db.with_session
        def rename(session: t.Any, name: str) -> int:
            for env in session.query(models.Env):
                env.name = name
            return 5

        self.make_env("old")

        self.assertEqual(5, rename("new"))
        self.assertEqual("new", db.env_list()[0]["name"])

    def test_a_failure_undoes_all_of_a_session(self):
        @db.with_session
        def fail(session: t.Any) -> None:
            session.query(models.Env).delete()
            raise RuntimeError("stop")

        self.make_env("e")

        self.assertRaises(RuntimeError, fail)
        self.assertEqual(1, len(db.env_list()))

    def test_serialize_walks_lists_and_dicts(self):
        env = models.Env(name="e", extras={"a": 1})

        self.assertEqual(
            {"x": [{"name": "e", "extras": {"a": 1}}, 5]},
            db.serialize({"x": (env, 5)}),
        )

    def test_changes_of_mutable_values_are_noticed(self):
        self.make_env("e")

        @db.with_session
        def change(session: t.Any) -> None:
            env = session.query(models.Env).one()
            env.extras["new"] = [1]

        change()

        self.assertEqual({"new": [1]}, db.env_get("e")["extras"])
