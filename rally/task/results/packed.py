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

import sys
import typing as t

import msgspec
import numpy as np

from rally import exceptions

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Ints: t.TypeAlias = np.ndarray[t.Any, np.dtype[np.int64]]
_WIDTHS = ("<i1", "<i2", "<i4", "<i8")
_LIMITS = (1 << 7, 1 << 15, 1 << 31, 1 << 63)

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
        "was damaged or written by another program. Restore it from a backup "
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
    _checked_size(len(data))
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


def _checked_size(size: int | None) -> int:
    if size is None or not 0 <= size <= MAX_UNPACKED_BYTES:
        raise ChunkError(problem="it claims a size of %s" % size)
    return size


def check_values(count: int) -> None:
    """Refuse more than *MAX_VALUES* integers in all columns together.

    :raises ChunkError: there are
    """
    if count > MAX_VALUES:
        raise ChunkError(problem="it claims %d values" % count)


def compress(data: bytes) -> bytes:
    return zstd.compress(data, level=1)


def decompress(data: bytes) -> bytes:
    """Inverse of ``compress``.

    :raises ChunkError: for any bytes that ``compress`` cannot have made
    """
    try:
        size = _checked_size(zstd.get_frame_info(data).decompressed_size)
        decompressor = zstd.ZstdDecompressor()
        # what claims to be small may go on for ever
        found = decompressor.decompress(data, max_length=size + 1)
    except zstd.ZstdError as e:
        raise ChunkError(problem=str(e)) from None
    if not decompressor.eof or len(found) != size or decompressor.unused_data:
        raise ChunkError(problem="it is not as long as it claims")
    return found


def _width_of(values: Ints) -> tuple[int, bool]:
    """Index of the narrowest width that holds *values*; are they equal?"""
    # the methods of arrays take twice as long for a block of rows
    lowest = int(np.minimum.reduce(values))
    highest = int(np.maximum.reduce(values))
    for i, limit in enumerate(_LIMITS):
        if -limit <= lowest and highest < limit:
            return i, lowest == highest
    raise OverflowError("beyond 64 bits")  # cannot be: they are int64


def pack_column(values: np.ndarray[t.Any, t.Any]) -> bytes:
    """Bytes of a column of integers.

    The first byte tells the form, the rest is little-endian:

    * ``c``: all values equal, the value once (8 bytes);
    * ``0 1 2 3``: values of 1, 2, 4, 8 bytes;
    * ``d e f g``: first value (8 bytes), then differences of 1, 2, 4, 8.
    """
    values = values.astype(np.int64, copy=False)
    if not len(values):
        return b"c" + bytes(8)
    first = values[:1].astype("<i8").tobytes()
    plain, is_constant = _width_of(values)
    if is_constant:
        return b"c" + first
    if plain > 1:
        steps = values[1:] - values[:-1]
        delta, _ = _width_of(steps)
        if delta < plain:
            return b"defg"[delta:delta + 1] + first + steps.astype(
                _WIDTHS[delta]
            ).tobytes()
    return b"0123"[plain:plain + 1] + values.astype(_WIDTHS[plain]).tobytes()


def unpack_column(data: bytes, count: int) -> Ints:
    """Inverse of ``pack_column``.

    :raises ValueError: *data* is not a column of *count* values
    """
    form, body = data[:1], data[1:]
    if form == b"c" and len(body) == 8 and count >= 0:
        value = np.frombuffer(body, "<i8")[0]
        return np.full(count, value, dtype=np.int64)
    if len(form) == 1 and form in b"0123":
        values = np.frombuffer(body, _WIDTHS[b"0123".index(form)])
        if len(values) == count:
            return values.astype(np.int64)
    elif len(form) == 1 and form in b"defg" and len(body) >= 8:
        first = np.frombuffer(body[:8], "<i8")
        steps = np.frombuffer(body[8:], _WIDTHS[b"defg".index(form)])
        if len(steps) == count - 1:
            return np.cumsum(np.concatenate([first, steps.astype(np.int64)]))
    raise ValueError("a column does not hold %d integers" % count)
