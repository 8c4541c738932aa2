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

"""Fleets, and folders of those whose controller was killed."""

from __future__ import annotations

import errno
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

from rally.plugins.common.agent_providers import local
from rally.task import agent_provider
from rally.task.distributed import fleet, fleet_folders, notices
from rally.task.distributed import spool as spool_module
from rally.task.distributed.wire import messages
from rally.task.results import chunk
from tests.unit import test

RUN = "0123456789abcdef" * 2
LATER_S = 2 * fleet_folders.SETTLED_S
WEEK_S = 8 * 86400


@agent_provider.configure(name="fleet_test_elsewhere")
class Elsewhere(agent_provider.AgentProvider):
    """Agents of other hosts, all of which can be ended, or none."""

    problems: list[str] = []
    ended: list[str] = []

    @classmethod
    def count(cls, config):
        return 1

    def start(self):
        pass

    def end(self, until_s):
        self.ended.append("end")
        return self.problems

    def discard(self, until_s):
        self.ended.append("discard")
        return self.problems


def local_fleet():
    return fleet.Fleet(fleet.Wanted("task", "local", {"count": 1}, None, None))


def write_note(folder, provider="local", listen=fleet.LOOPBACK):
    folder.mkdir(parents=True, exist_ok=True)
    fleet_folders.write_note(folder, fleet_folders.Note(
        "task", provider, {"count": 1}, listen, "", 1,
    ))


class LocalFleetTestCase(test.TestCase):
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
        ends = []

        class Agent(local.LocalAgent):
            def end(self, until_s):
                super().end(until_s)
                ends.append(self._process.returncode)

        with (
            mock.patch.object(local, "LocalAgent", Agent),
            local_fleet() as agents,
        ):
            agents.want(messages.Code())
            self.assertNotIn(str(agents.path), self.fork())

        # it saw the end of its lifeline: it was not killed
        self.assertEqual([0], ends)

    def test_one_that_died_before_a_run_is_told_to_it(self):
        said, told = [], threading.Event()
        with local_fleet() as agents:
            agents.want(messages.Code())
            agents.report_to(lambda notice: (said.append(notice), told.set()))
            [agent] = agents._provider._agents.values()
            os.kill(agent._process.pid, signal.SIGKILL)
            self.assertTrue(told.wait(60))
            again = []
            agents.report_to(again.append)
        self.assertEqual(said, again)
        self.assertEqual(
            ["its process ended with exit status -9"],
            [each.reason for each in said],
        )

    def test_a_folder_in_which_something_writes_is_left_to_others(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        removed = os.rmdir

        def rmdir(path, **options):
            if "rally-local-" in str(path):  # a load process wrote just now
                raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
            removed(path, **options)

        with mock.patch.object(tempfile, "tempdir", made.name):
            with mock.patch("os.rmdir", rmdir), local_fleet() as agents:
                pass
            self.assertTrue(agents.path.exists())

            fleet_folders.sweep(time.time() + LATER_S)
        self.assertFalse(agents.path.exists())


class ElsewhereFleetTestCase(test.TestCase):
    """A fleet whose agents do not end with their controller."""

    def setUp(self):
        super().setUp()
        self.make_home()
        self.fleet = fleet.Fleet(fleet.Wanted(
            "task", "fleet_test_elsewhere", {}, "tcp://127.0.0.1:*", None
        ))

    def test_its_folder_goes_when_all_have_ended(self):
        with self.fleet:
            note = fleet_folders.read_note(self.fleet.path)
            self.assertEqual("task", note.task)
        self.assertFalse(self.fleet.path.exists())

    def test_it_stays_if_some_could_not_be_ended(self):
        with mock.patch.object(Elsewhere, "problems", ["n1"]), self.fleet:
            pass
        self.assertTrue(
            (self.fleet.path / fleet_folders.ENDED_FILE).exists()
        )

        self.assertEqual([], fleet_folders.end_all_of("another"))
        self.assertTrue(self.fleet.path.exists())
        self.assertEqual([], fleet_folders.end_all_of("task"))
        self.assertFalse(self.fleet.path.exists())

    def test_it_stays_if_a_person_does_not_wait_for_their_end(self):
        def interrupted(self, until_s):
            raise KeyboardInterrupt

        with mock.patch.object(Elsewhere, "end", interrupted):
            self.assertRaises(KeyboardInterrupt, self.use)
        self.assertTrue(self.fleet.path.exists())

    def use(self):
        with self.fleet:
            pass

    def test_its_keys_are_found_while_its_controller_listens(self):
        folder = fleet_folders.parent(True) / "rally-elsewhere-x"
        address = "tcp://127.0.0.1:9790"
        write_note(folder, "fleet_test_elsewhere", "tcp://*:9790")
        self.assertIsNone(fleet_folders.keys_in_use(address))

        claim = spool_module.lock(folder)
        self.addCleanup(os.close, claim)

        self.assertEqual(folder / "keys", fleet_folders.keys_in_use(address))
        self.assertIsNone(fleet_folders.keys_in_use("tcp://127.0.0.1:9793"))

    def claimed(self, name, listen):
        folder = fleet_folders.parent(True) / ("rally-elsewhere-%s" % name)
        write_note(folder, "fleet_test_elsewhere", listen)
        self.addCleanup(os.close, spool_module.lock(folder))

    def test_who_names_no_controller_means_the_one_that_there_is(self):
        default = "tcp://127.0.0.1:9790"
        self.assertEqual(default, fleet_folders.meant(default))
        self.claimed("x", "tcp://*:9793")
        self.assertEqual(
            "tcp://127.0.0.1:9793", fleet_folders.meant(default)
        )
        self.claimed("y", "tcp://*:9796")
        error = self.assertRaises(
            fleet_folders.SeveralControllers, fleet_folders.meant, default
        )
        self.assertIn("tcp://127.0.0.1:9796 (task task)", str(error))
        self.claimed("z", "tcp://*:9790")
        self.assertEqual(default, fleet_folders.meant(default))

    def test_recovery_leaves_one_alone_whose_controller_lives(self):
        with self.fleet:
            self.assertEqual([], fleet_folders.end_all_of("task"))
            self.assertTrue(self.fleet.path.exists())

    def test_why_agents_wait_is_told_to_the_run_that_begins(self):
        def start(provider):
            provider.tell(agent_provider.Pending("no node"))

        told = []
        with mock.patch.object(Elsewhere, "start", start), self.fleet:
            self.fleet.want(messages.Code())
            self.fleet.report_to(told.append)
        self.assertEqual([notices.AgentsPending("no node")], told)

    def test_a_run_is_told_who_printed_what_at_last(self):
        tails = {"n1": "out of memory", "n3": "", "n4": "never came"}
        with (
            mock.patch.object(Elsewhere, "tail", lambda self, n: tails[n]),
            mock.patch.object(Elsewhere, "names", lambda self: list(tails)),
            self.fleet,
        ):
            said = list(self.fleet.explain({"n1", "n3"}, ["n1", "n3"]))
        self.assertEqual([
            "agent n1 printed at last:\nout of memory",
            "agent n4 printed at last:\nnever came",
        ], said)


class SweepTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.parent = pathlib.Path(made.name)
        self.folder = self.parent / ("rally-local-abc")
        write_note(self.folder)
        (self.folder / "keys").mkdir()
        (self.folder / "keys" / "controller.key").write_text("secret")

    def test_what_a_dead_controller_left_is_removed(self):
        fleet_folders.sweep(time.time() + LATER_S, [self.parent])
        self.assertFalse(self.folder.exists())

    def test_what_a_living_one_uses_stays(self):
        claim = spool_module.lock(self.folder)
        self.addCleanup(os.close, claim)
        self.assertIsNone(spool_module.lock(self.folder))

        fleet_folders.sweep(time.time() + LATER_S, [self.parent])

        self.assertTrue((self.folder / "keys" / "controller.key").exists())

    def test_what_was_just_made_stays(self):
        fleet_folders.sweep(time.time(), [self.parent])
        self.assertTrue(self.folder.exists())

    def test_folders_of_others_stay(self):
        other = self.parent / "rally-something-else"
        other.mkdir()
        fleet_folders.sweep(time.time() + LATER_S, [self.parent])
        self.assertTrue(other.exists())

    def test_what_can_be_recovered_stays_for_a_week(self):
        spool = self.folder / (fleet_folders.SPOOL + "local-1") / RUN
        spool.mkdir(parents=True)
        (spool / ("0" * 12 + spool_module.CHUNK_SUFFIX)).touch()

        fleet_folders.sweep(time.time() + LATER_S, [self.parent])
        self.assertTrue(self.folder.exists())

        fleet_folders.sweep(time.time() + WEEK_S, [self.parent])
        self.assertFalse(self.folder.exists())


class SweepElsewhereTestCase(test.TestCase):
    """Agents that may have outlived their controller."""

    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.parent = pathlib.Path(made.name)
        self.folder = self.parent / "rally-fleet_test_elsewhere-abc"
        write_note(self.folder, "fleet_test_elsewhere")
        self.ended, self.problems = [], []
        for name in "ended", "problems":
            patch = mock.patch.object(Elsewhere, name, getattr(self, name))
            patch.start()
            self.addCleanup(patch.stop)

    def sweep(self, later_s):
        fleet_folders.sweep(time.time() + later_s, [self.parent])
        return self.folder.exists()

    def test_those_that_had_no_run_are_ended_at_once(self):
        self.assertFalse(self.sweep(LATER_S))
        self.assertEqual(["end"], self.ended)

    def test_those_that_had_one_are_left_to_whoever_recovers_it(self):
        (self.folder / (fleet_folders.RUN + RUN)).touch()
        self.assertTrue(self.sweep(LATER_S))
        self.assertEqual([], self.ended)

        self.assertFalse(self.sweep(WEEK_S))
        self.assertEqual(["discard"], self.ended)

    def test_what_could_not_be_ended_is_tried_again_for_a_week(self):
        (self.folder / (fleet_folders.RUN + RUN)).touch()
        (self.folder / fleet_folders.ENDED_FILE).touch()
        self.problems.append("host n1 cannot be reached")

        self.assertTrue(self.sweep(LATER_S))
        self.assertFalse(self.sweep(WEEK_S))
        self.assertEqual(["end", "discard"], self.ended)


class CollectTestCase(test.TestCase):
    """What local agents kept, after the death of their controller."""

    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.parent = pathlib.Path(made.name)
        self.folder = self.parent / ("rally-local-abc")
        write_note(self.folder)
        self.stored = []
        self.keep("local-1", 2)
        self.keep("local-2", 1)

    def spool(self, name, run=None):
        folder = self.folder / (fleet_folders.SPOOL + name)
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
        return fleet_folders.collect(
            RUN,
            lambda name, kept: self.stored.append(
                (name, kept.sequence)
            ),
            [self.parent],
        )

    def test_all_is_stored_and_the_folder_gone(self):
        self.assertEqual(fleet_folders.Collected([], 0), self.collect())
        self.assertEqual(
            [("local-1", 0), ("local-1", 1), ("local-2", 0)],
            sorted(self.stored),
        )
        self.assertFalse(self.folder.exists())

    def test_torn_chunks_are_counted(self):
        path = next(self.folder.rglob("*1" + spool_module.CHUNK_SUFFIX))
        path.write_bytes(path.read_bytes()[:-1])

        self.assertEqual(fleet_folders.Collected([], 1), self.collect())
        self.assertEqual(2, len(self.stored))

    def test_of_a_claimed_folder_nothing_is_taken_and_it_is_said(self):
        claim = spool_module.lock(self.folder)
        self.addCleanup(os.close, claim)

        collected = self.collect()

        self.assertEqual(["local-1", "local-2"], collected.still_writing)
        self.assertEqual([], self.stored)

    def test_a_folder_in_which_nothing_is_left_of_the_run_goes_too(self):
        shutil.rmtree(self.folder)
        write_note(self.folder)
        (self.folder / (fleet_folders.RUN + RUN)).touch()

        self.assertEqual(fleet_folders.Collected([], 0), self.collect())
        self.assertFalse(self.folder.exists())

    def test_what_is_kept_of_another_run_of_the_task_stays(self):
        self.keep("local-1", 1, run="1" * 32)

        self.collect()

        self.assertEqual(3, len(self.stored))
        self.assertTrue(self.spool("local-1", "1" * 32).sequences())

    def test_other_runs_are_left_alone(self):
        shutil.rmtree(self.folder)
        write_note(self.folder)
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
                str(self.folder / (fleet_folders.SPOOL + "local-1")), RUN,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        writer.stdout.read(2)
        self.assertEqual(["local-1"], self.collect().still_writing)
        writer.communicate(b"")
        self.stored.clear()

        self.assertEqual(fleet_folders.Collected([], 0), self.collect())
        self.assertIn(("local-1", 1), self.stored)
