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

"""Folders of local agents whose controller was killed."""

from __future__ import annotations

import os
import pathlib
import tempfile
import time

from rally.task.distributed import local
from tests.unit import test

LATER_S = 2 * local.SETTLED_S


class SweepTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.parent = pathlib.Path(made.name)
        self.folder = self.parent / (local.PREFIX + "abc")
        (self.folder / "keys").mkdir(parents=True)
        (self.folder / "keys" / "controller.key").write_text("secret")

    def test_what_a_dead_controller_left_is_removed(self):
        local.sweep(self.parent, time.time() + LATER_S)
        self.assertFalse(self.folder.exists())

    def test_what_a_living_one_uses_stays(self):
        claim = local.lock(self.folder)
        self.addCleanup(os.close, claim)
        self.assertIsNone(local.lock(self.folder))

        local.sweep(self.parent, time.time() + LATER_S)

        self.assertTrue((self.folder / "keys" / "controller.key").exists())

    def test_what_was_just_made_stays(self):
        local.sweep(self.parent, time.time())
        self.assertTrue(self.folder.exists())

    def test_folders_of_others_stay(self):
        other = self.parent / "something-else"
        other.mkdir()
        local.sweep(self.parent, time.time() + LATER_S)
        self.assertTrue(other.exists())
