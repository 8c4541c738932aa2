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

"""Results as the database has them: written in envelopes, read in order.

The database keeps chunks of results as bytes in envelopes, and what releases
before 6.0 stored as it is. Here both are opened. Chunks of several agents
overlap in time: they are merged while they are read, and each is held only
as long as its time lasts.
"""

from __future__ import annotations

import collections.abc
import functools
import heapq
import itertools
import typing as t

from rally.common.db import StoredChunk
from rally.common.db import results as envelopes
from rally.task.results import durations
from rally.task.results.chunk import Chunk
from rally.task.results.head import PackedChunk

Result: t.TypeAlias = dict[str, t.Any]


def envelope(
    chunk: PackedChunk,
    sequence: int,
    agent: str = "",
    clock_offset_ns: int = 0,
) -> StoredChunk:
    """*chunk* as the database takes it.

    :param sequence: numbers the chunks of *agent*
    :param agent: empty for a run without agents
    :param clock_offset_ns: how far the clock of its iterations is ahead
    """
    return StoredChunk(
        agent=agent,
        sequence=sequence,
        clock_offset_ns=clock_offset_ns,
        count=chunk.head.count,
        failed=chunk.head.failed,
        first_ns=chunk.head.first_ns,
        last_ns=chunk.head.last_ns,
        finished_ns=chunk.head.finished_ns,
        payload=chunk.payload,
    )


def workload_chunks(
    workload_uuid: str, agent: str | None = None
) -> t.Iterator[Chunk]:
    """Chunks of a workload, in controller time, by their first start.

    :param agent: only what this agent delivered; None: all
    """
    for place in envelopes.places(workload_uuid, agent):
        yield _load(place)


def workload_results(
    workload_uuid: str, only_failures: bool = False
) -> t.Iterator[Result]:
    """Results of a workload in the order of their start, one at a time.

    :param only_failures: those with an error. Only chunks that have some are
        read: there may be few in many
    """
    results = merge_ordered(
        (place.first_ns, functools.partial(_load, place))
        for place in envelopes.places(
            workload_uuid, has_failures=only_failures
        )
    )
    return (row for row in results if row["error"] or not only_failures)


def merge_ordered(
    chunks: t.Iterable[tuple[int, t.Callable[[], Chunk]]],
) -> t.Iterator[Result]:
    """Results of all *chunks* in the order of their start.

    A k-way merge: a chunk is loaded when its first row is due and dropped
    after its last, so memory is bounded by the chunks that overlap.

    :param chunks: pairs of a chunk's first start (ns) and its loader, in
        ascending order of the first start
    """
    order = itertools.count()
    waiting = iter(chunks)
    upcoming = next(waiting, None)
    open_rows: list[tuple[int, int, Result, t.Iterator[t.Any]]] = []
    while open_rows or upcoming is not None:
        while upcoming is not None and (
            not open_rows or upcoming[0] <= open_rows[0][0]
        ):
            chunk = upcoming[1]()
            upcoming = next(waiting, None)
            if not open_rows and (
                upcoming is None or not len(chunk)
                or upcoming[0] > chunk.last_ns
            ):
                yield from chunk
                continue
            opened = zip(chunk.started_ns.tolist(), chunk)
            for started_ns, result in opened:
                heapq.heappush(
                    open_rows, (started_ns, next(order), result, opened)
                )
                break
        if open_rows:
            _, tie, result, rows = open_rows[0]
            yield result
            for started_ns, following in rows:
                heapq.heapreplace(
                    open_rows, (started_ns, tie, following, rows)
                )
                break
            else:
                heapq.heappop(open_rows)


def _load(place: envelopes.Place) -> Chunk:
    content = envelopes.content(place)
    if isinstance(content, bytes):
        return Chunk.from_bytes(content).shifted(place.clock_offset_ns)
    return Chunk.of_results(content, place.first_number)


class StoredResults(collections.abc.Sequence[Result]):
    """Results of a workload as a sequence that holds none of them.

    Each walk reads the database anew, so it shows what is stored by then.
    """

    def __init__(self, workload_uuid: str) -> None:
        self.workload_uuid = workload_uuid

    def __len__(self) -> int:
        return envelopes.workload_results_count(self.workload_uuid)

    def __iter__(self) -> t.Iterator[Result]:
        return workload_results(self.workload_uuid)

    def failures(self) -> t.Iterator[Result]:
        """Those with an error; quick if few have one."""
        return workload_results(self.workload_uuid, only_failures=True)

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


def summary(workload_uuid: str) -> dict[str, t.Any]:
    """What ``db.workload_set_results`` stores, from the chunks themselves."""
    table = durations.DurationsTable()
    shortest: list[int] = []
    longest: list[int] = []
    for chunk in workload_chunks(workload_uuid):
        table.add_chunk(chunk)
        shortest = [min([*shortest, int(chunk.duration_ns.min())])]
        longest = [max([*longest, int(chunk.duration_ns.max())])]
    return {
        "statistics": {"durations": table.to_dict()},
        "total": table.iterations,
        "failed": table.failed,
        "min_duration": shortest[0] / 1e9 if shortest else None,
        "max_duration": longest[0] / 1e9 if longest else None,
    }
