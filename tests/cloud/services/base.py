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

"""What services of a cloud have in common: a folder, a port, a server.

Each runs under gunicorn with one thread: SQLite answers "database is locked"
to more. Options are in a file, since Keystone parses the command line.
"""

from __future__ import annotations

import abc
import contextlib
import os
import pathlib
import signal
import subprocess
import typing as t
import urllib.error
import urllib.request

from tests import venvs
from tests.functional.sandbox import wait_until

READY_S = 60.0

GUNICORN = """\
wsgi_app = "{application}"
bind = "127.0.0.1:{port}"
workers = 1
threads = 1
worker_class = "gthread"
keepalive = 60
timeout = 120
errorlog = "{folder}/gunicorn.log"
no_control_socket = True
"""


class Service(abc.ABC):
    """One service: what it is made of, and its server.

    :param bin_folder: where its commands are installed
    :param folder: of this service in this cloud
    :param port: on which it serves
    :param keystone: URL of Keystone, with version
    """

    NAME: t.ClassVar[str]
    #: of its entry in the catalogue
    TYPE: t.ClassVar[str]
    #: what pip installs
    PACKAGES: t.ClassVar[tuple[str, ...]]
    #: module and name of its WSGI application
    APPLICATION: t.ClassVar[str]
    #: what its endpoints have behind host and port
    PATH: t.ClassVar[str] = ""
    #: files and folders, below its own, that hold what it knows
    STATE: t.ClassVar[tuple[str, ...]]

    def __init__(
        self, bin_folder: pathlib.Path, folder: pathlib.Path, port: int,
        keystone: str,
    ) -> None:
        self.bin = bin_folder
        self.folder = folder
        self.port = port
        self.keystone = keystone
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return "http://127.0.0.1:%d%s" % (self.port, self.PATH)

    @abc.abstractmethod
    def configure(self) -> None:
        """Write its configuration."""

    @abc.abstractmethod
    def make_database(self) -> None:
        """Make what it knows at first."""

    def variables(self) -> dict[str, str]:
        """What its server needs in the environment."""
        return {}

    def command(self, name: str, *words: t.Any) -> str:
        """Run one of its commands."""
        return venvs.run(
            self.bin / name, *words, cwd=self.folder,
            env={**os.environ, **self.variables()},
        )

    # ---- its server

    def start(self) -> None:
        """Start to serve; does not wait for that."""
        (self.folder / "gunicorn.conf.py").write_text(
            GUNICORN.format(
                application=self.APPLICATION, port=self.port,
                folder=self.folder,
            )
        )
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self.bin / "gunicorn")], cwd=self.folder, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **self.variables()},
            )

    def wait(self) -> None:
        """:raises TooLate: it does not answer"""
        wait_until(
            self._answers, READY_S, "%s answers; its logs are in %s"
            % (self.NAME, self.folder),
        )

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(
                "%s ended:\n%s"
                % (self.NAME, (self.folder / "log").read_text()[-2000:])
            )
        try:
            urllib.request.urlopen(self.url, timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def signal(self, number: int) -> None:
        """To the server and its worker."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
