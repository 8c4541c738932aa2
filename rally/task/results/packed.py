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

"""The packed form of a chunk of results, and what may be wrong with it.

Law: what ``encode`` gives is decoded unchanged, or it raises.
"""

from __future__ import annotations

import typing as t

import msgspec
import zstandard

from rally import exceptions

VERSION = 1
#: a chunk of more than this many bytes, unpacked, is not one of ours
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_ROWS = 3_000_000
#: integers in all columns together, 128 MB: a column of equal values takes
#: nine bytes however many they are, so its size says nothing
MAX_VALUES = 16_000_000


#: a chunk on its way is cut so that it takes no more than this, unpacked ...
MAX_CHUNK_BYTES = 4 * 1024 * 1024
#: ... unless it is a single iteration, which may take up to this; beyond, it
#: is cut itself
MAX_ROW_BYTES = 16 * 1024 * 1024


class ChunkError(exceptions.RallyException):
    error_code = 171
    msg_fmt = (
        "A chunk of results cannot be read: %(problem)s. Its iterations are "
        "missing from what is shown. The file or database row it came from "
        "was damaged or written by another program; restore it from a backup "
        "or run the task again."
    )


class Packed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    count: int
    columns: list[bytes]
    shape_index: bytes
    shapes: list[list[tuple[str, int, bool]]]
    times: list[bytes]
    errors: list[tuple[str, str, str]]  # each different one once
    error_of_row: dict[int, int]
    outputs: dict[int, dict[str, t.Any]]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Packed)
#: what outputs of plugins make the encoder raise
_UNENCODABLE = (
    msgspec.MsgspecError, RecursionError, TypeError, ValueError,
    OverflowError,
)


def encode(packed: Packed) -> bytes:
    """Bytes that ``decode`` takes.

    :raises ChunkError: it would not take them
    """
    _check_count(packed)
    for output in packed.outputs.values():
        if not all(isinstance(key, str) for key in output):
            raise ChunkError(problem="an output has a key that is no text")
    try:
        data = _ENCODER.encode(packed)
    except _UNENCODABLE as e:
        raise ChunkError(problem=str(e)) from None
    _check_size(len(data))
    return data


def decode(data: bytes) -> Packed:
    """Inverse of ``encode``; only sizes are checked here.

    :raises ChunkError: for any bytes that ``encode`` cannot have made
    """
    try:
        packed = _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as e:
        raise ChunkError(problem=str(e)) from None
    if packed.version != VERSION:
        raise ChunkError(problem="unknown version %d" % packed.version)
    _check_count(packed)
    return packed


def _check_count(packed: Packed) -> None:
    if not 0 <= packed.count <= MAX_ROWS:
        raise ChunkError(problem="it claims %d iterations" % packed.count)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_UNPACKED_BYTES:
        raise ChunkError(problem="it claims a size of %d" % size)


def check_values(count: int) -> None:
    """Refuse more than *MAX_VALUES* integers in all columns together.

    :raises ChunkError: there are
    """
    if count > MAX_VALUES:
        raise ChunkError(problem="it claims %d values" % count)


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


def decompress(data: bytes) -> bytes:
    """Inverse of ``compress``.

    :raises ChunkError: for any bytes that ``compress`` cannot have made
    """
    try:
        _check_size(zstandard.frame_content_size(data))
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as e:
        raise ChunkError(problem=str(e)) from None
