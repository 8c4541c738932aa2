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

"""Result chunks on an agent's disk, until the controller has stored them.

One file per chunk, checksummed as a whole and durable before ``write_all``
returns. A run has a folder of its own, named after it. Payloads are opaque
here (but for those of version 1 of the format); contexts and credentials
never come near a spool.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import logging
import os
import pathlib
import re
import shutil
import struct
import typing as t

import msgspec

from rally import exceptions
from rally.common import private_files
from rally.task.results import head as head_module

LOG = logging.getLogger(__name__)

MAGIC = b"RALLYCH2"  # the last byte is the version of the format
DIGEST_BYTES = 32
#: magic, run, sequence, lengths of head and payload
_FIELDS = struct.Struct(">8s64sQQQ")
HEADER_BYTES = _FIELDS.size + DIGEST_BYTES

#: how version 1 began: its head had no numbers, which the payload tells
MAGIC_1 = b"RALLYCH1"
#: magic, run, sequence, length, count, failed, first, last, finished
_FIELDS_1 = struct.Struct(">8s64sQQQQqqq")

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(head_module.ChunkHead)

CHUNK_SUFFIX = ".chunk"
TORN_SUFFIX = ".torn"
WRITER_NAME = "writer"  # locked by the process that writes
RUN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
MAX_SEQUENCE = 2**53  # as on the wire
_CHUNK_NAME = re.compile(r"(\d{12,19})\.chunk")


class SpoolError(exceptions.RallyException):
    """What to do: make room or mend the mode of the folder, or name another
    one with --spool. What is in the old one is delivered by an agent that uses
    it.
    """

    error_code = 255
    msg_fmt = (
        "Spool %(path)s cannot be used: %(reason)s. Results wait there until "
        "the controller has stored them, so without it they would be lost "
        "and the run stops. %(hint)s"
    )


class ChunkUnreadable(Exception):
    """A chunk is missing or damaged: its results are lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class SpooledChunk:
    sequence: int
    chunk: head_module.PackedChunk


@dataclasses.dataclass(frozen=True, slots=True)
class Recovery:
    """What was found of an earlier process.

    :param torn: how many files were damaged or alien; they are renamed
    :param unfinished: how many were not written to the end; they are emptied
        and renamed
    :param cut: how many files hold no chunk, though one was begun or kept:
        these and all that were put aside before, for whoever found those may
        have died before it could tell
    """

    sequences: tuple[int, ...]
    torn: int
    unfinished: int
    cut: int

    @property
    def end(self) -> int:
        """One more than the highest number of a chunk."""
        return max(self.sequences, default=-1) + 1


def pack(run_id: str, spooled: SpooledChunk) -> list[bytes]:
    """Parts of a chunk's file.

    :raises ValueError: ``unpack`` would not take it; says why
    """
    try:
        head = _ENCODER.encode(spooled.chunk.head)
    except OverflowError as e:
        raise ValueError(str(e)) from None
    _head_of(head)
    if not RUN_ID.fullmatch(run_id):
        raise ValueError("%r is not a run id" % run_id)
    if not 0 <= spooled.sequence <= MAX_SEQUENCE:
        raise ValueError("%d is not the number of a chunk" % spooled.sequence)
    payload = spooled.chunk.payload
    fields = _FIELDS.pack(
        MAGIC, run_id.encode("ascii"), spooled.sequence, len(head),
        len(payload),
    )
    return [fields, _digest(fields, head, payload), head, payload]


def unpack(run_id: str, data: bytes) -> SpooledChunk:
    """Inverse of ``pack``; takes files of version 1, too.

    :raises ValueError: it was not made by ``pack`` for this run; says why
    """
    is_first = data[:len(MAGIC_1)] == MAGIC_1
    layout = _FIELDS_1 if is_first else _FIELDS
    if len(data) < layout.size + DIGEST_BYTES:
        raise ValueError("it ends within its header")
    fields = data[:layout.size]
    body = data[layout.size + DIGEST_BYTES:]
    magic, run, sequence, *rest = layout.unpack(fields)
    if magic not in (MAGIC, MAGIC_1):
        raise ValueError("it is not a chunk of this version of Rally")
    size = rest[0] if is_first else rest[0] + rest[1]
    if len(body) != size:
        raise ValueError("it has %d of %d bytes" % (len(body), size))
    if data[layout.size:len(data) - size] != _digest(fields, body):
        raise ValueError("its checksum is wrong")
    if run != run_id.encode("ascii").ljust(len(run), b"\0"):
        raise ValueError("it belongs to another run")
    if sequence > MAX_SEQUENCE:
        raise ValueError("%d is not the number of a chunk" % sequence)
    if is_first:
        return SpooledChunk(sequence, _of_version_1(body, *rest[1:]))
    head = _head_of(body[:rest[0]])
    payload = body[rest[0]:]
    return SpooledChunk(sequence, head_module.PackedChunk(head, payload))


def _head_of(data: bytes) -> head_module.ChunkHead:
    """:raises ValueError: it is not a head exactly as it is packed here"""
    try:
        head = _DECODER.decode(data)
    except msgspec.MsgspecError as e:
        raise ValueError("its head cannot be read: %s" % e) from None
    if _ENCODER.encode(head) != data:
        raise ValueError("its head was not packed here")
    return head


def _of_version_1(
    payload: bytes, count: int, failed: int, first_ns: int, last_ns: int,
    finished_ns: int,
) -> head_module.PackedChunk:
    """A chunk that was spooled before heads had numbers.

    :raises ValueError: it cannot be read
    """
    from rally.task.results import chunk, packed

    try:
        rows = chunk.Chunk.from_bytes(payload)
        numbers = rows.head().numbers if len(rows) else ()
    except packed.ChunkError as e:
        raise ValueError(str(e)) from None
    head = head_module.ChunkHead(
        count, failed, first_ns, last_ns, finished_ns, numbers
    )
    return head_module.PackedChunk(_head_of(_ENCODER.encode(head)), payload)


def _digest(fields: bytes, *parts: bytes) -> bytes:
    digest = hashlib.blake2b(fields, digest_size=DIGEST_BYTES)
    for part in parts:
        digest.update(part)
    return digest.digest()


class Spool:
    """Chunks of one run; one process writes, another may read and remove.

    Nothing is remembered here, so both always see what is on the disk.

    :param folder: the spools of all runs on this host; made if need be
    :raises SpoolError: it cannot be made or read
    """

    def __init__(self, folder: pathlib.Path | str, run_id: str) -> None:
        if not RUN_ID.fullmatch(run_id):
            raise ValueError("not a run id: %r" % run_id)
        self.run_id = run_id
        self.folder = pathlib.Path(folder) / run_id
        self._claim: int | None = None
        with self._explained():
            private_files.make_folder(self.folder)

    @staticmethod
    def runs(folder: pathlib.Path | str) -> list[str]:
        """Runs that left something in *folder*, in order of their ids."""
        try:
            names = [entry.name for entry in os.scandir(folder)]
        except FileNotFoundError:
            return []
        return sorted(
            name
            for name in names
            if RUN_ID.fullmatch(name) and (pathlib.Path(folder, name)).is_dir()
        )

    def sequences(self) -> list[int]:
        """Numbers of the chunks that are here, ascending."""
        with self._explained():
            names = os.listdir(self.folder)
        sequences = map(self._sequence_of, names)
        return sorted(each for each in sequences if each is not None)

    def write_all(self, chunks: t.Iterable[SpooledChunk]) -> None:
        """Write some chunks; they survive a crash once this has returned.

        :raises ValueError: there is a chunk of that number already, or one
            could not be read back
        :raises SpoolError: they cannot be kept, and none of them is
        """
        files = {}
        for chunk in chunks:
            path = self._path(chunk.sequence)
            if path.exists():
                raise ValueError(
                    "chunk %d is in the spool already" % chunk.sequence
                )
            files[path] = pack(self.run_id, chunk)
        try:
            with self._explained():
                private_files.write_all(files)
        except SpoolError:
            for path in files:  # of a folder that failed after its files
                with contextlib.suppress(OSError):
                    path.unlink()
            raise

    def read(self, sequence: int) -> SpooledChunk:
        """A chunk, verified.

        :raises ChunkUnreadable: it is missing or damaged; a damaged file is
            put aside, and is no longer among ``sequences``
        :raises SpoolError: the disk fails
        """
        path = self._path(sequence)
        data = self._content(path)
        if data is None:
            torn = path.with_name(path.name + TORN_SUFFIX)
            raise ChunkUnreadable(
                "%s was put aside: it is damaged" % path if torn.exists()
                else "%s is not there" % path
            )
        try:
            chunk = unpack(self.run_id, data)
            if chunk.sequence != sequence:
                raise ValueError("it is chunk %d" % chunk.sequence)
        except ValueError as error:
            self._put_aside(path, str(error))
            raise ChunkUnreadable(
                "%s was put aside: %s" % (path, error)
            ) from None
        return chunk

    def claim(self) -> None:
        """Be the process that writes, until ``release`` or its death.

        :raises SpoolError: another process still writes
        """
        with self._explained():
            fd = os.open(
                self.folder / WRITER_NAME, os.O_RDWR | os.O_CREAT, 0o600
            )
            try:
                # of this process alone: a worker does not inherit it
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(fd)
                raise
        self._claim = fd

    def release(self) -> None:
        """Write no more."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def is_written(self) -> bool:
        """Whether another process that claimed it still lives."""
        try:
            fd = os.open(self.folder / WRITER_NAME, os.O_RDWR)
        except FileNotFoundError:
            return False
        except OSError as e:
            if e.errno != errno.EROFS:
                raise
            return False  # nobody writes there
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)  # gives the lock back
        return False

    def end(self) -> int:
        """One more than the highest number of a chunk."""
        return max(self.sequences(), default=-1) + 1

    def remove(self, sequence: int) -> None:
        """Forget a chunk: the controller has stored it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._path(sequence).unlink()

    def recover(self) -> Recovery:
        """Verify what an earlier process left; call it before writing.

        :raises SpoolError: the folder cannot be read or changed
        """
        with self._explained():
            names = sorted(os.listdir(self.folder))
        aside = {name for name in names if name.endswith(TORN_SUFFIX)}
        unfinished: list[str] = []
        with _unless_read_only():
            unfinished = self.put_aside_unfinished()
        whole: list[int] = []
        torn: list[str] = []
        for name in names:
            sequence = self._sequence_of(name)
            try:
                if sequence is not None:
                    whole.append(self.read(sequence).sequence)
                elif self._put_aside_alien(name):
                    torn.append(name)
            except ChunkUnreadable:
                torn.append(name)
        aside |= {name + TORN_SUFFIX for name in [*unfinished, *torn]}
        return Recovery(tuple(whole), len(torn), len(unfinished), len(aside))

    def discard(self) -> None:
        """Remove the run's folder with everything in it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    def _content(self, path: pathlib.Path) -> bytes | None:
        with self._explained(), contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        return None

    def _path(self, sequence: int) -> pathlib.Path:
        return self.folder / ("%012d%s" % (sequence, CHUNK_SUFFIX))

    def _sequence_of(self, name: str) -> int | None:
        match = _CHUNK_NAME.fullmatch(name)
        if match is None or self._path(int(match[1])).name != name:
            return None
        return int(match[1])

    def put_aside_unfinished(self) -> list[str]:
        """Empty and rename chunks that were never reported as kept.

        :returns: what their files were called
        """
        with self._explained():
            unfinished = [
                name for name in os.listdir(self.folder)
                if name.endswith(private_files.UNFINISHED)
            ]
            for name in unfinished:
                path = self.folder / name
                with contextlib.suppress(FileNotFoundError):
                    os.truncate(path, 0)
                    path.rename(path.with_name(name + TORN_SUFFIX))
        return unfinished

    def _put_aside_alien(self, name: str) -> bool:
        """Whether it is a file that should not be there."""
        if name == WRITER_NAME or name.endswith(
            (TORN_SUFFIX, private_files.UNFINISHED)
        ):
            return False
        self._put_aside(self.folder / name, "it is not a chunk file")
        return True

    def _put_aside(self, path: pathlib.Path, reason: str) -> None:
        with _unless_read_only(), self._explained(), contextlib.suppress(
            FileNotFoundError
        ):
            path.rename(path.with_name(path.name + TORN_SUFFIX))
            LOG.error("Put aside %s: %s", path, reason)

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return explained(self.folder)


def lock(folder: pathlib.Path) -> int | None:
    """Claim *folder* until the descriptor is closed; None: it is claimed.

    The claim ends with its process, whatever that dies of. The folder itself
    is locked: a file in it could not be made where nothing can.

    :raises OSError: it cannot be read
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def _unless_read_only() -> t.Iterator[None]:
    """Where nothing can be changed, what is there can still be read."""
    try:
        yield
    except SpoolError as e:
        if getattr(e.__cause__, "errno", None) != errno.EROFS:
            raise


@contextlib.contextmanager
def explained(folder: pathlib.Path) -> t.Iterator[None]:
    """Turn errors of the system into ones that say what to do.

    :raises SpoolError: instead of OSError
    """
    try:
        yield
    except OSError as error:
        raise SpoolError(
            path=folder,
            reason=(error.strerror or str(error)).lower(),
            hint=_HINTS.get(error.errno or 0, "Check the disk."),
        ) from error


_MAKE_ROOM = "Free space there, or give another folder on a larger disk."
_MAKE_WRITABLE = "Give a folder that this user can write to."
_HINTS: t.Mapping[int, str] = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EACCES: _MAKE_WRITABLE,
    errno.EPERM: _MAKE_WRITABLE,
    errno.EROFS: _MAKE_WRITABLE,
    errno.ENOTDIR: _MAKE_WRITABLE,
}
