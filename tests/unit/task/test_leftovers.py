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
from unittest import mock

from rally import exceptions
from rally.common import db, objects
from rally.env import env_mgr
from rally.task import cleanup_notes, context, leftovers
from tests.unit import test


class LeftoversTestCase(test.DBTestCase):
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
        )
        manager.setup()
        return manager

    def stored(self):
        return db.workload_get(self.uuid)

    def clean_up(self):
        return leftovers.Leftovers(self.task, self.stored()).clean_up()

    def test_what_was_begun_is_cleaned_up_in_reverse(self):
        self.begin(one={"a": 1}, two={}, three={})

        said = self.clean_up()

        self.assertEqual(
            [
                ("three", "made by three", {}, self.uuid),
                ("two", None, {}, self.uuid),
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
        self.make_home()
        self.begin(one={}, two={}, three={})
        results = self.stored()["contexts_results"]
        for each in results[1:]:
            each["cleanup"]["finished_at"] = 1234.5
        path = cleanup_notes.keep(self.uuid, results)

        said = self.clean_up()

        self.assertEqual(["one"], [each[0] for each in self.log])
        self.assertEqual(3, len(said))
        self.assertFalse(leftovers.is_left(self.stored()))
        self.assertNotIn("state", str(self.stored()["contexts_results"]))
        self.assertFalse(path.exists())

    def test_if_all_was_noted_it_is_only_recorded(self):
        self.make_home()
        self.begin(one={})
        results = self.stored()["contexts_results"]
        results[0]["cleanup"]["finished_at"] = 1234.5
        path = cleanup_notes.keep(self.uuid, results)

        self.assertEqual(
            ["context one@default is cleaned up"], self.clean_up()
        )
        self.assertEqual([], self.log)
        self.assertFalse(leftovers.is_left(self.stored()))
        self.assertFalse(path.exists())

    def test_a_note_is_kept_until_it_is_recorded(self):
        self.make_home()
        self.begin(one={}, two={})
        results = self.stored()["contexts_results"]
        results[1]["cleanup"]["finished_at"] = 1234.5
        path = cleanup_notes.keep(self.uuid, results)

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

    def test_a_context_that_is_not_installed_is_named_before_anything(self):
        self.begin(one={}, two={})
        context.Context.get("two").unregister()

        error = self.assertRaises(exceptions.PluginNotFound, self.clean_up)

        self.assertIn("two", str(error))
        self.assertEqual([], self.log)
        self.make_context("two", 2)

    def test_the_context_object_is_not_stored(self):
        self.begin(one={}, two={})

        with open(self.db_path, "rb") as file:
            self.assertNotIn(b"canary", file.read())
        with open(self.db_path + "-wal", "rb") as file:
            self.assertNotIn(b"canary", file.read())
