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


class ClockTestCase(SpoolStoreTestCase):
    """The base of the clock stays as long as there are chunks."""

    def base(self, fresh_ns, boot_id="boot-1"):
        """What a process that starts now counts from."""
        store = self.store()
        try:
            return store.wall_base_ns(fresh_ns, boot_id)
        finally:
            store.close()

    def test_what_is_kept_keeps_its_clock(self):
        self.assertEqual(100, self.base(100))
        self.keep()
        self.assertEqual(100, self.base(200))
        self.assertEqual(100, self.base(300))

    def test_without_chunks_the_clock_is_read_anew(self):
        self.base(100)
        self.assertEqual(200, self.base(200))
        self.keep()
        self.assertEqual(200, self.base(300))

    def test_the_clock_of_another_boot_is_of_no_use(self):
        self.base(100)
        self.keep()
        self.assertEqual(200, self.base(200, boot_id="boot-2"))
        self.assertEqual(200, self.base(300, boot_id="boot-2"))

    def test_a_damaged_note_is_none(self):
        self.keep()
        for text in ("", "boot-1", "boot-1 x", "a b c", "\0"):
            (self.folder / spool_store.CLOCK_FILE).write_text(text)
            self.assertEqual(200, self.base(200))

    def test_hosts_that_do_not_say_when_they_booted_keep_none(self):
        self.base(100, boot_id="")
        self.keep()
        self.assertEqual(200, self.base(200, boot_id=""))


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

    def test_a_clock_that_cannot_be_noted_is_good_enough_to_deliver(self):
        self.keep()
        self.remount("ro")

        self.assertEqual(100, self.store().wall_base_ns(100, "boot-1"))

    def test_a_clock_that_cannot_be_noted_is_not_good_enough_for_more(self):
        self.keep()
        store = self.store()
        self.remount("ro")

        self.assertRaises(
            spool.SpoolError, store.wall_base_ns, 100, "boot-1"
        )

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
