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

"""How long, and what, a task tries again; on a clock of the test."""

from __future__ import annotations

import os
import sqlite3
import threading

import ddt
import hypothesis
import sqlalchemy as sa
from hypothesis import strategies as st
from oslo_db import exception as db_exc

from rally import exceptions
from rally.common import db
from rally.common.db import engine, errors, retrying
from tests.unit import test


class FakeTime:
    """A clock, and a condition on which waiting takes no time."""

    def __init__(self):
        self.now = 100.0
        self.pauses = []
        self.on_wait = lambda: None

    def __call__(self):
        return self.now

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def wait_for(self, predicate, timeout=None):
        self.on_wait()
        if not predicate():
            self.now += timeout
            self.pauses.append(timeout)

    def notify_all(self):
        pass


def busy():
    return errors.DatabaseBusy(url="sqlite", reason="locked", wait_s=2)


class Database:
    """Fails so often, or until so late, and gives 7 then."""

    def __init__(self, time, fails=0, until=0.0, error=busy):
        self.time, self.fails, self.until = time, fails, until
        self.error = error
        self.asked = 0

    def write(self):
        self.asked += 1
        if self.asked <= self.fails or self.time.now < self.until:
            raise self.error()
        return 7


class PatienceCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.time = FakeTime()
        self.said = []

    def make(self, limit_s=60.0):
        return retrying.RetryPolicy(
            "the-uuid", limit_s, self.said.append, self.time, self.time
        )


@ddt.ddt
class PatienceTestCase(PatienceCase):
    def test_what_works_is_done_once_and_nothing_is_said(self):
        database, patient = Database(self.time), self.make()

        self.assertEqual(7, patient(database.write))

        self.assertEqual((1, [], 0), (database.asked, self.said,
                                      patient.retries))

    def test_arguments_are_handed_on(self):
        self.assertEqual(
            (1, 2), self.make()(lambda a, b: (a, b), 1, b=2)
        )

    def test_what_may_pass_is_tried_again_and_counted(self):
        database, patient = Database(self.time, fails=6), self.make()

        self.assertEqual(7, patient(database.write))

        self.assertEqual(7, database.asked)
        self.assertEqual(6, patient.retries)
        expected = [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
        self.assertEqual(expected, self.time.pauses)

    def test_one_line_says_what_is_wrong_and_one_when_it_is_over(self):
        self.make()(Database(self.time, until=110.0).write)

        begun, over = self.said
        self.assertIn("the database cannot be used (locked)", begun)
        self.assertRegex(over, "can be used again, after 1[01].[0-9] s")

    def test_after_the_limit_the_task_is_told_what_to_do(self):
        database = Database(self.time, until=1e9)

        error = self.assertRaises(
            retrying.DatabaseLost, self.make(10.0), database.write
        )

        self.assertAlmostEqual(110.0, self.time.now)
        self.assertIn("rally task recover the-uuid", str(error))
        self.assertIn("locked", str(error))
        self.assertEqual(1, len(self.said))

    def test_once_it_is_lost_each_call_is_tried_once(self):
        patient = self.make(10.0)
        self.assertRaises(
            retrying.DatabaseLost, patient,
            Database(self.time, until=1e9).write,
        )
        self.assertTrue(patient.is_lost)
        database, then = Database(self.time, until=1e9), self.time.now

        self.assertRaises(retrying.DatabaseLost, patient, database.write)

        self.assertEqual((1, then), (database.asked, self.time.now))
        self.assertEqual(7, patient(Database(self.time).write))

    def test_nobody_waits_any_more_after_giving_up(self):
        patient = self.make()
        self.time.on_wait = patient.give_up

        self.assertRaises(
            retrying.DatabaseLost, patient,
            Database(self.time, until=1e9).write,
        )

        self.assertEqual(100.0, self.time.now)

    @ddt.data(
        lambda: exceptions.DBRecordNotFound(criteria="c", table="t"),
        lambda: exceptions.DBConflict("it is in use"),
        lambda: errors.StatementFailed(url="u", reason="a duplicate"),
        lambda: errors.SchemaMissing(url="u", reason="no such table"),
        lambda: ValueError("no error of the database"),
    )
    def test_errors_of_logic_are_never_tried_again(self, error):
        database = Database(self.time, fails=9, error=error)

        self.assertRaises(type(error()), self.make(), database.write)

        self.assertEqual(1, database.asked)

    def test_an_error_of_logic_ends_the_trouble(self):
        patient = self.make()
        answers = [busy(), errors.StatementFailed(url="u", reason="r")]

        def write():
            raise answers.pop(0)

        self.assertRaises(errors.StatementFailed, patient, write)
        self.assertEqual(1, len(self.said))
        patient(Database(self.time, fails=1).write)
        self.assertEqual(3, len(self.said))

    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(
        limit_s=st.floats(0, 100), until_s=st.floats(0, 200)
    )
    def test_it_ends_by_the_limit_or_soon_after_the_trouble(
        self, limit_s, until_s
    ):
        self.time = FakeTime()
        patient = self.make(limit_s)
        database = Database(self.time, until=100.0 + until_s)
        try:
            patient(database.write)
        except retrying.DatabaseLost:
            self.assertGreater(until_s, limit_s - 1e-6)
        else:
            self.assertLessEqual(
                self.time.now - 100.0,
                until_s + retrying.LONGEST_PAUSE_S + 1e-6,
            )
        self.assertLessEqual(self.time.now - 100.0, limit_s + 1e-6)


class ThreadsTestCase(test.TestCase):
    def test_one_that_gets_through_wakes_the_others(self):
        opened, waiting = threading.Event(), threading.Event()
        patient = retrying.RetryPolicy("uuid", 300.0)

        def write():
            if not opened.is_set():
                waiting.set()
                raise busy()
            return 1

        results = []
        threads = [
            threading.Thread(target=lambda: results.append(patient(write)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        self.assertTrue(waiting.wait(10))
        opened.set()
        for thread in threads:
            thread.join(10)
        self.assertEqual([1] * 8, results)


class RealTroubleTestCase(test.DBTestCase):
    """What SQLite really says, and what is made of it."""

    def patient(self, limit_s=20.0):
        return retrying.RetryPolicy("uuid", limit_s)

    def soon(self, repair):
        timer = threading.Timer(0.5, repair)
        timer.start()
        self.addCleanup(timer.join)

    def test_a_lock(self):
        other = sqlite3.connect(
            self.db_path, isolation_level=None, check_same_thread=False
        )
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")
        self.soon(lambda: other.execute("ROLLBACK"))

        self.patient()(self.make_env, "e")

        self.assertEqual(["e"], [env["name"] for env in db.env_list()])

    def test_an_attempt_does_not_wait_long_for_a_lock(self):
        other = sqlite3.connect(self.db_path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")

        error = self.assertRaises(
            retrying.DatabaseLost, self.patient(0), self.make_env, "e"
        )

        self.assertIn("longer than Rally waits (2 s)", str(error))

    def test_a_file_that_is_away_for_a_while(self):
        self.make_env("before")
        away = self.db_path + ".away"
        os.rename(self.db_path, away)
        self.soon(lambda: os.rename(away, self.db_path))

        self.patient()(self.make_env, "e")

        names = sorted(env["name"] for env in db.env_list())
        self.assertEqual(["before", "e"], names)

    def test_a_file_that_is_gone_is_not_made_again(self):
        self.make_env("before")
        os.rename(self.db_path, self.db_path + ".away")

        error = self.assertRaises(
            errors.DatabaseNotWritable, self.make_env, "e"
        )
        engine.get_engine().dispose()
        self.assertRaises(errors.DatabaseNotWritable, db.env_list)

        self.assertIn("not where it was", str(error))
        self.assertFalse(os.path.exists(self.db_path))

    def test_another_file_in_its_place_is_used_from_the_next_time_on(self):
        self.make_env("before")
        with sqlite3.connect(self.db_path) as source:
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            copy = sqlite3.connect(self.db_path + ".copy")
            source.backup(copy)
            copy.close()
        source.close()
        for suffix in ("-wal", "-shm"):
            if os.path.exists(self.db_path + suffix):
                os.unlink(self.db_path + suffix)
        os.rename(self.db_path + ".copy", self.db_path)

        self.patient()(self.make_env, "e")

        with sqlite3.connect(self.db_path) as seen:
            names = sorted(n for (n,) in seen.execute("SELECT name FROM envs"))
        seen.close()
        self.assertEqual(["before", "e"], names)

    def test_what_is_made_with_a_uuid_is_made_once(self):
        workload = self.make_workload()
        task, uuid = workload["task_uuid"], "a-uuid"

        made = [
            db.subtask_create(task, "title", uuid=uuid) for _ in range(2)
        ]

        self.assertEqual([uuid, uuid], [each["uuid"] for each in made])
        found = db.task_get(task, detailed=True)["subtasks"]
        self.assertEqual(2, len(found))


class DeadlockTestCase(test.TestCase):
    def call(self, failures: int, cause: Exception) -> int:
        """How often it is called until it succeeds."""
        calls = 0

        @engine.retried
        def func() -> int:
            nonlocal calls
            calls += 1
            if calls <= failures:
                raise exceptions.DBException("no") from cause
            return calls

        return func()

    def test_who_gave_way_tries_again(self):
        self.assertEqual(1, self.call(0, db_exc.DBDeadlock()))
        self.assertEqual(4, self.call(3, db_exc.DBDeadlock()))

    def test_not_for_ever(self):
        self.assertRaises(
            exceptions.DBException, self.call, 100, db_exc.DBDeadlock()
        )

    def test_other_failures_are_told_at_once(self):
        self.assertRaises(
            exceptions.DBException, self.call, 1, db_exc.DBDuplicateEntry()
        )


@ddt.ddt
class ServersTestCase(test.TestCase):
    """What servers say, wrapped as oslo.db does."""

    @ddt.data(
        db_exc.DBConnectionError(Exception("server closed the connection")),
        db_exc.DBDeadlock(Exception("deadlock detected")),
        db_exc.DBError(Exception("could not extend file: No space left on "
                                 "device")),
        db_exc.DBError(Exception("The table 'workloaddata' is full")),
        db_exc.DBError(Exception("cannot execute INSERT in a read-only "
                                 "transaction")),
        # not wrapped at all where it only tried to connect
        sa.exc.OperationalError("", {}, Exception("Connection refused")),
        sa.exc.InterfaceError("", {}, Exception("connection already closed")),
        db_exc.DBError(
            sa.exc.OperationalError("", {}, Exception("unknown to oslo.db"))
        ),
    )
    def test_may_pass(self, error):
        self.assertTrue(retrying.may_pass(self.translated(error)))

    @ddt.data(
        db_exc.DBDuplicateEntry(inner_exception=Exception("duplicate key")),
        db_exc.DBReferenceError("t", "c", "k", "kt",
                                Exception("foreign key")),
        db_exc.DBError(Exception("syntax error")),
        sa.exc.ProgrammingError("", {}, Exception("syntax error")),
        sa.exc.OperationalError("", {}, Exception("Unknown column 'x'")),
    )
    def test_will_not_pass(self, error):
        self.assertFalse(retrying.may_pass(self.translated(error)))

    @ddt.data(
        'relation "tasks" does not exist', 'column "title" does not exist',
        "(1146, \"Table 'rally.tasks' doesn't exist\")",
        "(1054, \"Unknown column 'title' in 'SELECT'\")",
    )
    def test_a_missing_schema(self, text):
        error = sa.exc.ProgrammingError("", {}, Exception(text))
        self.assertIsInstance(self.translated(error), errors.SchemaMissing)

    def translated(self, error):
        url = sa.make_url("postgresql://u:p@h/d")

        def fail():
            with errors.translated(url):
                raise error

        return self.assertRaises(exceptions.DBException, fail)
