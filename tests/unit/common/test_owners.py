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

"""Whether the process that works on a record still lives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import typing as t
from unittest import mock

import sqlalchemy as sa

from rally.common import db, owners
from rally.common.db import models
from tests.unit import processes, test


def is_gone(owner: str | None) -> bool:
    return owners.is_gone({"owner": owner})


class Beats:
    """Signs of life, counted."""

    def __init__(self, beat: t.Callable[[str], None]) -> None:
        self._beat = beat
        self._count = 0
        self._changed = threading.Condition()

    def __call__(self, name: str) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()
        self._beat(name)

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(
                lambda: self._count >= count, timeout=30
            ), "%d signs of life in 30 s" % self._count


def elsewhere(pid: int = 7) -> str:
    """A process of a container on this host, say."""
    return "%s:%d:ab12-34" % (socket.gethostname(), pid)


class SameHostTestCase(test.TestCase):
    """It needs no database to know of its own processes."""

    def test_this_process_is_there(self):
        self.assertFalse(is_gone(owners.own_name()))

    def test_an_ended_process_is_gone(self):
        self.assertTrue(is_gone(processes.name_of_an_ended_one()))

    def test_a_process_that_nobody_has_waited_for_is_gone(self):
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
        )
        name = owners.name_of(process.pid)
        self.assertFalse(is_gone(name))
        t.cast(t.Any, process.stdin).close()
        self.addCleanup(process.wait)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.assertTrue(is_gone(name))

    def test_a_later_process_only_has_its_number(self):
        name, _, start = owners.own_name().rpartition("-")
        self.assertTrue(is_gone("%s-%d" % (name, int(start) - 1)))

    def test_people_see_host_and_number(self):
        here = "%s:%d" % (socket.gethostname(), os.getpid())
        self.assertEqual(here, owners.shown(owners.own_name()))
        self.assertEqual("of an earlier release", owners.shown(None))


class HeartbeatTestCase(test.DBTestCase):
    def pass_by(self, seconds: float) -> None:
        with db.get_engine().begin() as connection:
            connection.execute(
                sa.update(models.Owner)
                .values(beat_s=models.Owner.beat_s - int(seconds))
            )

    def test_who_was_never_there_is_gone(self):
        for owner in (None, "", "elsewhere:7", elsewhere()):
            self.assertTrue(is_gone(owner))

    def test_who_shows_no_sign_of_life_any_more_is_gone(self):
        db.owner_beat(elsewhere())
        db.owner_beat(elsewhere(8))
        self.assertFalse(is_gone(elsewhere()))
        self.pass_by(70)
        self.assertFalse(is_gone(elsewhere()))
        self.pass_by(10)
        self.assertTrue(is_gone(elsewhere()))
        db.owner_beat(elsewhere())
        self.assertFalse(is_gone(elsewhere()))
        self.assertTrue(is_gone(elsewhere(8)))

    def test_the_clock_is_that_of_the_database(self):
        db.owner_beat(elsewhere())
        with mock.patch("time.time", lambda: 4e9):
            self.assertFalse(is_gone(elsewhere()))

    def beats_of(self, beat: t.Callable[[str], None]) -> t.Any:
        """Within the block, a process that is alive calls *beat*."""
        return mock.patch("rally.common.db.api.owner_beat", beat)

    def test_a_process_says_so_as_long_as_it_works(self):
        beats = Beats(db.owner_beat)
        with self.quickly(), self.beats_of(beats), owners.alive():
            beats.wait_for(3)
        self.assertEqual(0, db.owner_silence_s(owners.own_name()))
        for thread in threading.enumerate():
            if thread.name == "heartbeat":  # it was waited for, a beat long
                thread.join(10)
        self.assertNotIn("heartbeat", [x.name for x in threading.enumerate()])

    def test_a_database_that_is_gone_for_a_while_does_not_matter(self):
        def lost(name: str) -> None:
            raise db.errors.DatabaseBusy(url="x", reason="y", wait_s=1)

        failing, later = Beats(lost), Beats(db.owner_beat)
        with self.quickly(), owners.alive():
            with self.beats_of(failing):
                failing.wait_for(2)
            with self.beats_of(later):
                later.wait_for(1)

    def quickly(self) -> t.Any:
        return mock.patch.object(owners, "BEAT_S", 0.01)

    def test_those_long_gone_are_forgotten(self):
        db.owner_beat(elsewhere())
        self.pass_by(31 * 86400)
        db.owner_beat(elsewhere(8))
        self.assertIsNone(db.owner_silence_s(elsewhere()))
        self.assertIsNotNone(db.owner_silence_s(elsewhere(8)))
