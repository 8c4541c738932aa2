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

"""A chunk as it travels: its bytes, and a head that says what is in them.

Both are made once, where the chunk is finished (``Chunk.packed``). Spool,
wire and controller pass them on as they are: nobody opens the bytes before
the thread that stores them. This module is light, because whoever only
passes chunks on needs neither numpy nor the chunk itself.
"""

from __future__ import annotations

import dataclasses
import typing as t

import msgspec

from rally.common.counting import counted

# What a peer claims is bounded, so that sums and differences of it fit into
# 64 bits: the database, numpy and the load process take no more.

#: how many, or the number of something that is counted
Count: t.TypeAlias = t.Annotated[int, msgspec.Meta(ge=0, le=2**53)]
#: ns since the epoch, up to the year 2116; tests have clocks of their own
Moment: t.TypeAlias = t.Annotated[int, msgspec.Meta(ge=-(2**61), le=2**62)]
Step: t.TypeAlias = t.Annotated[int, msgspec.Meta(ge=1, le=2**53)]
#: first, step, count: an arithmetic progression of iteration numbers
Progression: t.TypeAlias = tuple[Count, Step, Count]
MAX_PROGRESSIONS = 1_000_000
Progressions: t.TypeAlias = t.Annotated[
    tuple[Progression, ...], msgspec.Meta(max_length=MAX_PROGRESSIONS)
]


class ChunkHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a chunk without its bytes.

    Times are those of the clock that its iterations were measured with.
    """

    count: Count  # of iterations
    failed: Count
    first_ns: Moment  # start of the first iteration
    last_ns: Moment  # start of the last iteration
    finished_ns: Moment  # latest end of an iteration
    numbers: Progressions  # of its iterations, each once


class PackedChunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chunk as it is spooled, sent and stored."""

    head: ChunkHead
    payload: bytes  # Chunk.to_bytes()

    def check(self) -> None:
        """Trust nothing: open the bytes and compare them with the head.

        :raises ChunkError: nobody could read the chunk back, or it is not
            what the head says
        """
        from rally.task.results import chunk

        chunk.check(self)

    def __repr__(self) -> str:
        return "<PackedChunk of %s, %d bytes>" % (
            counted(self.head.count, "iteration"), len(self.payload)
        )


@dataclasses.dataclass(frozen=True, slots=True)
class DeliveredChunk:
    """A chunk that an agent has sent; whoever stores it checks it first."""

    agent: str
    sequence: int  # numbers the chunks of this agent
    clock_offset_ns: int  # how far the agent's clock is ahead
    chunk: PackedChunk
