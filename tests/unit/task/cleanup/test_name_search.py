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

"""What a task left on its platforms, found by names."""

from __future__ import annotations

import typing as t
from unittest import mock

from rally.env import env_mgr, platform
from rally.task.cleanup import name_search
from tests.unit import test

NOTHING = {
    "discovered": 0, "deleted": 0, "failed": 0, "resources": {}, "errors": [],
}
SECRET = {"password": "hunter22secret"}
FOUND = {
    "discovered": 3, "deleted": 3, "failed": 0, "errors": [],
    "resources": {"user": {"discovered": 3, "deleted": 3, "failed": 0}},
}


class NameSearchTestCase(test.DBTestCase):
    """Each platform answers as its plugin's ``answer`` does."""

    def search(
        self, answer: t.Any, name: str = "cloud",
        other: t.Any = lambda: NOTHING,
    ) -> name_search.Found:
        """:param other: answers for a workload of the task"""
        asked: list[t.Any] = []
        self.asked = asked

        def cleanup(self: t.Any, task_uuid: str | None = None) -> t.Any:
            asked.append(task_uuid)
            # a task leaves nothing for another to find
            return answer() if len(asked) == 1 else other()

        members: dict[str, t.Any] = {
            "CONFIG_SCHEMA": {}, "cleanup": cleanup,
            "create": lambda self: ({"admin": {}}, SECRET),
            "destroy": lambda self: None,
        }
        plugin = type("Made", (platform.Platform,), members)
        platform.configure("existing", name)(plugin)
        self.addCleanup(plugin.unregister)
        env = env_mgr.EnvManager.create("e", {"existing@" + name: {}})
        (found,) = name_search.delete_left(env.uuid, ["task", "workload"])
        return found

    def test_the_plugin_is_asked_for_what_the_task_left(self) -> None:
        found = self.search(lambda: FOUND)

        self.assertEqual(["task", "workload"], self.asked)
        self.assertFalse(found.has_failed)
        self.assertEqual("cloud", found.platform)
        self.assertIn("3 resources with", found.sentence)
        self.assertIn("3 deleted (3 of user)", found.sentence)

    def test_names_of_a_workload_are_those_of_its_task(self) -> None:
        found = self.search(lambda: FOUND, other=lambda: {
            **FOUND, "errors": [{"message": "one is in use"}],
            "resources": {
                "user": {"discovered": 1, "deleted": 1, "failed": 0},
                "port": {"discovered": 2, "deleted": 2, "failed": 0},
            },
        })

        self.assertTrue(found.has_failed)
        self.assertIn("6 resources with", found.sentence)
        self.assertIn("6 deleted (4 of user, 2 of port)", found.sentence)
        self.assertIn("one is in use", found.sentence)

    def test_nobody_is_told_that_nothing_was_found(self) -> None:
        self.assertEqual("", self.search(lambda: NOTHING).sentence)

    def test_only_a_module_of_rally_is_known_to_search_all(self) -> None:
        self.assertFalse(self.search(lambda: FOUND).is_certain)

    def test_what_is_left_is_a_failure(self) -> None:
        self.assertTrue(
            self.search(lambda: {**FOUND, "deleted": 2, "failed": 1})
            .has_failed
        )

    def test_so_is_what_cannot_be_listed(self) -> None:
        errors = [{"message": "users cannot be listed"}]
        found = self.search(lambda: {**NOTHING, "errors": errors})

        self.assertTrue(found.has_failed)
        self.assertIn("users cannot be listed", found.sentence)

    def test_a_plugin_that_cannot_search_is_no_failure(self) -> None:
        def answer() -> t.NoReturn:
            raise NotImplementedError

        found = self.search(answer)

        self.assertEqual((False, False, ""), (
            found.has_failed, found.is_certain, found.sentence
        ))

    def test_a_plugin_that_raises_is(self) -> None:
        def answer() -> t.NoReturn:
            raise ValueError("boom")

        found = self.search(answer)

        self.assertTrue(found.has_failed)
        self.assertIn("existing@cloud", found.sentence)

    def test_its_cause_is_told_without_secrets(self) -> None:
        def answer() -> t.NoReturn:
            raise ValueError("hunter22secret cannot log in: no such account")

        found = self.search(answer)

        self.assertIn("cannot log in: no such account", found.sentence)
        self.assertIn("existing@cloud", found.sentence)
        self.assertNotIn("hunter22secret", found.sentence)
        self.assertNotIn("method is broken", found.sentence)

    def test_nor_does_an_answer_tell_any(self) -> None:
        errors = [{"message": "hunter22secret cannot log in"}]
        found = self.search(lambda: {**NOTHING, "errors": errors})

        self.assertIn("cannot log in", found.sentence)
        self.assertNotIn("hunter22secret", found.sentence)

    def test_a_module_of_rally_answers_for_a_plugin_known_to_do_nothing(
        self,
    ) -> None:
        table = {"existing@cloud": ("tests", delete_left)}
        with mock.patch.object(name_search, "SUBSTITUTES", table):
            found = self.search(lambda: NOTHING)

        self.assertEqual([], self.asked)
        self.assertTrue(found.is_certain)
        self.assertIn("3 deleted", found.sentence)

    def test_but_not_where_its_package_is_not_installed(self) -> None:
        table = {"existing@cloud": ("no_such_package", delete_left)}
        with mock.patch.object(name_search, "SUBSTITUTES", table):
            self.search(lambda: NOTHING)

        self.assertEqual(["task", "workload"], self.asked)


def delete_left(platform_data: t.Any, owners: t.Sequence[str]) -> t.Any:
    """Stands for the module of Rally."""
    if (platform_data, owners) != ({"admin": {}}, ["task", "workload"]):
        raise AssertionError((platform_data, owners))
    return FOUND
