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


"""Statements that a MySQL server would not take, refused before it does so.

A server that gets more than ``max_allowed_packet`` hangs up, often before its
error could be read. That looks like a server that is gone for a moment.
"""

from __future__ import annotations

import collections.abc
import typing as t

import sqlalchemy as sa
from sqlalchemy import event

from rally.common.db import errors

#: where a connection keeps what its server takes
_LIMIT = "rally_max_allowed_packet"
#: what drivers put a backslash before
_ESCAPED = "\0\n\r\x1a\"'\\"
#: quotes, a comma, the name of a character set
_AROUND_BYTES = 16


def guard(engine: sa.Engine) -> None:
    """Let *engine* refuse what its server would refuse by hanging up."""
    event.listen(engine, "connect", _ask)
    event.listen(engine, "before_cursor_execute", _check)


def _ask(connection: t.Any, record: t.Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT @@max_allowed_packet")
    record.info[_LIMIT] = int(cursor.fetchone()[0])
    cursor.close()


def _check(
    connection: sa.Connection, _cursor: t.Any, statement: str,
    parameters: t.Any, _context: t.Any, executemany: bool,
) -> None:
    """:raises StatementTooLarge: it does not fit into a packet"""
    limit = connection.info[_LIMIT]
    # drivers cut many rows into statements; a single row is never cut
    for row in parameters if executemany else [parameters]:
        size = size_bytes(statement, row, limit)
        if size >= limit:
            raise errors.StatementTooLarge(
                url=errors.shown(connection.engine.url),
                sizes=" (%d of at most %d bytes)" % (size, limit),
            )


def size_bytes(statement: str, parameters: t.Any, limit: int) -> int:
    """How long a statement is with its parameters; 0 if surely below *limit*.

    As PyMySQL and mysqlclient write it; numbers hardly count.
    """
    values: t.Iterable[t.Any] = parameters or ()
    if isinstance(parameters, collections.abc.Mapping):
        values = parameters.values()
    values = [x for x in values if isinstance(x, (str, bytes))]
    longest = sum(4 * len(x) + _AROUND_BYTES for x in values)
    if longest + 4 * len(statement) < limit:
        return 0
    return len(statement.encode()) + sum(map(_written_bytes, values))


def _written_bytes(value: str | bytes) -> int:
    data = value.encode() if isinstance(value, str) else value
    escapes = sum(data.count(x) for x in _ESCAPED.encode())
    return len(data) + escapes + _AROUND_BYTES
