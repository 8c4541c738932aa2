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

"""A place where a test runs ``rally`` as a user would, and leaves no trace.

Each sandbox has a home, a configuration, a database and a folder for
temporary files of its own. Its processes are known by a variable in their
environment, so that none can be missed when it is closed.
"""

from __future__ import annotations

import atexit
import collections.abc
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing as t

from tests.functional import databases

HERE = pathlib.Path(__file__).parent
TREE = HERE.parent.parent
PLUGINS = HERE / "plugins"
RALLY = pathlib.Path(sys.executable).with_name("rally")
ENV = "functional"

#: variables that processes do not get; one of them makes Python compile
#: Rally anew in each process, which takes a fifth of the start
DROPPED = ("RALLY_", "OS_", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE")
#: names the sandbox that a process belongs to
MARK = "RALLY_TEST_SANDBOX"
#: generous, for machines that have other things to do
COMMAND_S = 120
#: how long processes may take to end once nobody needs them
LEAVE_S = 60
#: below the ports that the system itself hands out
PORTS = range(20000, 30000)
#: ports that no other process of tests takes meanwhile
OWN_PORTS = 100

# a shell's background job ignores Ctrl-C, one of nohup the end of its
# terminal, and so would all that they start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class TooLate(Exception):
    """A deadline passed; says what was waited for."""


def wait_until(
    fact: t.Callable[[], t.Any], deadline_s: float, what: str
) -> t.Any:
    """The first true value of *fact*.

    :param what: it, as a sentence, for the error
    :raises TooLate: it was not true in time
    """
    deadline = time.monotonic() + deadline_s
    while True:
        found = fact()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TooLate("not true within %g s: %s" % (deadline_s, what))
        time.sleep(0.05)


@dataclasses.dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def paragraph(self) -> str:
        """What it said, with each run of white space as one blank."""
        return " ".join(self.out.split())


class Process:
    """A command that may still run, in a session of its own."""

    def __init__(
        self, words: t.Sequence[str], environ: t.Mapping[str, str],
        folder: pathlib.Path, stdin: str | None = None,
        rally: pathlib.Path = RALLY,
    ) -> None:
        self._files = tempfile.mkdtemp(prefix="output-", dir=folder)
        self._out, self._err = (
            pathlib.Path(self._files) / name for name in ("out", "err")
        )
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self.popen = subprocess.Popen(
                [str(rally), *words], env=dict(environ), stdout=out,
                stderr=err, cwd=folder, start_new_session=True,
                stdin=subprocess.DEVNULL if stdin is None
                else subprocess.PIPE,
            )
        if stdin is not None and self.popen.stdin is not None:
            self.popen.stdin.write(stdin.encode())
            self.popen.stdin.close()

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def is_over(self) -> bool:
        return self.popen.poll() is not None

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def wait(self, deadline_s: float = COMMAND_S) -> Done:
        """Wait for its end.

        :raises TooLate: it still runs; the error has what it said
        """
        try:
            code = self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise TooLate(
                "%s still runs after %g s; it said:\n%s\n%s"
                % (self.popen.args, deadline_s, self.out[-4000:],
                   self.err[-8000:])
            ) from None
        return Done(code, self.out, self.err)


def processes(name: str, value: str) -> dict[int, str]:
    """Pid and command line of those with this variable."""
    wanted = ("%s=%s" % (name, value)).encode()
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes()
                found[int(folder.name)] = (
                    line.replace(b"\0", b" ").decode("utf-8", "replace")
                )
    found.pop(os.getpid(), None)
    return found


def kill(name: str, value: str) -> None:
    """SIGKILL for all processes with this variable."""
    for pid in processes(name, value):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def files_below(folder: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """Files in *folder* and below, while others make and remove some.

    A file may be gone by now, and so may a folder.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            yield pathlib.Path(place, name)


@functools.cache
def _own_ports() -> tuple[range, socket.socket]:
    """Ports that are for this process alone, and what keeps them so.

    Nobody listens on most of them most of the time, so that they are free
    proves nothing; the name of a socket is taken as long as it is open.
    """
    blocks = list(PORTS[::OWN_PORTS])
    random.shuffle(blocks)
    for first in blocks:
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind("\0rally-test-ports-%d" % first)
        except OSError:
            mark.close()
            continue
        return range(first, first + OWN_PORTS), mark
    raise AssertionError("other tests have all ports")


def free_ports(count: int = 3) -> int:
    """The first of *count* ports in a row that nobody uses right now.

    Other processes of tests are not given them.
    """
    own, _ = _own_ports()
    while True:
        first = random.choice(own[:OWN_PORTS - count + 1])
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first


def listeners(ports: collections.abc.Container[int]) -> list[int]:
    """Those of *ports* of this host on which somebody listens."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table) as f:
            for line in list(f)[1:]:
                fields = line.split()
                port = int(fields[1].rpartition(":")[2], 16)
                if fields[3] == "0A" and port in ports:
                    found.append(port)
    return found


class Sandbox:
    """Home, configuration, database, and all processes that use them.

    :param options: lines of section DEFAULT of rally.conf
    :param server: where its database is; empty: a file of SQLite
    :param rally: the command; that of this tree by default
    """

    def __init__(
        self, with_database: bool = True, options: str = "",
        server: str = databases.SERVER,
        rally: pathlib.Path = RALLY,
    ) -> None:
        self._rally = rally
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rally-func-"))
        self.home = self.folder / "home"
        self.temporary = self.folder / "tmp"
        self.home.mkdir()
        self.temporary.mkdir()
        self.conf = self.folder / "rally.conf"
        #: the file, if it is one
        self.database = self.folder / "rally.sqlite"
        self.db = databases.new(self.folder, server)
        self.conf.write_text(
            "[DEFAULT]\n%s\n[database]\nconnection = %s\n"
            % (options, self.db.url)
        )
        self.ports: list[int] = []
        self.plugin_paths = [PLUGINS, TREE / "rally-jobs" / "plugins"]
        if with_database:
            self.db.fill(made_database(server))

    def environ(self, more: t.Mapping[str, str] | None = None
                ) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith(DROPPED)
        }
        return {
            **kept,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "COLUMNS": "200",
            "RALLY_ENV": ENV,
            MARK: str(self.folder),
            **(more or {}),
        }

    def _words(
        self, words: t.Sequence[t.Any], with_plugins: bool
    ) -> list[str]:
        paths = ",".join(map(str, self.plugin_paths))
        return [
            "--config-file", str(self.conf),
            *(["--plugin-paths", paths] if with_plugins else []),
            *map(str, words),
        ]

    def command(self, *words: t.Any) -> list[str]:
        """What starts ``rally`` with *words* as its arguments."""
        return [str(RALLY), *self._words(words, True)]

    def start(
        self, *words: t.Any, env: t.Mapping[str, str] | None = None,
        stdin: str | None = None, with_plugins: bool = True,
    ) -> Process:
        """Start ``rally`` with *words* as its arguments."""
        return Process(
            self._words(words, with_plugins), self.environ(env),
            self.folder, stdin, self._rally,
        )

    def rally(
        self, *words: t.Any, deadline_s: float = COMMAND_S, **options: t.Any
    ) -> Done:
        """Run ``rally`` to its end; *options* are those of ``start``."""
        return self.start(*words, **options).wait(deadline_s)

    def rally_many(
        self, commands: t.Iterable[t.Sequence[t.Any]],
        deadline_s: float = COMMAND_S,
    ) -> list[Done]:
        """Run several command lines in one process, which is quicker."""
        asked = [self._words(words, True) for words in commands]
        done = subprocess.run(
            [sys.executable, "-m", "tests.functional.many"],
            input=json.dumps(asked), env=self.environ(), cwd=TREE,
            text=True, timeout=deadline_s, capture_output=True, check=False,
        )
        if done.returncode:
            raise AssertionError(done.stdout[-4000:] + done.stderr)
        return [
            Done(*json.loads(line), err=done.stderr)
            for line in done.stdout.splitlines()
        ]

    def must(self, *words: t.Any, deadline_s: float = COMMAND_S) -> Done:
        """Run ``rally``; it has to succeed.

        :raises AssertionError: it did not
        """
        done = self.rally(*words, deadline_s=deadline_s)
        if done.code:
            raise AssertionError(
                "rally %s: exit code %d\n%s\n%s"
                % (" ".join(map(str, words)), done.code, done.out, done.err)
            )
        return done

    def write(self, name: str, content: str) -> pathlib.Path:
        """A file of the sandbox with this content."""
        path = self.folder / name
        path.write_text(content)
        return path

    def take_ports(self) -> int:
        """The first of three free ports, which are this sandbox's now."""
        first = free_ports()
        self.ports += range(first, first + 3)
        return first

    def processes(self) -> dict[int, str]:
        return processes(MARK, str(self.folder))

    def spooled(self) -> list[pathlib.Path]:
        """Chunks in spools, finished or not."""
        return [
            path for path in files_below(self.folder)
            if re.search(r"\.(chunk|unfinished|torn)$", path.name)
        ]

    def leftovers(self) -> list[str]:
        """What its processes should not have left behind, as sentences."""
        with contextlib.suppress(TooLate):
            wait_until(
                lambda: not self.processes(), LEAVE_S, "all have ended"
            )
        left = [
            "process %d runs: %s" % item for item in self.processes().items()
        ]
        left += ["port %d is in use" % port
                 for port in listeners(self.ports)]
        left += ["%s is in the spool" % path for path in self.spooled()]
        left += [
            "%s was not removed" % path for path in self.temporary.iterdir()
        ]
        return left

    def close(self) -> None:
        """End what runs, remove all files."""
        while self.processes():
            kill(MARK, str(self.folder))
            time.sleep(0.05)
        self.db.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def made_database(server: str) -> databases.Database:
    """A database that holds an environment and nothing else."""
    sandbox = Sandbox(with_database=False, server=server)
    atexit.register(sandbox.close)
    sandbox.must("db", "create")
    sandbox.must("env", "create", "--name", ENV, "--no-use")
    return sandbox.db
