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


"""Whether a server is in trouble, or refused what it was asked.

What is in trouble may be well a moment later; what refuses will refuse again.
The classes of errors that drivers raise (PEP 249) do not tell the one from
the other: to PyMySQL, nearly all that goes wrong is an ``OperationalError``.
The numbers that servers give do.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from oslo_db import exception as db_exc

#: the errors of MySQL and MariaDB that come to an end: of the host (disk,
#: memory, threads), of the network, at the start and end of a server, at a
#: change of roles in a cluster, of locks; and a login that is refused, as
#: while a password is changed
_MYSQL = frozenset((
    1020, 1021, 1026, 1030, 1037, 1038, 1040, 1041, 1042, 1043, 1044, 1045,
    1047, 1049, 1053, 1077, 1078, 1079, 1114, 1129, 1130, 1135, 1152, 1154,
    1155, 1156, 1157, 1158, 1159, 1160, 1161, 1180, 1184, 1203, 1205, 1206,
    1213, 1226, 1290, 1317, 1637, 1698, 1792, 1836, 1927, 3024, 3572, 4031,
))
#: what MySQL's client library says of its connection, but for a statement
#: that is larger than the library itself takes
_MYSQL_CLIENT = frozenset(range(2000, 2100)) - {2020}
#: the same of PostgreSQL, whole classes of SQLSTATE or one of them
#: (https://www.postgresql.org/docs/current/errcodes-appendix.html)
_POSTGRESQL = (
    "08", "28", "3D", "40", "53", "55P03", "57", "58", "25006",
)
#: MySQL's numbers for a packet that is too large: server, and client
_TOO_LARGE = (1153, 2020)
#: parts of messages that are true for a while only, for drivers that give
#: no numbers
_IN_TROUBLE = re.compile(
    "no space left|disk full|is full|read-only|read only|shutting down"
    "|starting up|too many connections|too many clients|lock wait timeout"
)


def is_too_large(error: Exception) -> bool:
    """Whether a statement was larger than MySQL's max_allowed_packet."""
    original = original_of(error)
    return _number(original) in _TOO_LARGE or (
        "max_allowed_packet" in str(original)
    )


def is_in_trouble(error: Exception) -> bool:
    """Whether the server failed, rather than refused what it was asked."""
    original = original_of(error)
    state = getattr(original, "pgcode", None) or getattr(
        original, "sqlstate", None
    )
    number = _number(original)
    if number:
        return number in _MYSQL or number in _MYSQL_CLIENT
    if state:
        return str(state).startswith(_POSTGRESQL)
    known = (
        db_exc.DBConnectionError, db_exc.DBNonExistentDatabase,
        db_exc.DBDeadlock,
    )
    # there is no number where there is no connection
    said = sa.exc.OperationalError, sa.exc.InterfaceError
    inner = getattr(error, "inner_exception", None)
    return (
        isinstance(error, (*known, *said))
        or isinstance(inner, said)
        or bool(_IN_TROUBLE.search(str(original).lower()))
    )


def original_of(error: Exception) -> BaseException:
    """What was raised first, from within what libraries made of it."""
    inner = getattr(error, "inner_exception", None) or error
    return getattr(inner, "orig", None) or inner


def _number(original: BaseException) -> int:
    """MySQL's number of an error; 0 if it has none."""
    first = original.args[0] if original.args else None
    return first if isinstance(first, int) else 0
