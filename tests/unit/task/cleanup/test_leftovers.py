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

"""Contexts that another process had begun."""

from __future__ import annotations

import json
import typing as t
from unittest import mock

from rally import exceptions
from rally.common import broker, db, objects
from rally.env import env_mgr
from rally.task import context
from rally.task.cleanup import context_store, leftovers, notes
from tests.unit import test


class BegunTestCase(test.DBTestCase):
    def setUp(self):
        super().setUp()
        self.log = []
        self.env = env_mgr.EnvManager.create("env", {})
        for order, name in enumerate(("one", "two", "three")):
            self.make_context(name, order)

    def make_context(self, name, order):
        log = self.log

        class Made(context.Context):
            CONFIG_SCHEMA = {}
            state = None

            def setup(self):
                self.state = "made by " + name
                self.context["password"] = "canary"

            def to_state(self):
                return None if name == "two" else self.state

            def restore(self, state):
                self.state = state

            def cleanup(self):
                log.append((name, self.state, dict(self.config),
                            self.get_owner_id()))
                if self.config.get("raises"):
                    raise ValueError("it is still in use")

        context.configure(name, order)(Made)
        self.addCleanup(Made.unregister)

    def begin(self, **configs):
        """A workload whose controller dies after its contexts."""
        workload = self.make_workload(self.env.uuid, contexts=configs)
        self.uuid = workload["uuid"]
        self.task = db.task_get(workload["task_uuid"])
        manager = context.ContextManager(
            {
                "task": objects.Task(self.task), "owner_id": self.uuid,
                "config": configs, "env": {},
            },
            lambda results: db.workload_set_contexts(
                self.uuid, json.loads(json.dumps(results))
            ),
            context_store.ContextStore(self.uuid),
        )
        manager.setup()
        return manager

    def stored(self):
        return db.workload_get(self.uuid)

    def clean_up(self):
        self.rest = leftovers.Leftovers(self.task, self.stored())
        return self.rest.clean_up()

    def kept(self):
        """Names of the files in which something is kept for clean-ups."""
        folder = self.home / ".rally" / "contexts"
        return [path.name for path in folder.iterdir()]


class LeftoversTestCase(BegunTestCase):
    def test_what_was_begun_is_cleaned_up_in_reverse(self):
        self.begin(one={"a": 1}, two={}, three={})

        said = self.clean_up()

        self.assertEqual(
            [
                ("three", "made by three", {}, self.uuid),
                ("two", "made by two", {}, self.uuid),
                ("one", "made by one", {"a": 1}, self.uuid),
            ],
            self.log,
        )
        self.assertEqual(
            ["context three@default is cleaned up",
             "context two@default is cleaned up",
             "context one@default is cleaned up"], said,
        )

    def test_the_second_time_there_is_nothing_to_do(self):
        self.begin(one={}, two={})
        self.assertTrue(leftovers.is_left(self.stored()))
        self.clean_up()
        self.log.clear()

        self.assertFalse(leftovers.is_left(self.stored()))
        self.assertEqual([], self.clean_up())
        self.assertEqual([], self.log)

    def test_what_the_controller_had_cleaned_up_is_left_alone(self):
        self.begin(one={}, two={}, three={})
        results = self.stored()["contexts_results"]
        results[2]["cleanup"]["finished_at"] = 1234.5
        db.workload_set_contexts(self.uuid, results)

        self.clean_up()

        self.assertEqual(["two", "one"], [each[0] for each in self.log])

    def test_what_it_could_only_note_is_left_alone_and_recorded(self):
        self.begin(one={}, two={}, three={})
        results = self.stored()["contexts_results"]
        for each in results[1:]:
            each["cleanup"]["finished_at"] = 1234.5
        path = notes.keep(self.uuid, results)

        said = self.clean_up()

        self.assertEqual(["one"], [each[0] for each in self.log])
        self.assertEqual(3, len(said))
        self.assertFalse(leftovers.is_left(self.stored()))
        self.assertNotIn("state", str(self.stored()["contexts_results"]))
        self.assertFalse(path.exists())

    def test_if_all_was_noted_it_is_only_recorded(self):
        self.begin(one={})
        results = self.stored()["contexts_results"]
        results[0]["cleanup"]["finished_at"] = 1234.5
        path = notes.keep(self.uuid, results)

        self.assertEqual(
            ["context one@default is cleaned up"], self.clean_up()
        )
        self.assertEqual([], self.log)
        self.assertFalse(leftovers.is_left(self.stored()))
        self.assertFalse(path.exists())

    def test_a_note_is_kept_until_it_is_recorded(self):
        self.begin(one={}, two={})
        results = self.stored()["contexts_results"]
        results[1]["cleanup"]["finished_at"] = 1234.5
        path = notes.keep(self.uuid, results)

        with mock.patch.object(
            db, "workload_set_contexts",
            side_effect=exceptions.DBException("it is gone"),
        ):
            self.assertRaises(exceptions.DBException, self.clean_up)

        self.assertTrue(path.exists())

    def test_a_clean_up_that_fails_is_told_and_keeps_none_from_theirs(self):
        self.begin(one={}, two={"raises": True})

        said = self.clean_up()

        self.assertEqual(["two", "one"], [each[0] for each in self.log])
        self.assertIn("failed: ValueError: it is still in use", said[0])
        self.assertEqual(["two@default"], self.rest.failed)

    def test_a_context_that_is_not_installed_is_named_before_anything(self):
        self.begin(one={}, two={})
        context.Context.get("two").unregister()

        error = self.assertRaises(exceptions.PluginNotFound, self.clean_up)

        self.assertIn("two", str(error))
        self.assertEqual([], self.log)
        self.make_context("two", 2)

    def test_the_context_object_is_not_stored(self):
        self.begin(one={}, two={})

        for path in self.home.rglob("contexts/*"):
            self.assertNotIn(b"canary", path.read_bytes())
        with open(self.db_path, "rb") as file:
            self.assertNotIn(b"canary", file.read())
        with open(self.db_path + "-wal", "rb") as file:
            self.assertNotIn(b"canary", file.read())


class Users(context.Context):
    """Keeps what it made where contexts of clouds do."""

    CONFIG_SCHEMA = {}
    cloud: t.ClassVar[set[str]] = set()
    is_cloud_down = False

    def __init__(self, ctx):
        super().__init__(ctx)
        self.before = []
        self.session = None

    def setup(self):
        self.context["users"] = ["u%d" % i for i in range(5)]
        self.before.append("quota")
        self.session = object()
        self.cloud.update(self.context["users"])

    def cleanup(self):
        def consume(cache, user):
            if self.is_cloud_down:
                raise OSError("no route to the cloud")
            self.cloud.remove(user)

        if self.session:
            raise AssertionError("that is of another process")
        if self.before != ["quota"]:
            raise LookupError("the quota is not known")
        broker.run(
            lambda queue: queue.extend(self.context["users"]), consume, 2
        )


class KeptTestCase(BegunTestCase):
    """Clean-ups that need what their set-up had put into the context."""

    def setUp(self):
        super().setUp()
        context.configure("users", 1)(Users)
        self.addCleanup(Users.unregister)
        self.addCleanup(Users.cloud.clear)

    def kill_in_setup(self, name, **configs):
        """The controller dies while the set-up of *name* runs."""
        class Killed(BaseException):
            pass

        with mock.patch.object(
            context.ContextManager, "_run_phase", autospec=True,
            side_effect=self._dying(context.Context.get(name), Killed),
        ):
            self.assertRaises(Killed, self.begin, **configs)

    @staticmethod
    def _dying(cls, killed):
        run = context.ContextManager._run_phase

        def run_phase(manager, ctx, phase, data):
            if isinstance(ctx, cls) and phase == "setup":
                ctx.context["half"] = True
                raise killed
            return run(manager, ctx, phase, data)

        return run_phase

    def test_they_get_it_in_another_process(self):
        self.begin(users={}, three={})

        said = self.clean_up()

        self.assertEqual(set(), Users.cloud)
        self.assertEqual([], self.rest.failed)
        self.assertIn("context users@default is cleaned up", said)
        self.assertEqual([], self.kept())

    def test_what_is_lost_in_a_broker_has_failed_and_is_tried_again(self):
        self.begin(users={}, three={})
        with mock.patch.object(Users, "is_cloud_down", True):
            said = self.clean_up()

        self.assertIn("OSError: no route to the cloud", said[-1])
        self.assertEqual(["users@default"], self.rest.failed)
        self.assertTrue(self.rest.is_stuck)
        self.assertTrue(leftovers.is_left(self.stored()))
        self.assertEqual([self.uuid], self.kept())
        self.assertEqual(5, len(Users.cloud))

        self.assertEqual(
            ["context users@default is cleaned up"], self.clean_up()
        )
        self.assertEqual(set(), Users.cloud)
        self.assertEqual([], self.kept())

    def check_nothing_is_claimed(self, reason):
        said = self.clean_up()

        self.assertEqual(["three"], [each[0] for each in self.log])
        self.assertEqual("context three@default is cleaned up", said[0])
        for sentence in said[1:]:
            self.assertIn("ContextsNotKept", sentence)
            self.assertIn(reason, sentence)
        self.assertEqual(["two@default", "users@default"],
                         sorted(self.rest.failed))
        self.assertTrue(self.rest.is_stuck)
        self.assertEqual(5, len(Users.cloud))

    def test_on_another_host_nothing_is_claimed(self):
        self.begin(users={}, two={}, three={})
        (self.home / ".rally").rename(self.home / "elsewhere")
        self.check_nothing_is_claimed("No such file")

        (self.home / "elsewhere").rename(self.home / ".rally")
        self.clean_up()

        self.assertEqual(set(), Users.cloud)
        self.assertFalse(leftovers.is_left(self.stored()))

    def test_nor_without_the_key(self):
        self.begin(users={}, two={}, three={})
        (self.home / ".rally" / "keys" / "contexts.key").unlink()
        self.check_nothing_is_claimed("contexts.key, is missing")

    def test_nor_where_the_last_set_ups_could_not_be_kept(self):
        keep = context_store.ContextStore.keep

        def keep_one(store, names, *args):
            if len(names) > 1:
                raise OSError("no space left")
            return keep(store, names, *args)

        with mock.patch.object(context_store.ContextStore, "keep", keep_one):
            self.begin(users={}, two={}, three={})

        self.clean_up()

        self.assertEqual(set(), Users.cloud)
        self.assertEqual(["two@default"], self.rest.failed)
        self.assertEqual(["three"], [each[0] for each in self.log])

    def test_what_could_not_be_kept_is_named_if_it_fails(self):
        def setup(ctx):
            ctx.context["users"] = [{"name": "a", "socket": object()}]
            ctx.before.append("quota")

        with mock.patch.object(Users, "setup", setup):
            self.begin(users={})

        (sentence,) = self.clean_up()

        self.assertIn("failed: ", sentence)
        self.assertIn("could not be kept", sentence)
        self.assertIn("context['users'][0]['socket']", sentence)

    def test_a_constructor_that_fails_keeps_none_from_its_clean_up(self):
        self.begin(users={}, two={}, three={})
        with mock.patch.object(
            context.Context.get("two"), "__init__",
            side_effect=KeyError("admin"),
        ):
            said = self.clean_up()

        self.assertIn("two@default failed: KeyError: 'admin'", said[1])
        self.assertEqual(set(), Users.cloud)

    def test_a_set_up_that_never_ended_is_not_known_to_be_undone(self):
        self.kill_in_setup("users", users={}, three={})

        (sentence,) = self.clean_up()

        self.assertIn("was being set up", sentence)
        self.assertIn("LookupError", sentence)
        self.assertEqual(["users@default"], self.rest.failed)
        self.assertFalse(self.rest.is_stuck)
        self.assertEqual([], self.rest.settle({"openstack"}))
        self.assertTrue(leftovers.is_left(self.stored()))

        (sentence,) = self.rest.settle({"default"})

        self.assertIn("users@default, whose set-up had not ended", sentence)
        self.assertEqual([], self.rest.failed)
        self.assertFalse(leftovers.is_left(self.stored()))

    def test_it_gets_what_those_before_it_had_made_known(self):
        self.kill_in_setup("three", users={}, three={})

        said = self.clean_up()

        self.assertEqual([("three", None)],
                         [each[:2] for each in self.log])
        self.assertEqual(set(), Users.cloud)
        self.assertIn("three@default was being set up", said[0])
        self.assertEqual(["three@default"], self.rest.failed)
        self.assertFalse(self.rest.is_stuck)
        self.assertEqual([self.uuid], self.kept())

        (sentence,) = self.rest.settle({"default"})

        self.assertIn("three@default", sentence)
        self.assertFalse(leftovers.is_left(self.stored()))
        self.assertEqual([], self.kept())

    def test_one_that_finds_its_things_by_name_knows_what_there_is(self):
        cls = context.Context.get("three")
        with mock.patch.object(cls, "finds_by_name", True, create=True):
            self.kill_in_setup("three", three={})

            self.assertEqual(
                ["context three@default is cleaned up"], self.clean_up()
            )
        self.assertFalse(leftovers.is_left(self.stored()))

    def test_what_was_granted_to_users_of_others_is_not_settled(self):
        def setup(ctx):
            ctx.context["config"]["existing_users"] = ["a"]

        with mock.patch.object(context.Context.get("one"), "setup", setup):
            self.kill_in_setup("users", one={}, users={})
        self.clean_up()

        self.assertEqual([], self.rest.settle({"default"}))
        self.assertEqual(["users@default"], self.rest.failed)
