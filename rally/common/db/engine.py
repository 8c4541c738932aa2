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

"""Engines and sessions.

An engine is made when it is first needed and belongs to one process and one
connection string; a forked child makes its own.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import threading
import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import event, orm

from rally import exceptions
from rally.common import cfg
from rally.common.db import errors, packets, retrying, sqlite_file

CONF = cfg.CONF
P = t.ParamSpec("P")
R = t.TypeVar("R")

#: which driver is meant by the name of a database alone: what that means
#: to SQLAlchemy differs between its releases
_DRIVERS: t.Mapping[str, t.Sequence[str]] = {
    "postgresql": ("postgresql+psycopg2", "postgresql+psycopg"),
    "mysql": ("mysql+pymysql", "mysql+mysqldb"),
}

#: how often a command lets another transaction have its way
DEADLOCKS = 5

# our own errors say what happened; the traceback shows with --debug
logging.getLogger("oslo_db.sqlalchemy.exc_filters").setLevel(logging.CRITICAL)


class _Engines:
    """Engines by process and connection string.

    What a child inherits from its parent stays untouched here: closing an
    inherited connection would close the parent's end too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engines: dict[tuple[int, str], sa.Engine] = {}
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self._lock = threading.Lock()

    def get(self, connection: str) -> sa.Engine:
        key = os.getpid(), connection
        with self._lock:
            if key not in self._engines:
                self._engines[key] = _create_engine(connection)
            return self._engines[key]

    def drop(self) -> None:
        with self._lock:
            own = [key for key in self._engines if key[0] == os.getpid()]
            for key in own:
                self._engines.pop(key).dispose()


_ENGINES = _Engines()


def get_engine() -> sa.Engine:
    """The engine of the configured connection, made on first use."""
    return _ENGINES.get(CONF.database.connection)


def engine_reset() -> None:
    """Drop this process's engines; the next use makes a new one."""
    _ENGINES.drop()


# the last process to close an SQLite file writes its log back, so that who
# copies or moves the file alone loses nothing
atexit.register(engine_reset)


def _create_engine(connection: str) -> sa.Engine:
    url = _url_of(connection)
    if url.get_backend_name() == "sqlite":
        return _create_sqlite_engine(url)
    # brings every dialect along: a tenth of a second
    from oslo_db.sqlalchemy import engines as db_engines

    conf = CONF.database
    is_mysql = url.get_backend_name() in ("mysql", "mariadb")
    if is_mysql and "charset" not in url.query:
        # oslo.db would take one that lacks the characters beyond 16 bits
        url = url.update_query_dict({"charset": "utf8mb4"})
    engine = db_engines.create_engine(
        url,
        mysql_sql_mode=conf.mysql_sql_mode,
        connection_recycle_time=conf.connection_recycle_time,
        max_pool_size=conf.max_pool_size,
        max_overflow=conf.max_overflow,
        pool_timeout=conf.pool_timeout,
        connection_debug=conf.connection_debug,
        connection_parameters=conf.connection_parameters,
        max_retries=0,  # a wrong address is to be reported at once
        thread_checkin=False,
    )
    if is_mysql:
        event.listen(engine, "connect", _prepare_mysql)
        packets.guard(engine)
    return engine


def _prepare_mysql(connection: t.Any, _record: t.Any) -> None:
    """Let a transaction lock the rows it changes, and nothing between them.

    By default it also locks the gaps where rows might be. Two that have
    looked for their new rows in vain then wait for each other to add them.
    """
    cursor = connection.cursor()
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    cursor.close()


def parsed(connection: str) -> sa.URL:
    """Take a connection string apart.

    :raises BadConnection: it is none
    """
    try:
        return sa.make_url(connection)
    except (sa.exc.ArgumentError, ValueError):
        raise errors.BadConnection(
            connection=errors.shown(connection)
        ) from None


def _url_of(connection: str) -> sa.URL:
    """The address of a database, with a driver if it names none.

    :raises BadConnection: it is none
    :raises DriverMissing: no package that speaks to that kind of database
        is installed
    """
    url = parsed(connection)
    drivers = _DRIVERS.get(url.drivername, (url.drivername,))
    shown = errors.shown(url)
    missing = []
    for driver in drivers:
        candidate = url.set(drivername=driver)
        try:
            candidate.get_dialect().import_dbapi()
            return candidate
        except sa.exc.NoSuchModuleError:
            raise errors.BadConnection(connection=shown) from None
        except ImportError as e:
            missing.append(str(e))
    raise errors.DriverMissing(url=shown, reason="; ".join(missing))


def _create_sqlite_engine(url: sa.URL) -> sa.Engine:
    """An engine that keeps its connections.

    oslo.db would open one per session; with a write-ahead log the last one
    to be closed writes the whole log back, which costs 20 times as much as
    the session itself.
    """
    if url.database in (None, "", ":memory:"):
        engine = sa.create_engine(
            url,
            poolclass=sa.StaticPool,
            connect_args={"check_same_thread": False},
        )
    else:
        engine = sa.create_engine(url, max_overflow=-1)
        path = sqlite_file.path_of(url)
        if path:
            sqlite_file.SqliteFile(engine, path)
    exc_filters.register_engine(engine)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: t.Any, _record: t.Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = %d" % (retrying.BUSY_S * 1000))
    # with a write-ahead log this loses no consistency, and readers and the
    # one writer do not wait for each other; only a power cut can undo the
    # last transactions
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Let a writer wait for its lock at the start.

    A transaction that reads first and writes later fails at once, whatever
    the busy timeout, if another one wrote in between.
    """
    connection.exec_driver_sql(
        "PRAGMA busy_timeout = %d" % (retrying.busy_s.get() * 1000)
    )
    writes = connection.get_execution_options().get("rally_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def _session(writes: bool) -> t.Iterator[orm.Session]:
    engine = get_engine()
    with (
        errors.translated(engine.url),
        orm.Session(engine, expire_on_commit=False) as session,
        session.begin(),
    ):
        if writes:
            session.connection(execution_options={"rally_writes": True})
        yield session


def reading() -> t.ContextManager[orm.Session]:
    """A session that only reads."""
    return _session(writes=False)


def writing() -> t.ContextManager[orm.Session]:
    """A session whose changes are kept together or not at all."""
    return _session(writes=True)


def retried(func: t.Callable[P, R]) -> t.Callable[P, R]:
    """Call *func* again if its transaction had to give way to another.

    Of two that wait for each other a server ends one: what that did is
    undone, and would succeed after the other.
    """

    @functools.wraps(func)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(DEADLOCKS):
            try:
                return func(*args, **kwargs)
            except exceptions.DBException as e:
                if not isinstance(e.__cause__, db_exc.DBDeadlock):
                    raise
        return func(*args, **kwargs)

    return wrapper


def with_session(
    func: t.Callable[t.Concatenate[orm.Session, P], R],
) -> t.Callable[P, R]:
    """Call *func* with a new session as its first argument."""

    @functools.wraps(func)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with writing() as session:
            return func(session, *args, **kwargs)

    return wrapper
