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

"""An SQLite file: it is made here, and may be moved away while in use.

SQLite goes on writing into a file that was moved or removed, and makes a new
one where there is none, which everybody may read: all of it without a word.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import sqlite3
import stat
import tempfile
import typing as t

import sqlalchemy as sa
from sqlalchemy import event

from rally.common import default_file
from rally.common.db import errors

Identity: t.TypeAlias = "tuple[int, int] | None"
#: key in the record of a connection: the file it was opened on
_OPENED = "rally_file"
#: what a file system says that has no hard links
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def path_of(url: sa.URL) -> str | None:
    """The file of a database; None if it is no file that is known by a path.

    That is: a server, memory, or a URI, which says itself how the file is
    to be opened (https://www.sqlite.org/uri.html).
    """
    path = url.database
    if (
        url.get_backend_name() != "sqlite" or path in (None, "", ":memory:")
        or "uri" in url.query
    ):
        return None
    return os.path.abspath(str(path))


def make(path: str) -> None:
    """Make an empty file with a write-ahead log, unless there is one.

    Environments hold passwords of clouds: nobody but its owner is to read it.
    It appears as a whole, because SQLite refuses one of two processes that
    begin a log at once, however long it may wait.

    :raises DatabaseNotWritable: it cannot be made
    """
    try:
        default_file.prepare(path)
        path = os.path.realpath(path)
        folder, name = os.path.split(path)
        descriptor, draft = tempfile.mkstemp(prefix=name + ".", dir=folder)
    except OSError as e:
        raise errors.not_writable(path, e.strerror or str(e)) from e
    os.close(descriptor)
    try:
        begin_log(draft)
        os.link(draft, path)
    except FileExistsError:
        pass  # whoever made it meanwhile decided who may read it
    except sqlite3.Error as e:
        raise errors.not_writable(path, str(e)) from e
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise errors.not_writable(path, e.strerror or str(e)) from e
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, mode=0o600))
    finally:
        os.unlink(draft)


def adopt(path: str) -> None:
    """Let a file that others made keep a write-ahead log, too.

    :raises DatabaseOfStranger: it must not be used
    :raises DatabaseNotWritable: it cannot, or is no database
    """
    approve(path)
    try:
        begin_log(path)
    except sqlite3.Error as e:
        # who holds it is about to do the same, or is waited for when the
        # tables are made
        if "locked" not in str(e):
            raise errors.not_writable(path, str(e)) from e


def begin_log(path: str) -> None:
    """Readers need not wait for the one who writes, from now on.

    :raises sqlite3.Error: it cannot be written
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def approve(path: str) -> None:
    """Refuse what a stranger has put in our way; let none read what is ours.

    In a folder where everybody may make files, the first to make one of that
    name decides what Rally believes and reads all that it keeps. SQLite takes
    over what is in the files beside a database as well.

    :raises DatabaseOfStranger: another user made it, or what is beside it
    """
    for place in {path, os.path.realpath(path)}:
        folder = os.path.dirname(place)
        try:
            is_open = os.stat(folder).st_mode & stat.S_IWOTH
        except OSError:  # whoever opens it says so
            continue
        for name in (place, *(place + x for x in default_file.COMPANIONS)):
            owner = _owner(name)
            if is_open and owner not in (None, 0, os.geteuid()):
                raise errors.DatabaseOfStranger(
                    path=name, owner=_name_of(owner), folder=folder
                )
    default_file.prepare(path)


def _owner(path: str) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


class SqliteFile:
    """The file of one engine, as it was when it was first seen."""

    def __init__(self, engine: sa.Engine, path: str) -> None:
        self._path = path
        self._was_seen = False
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "begin", self._before_begin)

    def _identity(self) -> Identity:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _before_connect(self, *what: t.Any) -> None:
        if self._identity() is not None:
            approve(self._path)
            return
        if self._was_seen:
            raise self._gone()
        make(self._path)

    def _before_begin(self, connection: sa.Connection) -> None:
        """:raises DatabaseNotWritable: the connection leads elsewhere"""
        now = self._identity()
        opened = connection.info.setdefault(_OPENED, now)
        if now is not None:
            self._was_seen = True
        elif self._was_seen:
            raise self._gone()
        if opened is None:  # made by this connection, meanwhile
            connection.info[_OPENED] = now
        elif opened != now:
            connection.invalidate()
            raise self._gone("another file is in its place")

    def _gone(
        self, reason: str = "it is not where it was"
    ) -> errors.DatabaseNotWritable:
        return errors.not_writable(self._path, reason)
