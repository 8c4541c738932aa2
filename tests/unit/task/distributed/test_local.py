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

import errno
import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from unittest import mock

from rally.task.distributed import local
from rally.task.distributed import spool as spool_module
from rally.task.distributed.wire import messages
from rally.task.results import chunk
from tests.unit import test

RUN = "0123456789abcdef" * 2
LATER_S = 2 * local.SETTLED_S


class LocalAgentsTestCase(test.TestCase):
    def fork(self):
        """A process, such as a worker, that outlives the agents.

        :returns: what it has open
        """
        awaited, ends = os.pipe()
        answer, answers = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(ends)
            links = [
                os.readlink(fd) for fd in glob.glob("/proc/self/fd/*")
                if os.path.islink(fd)
            ]
            os.write(answers, "\n".join(
                link for link in links if link.startswith("/")
            ).encode())
            os.close(answers)
            os.read(awaited, 1)
            os._exit(0)
        os.close(awaited)
        os.close(answers)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, ends)
        with open(answer) as file:
            return file.read().split("\n")

    def test_a_forked_process_keeps_neither_agents_nor_folder(self):
        said = []
        with local.LocalAgents() as agents:
            agents.want(1, messages.Code())
            agents.report_to(said.append)
            self.assertNotIn(str(agents.path), self.fork())

        [left] = said
        # it saw the end of its lifeline: it was not killed
        self.assertEqual("its process ended with exit status 0", left.reason)

    def test_a_folder_in_which_something_writes_is_left_to_others(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        removed = os.rmdir

        def rmdir(path, **options):
            if local.PREFIX in str(path):  # a load process wrote just now
                raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
            removed(path, **options)

        with mock.patch.object(tempfile, "tempdir", made.name):
            with mock.patch("os.rmdir", rmdir), local.LocalAgents() as agents:
                pass
            self.assertTrue(agents.path.exists())

            local.sweep(pathlib.Path(made.name), time.time() + LATER_S)
        self.assertFalse(agents.path.exists())


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
        claim = spool_module.lock(self.folder)
        self.addCleanup(os.close, claim)
        self.assertIsNone(spool_module.lock(self.folder))

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

    def test_what_can_be_recovered_stays_for_a_week(self):
        spool = self.folder / (local.SPOOL + "local-1") / RUN
        spool.mkdir(parents=True)
        (spool / ("0" * 12 + spool_module.CHUNK_SUFFIX)).touch()

        local.sweep(self.parent, time.time() + LATER_S)
        self.assertTrue(self.folder.exists())

        local.sweep(self.parent, time.time() + 8 * 86400)
        self.assertFalse(self.folder.exists())


class CollectTestCase(test.TestCase):
    """What local agents kept, after the death of their controller."""

    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.parent = pathlib.Path(made.name)
        self.folder = self.parent / (local.PREFIX + "abc")
        self.stored = []
        self.keep("local-1", 2)
        self.keep("local-2", 1)

    def spool(self, name, run=None):
        folder = self.folder / (local.SPOOL + name)
        return spool_module.Spool(folder, run or RUN)

    def keep(self, name, count, run=None):
        rows = chunk.Chunk.of_rows([chunk.Row(
            number=1, started_ns=7, duration_ns=1, idle_ns=0, lag_ns=0,
            shape=(), times=(), error=None, output=None,
        )])
        self.spool(name, run).write_all(
            spool_module.SpooledChunk(i, rows.packed())
            for i in range(count)
        )

    def collect(self):
        return local.collect(
            RUN,
            lambda name, kept: self.stored.append(
                (name, kept.sequence)
            ),
            self.parent,
        )

    def test_all_is_stored_and_the_folder_gone(self):
        self.assertEqual(local.Collected([], 0), self.collect())
        self.assertEqual(
            [("local-1", 0), ("local-1", 1), ("local-2", 0)],
            sorted(self.stored),
        )
        self.assertFalse(self.folder.exists())

    def test_torn_chunks_are_counted(self):
        path = next(self.folder.rglob("*1" + spool_module.CHUNK_SUFFIX))
        path.write_bytes(path.read_bytes()[:-1])

        self.assertEqual(local.Collected([], 1), self.collect())
        self.assertEqual(2, len(self.stored))

    def test_of_a_claimed_folder_nothing_is_taken_and_it_is_said(self):
        claim = spool_module.lock(self.folder)
        self.addCleanup(os.close, claim)

        collected = self.collect()

        self.assertEqual(["local-1", "local-2"], collected.still_writing)
        self.assertEqual([], self.stored)

    def test_a_folder_in_which_nothing_is_left_of_the_run_goes_too(self):
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        (self.folder / (local.RUN + RUN)).touch()

        self.assertEqual(local.Collected([], 0), self.collect())
        self.assertFalse(self.folder.exists())

    def test_what_is_kept_of_another_run_of_the_task_stays(self):
        self.keep("local-1", 1, run="1" * 32)

        self.collect()

        self.assertEqual(3, len(self.stored))
        self.assertTrue(self.spool("local-1", "1" * 32).sequences())

    def test_other_runs_are_left_alone(self):
        shutil.rmtree(self.folder)
        self.keep("local-1", 1, run="1" * 32)

        self.collect()

        self.assertEqual([], self.stored)
        self.assertTrue(self.folder.exists())

    def test_who_still_writes_is_waited_for(self):
        writer = subprocess.Popen(
            [
                sys.executable, "-c",
                "import sys\n"
                "from rally.task.distributed import spool\n"
                "spool.Spool(sys.argv[1], sys.argv[2]).claim()\n"
                "print(1, flush=True)\n"
                "sys.stdin.read()",
                str(self.folder / (local.SPOOL + "local-1")), RUN,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        writer.stdout.read(2)
        self.assertEqual(["local-1"], self.collect().still_writing)
        writer.communicate(b"")
        self.stored.clear()

        self.assertEqual(local.Collected([], 0), self.collect())
        self.assertIn(("local-1", 1), self.stored)
