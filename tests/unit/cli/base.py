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

"""Running commands as a user would, in this process."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import tempfile
import unittest.mock

from rally.cli import envutils, main
from rally.common import cfg, db
from tests import screens
from tests.unit import test


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class HomeTestCase(test.TestCase):
    """Has a home folder and an environment of its own."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="rally-home-")
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        changed = unittest.mock.patch.dict(os.environ, {"HOME": self.home})
        changed.start()
        self.addCleanup(changed.stop)
        # agents of this host are looked for there, whoever runs them
        changed = unittest.mock.patch.object(tempfile, "tempdir", self.home)
        changed.start()
        self.addCleanup(changed.stop)
        for name in (*envutils.ENVVARS, "RALLY_PLUGIN_PATHS"):
            os.environ.pop(name, None)

    def path(self, *parts: str) -> str:
        return os.path.join(self.home, *parts)

    def write(self, name: str, text: str) -> str:
        """Path of a new file with *text*."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def read(self, name: str) -> str:
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()


class CommandTestCase(HomeTestCase):
    """Runs command lines; the database is in the home folder."""

    def setUp(self) -> None:
        super().setUp()
        connection = "sqlite:///" + self.path("rally.sqlite")
        self.write(
            ".rally/rally.conf",
            "[database]\nconnection = %s\n" % connection,
        )
        self.addCleanup(db.engine_reset)
        self.addCleanup(cfg.CONF.clear)
        self._keep_logging()

    def _keep_logging(self) -> None:
        root = logging.getLogger()
        handlers, level = list(root.handlers), root.level

        def restore() -> None:
            root.handlers[:] = handlers
            root.setLevel(level)

        self.addCleanup(restore)

    def rally(
        self, *words: str, stdin: str = "", columns: int | None = None
    ) -> Outcome:
        """Run ``rally`` with these arguments.

        :param columns: of the terminal that it writes to; None: a file
        """
        err = io.StringIO()
        code: object = 0
        with (
            contextlib.redirect_stdout(io.StringIO()) if columns is None
            else screens.of(columns) as out,
            contextlib.redirect_stderr(err),
            unittest.mock.patch("sys.stdin", io.StringIO(stdin)),
        ):
            try:
                main.main(words)
            except SystemExit as e:
                code = e.code
        return Outcome(int(str(code or 0)), out.getvalue(), err.getvalue())

    def make_env(self, name: str = "lab") -> str:
        """Uuid of a new environment, which commands use from now on."""
        self.rally("db", "ensure")
        self.rally("env", "create", "--name", name)
        return os.environ.get(envutils.ENV_ENV) or str(
            envutils.get_global(envutils.ENV_ENV)
        )
