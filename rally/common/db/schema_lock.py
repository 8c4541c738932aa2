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

"""A lock of the server under which one process at a time changes the schema.

The statements themselves keep nobody out: on MySQL each ends a transaction,
on PostgreSQL two processes would wait for each other's tables. A server frees
the lock of a connection that is gone.
"""

from __future__ import annotations

import contextlib
import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc

from rally import exceptions
from rally.common import logging
from rally.common.db import causes

LOG = logging.getLogger(__name__)

#: how long another process may take, seconds
WAIT_S = 600
#: statements that take the lock and free it. On PostgreSQL its name is a
#: number ("rally"), on MySQL it is a name on the whole server
_NUMBER = int.from_bytes(b"rally", "big")
_NAME = "LEFT(CONCAT('rally schema ', DATABASE()), 64)"
_STATEMENTS: dict[str, tuple[list[str], str]] = {
    "postgresql": (
        ["SET LOCAL lock_timeout = '%ds'" % WAIT_S,
         "SELECT 1 FROM pg_advisory_lock(%d)" % _NUMBER],
        "SELECT pg_advisory_unlock(%d)" % _NUMBER,
    ),
    "mysql": (
        ["SELECT GET_LOCK(%s, %d)" % (_NAME, WAIT_S)],
        "SELECT RELEASE_LOCK(%s)" % _NAME,
    ),
}
_STATEMENTS["mariadb"] = _STATEMENTS["mysql"]


@contextlib.contextmanager
def held(connection: sa.Connection) -> t.Iterator[None]:
    """Hold the lock, for transactions of *connection* that begin within.

    SQLite has one of its own for all who write. A cluster may have none: there
    it is for its administrator to start one process at a time.

    :raises DBException: another process has held it for too long
    """
    take, free = _STATEMENTS.get(connection.dialect.name, ([], ""))
    if not take or not _is_taken(connection, take):
        yield
        return
    try:
        yield
    finally:
        with connection.begin():
            connection.exec_driver_sql(free)


def _is_taken(connection: sa.Connection, statements: list[str]) -> bool:
    """Take the lock; False if the server knows no such locks."""
    try:
        with connection.begin():
            for statement in statements:
                done = connection.exec_driver_sql(statement)
            is_taken = bool(done.scalar())
    except (db_exc.DBError, sa.exc.DBAPIError) as e:
        if causes.is_in_trouble(e):
            raise
        LOG.info("No lock is taken for the schema: %s", causes.original_of(e))
        return False
    if not is_taken:
        raise exceptions.DBMigrationError(
            "another process has been changing it for %d s. Wait for it to "
            "end, or end it, and try again" % WAIT_S
        )
    return True
