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
here; contexts and credentials never come near a spool.
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

from rally import exceptions
from rally.common import private_files
from rally.task.results import chunk as chunk_module

LOG = logging.getLogger(__name__)

MAGIC = b"RALLYCH1"  # the last byte is the version of the format
DIGEST_BYTES = 32
#: magic, run, sequence, length, count, failed, first, last, finished
_FIELDS = struct.Struct(">8s64sQQQQqqq")
HEADER_BYTES = _FIELDS.size + DIGEST_BYTES

CHUNK_SUFFIX = ".chunk"
TORN_SUFFIX = ".torn"
WRITER_NAME = "writer"  # locked by the process that writes
RUN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_CHUNK_NAME = re.compile(r"(\d{12,19})\.chunk")


class SpoolError(exceptions.RallyException):
    error_code = 255
    msg_fmt = (
        "Spool %(path)s cannot be used: %(reason)s. Results wait there until "
        "the controller has stored them, so without it they would be lost "
        "and the run stops. %(hint)s"
    )


class ChunkUnreadable(Exception):
    """A chunk is missing or damaged: its results are lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class ChunkHead:
    """What is known of a chunk without its payload.

    ``first_ns`` and ``last_ns`` are starts of iterations, ``finished_ns`` is
    the last end, on the clock of this agent.
    """

    sequence: int
    count: int
    failed: int
    first_ns: int
    last_ns: int
    finished_ns: int
    size_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class SpooledChunk:
    head: ChunkHead
    payload: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class SpoolSize:
    chunk_count: int
    size_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Recovery:
    """What was found of an earlier process.

    :param torn: how many files were damaged or alien; they are renamed
    :param unfinished: how many were not written to the end; they are removed
    """

    heads: tuple[ChunkHead, ...]
    torn: int
    unfinished: int

    @property
    def end(self) -> int:
        """One more than the highest number of a chunk."""
        return max((head.sequence for head in self.heads), default=-1) + 1

    @property
    def cut(self) -> int:
        """How many files hold no chunk, though one was begun or kept."""
        return self.torn + self.unfinished


def spooled(sequence: int, chunk: chunk_module.Chunk) -> SpooledChunk:
    """*chunk* as it is kept."""
    payload = chunk.to_bytes()
    head = ChunkHead(
        sequence, len(chunk), chunk.failed_count, chunk.first_ns,
        chunk.last_ns, chunk.finished_ns, len(payload),
    )
    return SpooledChunk(head, payload)


def pack(run_id: str, chunk: SpooledChunk) -> list[bytes]:
    """Parts of a chunk's file."""
    head = chunk.head
    fields = _FIELDS.pack(
        MAGIC,
        run_id.encode("ascii"),
        head.sequence,
        len(chunk.payload),
        head.count,
        head.failed,
        head.first_ns,
        head.last_ns,
        head.finished_ns,
    )
    return [fields, _digest(fields, chunk.payload), chunk.payload]


def unpack(run_id: str, data: bytes) -> SpooledChunk:
    """Inverse of ``pack``.

    :raises ValueError: it was not made by ``pack`` for this run; says why
    """
    if len(data) < HEADER_BYTES:
        raise ValueError("it ends within its header")
    fields = data[: _FIELDS.size]
    digest = data[_FIELDS.size : HEADER_BYTES]
    magic, run, sequence, length, *rest = _FIELDS.unpack(fields)
    payload = data[HEADER_BYTES:]
    if magic != MAGIC:
        raise ValueError("it is not a chunk of this version of Rally")
    if len(payload) != length:
        raise ValueError("it has %d of %d bytes" % (len(payload), length))
    if digest != _digest(fields, payload):
        raise ValueError("its checksum is wrong")
    if run != run_id.encode("ascii").ljust(len(run), b"\0"):
        raise ValueError("it belongs to another run")
    count, failed, first_ns, last_ns, finished_ns = rest
    head = ChunkHead(
        sequence, count, failed, first_ns, last_ns, finished_ns, length
    )
    return SpooledChunk(head, payload)


def _digest(fields: bytes, payload: bytes) -> bytes:
    digest = hashlib.blake2b(fields, digest_size=DIGEST_BYTES)
    digest.update(payload)
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

    def size(self) -> SpoolSize:
        """What the chunks take on the disk."""
        sizes = []
        for sequence in self.sequences():
            with contextlib.suppress(FileNotFoundError):
                sizes.append(self._path(sequence).stat().st_size)
        return SpoolSize(len(sizes), sum(sizes))

    def write_all(self, chunks: t.Iterable[SpooledChunk]) -> None:
        """Keep some chunks; they survive a crash from when this returns.

        :raises ValueError: there is a chunk of that number already
        :raises SpoolError: they cannot be kept, and none of them is
        """
        files = {}
        for chunk in chunks:
            path = self._path(chunk.head.sequence)
            if path.exists():
                raise ValueError(
                    "chunk %d is in the spool already" % chunk.head.sequence
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
            if chunk.head.sequence != sequence:
                raise ValueError("it is chunk %d" % chunk.head.sequence)
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
        unfinished = self.remove_unfinished()
        heads: list[ChunkHead] = []
        torn = 0
        for name in names:
            sequence = self._sequence_of(name)
            if sequence is None:
                torn += self._put_aside_alien(name)
                continue
            try:
                heads.append(self.read(sequence).head)
            except ChunkUnreadable:
                torn += 1
        return Recovery(tuple(heads), torn, unfinished)

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

    def remove_unfinished(self) -> int:
        """Remove chunks that were never reported as kept; how many."""
        with self._explained():
            unfinished = [
                name for name in os.listdir(self.folder)
                if name.endswith(private_files.UNFINISHED)
            ]
            for name in unfinished:
                (self.folder / name).unlink(missing_ok=True)
        return len(unfinished)

    def _put_aside_alien(self, name: str) -> int:
        if name == WRITER_NAME or name.endswith(
            (TORN_SUFFIX, private_files.UNFINISHED)
        ):
            return 0
        self._put_aside(self.folder / name, "it is no chunk file")
        return 1

    def _put_aside(self, path: pathlib.Path, reason: str) -> None:
        with self._explained(), contextlib.suppress(FileNotFoundError):
            path.rename(path.with_name(path.name + TORN_SUFFIX))
            LOG.error("Put aside %s: %s", path, reason)

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return explained(self.folder)


@contextlib.contextmanager
def explained(folder: pathlib.Path) -> t.Iterator[None]:
    """Turn errors of the system into those that help.

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
