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


"""Database servers of the tests' own: PostgreSQL and MariaDB."""

from __future__ import annotations

import abc
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import typing as t

import sqlalchemy as sa

from tests.functional.sandbox import free_ports, wait_until

READY_S = 60.0


class Server(abc.ABC):
    """A server with an empty database; may be killed and started again.

    What it does outlives its process, not its host.
    """

    NAME: t.ClassVar[str]
    #: whom it runs as if the tests run as root, which it refuses
    USER: t.ClassVar[str]
    #: has it end at once, whoever is connected
    STOP: t.ClassVar[signal.Signals]
    #: addresses, but for the port: the tests' database, and one that a new
    #: server has
    URL: t.ClassVar[str]
    FIRST_URL: t.ClassVar[str]
    MAKE_DATABASE: t.ClassVar[str]

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rally-server-"))
        self.data = self.folder / "data"
        self.port = free_ports(1)
        self._as: dict[str, t.Any] = {}
        if os.getuid() == 0:
            entry = pwd.getpwnam(self.USER)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._as = {
                "user": entry.pw_uid, "group": entry.pw_gid,
                "extra_groups": [],
            }
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._make()
            self.start()
            self.execute(self.MAKE_DATABASE)
        except BaseException:
            self.close()
            raise

    @classmethod
    def why_not(cls) -> str:
        """Why it cannot be started here; empty if it can."""
        if cls._program() is None:
            return "%s is not installed" % cls.NAME
        if os.getuid() == 0 and cls.USER not in _users():
            return "there is no user %s to run it as" % cls.USER
        return ""

    @property
    def url(self) -> str:
        """Address of the database, as in rally.conf."""
        return self.URL % self.port

    @property
    def first_url(self) -> str:
        """Address of a database that the server itself has."""
        return self.FIRST_URL % self.port

    def start(self) -> None:
        """Start it, perhaps once more, and wait until it takes clients."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.folder,
                start_new_session=True, **self._as,
            )
        wait_until(
            self._is_ready, READY_S, "%s takes clients; its log is %s"
            % (self.NAME, (self.folder / "log").read_text()[-2000:]),
        )

    def kill(self) -> None:
        """Without a chance to finish anything."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """As its administrator does before a restart."""
        assert self._process
        self._process.send_signal(self.STOP)
        self._process.wait(READY_S)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def _is_ready(self) -> bool:
        with contextlib.suppress(sa.exc.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def _run(self, *words: t.Any) -> None:
        done = subprocess.run(
            [*map(str, words)], cwd=self.folder, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._as,
        )
        if done.returncode:
            raise AssertionError(done.stdout)

    def execute(self, statement: str) -> None:
        """Do something on the server, outside the tests' database."""
        engine = sa.create_engine(
            self.first_url, isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    @classmethod
    @abc.abstractmethod
    def _program(cls) -> pathlib.Path | None:
        """The server's executable, if there is one."""

    @abc.abstractmethod
    def _make(self) -> None:
        """Fill the folder of data."""

    @abc.abstractmethod
    def _command(self) -> list[str]:
        """The command line of the server."""


def _users() -> set[str]:
    return {entry.pw_name for entry in pwd.getpwall()}


class PostgreSQL(Server):
    NAME = "PostgreSQL"
    USER = "postgres"
    STOP = signal.SIGINT
    URL = "postgresql+psycopg2://rally@127.0.0.1:%d/rally"
    FIRST_URL = "postgresql+psycopg2://rally@127.0.0.1:%d/postgres"
    MAKE_DATABASE = "CREATE DATABASE rally"

    @classmethod
    def _program(cls) -> pathlib.Path | None:
        found = shutil.which("postgres")
        if found:
            return pathlib.Path(found).resolve()
        # where Debian keeps it, with one folder for each release
        kept = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
        return max(kept, default=None)

    def _make(self) -> None:
        program = self._program()
        assert program
        self._run(
            program.with_name("initdb"), "-D", self.data, "-A", "trust",
            "-U", "rally", "--no-sync",
        )

    def _command(self) -> list[str]:
        return [
            str(self._program()), "-D", str(self.data),
            "-k", str(self.folder), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1",
            # a host that loses its power is not what is tested
            "-c", "fsync=off", "-c", "max_connections=300",
        ]


class MariaDB(Server):
    NAME = "MariaDB"
    USER = "mysql"
    STOP = signal.SIGTERM
    URL = "mysql+pymysql://rally@127.0.0.1:%d/rally"
    FIRST_URL = "mysql+pymysql://rally@127.0.0.1:%d/mysql"
    MAKE_DATABASE = "CREATE DATABASE rally CHARACTER SET utf8mb4"

    @classmethod
    def _program(cls) -> pathlib.Path | None:
        found = shutil.which("mariadbd", path=os.defpath + ":/usr/sbin")
        return pathlib.Path(found) if found else None

    def _make(self) -> None:
        self._run(
            "mariadb-install-db", "--no-defaults",
            "--datadir=%s" % self.data, "--skip-test-db",
        )

    def _command(self) -> list[str]:
        return [
            str(self._program()), "--no-defaults",
            "--datadir=%s" % self.data, "--socket=%s" % (self.folder / "s"),
            "--port=%d" % self.port, "--bind-address=127.0.0.1",
            "--skip-grant-tables", "--skip-networking=0",
            # a host that loses its power is not what is tested
            "--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0",
            "--max-connections=300",
        ]
