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
before 6.0 stored as it is. Here both are opened.
"""

from __future__ import annotations

import functools
import typing as t

from rally.common.db import StoredChunk
from rally.common.db import results as envelopes
from rally.task.results import durations, ordered
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

    :param only_failures: those with an error
    """
    stored = StoredResults(workload_uuid)
    return stored.failures() if only_failures else iter(stored)


def _load(place: envelopes.Place) -> Chunk:
    content = envelopes.content(place)
    if isinstance(content, bytes):
        return Chunk.from_bytes(content).shifted(place.clock_offset_ns)
    return Chunk.of_results(content, place.first_number)


class StoredResults(ordered.ChunkedResults):
    """Results of a workload; a walk shows what is stored by then."""

    def __init__(self, workload_uuid: str) -> None:
        self.workload_uuid = workload_uuid

    def __len__(self) -> int:
        return envelopes.workload_results_count(self.workload_uuid)

    def chunks(self, only_failures: bool = False) -> t.Iterator[Chunk]:
        """See the base; only chunks that have failures are read for them:
        there may be few in many.
        """
        places = envelopes.places(
            self.workload_uuid, has_failures=only_failures
        )
        chunks = ordered.merge_ordered(
            (place.first_ns, functools.partial(_load, place))
            for place in places
        )
        if not only_failures:
            return chunks
        return (chunk.failures() for chunk in chunks if chunk.errors)

    def __repr__(self) -> str:
        return "<StoredResults of workload %s>" % self.workload_uuid


def summary(workload_uuid: str) -> dict[str, t.Any]:
    """See ``durations.summary``."""
    return durations.summary(workload_chunks(workload_uuid))
