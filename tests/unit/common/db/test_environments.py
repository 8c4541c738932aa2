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

"""Environments, platforms, verifiers in the database; the package itself."""

from __future__ import annotations

import inspect
import os
import pathlib
import typing as t

from rally import exceptions
from rally.common import db
from tests.unit import test


class EnvTestCase(test.DBTestCase):
    def make(self, name: str = "e") -> dict[str, t.Any]:
        return db.env_create(
            name, "INIT", "d", {"x": 1}, {"c": {}}, {"a@b": {}},
            [{"status": "INIT", "plugin_name": "a@b", "plugin_spec": {"s": 1},
              "platform_name": "b"}],
        )

    def test_an_environment_is_found_by_uuid_and_name(self):
        env = self.make()

        self.assertEqual(env, db.env_get("e"))
        self.assertEqual(env, db.env_get(env["uuid"]))
        self.assertEqual([env], db.env_list())
        self.assertEqual([env], db.env_list("INIT"))
        self.assertEqual([], db.env_list("READY"))
        self.assertEqual("INIT", db.env_get_status(env["uuid"]))
        self.assertEqual({"x": 1}, env["extras"])

    def test_missing_records_are_told(self):
        for func, args in (
            (db.env_get, ("nope",)),
            (db.env_get_status, ("nope",)),
            (db.env_set_status, ("nope", "a", "b")),
            (db.platform_get, ("nope",)),
            (db.platform_set_status, ("nope", "a", "b")),
            (db.verifier_get, ("nope",)),
            (db.verifier_delete, ("nope",)),
            (db.verification_get, ("nope",)),
            (db.verification_delete, ("nope",)),
        ):
            self.assertRaises(exceptions.DBRecordNotFound, func, *args)
        self.assertFalse(db.env_rename("nope", "a", "b"))
        self.assertFalse(db.env_update("nope", description="x"))
        self.assertFalse(db.env_update("nope"))
        self.assertFalse(db.platform_set_data("nope", plugin_data={}))
        self.assertEqual([], db.platforms_list("nope"))

    def test_a_name_is_given_once(self):
        self.make()

        error = self.assertRaises(exceptions.DBRecordExists, self.make)

        self.assertEqual(
            {"field": "name", "value": "e", "table": "envs"},
            {k: error.kwargs[k] for k in ("field", "value", "table")},
        )
        self.assertEqual(1, len(db.platforms_list(db.env_get("e")["uuid"])))

    def test_renaming_needs_the_present_name_and_a_free_one(self):
        env = self.make()
        self.make("other")

        self.assertFalse(db.env_rename(env["uuid"], "wrong", "f"))
        self.assertFalse(db.env_rename(env["uuid"], "e", "other"))
        self.assertTrue(db.env_rename(env["uuid"], "e", "f"))
        self.assertEqual("f", db.env_get(env["uuid"])["name"])

    def test_only_what_is_given_is_updated(self):
        env = self.make()

        self.assertTrue(db.env_update(env["uuid"], description=""))
        self.assertTrue(db.env_update(env["uuid"]))
        self.assertTrue(db.env_update(env["uuid"], config={}))

        found = db.env_get(env["uuid"])
        self.assertEqual(("", {}, {"x": 1}), (
            found["description"], found["config"], found["extras"]))

    def test_status_is_changed_from_the_expected_one_only(self):
        env = self.make()
        platform = db.platforms_list(env["uuid"])[0]
        for set_status, uuid in (
            (db.env_set_status, env["uuid"]),
            (db.platform_set_status, platform["uuid"]),
        ):
            self.assertTrue(set_status(uuid, "INIT", "READY"))
            error = self.assertRaises(
                exceptions.DBConflict, set_status, uuid, "INIT", "READY"
            )
            self.assertIn("READY", str(error))

    def test_data_of_a_platform_is_kept(self):
        uuid = db.platforms_list(self.make()["uuid"])[0]["uuid"]

        self.assertTrue(db.platform_set_data(uuid, platform_data={"p": 1}))
        self.assertTrue(db.platform_set_data(uuid, plugin_data={"q": 2}))
        self.assertTrue(db.platform_set_data(uuid))

        found = db.platform_get(uuid)
        self.assertEqual(({"p": 1}, {"q": 2}, {"s": 1}), (
            found["platform_data"], found["plugin_data"],
            found["plugin_spec"]))


class VerifierTestCase(test.DBTestCase):
    def test_verifiers_and_verifications_live_and_die(self):
        env_uuid = self.make_env("e")
        made = db.verifier_create("v", "t", "p", "s", "1", False, {"a": 1})
        self.assertRaises(
            exceptions.DBRecordExists,
            db.verifier_create, "v", "t", "p", "s", "1", False,
        )
        self.assertEqual(made, db.verifier_get("v"))
        self.assertEqual(made, db.verifier_get(made["uuid"]))
        self.assertEqual([made], db.verifier_list("init"))
        self.assertEqual([], db.verifier_list("installed"))
        self.assertEqual(
            "installed",
            db.verifier_update("v", status="installed")["status"],
        )

        one = db.verification_create("v", "e", tags=["a"], run_args={"x": 1})
        db.verification_create(made["uuid"], env_uuid)
        self.assertEqual({"x": 1}, db.verification_get(one["uuid"])[
            "run_args"])
        self.assertEqual(
            [["a"], []], [v["tags"] for v in db.verification_list("v", "e")]
        )
        self.assertEqual(
            [one["uuid"]],
            [v["uuid"] for v in db.verification_list(tags=["a"])],
        )
        db.verification_update(one["uuid"], status="finished")
        self.assertEqual(1, len(db.verification_list(status="finished")))
        db.verification_delete(one["uuid"])
        self.assertEqual([], db.tags_get(one["uuid"], "verification"))

        db.verifier_delete("v")
        self.assertEqual([], db.verification_list())
        self.assertEqual([], db.verifier_list())


class PackageTestCase(test.DBTestCase):
    def test_every_module_can_be_reached(self):
        folder = pathlib.Path(db.__file__).parent
        names = {
            path.stem for path in folder.glob("*.py")
        } - {"__init__"}

        self.assertEqual(names, set(db._MODULES))
        for name in names:
            self.assertEqual("rally.common.db." + name,
                             getattr(db, name).__name__)

    def test_every_function_can_be_reached(self):
        functions = inspect.getmembers(db.api, inspect.isfunction)
        self.assertIn("task_get", dict(functions))
        for name, function in functions:
            self.assertIs(function, getattr(db, name))
        self.assertRaises(AttributeError, getattr, db, "nothing")

    def test_a_forked_child_has_an_engine_of_its_own(self):
        self.make_env("e")
        engine = db.get_engine()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            told = "%s %d" % (db.get_engine() is engine, len(db.env_list()))
            os.write(writing, told.encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading) as f:
            self.assertEqual("False 1", f.read())

        self.make_env("f")
        self.assertIs(engine, db.get_engine())

    def test_another_connection_is_another_engine(self):
        first = db.get_engine()
        self.assertIs(first, db.get_engine())
        db.engine_reset()
        self.assertIsNot(first, db.get_engine())
