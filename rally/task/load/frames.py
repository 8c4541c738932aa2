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

"""What a worker process sends through its pipe: length and message."""

from __future__ import annotations

import os
import threading
import typing as t

import msgspec

_LENGTH_BYTES = 4
#: a frame that claims to be longer is none of ours
MAX_BYTES = 1 << 29


class WorkerReady(msgspec.Struct, tag="ready", frozen=True):
    """The threads of the worker stand and wait for the start."""


class Block(msgspec.Struct, tag="block", frozen=True):
    """Finished iterations."""

    chunk: bytes  # Chunk.pack()
    watermark_ns: int  # no iteration that comes later started before it
    cut_rows: int = 0  # of those in it, too large to be sent as they were


class WorkerSnapshot(msgspec.Struct, tag="snapshot", frozen=True):
    """Aggregate of all blocks sent before it."""

    number: int
    state: bytes  # of the aggregate, as message pack
    urgent: bool  # the criteria of the SLA hold no more


class Event(msgspec.Struct, tag="event", frozen=True):
    """An iteration starts."""

    number: int


class Problem(msgspec.Struct, tag="problem", frozen=True):
    """Something the user at the controller should know."""

    text: str


class Failure(msgspec.Struct, tag="failure", frozen=True):
    """Judging failed (an exception in a plugin): the run must stop."""

    type_name: str
    message: str
    trace: str


class Bye(msgspec.Struct, tag="bye", frozen=True):
    """The worker is done; nothing follows."""

    returned: list[int]  # numbers drawn but not started
    #: of ``Traffic``, for workers that send no snapshots
    traffic: tuple[int, int, int] = (0, 0, 0)


Frame: t.TypeAlias = (
    WorkerReady | Block | WorkerSnapshot | Event | Problem | Failure | Bye
)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Frame)
encode_state = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder().decode


class FrameWriter:
    """Writes whole frames; any thread of the worker may."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def write(self, frame: Frame) -> None:
        """Blocks while the pipe is full.

        :raises OSError: the parent process is gone
        :raises OverflowError: the parent would not take so long a frame
        """
        body = _ENCODER.encode(frame)
        if len(body) > MAX_BYTES:
            raise OverflowError("a frame of %d bytes" % len(body))
        data = memoryview(len(body).to_bytes(_LENGTH_BYTES, "little") + body)
        with self._lock:
            while data:
                data = data[os.write(self._fd, data):]


class FrameReader:
    """Collects frames from the bytes of one pipe."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that *data* completes.

        :raises msgspec.DecodeError: the worker wrote garbage
        """
        self._buffer += data
        frames: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= _LENGTH_BYTES:
            start = at + _LENGTH_BYTES
            length = int.from_bytes(self._buffer[at:start], "little")
            if length > MAX_BYTES:
                raise msgspec.DecodeError("a frame of %d bytes" % length)
            stop = start + length
            if stop > len(self._buffer):
                break
            frames.append(_decode(bytes(self._buffer[start:stop])))
            at = stop
        del self._buffer[:at]
        return frames


def _decode(body: bytes) -> Frame:
    try:
        return _DECODER.decode(body)
    except (RecursionError, ValueError) as e:  # text that is no UTF-8
        raise msgspec.DecodeError(str(e)) from None
