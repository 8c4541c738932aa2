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

"""Files that only their owner may read, and that are whole or not there.

A file is written under a temporary name, made durable, and renamed: a crash
leaves the old file or the new one, never a half of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import tempfile
import typing as t

FOLDER_MODE = 0o700
FOR_OTHERS = 0o077
WRITABLE_BY_OTHERS = 0o022
#: ends the name of a file that is still being written
UNFINISHED = ".unfinished"


def make_folder(path: pathlib.Path) -> None:
    """Make a folder, and those above it, for this user only.

    Folders that exist already keep their mode.

    :raises OSError: it cannot be made
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)
        sync_folder(path.parent)


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> t.Iterator[None]:
    """Wait until no other thread or process does the same, and keep it so.

    The lock ends with its process, whatever that dies of. It is given back
    explicitly: a process that was forked meanwhile has a copy.

    :raises OSError: the folder cannot be read
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def sync_folder(path: pathlib.Path) -> None:
    """Make durable which names a folder holds."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: pathlib.Path, parts: t.Iterable[bytes]) -> None:
    """Write or replace a file (mode 0600), durable when this returns.

    :raises OSError: it cannot be written; what was there before still is
    """
    write_all({path: parts})


def write_all(files: t.Mapping[pathlib.Path, t.Iterable[bytes]]) -> None:
    """Write or replace files, all durable when this returns.

    A disk takes hardly longer for a few of them than for one.

    :raises OSError: one cannot be written: none is, or, if it was their
        folder that failed, some are
    """
    with contextlib.ExitStack() as stack:
        unfinished = {}
        for path, parts in files.items():
            descriptor, name = stack.enter_context(_unfinished(path))
            unfinished[path] = descriptor, name
            for part in parts:
                _write_all(descriptor, part)
        for descriptor, _ in unfinished.values():
            os.fsync(descriptor)
        for path, (_, name) in unfinished.items():
            os.rename(name, path)
    for folder in {path.parent for path in files}:
        sync_folder(folder)


def create(path: pathlib.Path, data: bytes) -> bool:
    """Write a file as ``write`` does, unless there is one already.

    :returns: whether this call made it; of several at once, one does
    """
    with _unfinished(path) as (descriptor, unfinished):
        _write_all(descriptor, data)
        os.fsync(descriptor)
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


@contextlib.contextmanager
def _unfinished(path: pathlib.Path) -> t.Iterator[tuple[int, str]]:
    """A new file beside *path* (mode 0600), gone at the end if not renamed."""
    descriptor, name = tempfile.mkstemp(
        prefix=".%s." % path.name, suffix=UNFINISHED, dir=path.parent
    )
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
