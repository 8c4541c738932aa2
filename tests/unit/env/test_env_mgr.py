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

"""Environments and their platforms."""

from __future__ import annotations

import os
import typing as t
from unittest import mock

from rally import exceptions
from rally.common import db
from rally.env import env_mgr, platform
from tests.unit import test

EnvManager = env_mgr.EnvManager
STATUS = env_mgr.STATUS
CLEAN = {
    "discovered": 1, "deleted": 1, "failed": 0, "resources": {}, "errors": []
}


def boom(*args: t.Any, **kwargs: t.Any) -> t.NoReturn:
    raise ValueError("boom")


class EnvTestCase(test.DBTestCase):
    """Its plugins are called ``<name>@<name>``."""

    def add_plugin(self, name: str, **attributes: t.Any) -> t.Any:
        members: dict[str, t.Any] = {
            "CONFIG_SCHEMA": {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "additionalProperties": False,
            },
            "create": lambda self: ({"spec": self.spec}, {"key": 1}),
            "destroy": lambda self: None,
            **attributes,
        }
        plugin = type(name, (platform.Platform,), members)
        platform.configure(name, name)(plugin)
        self.addCleanup(plugin.unregister)
        return plugin


class CreateTestCase(EnvTestCase):
    def test_an_empty_environment_is_ready(self):
        env = EnvManager.create("e", {})

        self.assertEqual(STATUS.READY, env.status)
        self.assertEqual({}, env.check_health())
        self.assertEqual({}, env.get_info())
        self.assertEqual({}, env.cleanup())
        self.assertEqual({}, env.get_validation_context())
        self.assertEqual("Env `e (%s)'" % env.uuid, str(env))

    def test_data_shows_what_the_plugin_made(self):
        self.add_plugin("good")

        data = EnvManager.create("e", {"good@good": {"a": 1}}).data

        self.assertEqual(
            ["uuid", "created_at", "updated_at", "name", "description",
             "status", "spec", "extras", "platforms"],
            list(data),
        )
        made = data["platforms"]["good"]
        self.assertEqual({"spec": {"a": 1}}, made["platform_data"])
        self.assertEqual({"key": 1}, made["plugin_data"])
        self.assertEqual({"a": 1}, made["plugin_spec"])
        self.assertEqual("good@good", made["plugin_name"])
        self.assertEqual(platform.STATUS.READY, made["status"])
        self.assertIsInstance(made["created_at"], str)

    def test_a_platform_alone_means_its_existing_plugin(self):
        plugin = self.add_plugin("unused")
        plugin.unregister()
        platform.configure("existing", "cloud")(plugin)

        env = EnvManager.create("e", {"cloud": {}})

        self.assertEqual({"existing@cloud": {}}, env.data["spec"])

    def test_arguments_win_over_the_specification(self):
        spec = {"!version": 1, "!description": "d", "!extras": {"e": 1},
                "!config": {"s": {"o": 1}}}
        before = dict(spec)

        plain = EnvManager.create("plain", spec)
        told = EnvManager.create(
            "told", spec, description="mine", extras={"m": 1}, config={}
        )

        self.assertEqual(("d", {"e": 1}, {}), (
            plain.data["description"], plain.data["extras"],
            plain.data["spec"]))
        self.assertEqual({"s": {"o": 1}}, db.env_get("plain")["config"])
        self.assertEqual(("mine", {"m": 1}), (
            told.data["description"], told.data["extras"]))
        self.assertEqual({}, db.env_get("told")["config"])
        self.assertEqual(before, spec)

    def test_a_wrong_specification_tells_all_that_is_wrong(self):
        self.add_plugin("good")
        self.add_plugin("other")
        for spec, parts in (
            ([], ["object"]),
            ({"!foo": 1}, ["!foo"]),
            ({"!version": 2}, ["!version"]),
            ({"nope": {}}, ["existing", "nope"]),
            ({"good@good": {}, "good": {}}, ["several plugins"]),
            ({"good@good": {"a": "x"}, "other@other": {"b": 1}},
             ["'x' is not of type 'integer'", "'b' was unexpected"]),
        ):
            error = self.assertRaises(
                exceptions.ManagerInvalidSpec, EnvManager.create, "e", spec
            )
            for part in parts:
                self.assertIn(part, str(error))
            self.assertEqual(spec, error.kwargs["spec"])
        self.assertEqual([], EnvManager.list())

    def test_a_name_is_given_once(self):
        EnvManager.create("e", {})

        self.assertRaises(
            exceptions.DBRecordExists, EnvManager.create, "e", {}
        )

    def test_after_a_platform_that_cannot_be_made_the_rest_is_skipped(self):
        self.add_plugin("good")
        self.add_plugin("bad", create=boom)
        self.add_plugin("third")

        env = EnvManager.create(
            "e", {"good@good": {}, "bad@bad": {}, "third@third": {}}
        )

        self.assertEqual(STATUS.FAILED_TO_CREATE, env.status)
        self.assertEqual(
            {"good": "READY", "bad": "FAILED TO CREATE", "third": "SKIPPED"},
            {k: p["status"] for k, p in env.data["platforms"].items()},
        )

    def test_nonsense_from_create_is_a_failure(self):
        self.add_plugin("bad", create=lambda self: None)

        env = EnvManager.create("e", {"bad@bad": {}})

        self.assertEqual(STATUS.FAILED_TO_CREATE, env.status)

    def test_an_interrupted_creation_leaves_no_environment_undecided(self):
        def interrupted(self: t.Any) -> t.NoReturn:
            raise KeyboardInterrupt()

        self.add_plugin("slow", create=interrupted)

        self.assertRaises(
            KeyboardInterrupt, EnvManager.create, "e", {"slow@slow": {}}
        )

        env = EnvManager.get("e")
        self.assertEqual(STATUS.FAILED_TO_CREATE, env.status)
        self.assertEqual(
            "FAILED TO CREATE", env.data["platforms"]["slow"]["status"]
        )

    def test_variables_of_the_system_tell_a_specification(self):
        def found(cls: t.Any, environ: t.Mapping[str, str]) -> t.Any:
            return {"available": True, "spec": {"a": int(environ["A_A"])}}

        self.add_plugin("here", create_spec_from_sys_environ=classmethod(
            found))
        self.add_plugin("absent")
        self.add_plugin("broken", create_spec_from_sys_environ=boom)
        self.add_plugin("odd", create_spec_from_sys_environ=classmethod(
            lambda cls, environ: {"available": "yes"}))
        with mock.patch.dict(os.environ, {"A_A": "5"}):
            told = EnvManager.create_spec_from_sys_environ(
                description="d", extras={"e": 1}, config={"c": {}}
            )

        self.assertEqual(
            {"!description": "d", "!extras": {"e": 1}, "!config": {"c": {}},
             "here@here": {"a": 5}},
            told["spec"],
        )
        details = told["discovery_details"]
        self.assertEqual(
            {"available": True, "spec": {"a": 5}}, details["here@here"]
        )
        self.assertEqual(
            {"available": False, "message": "Skipped. No credentials found."},
            details["absent@absent"],
        )
        self.assertFalse(details["broken@broken"]["available"])
        self.assertIn("boom", details["broken@broken"]["traceback"])
        self.assertEqual(
            {"available", "message"}, set(details["odd@odd"])
        )


class UseTestCase(EnvTestCase):
    def make(self, **attributes: t.Any) -> env_mgr.EnvManager:
        self.add_plugin("p", **attributes)
        return EnvManager.create("e", {"p@p": {}})

    def test_health_is_what_the_plugin_says(self):
        said = {"available": False, "message": "m", "traceback": "t"}
        env = self.make(check_health=lambda self: said)

        self.assertEqual({"p@p": said}, env.check_health())

    def test_a_broken_plugin_is_not_available(self):
        env = self.make(check_health=boom)

        told = env.check_health()["p@p"]

        self.assertFalse(told["available"])
        self.assertEqual(
            "Plugin p@p.check_health() method is broken", told["message"]
        )
        self.assertIn("boom", told["traceback"])

    def test_a_wrong_answer_is_not_passed_on(self):
        env = self.make(
            check_health=lambda self: {"x": 1},
            info=lambda self: 5,
            cleanup=lambda self, task_uuid=None: {"x": 1},
        )

        self.assertEqual(
            {"available": False,
             "message": "Plugin p@p.check_health() method is broken"},
            env.check_health()["p@p"],
        )
        self.assertEqual(
            {"info": None, "error": "Plugin p@p.info() method is broken"},
            env.get_info()["p@p"],
        )
        self.assertEqual(
            [{"message": "Plugin p@p.cleanup() method is broken"}],
            env.cleanup()["p@p"]["errors"],
        )

    def test_what_a_plugin_lacks_is_told(self):
        env = self.make()

        self.assertFalse(env.check_health()["p@p"]["available"])
        self.assertIn("not implemented", env.get_info()["p@p"]["error"])
        self.assertEqual(
            {"message": "Not implemented", "discovered": 0, "deleted": 0,
             "failed": 0, "resources": {}, "errors": []},
            env.cleanup()["p@p"],
        )

    def test_a_plugin_that_is_gone_does_not_hide_the_others(self):
        plugin = self.add_plugin("gone")
        self.add_plugin("p", check_health=lambda self: {"available": True})
        env = EnvManager.create("e", {"gone@gone": {}, "p@p": {}})
        plugin.unregister()

        told = env.check_health()

        self.assertFalse(told["gone@gone"]["available"])
        self.assertEqual(
            {"available": True, "message": "OK!"}, told["p@p"]
        )

    def test_cleanup_can_be_limited_to_a_task(self):
        env = self.make(
            cleanup=lambda self, task_uuid=None: dict(
                CLEAN, message=str(task_uuid)
            )
        )

        self.assertEqual("t", env.cleanup(task_uuid="t")["p@p"]["message"])
        self.assertEqual(STATUS.READY, env.status)

    def test_cleanup_shows_in_the_status(self):
        seen = []

        def cleanup(self: t.Any, task_uuid: str | None = None) -> t.Any:
            seen.append(EnvManager.get("e").status)
            return CLEAN

        env = self.make(cleanup=cleanup)

        self.assertEqual("Succeeded", env.cleanup()["p@p"]["message"])
        self.assertEqual([STATUS.CLEANING], seen)

    def test_validation_contexts_of_all_platforms_are_joined(self):
        self.add_plugin("silent")
        self.add_plugin("new", get_validation_context=lambda s: {"n": {}})
        self.add_plugin("old", _get_validation_context=lambda s: {"o": {}})
        env = EnvManager.create(
            "e", {"silent@silent": {}, "new@new": {}, "old@old": {}}
        )

        self.assertEqual({"n": {}, "o": {}}, env.get_validation_context())

    def test_changes_are_kept(self):
        env = EnvManager.create("e", {})
        EnvManager.create("other", {})

        self.assertTrue(env.update(description="d", extras={"x": 1}))
        self.assertFalse(env.rename("other"))
        self.assertTrue(env.rename("new"))
        self.assertTrue(env.rename("newer"))

        self.assertEqual(("newer", "d", {"x": 1}), (
            env.data["name"], env.data["description"], env.data["extras"]))

    def test_the_specification_stays(self):
        env = EnvManager.create("e", {})

        error = self.assertRaises(
            exceptions.ManagerException, env.update_spec, {}
        )

        self.assertIn(env.uuid, str(error))

    def test_environments_are_listed_by_status(self):
        EnvManager.create("a", {})
        EnvManager.create("b", {}).destroy()

        self.assertEqual(
            ["a", "b"], [e.data["name"] for e in EnvManager.list()]
        )
        self.assertEqual(
            ["b"],
            [e.data["name"] for e in EnvManager.list(STATUS.DESTROYED)],
        )


class EndTestCase(EnvTestCase):
    def make(self, name: str = "e", **attributes: t.Any) -> t.Any:
        self.add_plugin("p", **attributes)
        return EnvManager.create(name, {"p@p": {}})

    def test_destroy_cleans_up_first(self):
        env = self.make(cleanup=lambda self, task_uuid=None: CLEAN)

        told = env.destroy()

        self.assertEqual(
            {"cleanup_info": {
                "skipped": False, "failed": False,
                "info": {"p@p": dict(CLEAN, message="Succeeded")}},
             "destroy_info": {
                 "skipped": False,
                 "platforms": {"p@p": {
                     "message": "Destroyed",
                     "status": {"old": "READY", "new": "DESTROYED"}}}}},
            told,
        )
        self.assertEqual(STATUS.DESTROYED, env.status)

    def test_platforms_stay_if_cleaning_them_up_has_errors(self):
        env = self.make(cleanup=boom)

        told = env.destroy()

        self.assertTrue(told["cleanup_info"]["failed"])
        self.assertTrue(told["destroy_info"]["skipped"])
        self.assertEqual({}, told["destroy_info"]["platforms"])
        self.assertEqual(STATUS.READY, env.status)

    def test_a_failed_destruction_can_be_tried_again(self):
        failing = [True]

        def destroy(self: t.Any) -> None:
            if failing[0]:
                boom()

        env = self.make(destroy=destroy)

        told = env.destroy(skip_cleanup=True)
        self.assertEqual({"skipped": True}, told["cleanup_info"])
        outcome = told["destroy_info"]["platforms"]["p@p"]
        self.assertEqual("Could not destroy", outcome["message"])
        self.assertIn("boom", outcome["traceback"])
        self.assertEqual(STATUS.FAILED_TO_DESTROY, env.status)

        failing[0] = False
        env.destroy()
        self.assertEqual(STATUS.DESTROYED, env.status)

    def test_an_environment_that_failed_can_be_destroyed(self):
        self.add_plugin("bad", create=boom)
        self.add_plugin("never")
        env = EnvManager.create("e", {"bad@bad": {}, "never@never": {}})

        told = env.destroy()["destroy_info"]["platforms"]

        self.assertEqual(
            {"bad@bad": "DESTROYED", "never@never": "SKIPPED"},
            {name: o["status"]["new"] for name, o in told.items()},
        )
        self.assertEqual(STATUS.DESTROYED, env.status)

    def test_what_is_destroyed_cannot_be_destroyed_again(self):
        env = self.make()
        env.destroy()

        self.assertRaises(exceptions.DBConflict, env.destroy)
        self.assertRaises(
            exceptions.DBConflict, env.destroy, skip_cleanup=True
        )

    def test_only_what_is_destroyed_is_deleted_unless_forced(self):
        env = self.make()

        self.assertRaises(exceptions.ManagerInvalidState, env.delete)
        env.delete(force=True)

        self.assertRaises(
            exceptions.DBRecordNotFound, EnvManager.get, env.uuid
        )
        self.assertEqual("e", env.cached_data["name"])

    def test_all_that_ran_in_it_is_deleted_too(self):
        env = EnvManager.create("e", {})
        self.make_workload(env.uuid)
        other = self.make_workload(self.make_env("other"))

        env.delete(force=True)

        self.assertEqual(
            [other["task_uuid"]], [task["uuid"] for task in db.task_list()]
        )
