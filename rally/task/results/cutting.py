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

"""Chunks are cut so that every queue, pipe and database can take them.

A scenario may put megabytes into an error or an output. So a chunk is cut by
bytes as well as by rows, and a row that is too large alone is cut itself:
what is left of a text says how much is missing.

Laws: a part of several rows has no more than ``chunk_bytes``, one of a
single row no more than ``row_bytes``; together the parts hold each row once,
in the order of the chunk, and unchanged unless ``cut_rows`` counts it.
"""

from __future__ import annotations

import dataclasses
import typing as t

import msgspec
import numpy as np

from rally.task.results import head, packed
from rally.task.results.chunk import Chunk, Error, Node

_encode = msgspec.msgpack.Encoder().encode


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that the uncompressed form of a part may have."""

    chunk_bytes: int = packed.MAX_CHUNK_BYTES
    row_bytes: int = packed.MAX_ROW_BYTES

    # the shares of a row that is cut; the rest is for all else in it

    @property
    def output_bytes(self) -> int:
        return self.row_bytes // 2

    @property
    def text_bytes(self) -> int:
        """Of each of the three texts of an error."""
        return self.row_bytes // 8

    @property
    def actions_bytes(self) -> int:
        return self.row_bytes // 16


LIMITS = Limits()
#: above the size of an action without its name: its node and two times
_ACTION_BYTES = 32
#: longer than any mark
_MARK_BYTES = 64


class ChunkPart(t.NamedTuple):
    """Rows of a chunk that go on together."""

    rows: Chunk
    data: bytes  # rows.pack()
    cut_rows: int  # 1: this is a single row, and it was cut

    def packed(self) -> head.PackedChunk:
        return self.rows.packed(self.data)


def parts(chunk: Chunk, limits: Limits = LIMITS) -> t.Iterator[ChunkPart]:
    """*chunk* in as few parts as halving it makes; none if it is empty.

    Nearly always it is a single part, and packed only once.

    :raises ChunkError: a row holds what cannot be packed, even if it is cut
    """
    if not len(chunk):
        return
    whole = _whole(chunk, limits)
    if whole is not None:
        yield whole
    elif len(chunk) == 1:
        row = cut(chunk, limits)
        yield ChunkPart(row, row.pack(), 1)
    else:
        middle = len(chunk) // 2
        yield from parts(chunk.part(0, middle), limits)
        yield from parts(chunk.part(middle, len(chunk)), limits)


def _whole(chunk: Chunk, limits: Limits) -> ChunkPart | None:
    """*chunk* as one part; None: it must not be one."""
    if len(chunk) > head.MAX_PROGRESSIONS:
        return None
    try:
        data = chunk.pack()
    except packed.ChunkError:  # too many values, or one that is not packed
        return None
    most = limits.row_bytes if len(chunk) == 1 else limits.chunk_bytes
    return ChunkPart(chunk, data, 0) if len(data) <= most else None


def cut(row: Chunk, limits: Limits = LIMITS) -> Chunk:
    """*row*, a chunk of one, without what is too large in it."""
    shapes, times = row.shapes, row.times
    kept = _fitting(shapes[0], limits.actions_bytes)
    if kept < len(shapes[0]):
        mark = "[cut by Rally: %d of %d actions]" % (
            len(shapes[0]) - kept, len(shapes[0])
        )
        shapes = ((*shapes[0][:kept], Node(mark, 0, False)),)
        times = (np.append(times[0][:, :2 * kept], [[0, 0]], axis=1),)
    return Chunk(
        [row.numbers, row.started_ns, row.duration_ns, row.idle_ns,
         row.lag_ns],
        row.shape_index, shapes, times,
        {
            i: t.cast(Error, tuple(
                _cut_text(text, limits.text_bytes) for text in error
            ))
            for i, error in row.errors.items()
        },
        {
            i: _cut_output(output, limits.output_bytes)
            for i, output in row.outputs.items()
        },
    )


def _fitting(shape: t.Sequence[Node], most_bytes: int) -> int:
    """How many actions, from the first one, fit into so many bytes."""
    size = 0
    for i, node in enumerate(shape):
        size += len(node.name.encode()) + _ACTION_BYTES
        if size > most_bytes:
            return i
    return len(shape)


def _cut_text(text: str, most_bytes: int) -> str:
    data = text.encode()
    if len(data) <= most_bytes:
        return text
    # not within a character
    kept = data[:max(0, most_bytes - _MARK_BYTES)].decode(errors="ignore")
    return kept + _mark(len(data) - len(kept.encode()), len(data))


def _cut_output(output: dict[str, t.Any], most_bytes: int) -> dict[str, t.Any]:
    """*output*, or a text in its place: half a chart is none."""
    try:
        size = len(_encode(output))
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = "[cut by Rally: it cannot be stored]"
    else:
        if size <= most_bytes:
            return output
        text = _mark(size, size)
    return {
        "additive": [],
        "complete": [
            {"title": "Output", "chart_plugin": "TextArea", "data": [text]}
        ],
    }


def _mark(missing: int, of: int) -> str:
    return "[cut by Rally: %d of %d bytes]" % (missing, of)
