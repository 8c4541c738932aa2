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

"""Commands about agents and their keys."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import pathlib
import stat
import unittest.mock

from rally.cli.commands import agent
from rally.task.distributed.security import key_files, keys
from tests.unit.cli import base


class FullDevice(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class AuthorizeTestCase(base.CommandTestCase):
    def authorize(self, out: str) -> base.Outcome:
        return self.rally("agent", "authorize", "node1", "--out", out)

    def setUp(self) -> None:
        super().setUp()
        self.rally("agent", "authorize", "node1")
        self.before = keys.agents()

    def test_the_new_key_is_in_the_file_and_takes_the_place_of_the_old(
        self
    ) -> None:
        out = self.path("node1.key")
        outcome = self.authorize(out)

        self.assertEqual(0, outcome.code, outcome.err)
        self.assertEqual(
            {keys.load_agent_key(out).public: "node1"}, {
                each.public: each.name for each in keys.agents()
            }
        )
        self.assertNotEqual(self.before, keys.agents())
        self.assertEqual(0o600, stat.S_IMODE(os.stat(out).st_mode))

    def test_the_old_key_stays_if_the_file_cannot_be_written(self) -> None:
        outcome = self.authorize(self.path("nowhere", "node1.key"))

        self.assertNotEqual(0, outcome.code)
        self.assertIn("keeps the key", outcome.out + outcome.err)
        self.assertEqual(self.before, keys.agents())

    def test_a_file_that_is_there_is_left_alone(self) -> None:
        out = self.write("node1.key", "mine")
        self.assertNotEqual(0, self.authorize(out).code)
        self.assertEqual("mine", pathlib.Path(out).read_text())
        self.assertEqual(self.before, keys.agents())

    def test_no_file_is_left_if_the_agent_cannot_be_allowed(self) -> None:
        out = self.path("node1.key")
        unusable = key_files.KeyFolderUnusable(path="x", reason="full")
        with unittest.mock.patch.object(keys, "allow", side_effect=unusable):
            self.assertNotEqual(0, self.authorize(out).code)
        self.assertFalse(os.path.exists(out))

    def test_the_old_key_stays_if_the_new_one_cannot_be_printed(self) -> None:
        with contextlib.redirect_stdout(FullDevice()):
            self.assertRaises(OSError, agent.authorize, "node1")
        self.assertEqual(self.before, keys.agents())
