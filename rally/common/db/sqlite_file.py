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

"""An SQLite file that may be moved away while it is in use.

SQLite goes on writing into a file that was moved or removed, and makes a new
one where there is none: both would lose results without a word.
"""

from __future__ import annotations

import os
import typing as t

import sqlalchemy as sa
from sqlalchemy import event

from rally.common.db import errors

Identity: t.TypeAlias = "tuple[int, int] | None"
#: key in the record of a connection: the file it was opened on
_OPENED = "rally_file"


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
        if self._was_seen and self._identity() is None:
            raise self._gone()

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
