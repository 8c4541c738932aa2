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

"""Chunks of results, read as they were stored.

The database knows nothing of what is in them: ``rally.task.results.stored``
opens them.
"""

from __future__ import annotations

import calendar
import datetime as dt
import importlib
import types
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from rally.common.db import engine, errors, models

Result: t.TypeAlias = dict[str, t.Any]
WorkloadData = models.WorkloadData

#: the module that opens chunks. It is named, not imported, because it lies
#: above this package; but Rally's public functions promise results
READER = "rally.task.results.stored"


def reader() -> types.ModuleType:
    return importlib.import_module(READER)


class Place(t.NamedTuple):
    """Where a chunk is, and when it starts at the earliest."""

    first_ns: int  # controller time
    row_id: int
    first_number: int  # numbers the iterations of a chunk that has no numbers
    clock_offset_ns: int


def workload_results_count(workload_uuid: str) -> int:
    """How many results are stored so far."""
    count = sa.func.coalesce(sa.func.sum(WorkloadData.iteration_count), 0)
    with engine.reading() as session:
        found = session.scalar(
            sa.select(count).where(
                WorkloadData.workload_uuid == workload_uuid
            )
        )
    return int(found or 0)


def places(
    workload_uuid: str, agent: str | None = None, has_failures: bool = False
) -> list[Place]:
    """Where the chunks of a workload are, by their first start.

    :param agent: only what this agent delivered; None: all
    :param has_failures: only those that have some
    :raises ResultsDeleted: there is no such workload any more
    """
    query = (
        sa.select(
            WorkloadData.id,
            WorkloadData.iteration_count,
            WorkloadData.started_at,
            WorkloadData.first_ns,
            WorkloadData.clock_offset_ns,
        )
        .where(
            WorkloadData.workload_uuid == workload_uuid,
            WorkloadData.iteration_count > 0,
        )
        .order_by(WorkloadData.chunk_order, WorkloadData.id)
    )
    if agent is not None:
        query = query.where(WorkloadData.agent == agent)
    if has_failures:
        query = query.where(WorkloadData.failed_iteration_count > 0)
    found = []
    number = 1
    with engine.reading() as session:
        for row_id, count, started_at, first_ns, offset in session.execute(
            query
        ):
            if first_ns is None:
                first_ns = _at_earliest_ns(started_at)
            found.append(Place(first_ns, row_id, number, offset or 0))
            number += count
        if not found and not _exists(session, workload_uuid):
            raise errors.ResultsDeleted()
    return sorted(found)


def _exists(session: orm.Session, workload_uuid: str) -> bool:
    query = sa.select(models.Workload.id).where(
        models.Workload.uuid == workload_uuid
    )
    return session.scalar(query) is not None


def _at_earliest_ns(started_at: dt.datetime) -> int:
    """A moment not after the start that was rounded to *started_at*.

    Only rows of older releases are placed by that. On MySQL they have whole
    seconds, the nearest ones.
    """
    whole_us = calendar.timegm(started_at.timetuple()) * 1_000_000
    rounded_us = 1 if started_at.microsecond else 500_000
    return (whole_us + started_at.microsecond - rounded_us) * 1000


def content(place: Place) -> bytes | list[Result]:
    """What was stored: bytes, or the results themselves by older releases.

    :raises ResultsDeleted: it was deleted meanwhile
    """
    with engine.reading() as session:
        row = session.execute(
            sa.select(WorkloadData.payload, WorkloadData.chunk_data).where(
                WorkloadData.id == place.row_id
            )
        ).first()
    if row is None:
        raise errors.ResultsDeleted()
    payload, chunk_data = row
    if payload is not None:
        return bytes(payload)
    return t.cast("list[Result]", chunk_data["raw"])
