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


"""A database server: everything works, also if it is gone for a while.

``make databases-test`` runs all other functional tests with servers.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
import typing as t
import uuid as uuid_module
from concurrent import futures

import sqlalchemy as sa

from rally import exceptions
from rally.common import cfg, db
from rally.common.db import errors, models, schema
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


#: bytes of a chunk that does not fit into the smallest packet of MySQL
LARGE = 2 * 1024 ** 2
#: how often what may go wrong at one time is tried, and by how many
ROUNDS = 15
DELETIONS = 5
AT_ONCE = 4


def described(engine: sa.Engine) -> dict[str, t.Any]:
    """Columns with their types, and indices of all tables, in no order."""
    inspector = sa.inspect(engine)
    return {
        table: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
                for c in inspector.get_columns(table)
            ),
            sorted(
                (str(i["name"]), tuple(i["column_names"]), bool(i["unique"]))
                for i in inspector.get_indexes(table)
            ),
        )
        for table in inspector.get_table_names()
    }


def upgrade_with_failures(engine: sa.Engine) -> int:
    """Upgrade, and fail once after each change of the schema.

    How often it failed.
    """
    done: set[str] = set()

    def fail(_connection: t.Any, _cursor: t.Any, sql: str, *_: t.Any) -> None:
        statement = " ".join(sql.split())
        is_change = statement.startswith(("CREATE", "ALTER", "DROP"))
        if is_change and statement not in done:
            done.add(statement)
            raise exceptions.DBException("stopped")

    sa.event.listen(engine, "after_cursor_execute", fail)
    try:
        while True:
            before = len(done)
            try:
                schema.schema_upgrade(engine=engine)
                return len(done)
            except exceptions.DBException:
                if len(done) == before:
                    raise
    finally:
        sa.event.remove(engine, "after_cursor_execute", fail)


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


def at_one_time(*calls: t.Callable[[], t.Any]) -> None:
    """Make *calls*, each in a thread; raises what the first of them does."""
    barrier = threading.Barrier(len(calls))

    def make(call: t.Callable[[], t.Any]) -> None:
        barrier.wait()
        call()

    with futures.ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(make, call) for call in calls]:
            done.result()


def chunk_of(
    agent: str, size_bytes: int = 1, sequence: int = 0
) -> db.StoredChunk:
    return db.StoredChunk(
        agent=agent, sequence=sequence, clock_offset_ns=0, count=1, failed=0,
        first_ns=0, last_ns=0, finished_ns=0, payload=b"x" * size_bytes,
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

    def use_here(self) -> None:
        """Use the server in this process."""
        assert self.server
        cfg.CONF.set_override(
            "connection", self.server.url, group="database"
        )
        self.addCleanup(
            cfg.CONF.clear_override, "connection", group="database"
        )
        db.engine_reset()
        self.addCleanup(db.engine_reset)

    def delete(self, task_uuid: str) -> None:
        with contextlib.suppress(exceptions.DBRecordNotFound):
            db.task_delete(task_uuid)

    def make_workload(self, **columns: t.Any) -> dict[str, t.Any]:
        env_uuid = db.env_get("functional")["uuid"]
        task = db.task_create({"env_uuid": env_uuid, **columns})
        self.addCleanup(self.delete, task["uuid"])
        subtask = db.subtask_create(task["uuid"], "x" * 255)
        return db.workload_create(
            task["uuid"], subtask["uuid"], "S" * 255, "", 0, {}, "r" * 255,
            [], {}, {}, {},
        )

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

    def test_a_schema_is_made_and_upgraded_by_one_of_several(self) -> None:
        self.use_here()
        made = described(db.get_engine())

        schema.schema_cleanup()
        self.all_at_one_time("db", "ensure")
        self.assertEqual(made, described(db.get_engine()))

        make_without_key_indices(db.get_engine())
        self.all_at_one_time("db", "upgrade")
        self.assertEqual(made, described(db.get_engine()))

    def all_at_one_time(self, *words: str) -> None:
        """Run several commands of a kind; none may fail."""
        started = [self.sandbox.start(*words) for _ in range(AT_ONCE)]
        for process in started:
            done = process.wait(cluster.RUN_S)
            self.assertEqual(0, done.code, done.out + done.err)

    def test_what_is_stored_is_what_sqlite_would_store(self) -> None:
        self.use_here()
        title = "\U0001f600" * 255
        workload = self.make_workload(
            title=title, description="\u20ac" * 10 ** 5,
            tags=["a", "A", "\U0001f600"],
        )
        seconds = 604801.123456789
        db.workload_update_progress(
            workload["uuid"], total=2 ** 40, load_duration=seconds,
            min_duration=0.1234567890123,
        )

        task = db.task_get(workload["task_uuid"])
        found = db.workload_get(workload["uuid"])

        assert found
        self.assertEqual(title, task["title"])
        self.assertEqual(10 ** 5, len(task["description"]))
        self.assertEqual(["A", "a", "\U0001f600"], task["tags"])
        self.assertEqual(2 ** 40, found["total_iteration_count"])
        self.assertEqual(seconds, found["load_duration"])
        self.assertEqual(0.1234567890123, found["min_duration"])

    def test_names_that_differ_in_case_are_two(self) -> None:
        self.use_here()
        made = db.env_create("Functional", "READY", "", {}, {}, {}, [])
        self.addCleanup(db.env_delete_cascade, made["uuid"])

        self.assertEqual(made["uuid"], db.env_get("Functional")["uuid"])
        self.assertNotEqual(made["uuid"], db.env_get("functional")["uuid"])

    def test_agents_whose_names_differ_in_case_are_two(self) -> None:
        self.use_here()
        workload = self.make_workload()
        uuid = workload["uuid"]

        stored = [
            db.workload_chunks_create(
                workload["task_uuid"], uuid, [chunk_of(agent)]
            )
            for agent in ("node-a", "Node-A", "node-a")
        ]

        self.assertEqual([1, 1, 0], stored)
        self.assertEqual(
            {"node-a": {0}, "Node-A": {0}}, db.workload_chunk_sequences(uuid)
        )

    def test_tasks_begin_at_one_time(self) -> None:
        self.use_here()
        env_uuid = db.env_get("functional")["uuid"]

        def begin() -> None:
            db.owner_beat("host:%s" % uuid_module.uuid4())
            task = db.task_create({"env_uuid": env_uuid, "tags": ["a", "b"]})
            made.append(task["uuid"])

        made: list[str] = []
        for _ in range(ROUNDS):
            at_one_time(*[begin] * AT_ONCE)

        self.assertEqual(ROUNDS * AT_ONCE, len(made))
        for uuid in made:
            db.task_delete(uuid)

    def test_a_task_is_deleted_while_it_goes_on(self) -> None:
        self.use_here()
        for _ in range(DELETIONS):
            workload = self.make_workload(tags=["a"])
            at_one_time(
                lambda uuid=workload["task_uuid"]: db.task_delete(uuid),
                *self.goes_on(workload),
            )
            self.assertEqual(
                {}, db.workload_chunk_sequences(workload["uuid"])
            )

    def goes_on(
        self, workload: dict[str, t.Any]
    ) -> list[t.Callable[[], None]]:
        """What adds to the task of *workload* until it is deleted."""
        policy = db.retrying.RetryPolicy("its task", 60)
        uuid, task_uuid = workload["uuid"], workload["task_uuid"]
        subtask_uuid = workload["subtask_uuid"]

        def store(sequence: int) -> None:
            chunk = chunk_of("", sequence=sequence)
            db.workload_chunks_create(task_uuid, uuid, [chunk])

        def set_results(_number: int) -> None:
            db.workload_set_results(
                uuid, subtask_uuid, task_uuid, 1.0, 1.0, 1.0, [], [],
                aggregate={"total": 1, "failed": 0},
            )

        def add(_number: int) -> None:
            subtask = db.subtask_create(task_uuid, "another")
            db.workload_create(
                task_uuid, subtask["uuid"], "S", "", 1, {}, "r", [], {}, {},
                {},
            )

        def insist(func: t.Callable[[int], None]) -> None:
            with contextlib.suppress(exceptions.DBRecordNotFound):
                for number in itertools.count():
                    policy(func, number)

        return [
            functools.partial(insist, func)
            for func in (store, set_results, add)
        ]

    def test_two_tasks_run_while_another_is_deleted(self) -> None:
        old = self.run_task(self.task(0, TIMES)).uuid
        task = cluster.task_of({
            "scenario": {"Dummy.dummy": {"sleep": 0.01}},
            "runner": cluster.distributed(
                {"constant": {"times": TIMES, "concurrency": 4}}
            ),
        })

        runs = [self.start_task(task, "--tag", "both") for _ in range(2)]
        for run in runs:
            run.wait_for_log("the load starts")
        self.must("task", "delete", "--uuid", old)
        listed = self.must("task", "list", "--tag", "both", "--uuids-only")

        self.assertEqual({run.uuid for run in runs}, set(listed.out.split()))
        for run in runs:
            self.assertEqual(0, run.finish().code, run.log)
            self.assertEqual(TIMES, len(run.workload.rows))
            self.assertEqual({}, run.workload.load_info.get("lost") or {})

    def test_a_name_that_is_too_long_is_told_before_the_run(self) -> None:
        task = self.task(0, 1)
        workload = task["subtasks"][0]
        task["subtasks"] = [{
            "title": "q" * 256,
            "workloads": [{k: workload[k] for k in ("scenario", "runner")}],
        }]

        run = self.start_task(task)
        done = run.finish()

        self.assertNotEqual(0, done.code)
        self.assertIn("title has 256 characters, but may have 255", done.out)
        self.assertNotIn("Traceback", done.out + done.err)

    def test_a_server_that_is_gone_for_a_while(self) -> None:
        assert self.server
        self.check_without_server(self.server.kill)

    def test_a_server_that_is_restarted(self) -> None:
        assert self.server
        self.check_without_server(self.server.stop)

    def check_without_server(self, end: t.Callable[[], None]) -> None:
        assert self.server
        run = self.start_task(self.task(0.01, TIMES))
        run.wait_for_log("the load starts")
        run.wait_until(lambda: len(self.started()) > TIMES // 10, "it runs")

        end()
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

    def limit_packets(self, size_bytes: int) -> None:
        with db.get_engine().connect() as connection:
            connection.exec_driver_sql(
                "SET GLOBAL max_allowed_packet = %d" % size_bytes
            )
        db.engine_reset()  # connections keep what they were given

    def test_a_packet_that_is_too_large_is_refused_at_once(self) -> None:
        self.use_here()
        workload = self.make_workload()
        chunk = chunk_of("", LARGE)

        def store() -> None:
            db.workload_chunks_create(
                workload["task_uuid"], workload["uuid"], [chunk]
            )

        self.addCleanup(self.limit_packets, 16 * 1024 ** 2)
        self.limit_packets(1024 ** 2)
        error = self.assertRaises(errors.StatementTooLarge, store)
        self.limit_packets(16 * 1024 ** 2)
        store()

        self.assertIn("of at most 1048576 bytes", str(error))
        self.assertNotIsInstance(error, errors.PASSING)
        self.assertEqual(1, db.workload_results_count(workload["uuid"]))

    def test_an_upgrade_that_failed_at_any_step_is_done_again(self) -> None:
        """PostgreSQL takes back what a migration did before it failed."""
        self.use_here()
        engine = db.get_engine()
        made = described(engine)
        schema.schema_cleanup()
        engine = db.get_engine()

        failures = upgrade_with_failures(engine)

        self.assertGreater(failures, 70)
        self.assertEqual(made, described(engine))
        self.assertEqual(schema.HEAD_REVISION, schema.schema_revision())


def load_tests(loader: t.Any, tests: t.Any, pattern: t.Any) -> t.Any:
    """Without the class that the others share."""
    suite = loader.suiteClass()
    for case in (PostgreSQLTestCase, MariaDBTestCase):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
