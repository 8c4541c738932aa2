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


"""Databases of sandboxes: a file of SQLite each, or one on a server.

``RALLY_TEST_SERVER`` names the server by the address of a database that it
has anyway, see ``python -m tests.on_servers``.
"""

from __future__ import annotations

import abc
import os
import pathlib
import shutil
import typing as t
import uuid

import sqlalchemy as sa

from rally.common.db import schema

SERVER = os.environ.get("RALLY_TEST_SERVER", "")


class Database(abc.ABC):
    """A database without a schema, until it is filled."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url.render_as_string(hide_password=False)
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)

    @property
    def name(self) -> str:
        return str(self.engine.url.database)

    def select(self, query: str) -> list[t.Any]:
        """Rows of a SELECT, which takes less time than a command."""
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql("SELECT " + query))

    @abc.abstractmethod
    def fill(self, made: Database) -> None:
        """Take over the schema and the environments of another one."""

    @abc.abstractmethod
    def close(self) -> None:
        """Leave nothing on a server."""


class SQLiteFile(Database):
    """A file in the sandbox."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__(sa.make_url("sqlite:///%s" % path))
        self.path = path

    def fill(self, made: Database) -> None:
        assert isinstance(made, SQLiteFile)
        for path in made.path.parent.glob(made.path.name + "*"):
            shutil.copy(path, self.path.parent)

    def close(self) -> None:
        """Its folder is removed."""


class OnServer(Database):
    """A database of its own on a server that tests share."""

    def __init__(self, server: str) -> None:
        first = sa.make_url(server)
        super().__init__(first.set(database="rally_" + uuid.uuid4().hex[:12]))
        self._server = sa.create_engine(
            first, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._is_mysql = first.get_backend_name() == "mysql"
        if self._is_mysql:
            self._execute("CREATE DATABASE %s CHARACTER SET utf8mb4")
        else:
            self._execute("CREATE DATABASE %s")

    def _execute(self, statement: str) -> None:
        with self._server.connect() as connection:
            connection.exec_driver_sql(statement % self.name)

    def fill(self, made: Database) -> None:
        if not self._is_mysql:
            self._execute("DROP DATABASE %s")
            self._execute("CREATE DATABASE %%s TEMPLATE %s" % made.name)
            return
        schema.schema_create(engine=self.engine)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO envs SELECT * FROM %s.envs" % made.name
            )

    def close(self) -> None:
        force = "" if self._is_mysql else " WITH (FORCE)"
        self._execute("DROP DATABASE IF EXISTS %s" + force)


def new(folder: pathlib.Path, server: str) -> Database:
    """An empty database.

    :param server: as in ``SERVER``; empty: a file in *folder*
    """
    if server:
        return OnServer(server)
    return SQLiteFile(folder / "rally.sqlite")
