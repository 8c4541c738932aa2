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

"""What the page about databases has an administrator do on a server."""

from __future__ import annotations

import os
import pwd
import typing as t

import sqlalchemy as sa

from tests.functional import cluster, pages, sandbox, servers

SQL = "sql"
HOST = "db.example.org"


def statements(kind: str) -> list[str]:
    """Those of the page for a kind of database, without semicolons."""
    text = (pages.SOURCE / "databases.rst").read_text("utf-8")
    (block,) = [
        found["text"] for found in pages.BLOCK.finditer(text)
        if found["language"] == SQL and kind in found["text"]
    ]
    return [x.strip() for x in block.split(";") if x.strip()]


class _Postgres(servers.PostgreSQL):
    MAKE_DATABASE = "SELECT 1"


class _MariaDB(servers.MariaDB):
    """With users; the administrator comes by the socket."""

    MAKE_DATABASE = "SELECT 1"

    def _command(self) -> list[str]:
        return [x for x in super()._command() if x != "--skip-grant-tables"]

    def execute(self, statement: str) -> None:
        engine = sa.create_engine(
            "mysql+pymysql://%s@localhost/mysql?unix_socket=%s"
            % (pwd.getpwuid(os.getuid()).pw_name, self.folder / "s"),
            isolation_level="AUTOCOMMIT", poolclass=sa.NullPool,
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(statement.replace("%", "%%"))


class ServersTestCase(cluster.PlainTestCase):
    def check(
        self, server_class: type[servers.Server], sql: t.Iterable[str],
        url: str,
    ) -> None:
        reason = server_class.why_not()
        if reason:
            self.skipTest(reason)
        server = server_class()
        self.addCleanup(server.close)
        for statement in sql:
            server.execute(statement)
        box = sandbox.Sandbox(with_database=False)
        self.addCleanup(box.close)
        place = "127.0.0.1:%d" % server.port
        box.conf.write_text(
            "[database]\nconnection = %s\n" % url.replace(HOST, place)
        )
        self.assertIn("successfully", box.must("db", "create").out)
        self.assertEqual(
            "%s://**:**@%s" % (
                url.partition("://")[0],
                url.partition("@")[2].replace(HOST, place),
            ),
            box.must("db", "show").out.strip(),
        )
        box.must("env", "create", "--name", "\N{GRINNING FACE}")

    def test_postgresql(self) -> None:
        self.check(
            _Postgres,
            # the administrator of the tests' servers is called rally
            [x.replace("rally", "page") for x in statements("OWNER")],
            "postgresql://page:secret@%s/page" % HOST,
        )

    def test_mariadb(self) -> None:
        self.check(
            _MariaDB, statements("utf8mb4"),
            "mysql://rally:secret@%s/rally" % HOST,
        )
