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


"""A database server: everything works, also if it is gone for a while."""

from __future__ import annotations

import threading
import typing as t

import sqlalchemy as sa

from rally.common.db import models
from tests.functional import cluster, servers

TIMES = 3000
#: the revision before foreign keys had indices, and what those are
PACKED_CHUNKS = "60a1c7e5d2f0"
KEY_INDICES = {
    "subtask_task_uuid", "workload_task_uuid", "workload_subtask_uuid",
    "workload_data_task_uuid", "verification_verifier_uuid",
}
#: how long the server is gone in mid-run
GONE_S = 3.0


def indices(engine: sa.Engine) -> set[str]:
    """Names of all indices in the database."""
    inspector = sa.inspect(engine)
    return {
        str(index["name"])
        for table in inspector.get_table_names()
        for index in inspector.get_indexes(table)
    }


def make_without_key_indices(engine: sa.Engine) -> None:
    """Replace the schema by the one of ``PACKED_CHUNKS``, empty."""
    older = sa.MetaData()
    for table in models.Base.metadata.sorted_tables:
        copied = table.to_metadata(older)
        copied.indexes = {
            index for index in copied.indexes if index.name not in KEY_INDICES
        }
    with engine.begin() as connection:
        older.drop_all(connection)
        older.create_all(connection)
        connection.exec_driver_sql(
            "UPDATE alembic_version SET version_num = '%s'" % PACKED_CHUNKS
        )


class _Tests(cluster.PlainTestCase, cluster.Home):
    """One server for all tests of a class, a sandbox for each."""

    SERVER: t.ClassVar[type[servers.Server]]
    server: t.ClassVar[servers.Server | None] = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not cls.SERVER.why_not():
            cls.server = cls.SERVER()

    @classmethod
    def tearDownClass(cls) -> None:
        if cls.server:
            cls.server.close()
        super().tearDownClass()

    def setUp(self) -> None:
        super().setUp()
        reason = self.SERVER.why_not()
        if reason:
            self.skipTest(reason)
        assert self.server
        self.sandbox = cluster.Sandbox(with_database=False)
        self.addCleanup(self.sandbox.close)
        self.addCleanup(
            lambda: self.assertEqual([], self.sandbox.leftovers())
        )
        self.sandbox.conf.write_text(
            "[database]\nconnection = %s\n" % self.server.url
        )
        self.must("db", "ensure")
        if "functional" not in self.must("env", "list").out:
            self.must("env", "create", "--name", "functional")

    def task(self, sleep: float, times: int) -> dict[str, t.Any]:
        return cluster.task_of(
            {
                "scenario": self.numbered(sleep),
                "runner": cluster.distributed(
                    {"constant": {"times": times, "concurrency": 8}}
                ),
                "sla": {"failure_rate": {"max": 0}},
            }
        )

    def check(self, run: cluster.Run, times: int) -> None:
        """Each number is stored once, in the order of time."""
        done = run.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        workload = run.workload
        self.assertEqual(
            list(range(1, times + 1)), sorted(workload.numbers)
        )
        self.assertEqual(sorted(workload.timestamps), workload.timestamps)
        self.assertTrue(workload["pass_sla"])
        self.assertEqual(times, workload["total_iteration_count"])

    def test_a_task_is_recorded_shown_and_deleted(self) -> None:
        run = self.run_task(self.task(0, TIMES))

        self.check(run, TIMES)
        self.assertIn(run.uuid, self.must("task", "list").out)
        self.assertIn(str(TIMES), self.must("task", "detailed").out)
        self.must("task", "delete", "--uuid", run.uuid)
        self.assertNotEqual(0, self.rally("task", "status", run.uuid).code)

    def test_a_schema_without_indices_of_keys_is_upgraded(self) -> None:
        assert self.server
        engine = sa.create_engine(self.server.url, poolclass=sa.NullPool)
        made = indices(engine)
        make_without_key_indices(engine)
        before = indices(engine)

        self.must("db", "upgrade")

        self.assertTrue(KEY_INDICES <= made)
        self.assertFalse(KEY_INDICES & before)
        self.assertEqual(made, indices(engine))
        self.assertEqual("", self.must("db", "ensure").err)

    def test_a_server_that_is_gone_for_a_while(self) -> None:
        assert self.server
        run = self.start_task(self.task(0.01, TIMES))
        run.wait_for_log("the load starts")
        run.wait_until(lambda: len(self.started()) > TIMES // 10, "it runs")

        self.server.kill()
        threading.Event().wait(GONE_S)
        self.server.start()

        self.check(run, TIMES)
        load_info = run.workload.load_info
        self.assertGreater(load_info["counters"]["database_retries"], 0)
        self.assertIn("can be used again", run.workload.problems)


class PostgreSQLTestCase(_Tests):
    SERVER = servers.PostgreSQL


class MariaDBTestCase(_Tests):
    SERVER = servers.MariaDB


def load_tests(loader: t.Any, tests: t.Any, pattern: t.Any) -> t.Any:
    """Without the class that the others share."""
    suite = loader.suiteClass()
    for case in (PostgreSQLTestCase, MariaDBTestCase):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
