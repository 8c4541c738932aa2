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

"""Chunks of many agents, in and out."""

from __future__ import annotations

import random
import typing as t

import hypothesis
from hypothesis import strategies as st

from rally import exceptions
from rally.common import db
from rally.common.db import errors
from rally.task.results import chunk as chunk_module
from rally.task.results import stored
from tests.unit import test

BASE_NS = 1_700_000_000_000_000_000
Node = chunk_module.Node


def make_row(
    number: int, start_ns: int, duration_ns: int = 1000, failed: bool = False
) -> chunk_module.Row:
    return chunk_module.Row(
        number=number,
        started_ns=BASE_NS + start_ns,
        duration_ns=duration_ns,
        idle_ns=0,
        lag_ns=0,
        shape=(Node("a", 0, False),),
        times=(0, duration_ns),
        error=("E", "m", "t") if failed else None,
        output=None,
    )


def store(
    workload: dict[str, t.Any],
    rows: t.Iterable[chunk_module.Row],
    agent: str = "",
    sequence: int = 0,
    offset_ns: int = 0,
) -> int:
    chunk = chunk_module.Chunk.of_rows(rows)
    envelope = stored.envelope(
        chunk.packed(), sequence, agent, offset_ns
    )
    return db.workload_chunks_create(
        workload["task_uuid"], workload["uuid"], [envelope]
    )


def raw(timestamp: float, **kwargs: t.Any) -> dict[str, t.Any]:
    result = {
        "timestamp": timestamp,
        "duration": 0.5,
        "idle_duration": 0.25,
        "error": [],
        "output": {"additive": [], "complete": []},
        "atomic_actions": [
            {
                "name": "a",
                "children": [],
                "started_at": timestamp,
                "finished_at": timestamp + 0.5,
            }
        ],
    }
    return {**result, **kwargs}


class StoredResultsTestCase(test.DBTestCase):
    def test_results_of_overlapping_chunks_come_in_global_order(self):
        workload = self.make_workload()
        starts = random.Random(1).sample(range(10_000), 300)
        for agent in range(3):
            for sequence in range(5):
                first = (agent * 5 + sequence) * 20
                store(
                    workload,
                    [
                        make_row(i + 1, starts[i])
                        for i in range(first, first + 20)
                    ],
                    "agent%d" % agent,
                    sequence,
                )

        found = [r["timestamp"] for r in stored.workload_results(
            workload["uuid"])]

        self.assertEqual(
            [(BASE_NS + s) / 10**9 for s in sorted(starts)], found
        )

    def test_times_are_shifted_to_controller_time(self):
        workload = self.make_workload()
        store(workload, [make_row(1, 5_000_000_000)], "ahead", 0, 10**10)
        store(workload, [make_row(2, 0)], "right", 0, 0)

        first, second = stored.workload_results(workload["uuid"])

        self.assertEqual((BASE_NS - 5 * 10**9) / 10**9, first["timestamp"])
        self.assertEqual(BASE_NS / 10**9, second["timestamp"])

    def test_a_sequence_of_results_can_be_walked_again_and_indexed(self):
        workload = self.make_workload()
        store(workload, [make_row(i, i) for i in range(1, 11)])
        data = stored.StoredResults(workload["uuid"])

        self.assertEqual(10, len(data))
        self.assertEqual(list(data), list(data))
        self.assertEqual(list(data)[-1], data[-1])
        self.assertEqual(list(data)[2:8:3], data[2:8:3])
        self.assertEqual(list(data)[8:2:-3], data[8:2:-3])
        self.assertRaises(IndexError, data.__getitem__, 10)
        self.assertRaises(IndexError, data.__getitem__, -11)

    def test_chunks_of_older_releases_are_read_too(self):
        workload = self.make_workload()
        where = workload["task_uuid"], workload["uuid"]
        db.workload_data_create(
            *where, 0, {"raw": [raw(1700000002.1234567),
                                raw(1700000001.7654321)]}
        )
        db.workload_data_create(*where, 1, {"raw": [raw(1700000001.9)]})
        db.workload_data_create(*where, 2, {"raw": []})
        task = db.task_get(workload["task_uuid"], detailed=True)

        data = task["subtasks"][0]["workloads"][0]["data"]

        self.assertEqual(
            [raw(1700000001.7654321), raw(1700000001.9),
             raw(1700000002.1234567)],
            data,
        )

    def test_chunks_that_mysql_rounded_to_seconds_are_in_order(self):
        workload = self.make_workload()
        where = workload["task_uuid"], workload["uuid"]
        stamps = [
            [1700000002.6, 1700000003.9], [1700000001.5, 1700000002.7],
            [1700000002.4, 1700000002.5],
        ]
        for sequence, chunk in enumerate(stamps):
            db.workload_data_create(
                *where, sequence, {"raw": [raw(stamp) for stamp in chunk]}
            )
        with db.get_engine().begin() as connection:
            for sequence, chunk in enumerate(stamps):
                connection.exec_driver_sql(
                    "UPDATE workloaddata SET first_ns = NULL, started_at = "
                    "datetime(?, 'unixepoch') || '.000000' "
                    "WHERE chunk_order = ?",
                    (int(chunk[0] + 0.5), sequence),
                )

        data = stored.StoredResults(workload["uuid"])

        found = [each["timestamp"] for each in data]
        self.assertEqual(sorted(sum(stamps, [])), found)

    def test_failures_are_found_in_order_without_reading_the_rest(self):
        workload = self.make_workload()
        store(workload, [make_row(1, 30, failed=True), make_row(2, 40)], "a")
        store(workload, [make_row(3, 10), make_row(4, 20, failed=True)], "b")
        store(workload, [make_row(5, 0), make_row(6, 50)], "c")
        data = stored.StoredResults(workload["uuid"])

        self.assertEqual(
            [row for row in data if row["error"]], list(data.failures())
        )
        self.assertEqual(2, len(list(data.failures())))

    def test_what_is_stored_during_a_walk_shows_in_the_next(self):
        workload = self.make_workload()
        store(workload, [make_row(1, 0)])
        data = stored.StoredResults(workload["uuid"])
        walk = iter(data)
        next(walk)
        store(workload, [make_row(2, 10)], sequence=1)

        self.assertEqual(2, len(list(data)))

    def test_what_is_deleted_during_a_walk_does_not_end_it_early(self):
        workload = self.make_workload()
        store(workload, [make_row(1, 0)])
        store(workload, [make_row(2, 10)], sequence=1)
        data = stored.StoredResults(workload["uuid"])
        walk = iter(data)
        next(walk)
        db.task_delete(workload["task_uuid"])

        error = self.assertRaises(errors.ResultsDeleted, next, walk)
        self.assertIn("not complete", str(error))
        self.assertRaises(errors.ResultsDeleted, list, data)
        self.assertRaises(errors.ResultsDeleted, data.failures)


class ChunksTestCase(test.DBTestCase):
    def test_a_chunk_delivered_twice_is_stored_once(self):
        workload = self.make_workload()
        where = workload["task_uuid"], workload["uuid"]
        chunks = [
            stored.envelope(
                chunk_module.Chunk.of_rows([make_row(i, i)]).packed(), i,
                agent,
            )
            for agent in ("a", "b")
            for i in range(3)
        ]

        self.assertEqual(
            2, db.workload_chunks_create(*where, [chunks[0], chunks[4]])
        )
        self.assertEqual(
            4, db.workload_chunks_create(*where, chunks + chunks)
        )
        self.assertEqual(0, db.workload_chunks_create(*where, chunks))
        self.assertEqual(0, db.workload_chunks_create(*where, []))
        self.assertEqual(6, db.workload_results_count(workload["uuid"]))
        self.assertEqual(
            {"a": {0, 1, 2}, "b": {0, 1, 2}},
            db.workload_chunk_sequences(workload["uuid"]),
        )

    def test_the_payload_is_kept_byte_for_byte(self):
        workload = self.make_workload()
        chunk = chunk_module.Chunk.of_rows(
            [make_row(i, i, failed=i % 2 == 0) for i in range(1, 10)]
        )
        db.workload_chunks_create(
            workload["task_uuid"], workload["uuid"],
            [stored.envelope(chunk.packed(), 7, "a", 5)],
        )

        with db.get_engine().connect() as connection:
            row = connection.exec_driver_sql(
                "SELECT * FROM workloaddata"
            ).mappings().one()

        self.assertEqual(chunk.to_bytes(), bytes(row["payload"]))
        self.assertEqual(BASE_NS + 1 - 5, row["first_ns"])
        self.assertEqual(BASE_NS + 9 - 5, row["last_ns"])
        self.assertEqual(
            (9, 4, "a", 7, 5),
            (row["iteration_count"], row["failed_iteration_count"],
             row["agent"], row["chunk_order"], row["clock_offset_ns"]),
        )

    def test_a_chunk_of_an_unknown_workload_is_refused(self):
        workload = dict(self.make_workload(), uuid="nope")

        error = self.assertRaises(
            exceptions.DBRecordNotFound, store, workload, [make_row(1, 1)]
        )

        self.assertIn("nope", str(error))

    def test_a_chunk_in_the_old_form_tells_its_counts_and_times(self):
        workload = self.make_workload()

        row = db.workload_data_create(
            workload["task_uuid"],
            workload["uuid"],
            3,
            {"raw": [raw(1700000001.5, error=["E", "m", "t"]),
                     raw(1700000000.25)]},
        )

        self.assertEqual((2, 1), (
            row["iteration_count"], row["failed_iteration_count"]))
        self.assertEqual("2023-11-14T22:13:20.250000",
                         row["started_at"].isoformat())
        self.assertEqual("2023-11-14T22:13:22",
                         row["finished_at"].isoformat())
        self.assertEqual(1700000000250000000, row["first_ns"])
        self.assertEqual((0, 0), (
            row["chunk_size"], row["compressed_chunk_size"]))
        self.assertEqual({"raw": [raw(1700000001.5, error=["E", "m", "t"]),
                                  raw(1700000000.25)]}, row["chunk_data"])


class ReadingOrderTestCase(test.DBTestCase):
    @hypothesis.settings(max_examples=15, deadline=None)
    @hypothesis.given(
        shares=st.lists(
            st.lists(st.integers(0, 50), min_size=1, max_size=8),
            min_size=1, max_size=6,
        )
    )
    def test_any_dealing_reads_as_one_ordered_stream(self, shares):
        db.engine_reset()
        workload = self.make_workload(self.env_of_this_example())
        for i, share in enumerate(shares):
            store(
                workload,
                [make_row(n, start) for n, start in enumerate(share, 1)],
                "agent%d" % (i % 2),
                i,
            )

        found = [
            r["timestamp"] for r in stored.workload_results(workload["uuid"])
        ]

        expected = sorted(start for share in shares for start in share)
        self.assertEqual([(BASE_NS + s) / 10**9 for s in expected], found)

    def env_of_this_example(self) -> str:
        return self.make_env("env%d" % len(db.env_list()))
