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

"""What goes wrong with a database is told in plain words."""

from __future__ import annotations

import os
import sqlite3
import threading
import typing as t

import ddt
import psycopg2
import psycopg2.errors
import pymysql
import sqlalchemy as sa
from oslo_db import exception as db_exc

from rally import exceptions
from rally.common import cfg, db
from rally.common.db import errors
from tests import privileges
from tests.unit import test


def of_mysql(number: int, text: str = "something") -> Exception:
    """What PyMySQL raises for nearly all that goes wrong."""
    return pymysql.err.OperationalError(number, text)


def of_postgresql(state: str) -> Exception:
    error = psycopg2.errors.lookup(state)("something")
    error.__setstate__({"pgcode": state})
    return t.cast(Exception, error)


def wrapped(error: Exception) -> list[Exception]:
    """What the libraries between make of an error of a driver."""
    dbapi = sa.exc.OperationalError("INSERT", {}, error)
    return [dbapi, db_exc.DBError(dbapi)]


def told(error: Exception, url: str) -> exceptions.DBException:
    try:
        with errors.translated(sa.make_url(url)):
            raise error
    except exceptions.DBException as e:
        return e


#: by what a server says: whether it may say otherwise a moment later
VERDICTS: list[tuple[str, t.Any, type[Exception]]] = [
    *(
        ("mysql", of_mysql(number), errors.DatabaseUnavailable)
        for number in (
            1021, 1040, 1045, 1053, 1114, 1205, 1213, 1290, 1836, 2003, 2006,
            2013,
        )
    ),
    *(
        ("mysql", of_mysql(number), errors.StatementFailed)
        for number in (1064, 1118, 1142, 1264, 1366, 1406, 1467)
    ),
    ("mysql", of_mysql(1146, "Table 'x' doesn't exist"),
     errors.SchemaMissing),
    ("mysql", of_mysql(1153), errors.StatementTooLarge),
    ("mysql", of_mysql(2020), errors.StatementTooLarge),
    ("mysql", pymysql.err.InterfaceError(0, ""),
     errors.DatabaseUnavailable),
    *(
        ("postgresql", of_postgresql(state), errors.DatabaseUnavailable)
        for state in (
            "08006", "25006", "40P01", "53100", "53300", "55P03", "57P01",
            "57P03", "58030",
        )
    ),
    *(
        ("postgresql", of_postgresql(state), errors.StatementFailed)
        for state in ("22001", "22003", "42501", "54000", "XX001")
    ),
    ("postgresql", psycopg2.OperationalError("could not connect"),
     errors.DatabaseUnavailable),
]


@ddt.ddt
class VerdictTestCase(test.TestCase):
    @ddt.data(*VERDICTS)
    @ddt.unpack
    def test_trouble_is_told_from_a_refusal(self, backend, error, wanted):
        for each in wrapped(error):
            found = told(each, backend + "://host/x")

            self.assertEqual(wanted, type(found), found)
            self.assertEqual(
                wanted is errors.DatabaseUnavailable,
                isinstance(found, errors.PASSING),
            )

    def test_what_was_too_large_says_what_to_set(self):
        (error, *_) = wrapped(of_mysql(1153))

        found = str(told(error, "mysql://host/x"))

        self.assertIn("max_allowed_packet = 64M", found)
        self.assertIn("[mysqld]", found)
        self.assertNotIn("\n", found)


def connect_to(connection: str) -> None:
    cfg.CONF.set_override("connection", connection, group="database")


class ErrorsTestCase(test.DBTestCase):
    def test_a_folder_that_does_not_exist_is_named(self):
        folder = os.path.join(os.path.dirname(self.db_path), "missing")
        connect_to("sqlite:///%s/rally.sqlite" % folder)

        for func in (db.schema_create, db.env_list):
            error = self.assertRaises(errors.DatabaseNotWritable, func)
            self.assertIn("mkdir -p %s" % folder, str(error))
            self.assertIn("%s/rally.sqlite" % folder, str(error))

    def test_a_folder_in_place_of_a_file_is_named(self):
        connect_to("sqlite:///" + os.path.dirname(self.db_path))

        error = self.assertRaises(errors.DatabaseNotWritable, db.env_list)

        self.assertIn("it is a folder", str(error))

    def test_a_file_that_is_read_only_is_named(self):
        db.engine_reset()
        os.chmod(self.db_path, 0o400)
        found = []

        def write():
            found.append(self.assertRaises(
                errors.DatabaseNotWritable, self.make_env, "e"
            ))
            db.engine_reset()

        privileges.held_to_modes(write)

        self.assertIn("chmod u+w", str(found[0]))

    def test_a_file_that_is_no_database_is_named(self):
        db.engine_reset()
        with open(self.db_path, "wb") as f:
            f.write(b"x" * 5000)

        error = self.assertRaises(errors.DatabaseNotWritable, db.env_list)

        self.assertIn("not a database", str(error))

    def test_a_full_disk_loses_nothing_stored_before(self):
        self.make_env("before")
        engine = db.get_engine()
        with engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql("PRAGMA max_page_count = %d" % pages)

        error = self.assertRaises(
            errors.DatabaseNotWritable, db.env_create,
            "big", "READY", "x" * 100_000, {}, {}, {}, [],
        )

        self.assertIn("full", str(error))
        self.assertIn("Free some space", str(error))
        self.assertEqual(["before"], [env["name"] for env in db.env_list()])

    def test_a_missing_schema_is_told_with_what_to_do(self):
        db.schema_cleanup()

        error = self.assertRaises(errors.SchemaMissing, db.env_list)

        self.assertIn("rally db ensure", str(error))

    def test_nonsense_for_an_address_is_refused(self):
        connect_to("nonsense")

        error = self.assertRaises(
            exceptions.InvalidConnectionString, db.env_list
        )

        self.assertIn("nonsense", str(error))
        self.assertIn("[database]", str(error))

    def test_a_driver_that_is_not_installed_is_named(self):
        connect_to("nosuchdb://host/x")

        error = self.assertRaises(
            exceptions.InvalidConnectionString, db.env_list
        )

        self.assertIn("nosuchdb", str(error))

    def test_a_password_is_never_told(self):
        for kind in ("nosuchdb", "oracle", "postgresql"):
            connect_to(kind + "://me:sesame@localhost:1/x")

            error = self.assertRaises(
                exceptions.RallyException, db.env_list
            )

            self.assertNotIn("sesame", str(error))

    def test_all_are_of_the_family_with_codes_of_their_own(self):
        family = [
            errors.DatabaseNotWritable, errors.DatabaseUnavailable,
            errors.DatabaseBusy, errors.SchemaMissing, errors.SchemaOutdated,
            errors.StatementFailed, errors.BadConnection,
            errors.DriverMissing,
        ]

        codes = [cls.error_code for cls in family]

        self.assertEqual(len(codes), len(set(codes)))
        self.assertTrue(all(160 <= code <= 169 for code in codes))

    def test_what_no_server_would_keep_is_refused_by_each(self):
        """SQLite would take all of it."""
        self.make_env("e")
        env_uuid = db.env_get("e")["uuid"]
        long = "x" * 256
        for func, what in (
            (lambda: self.make_env(long), "name of the environment has 256"),
            (lambda: self.make_env("a\0"), "null character"),
            (lambda: db.env_rename(env_uuid, "e", long), "but may have 255"),
            (lambda: db.env_update(env_uuid, "a\0"), "the description"),
            (lambda: db.task_create({"env_uuid": "e", "title": long}),
             "the title has 256"),
            (lambda: db.task_create({"env_uuid": "e", "tags": [long]}),
             "the tag has 256"),
            (lambda: db.verifier_create(long, "t", "p", None, None, False),
             "name of the verifier has 256"),
            (lambda: db.verifier_create("v", "t", "p", None, long, False),
             "version of the verifier has 256"),
            (lambda: db.env_create("f", "READY", "", {}, {}, {}, [
                {"status": "INIT", "plugin_name": "a@" + long,
                 "plugin_spec": {}, "platform_name": long}]),
             "name of the platform's plugin has 258"),
        ):
            error = self.assertRaises(errors.NotStorable, func)
            self.assertIn(what, str(error))
        self.assertEqual(["e"], [env["name"] for env in db.env_list()])
        self.assertEqual([], db.task_list())
        self.assertEqual([], db.verifier_list())

    def test_what_is_looked_for_may_be_anything(self):
        for name in ("x" * 256, "a\0"):
            self.assertRaises(exceptions.DBRecordNotFound, db.env_get, name)


class LockTestCase(test.DBTestCase):
    def test_a_writer_waits_for_another(self):
        other = sqlite3.connect(
            self.db_path, isolation_level=None, check_same_thread=False
        )
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, other.execute, ["COMMIT"])
        timer.start()
        self.addCleanup(timer.join)

        self.make_env("e")

        self.assertEqual(1, len(db.env_list()))

    def test_a_reader_does_not_wait(self):
        self.make_env("e")
        other = sqlite3.connect(self.db_path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM envs")

        self.assertEqual(1, len(db.env_list()))

    def test_a_lock_held_too_long_is_told(self):
        other = sqlite3.connect(self.db_path, isolation_level=None)
        self.addCleanup(other.close)
        with db.get_engine().connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")

        error = self.assertRaises(errors.DatabaseBusy, self.make_env, "e")

        self.assertIn("locked", str(error))
