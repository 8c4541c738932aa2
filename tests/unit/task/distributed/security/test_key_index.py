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

"""What a folder of keys says of itself before its files are asked."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import time
from unittest import mock

from rally.task.distributed.security import key_index
from tests.unit import test

S = 1_000_000_000
time_ns = time.time_ns


class AsBeforeTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, root)
        self.folder = pathlib.Path(root) / "agents"
        self.folder.mkdir()
        self.index = key_index.KeyIndex(self.folder, ".key", lambda _: None)
        (self.folder / "one.key").write_text("one")

    def is_as_before(self, later_ns=0):
        now_ns = time.time_ns() + later_ns
        with mock.patch.object(key_index.time, "time_ns", lambda: now_ns):
            return self.index.is_as_before()

    def settle(self):
        os.utime(self.folder, ns=(S, S))
        self.is_as_before(5 * S)
        self.assertTrue(self.is_as_before(5 * S))

    def test_a_folder_that_nobody_touches(self):
        """Not known before it was looked at once."""
        self.assertFalse(self.is_as_before(5 * S))
        self.assertTrue(self.is_as_before(5 * S))

    def test_what_comes_goes_or_is_replaced(self):
        changes = {
            "comes": lambda: (self.folder / "two.key").write_text("two"),
            "goes": (self.folder / "two.key").unlink,
            "is replaced": lambda: os.replace(
                self.new("one"), self.folder / "one.key"
            ),
            "is revoked": lambda: os.rename(
                self.folder / "one.key", self.folder / "one.revoked"
            ),
        }
        for name, change in changes.items():
            self.settle()
            change()
            self.assertFalse(self.is_as_before(5 * S), name)

    def new(self, name):
        path = self.folder / (name + ".new")
        path.write_text("other")
        return path

    def test_a_change_just_now_may_hide_another_one(self):
        self.assertFalse(self.is_as_before())
        self.assertFalse(self.is_as_before())
        self.assertFalse(self.is_as_before(5 * S), "asked when it was fresh")
        self.assertTrue(self.is_as_before(5 * S))

    def test_a_folder_that_is_not_there(self):
        os.rename(self.folder, self.folder.with_suffix(".gone"))
        self.assertFalse(self.is_as_before(5 * S))
        self.assertFalse(self.is_as_before(5 * S))

    def test_a_clock_that_is_ahead(self):
        self.assertFalse(self.is_as_before(-5 * S))
        self.assertFalse(self.is_as_before(-5 * S))

    def look_for_a_stranger(self, later_s):
        """How many scans that takes."""
        now_s = time.monotonic() + later_s
        with (
            mock.patch.object(
                key_index.time, "time_ns", lambda: time_ns() + 5 * S
            ),
            mock.patch.object(key_index.time, "monotonic", lambda: now_s),
            mock.patch.object(
                self.index, "_scan", wraps=self.index._scan
            ) as scan,
        ):
            self.assertIsNone(self.index.get("unknown"))
        return scan.call_count

    def test_a_thousand_strangers_cost_one_scan_a_second(self):
        os.utime(self.folder, ns=(S, S))
        self.assertEqual(
            [1, 0, 0, 1, 0],
            [self.look_for_a_stranger(x) for x in (0, 0.5, 0.9, 2, 2.5)],
        )

    def test_who_is_let_in_now_is_looked_for_at_once(self):
        os.utime(self.folder, ns=(S, S))
        self.look_for_a_stranger(0)
        (self.folder / "two.key").write_text("two")
        self.assertEqual(1, self.look_for_a_stranger(0.1))

    def test_whether_it_is_as_before_is_asked_by_others(self):
        self.settle()
        (self.folder / "two.key").write_text("two")
        self.look_for_a_stranger(0)
        self.assertFalse(self.is_as_before(5 * S))
