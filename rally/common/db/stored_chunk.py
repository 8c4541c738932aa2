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

"""A chunk on its way into the database."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from rally.task.results import chunk as chunk_module


@dataclasses.dataclass(frozen=True, slots=True)
class StoredChunk:
    """Packed results of one source, with what a reader must know to order it.

    Times are nanoseconds since the epoch on the source's clock; take
    ``clock_offset_ns`` off to get controller time.
    """

    agent: str  # "" for a run without agents
    sequence: int  # numbers the chunks of this agent
    payload: bytes  # Chunk.to_bytes()
    clock_offset_ns: int
    count: int
    failed: int
    first_ns: int  # start of the first iteration
    last_ns: int  # start of the last iteration
    finished_ns: int  # latest end of an iteration

    @classmethod
    def of(
        cls,
        chunk: chunk_module.Chunk,
        sequence: int,
        agent: str = "",
        clock_offset_ns: int = 0,
    ) -> StoredChunk:
        """Pack *chunk*, which holds at least one iteration."""
        return cls(
            agent=agent,
            sequence=sequence,
            payload=chunk.to_bytes(),
            clock_offset_ns=clock_offset_ns,
            count=len(chunk),
            failed=chunk.failed_count,
            first_ns=chunk.first_ns,
            last_ns=chunk.last_ns,
            finished_ns=chunk.finished_ns,
        )
