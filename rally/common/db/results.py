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

"""Results of a workload, read in the order of their start.

Chunks of several agents overlap in time. They are merged while they are
read, and each is held only as long as its time lasts.
"""

from __future__ import annotations

import calendar
import collections.abc
import datetime as dt
import functools
import itertools
import typing as t

import sqlalchemy as sa

from rally.common.db import engine, models

if t.TYPE_CHECKING:
    from rally.task.results import chunk as chunk_module

Result: t.TypeAlias = dict[str, t.Any]
WorkloadData = models.WorkloadData


class _Place(t.NamedTuple):
    """Where a chunk is, and when it starts at the earliest."""

    first_ns: int
    row_id: int
    first_number: int  # numbers the iterations of a chunk that has no numbers
    clock_offset_ns: int


def workload_results(workload_uuid: str) -> t.Iterator[Result]:
    """Results of a workload in the order of their start, one at a time."""
    from rally.task.results import chunk as chunk_module

    return chunk_module.merge_ordered(
        (place.first_ns, functools.partial(_load, place))
        for place in sorted(_places(workload_uuid))
    )


def workload_failures(workload_uuid: str) -> t.Iterator[Result]:
    """Results with an error, in the order of their start.

    Only chunks with failures are read: there may be few in many.
    """
    from rally.task.results import chunk as chunk_module

    rows = chunk_module.merge_ordered(
        (place.first_ns, functools.partial(_load, place))
        for place in sorted(_places(workload_uuid, has_failures=True))
    )
    return (row for row in rows if row["error"])


def workload_chunks(
    workload_uuid: str, agent: str | None = None
) -> t.Iterator[chunk_module.Chunk]:
    """Chunks of a workload, in controller time, by their first start.

    :param agent: only what this agent delivered; None: all
    """
    for place in sorted(_places(workload_uuid, agent)):
        yield _load(place)


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


class StoredResults(collections.abc.Sequence[Result]):
    """Results of a workload as a sequence that holds none of them.

    Each walk reads the database anew, so it shows what is stored by then.
    """

    def __init__(self, workload_uuid: str) -> None:
        self.workload_uuid = workload_uuid

    def __len__(self) -> int:
        return workload_results_count(self.workload_uuid)

    def __iter__(self) -> t.Iterator[Result]:
        return workload_results(self.workload_uuid)

    def failures(self) -> t.Iterator[Result]:
        """Those with an error; quick if few have one."""
        return workload_failures(self.workload_uuid)

    @t.overload
    def __getitem__(self, index: int) -> Result: ...

    @t.overload
    def __getitem__(self, index: slice) -> list[Result]: ...

    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step > 0:
                return list(itertools.islice(self, start, stop, step))
            return list(self)[index]
        if index < 0:
            index += len(self)
        if index >= 0:
            for result in itertools.islice(self, index, None):
                return result
        raise IndexError("there is no result at this position")

    def __repr__(self) -> str:
        return "<StoredResults of workload %s>" % self.workload_uuid


def _places(
    workload_uuid: str, agent: str | None = None, has_failures: bool = False
) -> list[_Place]:
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
    places = []
    number = 1
    with engine.reading() as session:
        for row_id, count, started_at, first_ns, offset in session.execute(
            query
        ):
            if first_ns is None:
                first_ns = _at_earliest_ns(started_at)
            places.append(_Place(first_ns, row_id, number, offset or 0))
            number += count
    return places


def _at_earliest_ns(started_at: dt.datetime) -> int:
    """A moment not after the start that was rounded to *started_at*."""
    whole_us = calendar.timegm(started_at.timetuple()) * 1_000_000
    return (whole_us + started_at.microsecond - 1) * 1000


def _load(place: _Place) -> chunk_module.Chunk:
    from rally.task.results import chunk as chunk_module

    with engine.reading() as session:
        payload, chunk_data = session.execute(
            sa.select(WorkloadData.payload, WorkloadData.chunk_data).where(
                WorkloadData.id == place.row_id
            )
        ).one()
    if payload is not None:
        chunk = chunk_module.Chunk.from_bytes(payload)
        return chunk.shifted(place.clock_offset_ns)
    return chunk_module.Chunk.of_results(
        chunk_data["raw"], place.first_number
    )
