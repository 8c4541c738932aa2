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

"""Making the schema, and upgrading what released Rally made."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import pathlib
import sqlite3
import stat
import subprocess
import sys
import typing as t
from unittest import mock

import sqlalchemy as sa
from alembic import autogenerate, migration, script

from rally import exceptions
from rally.api import aborts
from rally.common import cfg, db
from rally.common.db import errors, models, schema, sqlite_file
from tests.unit import test

RELEASED = pathlib.Path(__file__).parent / "rally_5_1_1.sql"
#: the revision of Rally 6.0 before foreign keys had indices
PACKED_CHUNKS = "60a1c7e5d2f0"
KEY_INDICES = "c3d94e0b71a8"
OWNERS = "8c4e1f7a90b3"
HEARTBEATS = "5f0b7a1d92ce"
SAME_COLUMNS = "b7d2e94c1f60"
FINISHED = "1ec6600e-5c77-4c36-a00a-e096253b956e"


def kind_of(type_: t.Any) -> str:
    """A type as far as SQLite knows it: no length, one kind of integer."""
    name = str(type_).partition("(")[0]
    return {"BIGINT": "INTEGER", "VARCHAR": "TEXT"}.get(name, name)


def described(engine: sa.Engine) -> dict[str, t.Any]:
    """Columns, indices and keys of all tables, in no order."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": sorted(
                (c["name"], kind_of(c["type"]), c["nullable"], c["default"],
                 c.get("primary_key"))
                for c in inspector.get_columns(table)
            ),
            "indices": sorted(
                (i["name"], tuple(i["column_names"]), bool(i["unique"]))
                for i in inspector.get_indexes(table)
            ),
            "unique": sorted(
                tuple(u["column_names"])
                for u in inspector.get_unique_constraints(table)
            ),
            "foreign": sorted(
                (tuple(f["constrained_columns"]), f["referred_table"])
                for f in inspector.get_foreign_keys(table)
            ),
        }
        for table in inspector.get_table_names()
    }


def is_stopped(change: t.Callable[[], t.Any], last: int) -> bool:
    """Change the schema, with each step kept as it is done, as on MySQL.

    :param last: the step after which a failure comes
    :returns: whether there were as many
    """
    count = 0

    def kept(
        _connection: t.Any, cursor: t.Any, sql: str, *_: t.Any
    ) -> None:
        nonlocal count
        if sql.lstrip().startswith(("CREATE", "ALTER", "DROP")):
            cursor.connection.execute("COMMIT")
            cursor.connection.execute("BEGIN IMMEDIATE")
            count += 1
            if count == last:
                raise sqlite3.OperationalError("stopped")

    engine = db.get_engine()
    sa.event.listen(engine, "after_cursor_execute", kept)
    try:
        change()
    except errors.StatementFailed as e:
        if "stopped" not in str(e):
            raise
        return True
    finally:
        sa.event.remove(engine, "after_cursor_execute", kept)
    return False


class SchemaTestCase(test.DBTestCase):
    def make_schema(self) -> None:
        """Tests make it."""

    def load_released(self) -> None:
        connection = sqlite3.connect(self.db_path)
        connection.executescript(RELEASED.read_text())
        connection.close()

    def journal_mode(self) -> str:
        with contextlib.closing(sqlite3.connect(self.db_path)) as connection:
            return connection.execute("PRAGMA journal_mode").fetchone()[0]


class CreateTestCase(SchemaTestCase):
    def test_the_newest_revision_is_the_one_the_code_names(self):
        folder = script.ScriptDirectory(schema.MIGRATIONS)

        self.assertEqual([schema.HEAD_REVISION], folder.get_heads())
        self.assertEqual(
            [schema.HEAD_REVISION, SAME_COLUMNS, HEARTBEATS, OWNERS,
             KEY_INDICES, PACKED_CHUNKS, schema.LAST_RALLY_REVISION,
             schema.INITIAL_REVISION_UUID],
            [revision.revision for revision in folder.walk_revisions()],
        )

    def test_a_schema_is_made_once(self):
        self.assertIsNone(schema.schema_revision())
        schema.schema_create()

        error = self.assertRaises(
            exceptions.DBMigrationError, schema.schema_create
        )

        self.assertIn("rally db upgrade", str(error))
        self.assertEqual(
            {"revision": schema.HEAD_REVISION,
             "current_head": schema.HEAD_REVISION},
            schema.schema_revision(detailed=True),
        )

    def test_models_and_migrations_agree(self):
        schema.schema_upgrade()
        upgraded = described(db.get_engine())
        with db.get_engine().connect() as connection:
            # tests/functional/test_servers compares types where they matter
            context = migration.MigrationContext.configure(
                connection, opts={"compare_type": False}
            )
            difference = autogenerate.compare_metadata(
                context, models.Base.metadata
            )
        schema.schema_cleanup()
        schema.schema_create()

        self.assertEqual([], difference)
        self.assertEqual(described(db.get_engine()), upgraded)

    def test_the_file_is_for_its_owner_only(self):
        schema.schema_create()

        mode = stat.S_IMODE(os.stat(self.db_path).st_mode)

        self.assertEqual(0o600, mode)

    def test_nothing_makes_a_file_that_others_may_read(self):
        for func in (schema.schema_revision, schema.schema_ensure,
                     schema.schema_upgrade):
            db.engine_reset()
            pathlib.Path(self.db_path).unlink(missing_ok=True)

            func()

            mode = stat.S_IMODE(os.stat(self.db_path).st_mode)
            self.assertEqual(0o600, mode)
            self.assertEqual(
                [], list(pathlib.Path(self.db_path).parent.glob("*.sqlite.*"))
            )

    def test_a_link_to_where_the_file_is_to_be_is_followed(self):
        there = pathlib.Path(self.db_path).with_name("there")
        os.symlink(there, self.db_path)

        schema.schema_ensure()

        self.assertEqual(0o600, stat.S_IMODE(there.stat().st_mode))
        self.assertTrue(os.path.islink(self.db_path))

    def test_a_file_has_its_log_when_it_appears(self):
        sqlite_file.make(self.db_path)

        self.assertEqual("wal", self.journal_mode())

    def test_a_disk_without_hard_links_will_do(self):
        refused = OSError(errno.EPERM, "Operation not permitted")
        with mock.patch.object(os, "link", side_effect=refused):
            schema.schema_ensure()

        mode = stat.S_IMODE(os.stat(self.db_path).st_mode)
        self.assertEqual(0o600, mode)
        self.assertEqual("wal", self.journal_mode())

    def test_a_file_that_is_none_of_ours_is_reported(self):
        pathlib.Path(self.db_path).write_text("no database\n" * 100)

        error = self.assertRaises(
            errors.DatabaseNotWritable, schema.schema_create
        )

        self.assertIn(self.db_path, str(error))

    def test_a_file_that_exists_keeps_its_mode(self):
        pathlib.Path(self.db_path).touch(mode=0o640)
        os.chmod(self.db_path, 0o640)

        schema.schema_create()

        mode = stat.S_IMODE(os.stat(self.db_path).st_mode)
        self.assertEqual(0o640, mode)

    def test_readers_do_not_wait_for_a_writer(self):
        schema.schema_create()
        engine = db.get_engine()

        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()

        self.assertEqual("wal", mode)

    def test_it_is_one_file_once_no_process_uses_it(self):
        schema.schema_create()
        db.engine_reset()
        path = pathlib.Path(self.db_path)
        conf = path.with_name("one-file.conf")
        conf.write_text("[database]\nconnection = sqlite:///%s\n" % path)
        self.addCleanup(conf.unlink)

        subprocess.run(
            [sys.executable, "-c", "from rally.cli import main; main.main()",
             "--config-file", conf, "env", "create", "--name", "e",
             "--no-use"],
            check=True, stdout=subprocess.DEVNULL,
        )

        self.assertEqual([path], list(path.parent.glob(path.name + "*")))

    def test_cleanup_drops_everything(self):
        schema.schema_create()
        schema.schema_cleanup()

        self.assertEqual({}, described(db.get_engine()))
        self.assertIsNone(schema.schema_revision())

    def test_a_database_in_memory_works_too(self):
        cfg.CONF.set_override("connection", "sqlite://", group="database")
        schema.schema_create()

        self.make_env("e")

        self.assertEqual(["e"], [env["name"] for env in db.env_list()])


    def test_a_file_may_be_named_by_a_uri(self):
        cfg.CONF.set_override(
            "connection",
            "sqlite:///file:%s?mode=rwc&uri=true" % self.db_path,
            group="database",
        )
        db.engine_reset()
        schema.schema_ensure()

        self.make_env("e")

        self.assertEqual(["e"], [env["name"] for env in db.env_list()])


    def test_a_schema_whose_making_failed_is_made_to_its_end(self):
        schema.schema_create()
        made = described(db.get_engine())
        for steps in range(1, 100):
            schema.schema_cleanup()
            if not is_stopped(schema.schema_create, steps):
                break

            self.assertTrue(schema.schema_ensure())

            self.assertEqual(made, described(db.get_engine()), steps)
        self.assertGreater(steps, 25)  # tables and indices


class EnsureTestCase(SchemaTestCase):
    def test_the_schema_is_made_on_first_use_only(self):
        self.assertTrue(schema.schema_ensure())
        self.make_env("e")

        self.assertFalse(schema.schema_ensure())
        self.assertEqual(1, len(db.env_list()))

    def test_processes_that_start_together_make_one_schema(self):
        context = multiprocessing.get_context("fork")
        with context.Pool(4) as pool:
            made = pool.starmap(schema.schema_ensure, [()] * 4)

        self.assertEqual(1, sum(made))
        self.assertEqual(schema.HEAD_REVISION, schema.schema_revision())

    def test_so_do_those_that_find_an_empty_file(self):
        pathlib.Path(self.db_path).touch()

        self.test_processes_that_start_together_make_one_schema()

        self.assertEqual("wal", self.journal_mode())

    def test_an_older_schema_is_reported(self):
        self.load_released()

        error = self.assertRaises(errors.SchemaOutdated, schema.schema_ensure)

        self.assertIn("rally db upgrade", str(error))
        self.assertIn(schema.LAST_RALLY_REVISION, str(error))

    def test_the_schema_of_a_newer_release_is_reported(self):
        schema.schema_create()
        with db.get_engine().begin() as connection:
            connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = 'f00'"
            )

        for func in (schema.schema_ensure, schema.schema_upgrade):
            error = self.assertRaises(errors.SchemaOutdated, func)
            self.assertIn("f00", str(error))
            self.assertIn("newer", str(error))


class UpgradeTestCase(SchemaTestCase):
    def test_a_database_of_released_rally_is_upgraded(self):
        schema.schema_create()
        made = described(db.get_engine())
        schema.schema_cleanup()
        self.load_released()

        schema.schema_upgrade()

        self.assertEqual(made, described(db.get_engine()))
        self.assertEqual(schema.HEAD_REVISION, schema.schema_revision())
        self.assertFalse(schema.schema_ensure())

    def test_what_it_left_unfinished_in_verification_has_an_end(self):
        self.load_released()
        with contextlib.closing(sqlite3.connect(self.db_path)) as connection:
            for status in ("installing", "updating", "installed"):
                connection.execute(
                    "INSERT INTO verifiers (uuid, name, type, status) "
                    "VALUES (?, ?, 'tempest', ?)", [status] * 3
                )
            for status in ("init", "running", "failed"):
                connection.execute(
                    "INSERT INTO verifications (uuid, verifier_uuid, "
                    "env_uuid, status) VALUES (?, 'installed', 'e', ?)",
                    [status] * 2,
                )
            connection.commit()

        schema.schema_upgrade()

        self.assertEqual(
            {"installing": "failed", "updating": "installed",
             "installed": "installed"},
            {x["name"]: x["status"] for x in db.verifier_list()},
        )
        self.assertEqual(
            {"init": "crashed", "running": "crashed", "failed": "failed"},
            {x["uuid"]: x["status"] for x in db.verification_list()},
        )

    def test_a_task_that_it_left_running_can_be_ended(self):
        self.load_released()
        with contextlib.closing(sqlite3.connect(self.db_path)) as connection:
            connection.execute(
                "UPDATE tasks SET status = 'running' WHERE uuid = '%s'"
                % FINISHED
            )
            connection.commit()
        schema.schema_upgrade()

        aborts.abort(aborts.Tasks(), FINISHED, wait=True)

        self.assertEqual("aborted", db.task_get_status(FINISHED))

    def test_an_upgrade_of_verifications_half_way_is_done_again(self):
        schema.schema_create()
        made = described(db.get_engine())
        with db.get_engine().begin() as connection:
            connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '%s'" % KEY_INDICES
            )
            connection.exec_driver_sql(
                "ALTER TABLE verifications DROP COLUMN error"
            )
        error = self.assertRaises(errors.SchemaOutdated, schema.schema_ensure)
        self.assertIn("`rally db upgrade`; it keeps all", str(error))

        schema.schema_upgrade()

        self.assertEqual(made, described(db.get_engine()))

    def test_a_database_without_indices_of_keys_is_upgraded(self):
        schema.schema_create()
        made = described(db.get_engine())
        schema.schema_cleanup()
        self.load_released()
        schema.schema_upgrade(PACKED_CHUNKS)
        before = described(db.get_engine())
        error = self.assertRaises(errors.SchemaOutdated, schema.schema_ensure)

        schema.schema_upgrade()

        self.assertIn("`rally db upgrade`; it keeps all", str(error))
        self.assertNotEqual(made, before)
        self.assertEqual(made, described(db.get_engine()))

    def test_an_upgrade_that_stopped_half_way_is_done_again(self):
        schema.schema_create()
        made = described(db.get_engine())
        with db.get_engine().begin() as connection:
            connection.exec_driver_sql("DROP INDEX workload_data_task_uuid")
            connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '%s'"
                % PACKED_CHUNKS
            )

        schema.schema_upgrade()

        self.assertEqual(made, described(db.get_engine()))

    def test_an_upgrade_that_failed_at_any_step_is_done_again(self):
        schema.schema_create()
        made = described(db.get_engine())
        for load, least in ((self.load_released, 15), (lambda: None, 40)):
            for steps in range(1, 100):
                schema.schema_cleanup()
                load()
                if not is_stopped(schema.schema_upgrade, steps):
                    break

                schema.schema_upgrade()

                self.assertEqual(made, described(db.get_engine()), steps)
                self.assertEqual(
                    schema.HEAD_REVISION, schema.schema_revision()
                )
            self.assertGreater(steps, least)

    def test_its_tasks_are_read_as_before(self):
        self.load_released()
        schema.schema_upgrade()

        task = db.task_get(FINISHED, detailed=True)

        self.assertEqual(["foo"], task["tags"])
        self.assertEqual("finished", task["status"])
        workload = task["subtasks"][0]["workloads"][0]
        self.assertEqual("Dummy.dummy", workload["name"])
        self.assertEqual({"times": 3, "concurrency": 1}, workload["runner"])
        self.assertEqual({}, workload["load_info"])
        self.assertAlmostEqual(1795338000.79609, workload["start_time"], 4)
        data = workload["data"]
        self.assertEqual(3, len(data))
        stamps = [result["timestamp"] for result in data]
        self.assertEqual(sorted(stamps), stamps)
        self.assertEqual(
            ["foo"], [a["name"] for a in data[0]["atomic_actions"]]
        )
        self.assertEqual(
            ["bar"],
            [a["name"] for a in data[0]["atomic_actions"][0]["children"]],
        )

    def test_its_tasks_and_environments_are_deleted_as_ours(self):
        self.load_released()
        schema.schema_upgrade()

        db.env_delete_cascade(db.env_get("e1")["uuid"])

        self.assertEqual([], db.env_list())
        self.assertRaises(exceptions.DBRecordNotFound, db.task_get, FINISHED)

    def test_chunks_with_one_number_are_numbered_apart(self):
        self.load_released()
        schema.schema_upgrade()

        with db.get_engine().connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT id, chunk_order FROM workloaddata WHERE "
                "workload_uuid = 'ecf8f1a4-23e9-42fc-b3a7-30760cff79ab' "
                "ORDER BY id"
            ).all()

        self.assertEqual([(1, 0), (2, 1), (3, 2)], [tuple(r) for r in found])

    def test_upgrading_twice_changes_nothing(self):
        self.load_released()
        schema.schema_upgrade()
        before = described(db.get_engine())

        schema.schema_upgrade()
        schema.schema_upgrade(schema.LAST_RALLY_REVISION)

        self.assertEqual(before, described(db.get_engine()))

    def test_a_database_older_than_5_1_is_refused_untouched(self):
        connection = sqlite3.connect(self.db_path)
        connection.executescript(
            "CREATE TABLE deployments (id INTEGER);"
            "CREATE TABLE alembic_version (version_num VARCHAR(32));"
            "INSERT INTO alembic_version VALUES ('ca3626f62937');"
        )
        connection.close()

        error = self.assertRaises(
            exceptions.DBMigrationError, schema.schema_upgrade
        )

        self.assertIn("5.1.1", str(error))
        self.assertEqual(
            {"deployments", "alembic_version"},
            set(described(db.get_engine())),
        )
        self.assertEqual("ca3626f62937", schema.schema_revision())

    def test_an_unknown_target_is_refused(self):
        schema.schema_create()

        error = self.assertRaises(
            exceptions.DBMigrationError, schema.schema_upgrade, "nope"
        )

        self.assertIn("nope", str(error))

    def test_a_revision_can_be_recorded_by_hand(self):
        schema.schema_create()

        schema.schema_stamp(schema.LAST_RALLY_REVISION)

        self.assertEqual(
            schema.LAST_RALLY_REVISION, schema.schema_revision()
        )
        self.assertRaises(
            exceptions.DBMigrationError, schema.schema_stamp, "nope"
        )
