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

"""The folder of an agent's spools: one agent at a time, readable at least."""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
import tempfile

from rally.task.distributed import spool, spool_store
from tests.fuzz import seeds
from tests.unit import test


class SpoolStoreTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "spool"

    def store(self, holder="agent n1, process 7"):
        made = spool_store.SpoolStore(self.folder, holder)
        self.addCleanup(made.close)
        return made

    def keep(self, run="run-1", count=3):
        """What an earlier process left."""
        kept = spool.Spool(self.folder, run)
        kept.write_all(
            spool.SpooledChunk(i, seeds.rows(9).packed())
            for i in range(count)
        )
        return kept


class HolderTestCase(SpoolStoreTestCase):
    def test_a_folder_is_for_one_agent_and_says_for_whom(self):
        first = self.store()

        error = self.assertRaises(
            spool_store.SpoolInUse, spool_store.SpoolStore, self.folder, "n2"
        )
        self.assertIn("agent n1, process 7", str(error))
        self.assertIn("--spool", str(error))

        first.close()
        self.store("n2")

    def test_the_claim_ends_with_its_process(self):
        child = os.fork()
        if not child:
            spool_store.SpoolStore(self.folder, "a child")
            os._exit(0)
        os.waitpid(child, 0)
        self.store()

    def test_what_another_agent_keeps_is_not_touched(self):
        self.keep()
        self.store()

        self.assertRaises(
            spool_store.SpoolInUse, spool_store.SpoolStore, self.folder, "n2"
        )
        kept = spool.Spool(self.folder, "run-1")
        self.assertEqual([0, 1, 2], kept.sequences())


class ReadOnlyTestCase(SpoolStoreTestCase):
    """On a real file system that becomes read-only."""

    def setUp(self):
        super().setUp()
        self.folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "none",
             str(self.folder)],
            capture_output=True,
        )
        if mounted.returncode:
            self.skipTest("mounting needs root: %s" % mounted.stderr)
        self.addCleanup(
            subprocess.run, ["umount", "-l", str(self.folder)], check=True
        )

    def remount(self, how):
        subprocess.run(
            ["mount", "-o", "remount,%s" % how, str(self.folder)], check=True
        )

    def test_what_is_there_is_read_and_nothing_new_is_taken(self):
        self.keep()
        self.remount("ro")

        store = self.store()

        self.assertEqual({"run-1": 3}, {
            run: found.end for run, found in store.found.items()
        })
        self.assertIn("read-only", store.problem)
        self.assertEqual(9, store.read("run-1", 2).chunk.head.count)

    def test_what_is_delivered_and_cannot_be_removed_does_no_harm(self):
        self.keep()
        store = self.store()
        self.remount("ro")

        store.remove("run-1", 0)
        store.remove("run-1", 1)
        self.assertEqual((3, 0), store.left("run-1"))
        store.discard("run-1")

        self.assertEqual(3, store.failed_removals)
        self.remount("rw")
        self.assertEqual([0, 1, 2], self.keep(count=0).sequences())

    def test_unfinished_and_damaged_files_are_left_alone(self):
        kept = self.keep()
        (kept.folder / ".x.unfinished").write_bytes(b"half")
        (kept.folder / "000000000001.chunk").write_bytes(b"damaged")
        self.remount("ro")

        store = self.store()

        self.assertEqual(1, store.found["run-1"].torn)
        self.assertRaises(spool.ChunkUnreadable, store.read, "run-1", 1)
        self.assertEqual(9, store.read("run-1", 0).chunk.head.count)

    def test_without_anything_to_read_it_is_of_no_use(self):
        self.remount("ro")

        error = self.assertRaises(
            spool.SpoolError, spool_store.SpoolStore, self.folder
        )
        self.assertEqual(errno.EROFS, error.__cause__.errno)
