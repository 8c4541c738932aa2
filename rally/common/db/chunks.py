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

"""Storing chunks of results."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from rally import exceptions
from rally.common import clock
from rally.common.db import StoredChunk, engine, models, rows

WorkloadData = models.WorkloadData
Values: t.TypeAlias = dict[str, t.Any]
_EPOCH = dt.datetime(1970, 1, 1)


def workload_chunks_create(
    task_uuid: str, workload_uuid: str, chunks: t.Sequence[StoredChunk]
) -> int:
    """Store chunks, all or none of them.

    A chunk whose agent and sequence number are stored already is skipped, so
    it does no harm to deliver one twice.

    :returns: how many were new
    :raises DBRecordNotFound: there is no such workload
    """
    given = {(chunk.agent, chunk.sequence): chunk for chunk in chunks}
    columns = {
        key: _columns(task_uuid, workload_uuid, chunk)
        for key, chunk in given.items()
    }
    with _workload_exists(workload_uuid):
        try:  # nearly always they are new: looking costs as much again
            with engine.writing() as session:
                _insert(session, list(columns.values()))
        except exceptions.DBException as e:
            if not isinstance(e.__cause__, db_exc.DBDuplicateEntry):
                raise
            with engine.writing() as session:
                for key in _already_stored(session, workload_uuid, chunks):
                    columns.pop(key, None)
                _insert(session, list(columns.values()))
    return len(columns)


def _insert(session: orm.Session, columns: list[Values]) -> None:
    if columns:
        session.connection().execute(
            sa.insert(WorkloadData.__table__),  # type: ignore[arg-type]
            columns,
        )


def workload_chunk_sequences(workload_uuid: str) -> dict[str, set[int]]:
    """Sequence numbers of the stored chunks, by agent."""
    found: dict[str, set[int]] = collections.defaultdict(set)
    with engine.reading() as session:
        for agent, sequence in session.execute(
            sa.select(WorkloadData.agent, WorkloadData.chunk_order).where(
                WorkloadData.workload_uuid == workload_uuid
            )
        ):
            found[agent].add(sequence)
    return dict(found)


def workload_data_create(
    task_uuid: str, workload_uuid: str, chunk_order: int, data: Values
) -> Values:
    """Store a chunk in the form of older releases.

    :param data: ``{"raw": [result, ...]}``
    """
    raw = data.get("raw", [])
    row = WorkloadData(
        task_uuid=task_uuid,
        workload_uuid=workload_uuid,
        chunk_order=chunk_order,
        chunk_data={"raw": raw},
        iteration_count=len(raw),
        failed_iteration_count=sum(bool(r.get("error")) for r in raw),
        chunk_size=0,
        compressed_chunk_size=0,
    )
    if raw:
        starts = [r["timestamp"] for r in raw]
        ends = [r["timestamp"] + r["duration"] for r in raw]
        row.first_ns = clock.to_ns(min(starts))
        row.last_ns = clock.to_ns(max(starts))
        row.started_at = _moment(row.first_ns)
        row.finished_at = _moment(clock.to_ns(max(ends)))
    with _workload_exists(workload_uuid), engine.writing() as session:
        session.add(row)
        session.flush()
        return t.cast(Values, rows.serialize(row))


@contextlib.contextmanager
def _workload_exists(workload_uuid: str) -> t.Iterator[None]:
    """Tell a missing workload from other failures.

    The foreign key finds out; looking first would cost each chunk a query.
    """
    try:
        yield
    except exceptions.DBException as e:
        if isinstance(e.__cause__, db_exc.DBReferenceError):
            raise rows.not_found(
                models.Workload, "uuid: %s" % workload_uuid
            ) from e
        raise


def _already_stored(
    session: orm.Session, workload_uuid: str, chunks: t.Sequence[StoredChunk]
) -> set[tuple[str, int]]:
    """Agent and sequence number of those of *chunks* that are stored.

    Only the range they lie in is looked at: a long run has many others.
    """
    asked: dict[str, list[int]] = collections.defaultdict(list)
    for chunk in chunks:
        asked[chunk.agent].append(chunk.sequence)
    stored: set[tuple[str, int]] = set()
    for agent, sequences in asked.items():
        found = session.scalars(
            sa.select(WorkloadData.chunk_order).where(
                WorkloadData.workload_uuid == workload_uuid,
                WorkloadData.agent == agent,
                WorkloadData.chunk_order.between(
                    min(sequences), max(sequences)
                ),
            )
        )
        stored.update((agent, sequence) for sequence in found)
    return stored


def _columns(
    task_uuid: str, workload_uuid: str, chunk: StoredChunk
) -> Values:
    offset_ns = chunk.clock_offset_ns
    return {
        "task_uuid": task_uuid,
        "workload_uuid": workload_uuid,
        "agent": chunk.agent,
        "chunk_order": chunk.sequence,
        "chunk_data": {},
        "payload": chunk.payload,
        "iteration_count": chunk.count,
        "failed_iteration_count": chunk.failed,
        "chunk_size": 0,
        "compressed_chunk_size": len(chunk.payload),
        "clock_offset_ns": offset_ns,
        "first_ns": chunk.first_ns - offset_ns,
        "last_ns": chunk.last_ns - offset_ns,
        "started_at": _moment(chunk.first_ns - offset_ns),
        "finished_at": _moment(chunk.finished_ns - offset_ns),
    }


def _moment(epoch_ns: int) -> dt.datetime:
    """UTC without zone, as all times in the database."""
    return _EPOCH + dt.timedelta(microseconds=epoch_ns // 1000)
