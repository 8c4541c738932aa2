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

"""Agents on the controller's own host, for the time of one run.

They are ordinary agents: the same code, wire and keys, on loopback, with
keys made for the run in a folder that only this user can read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import types
import typing as t

from rally.task.distributed import keys, notices
from rally.task.distributed import spool as spool_module
from rally.task.distributed.channels import Channel
from rally.task.load import cpus

#: how long local agents may take to end once nobody needs them
END_S = 10.0
PREFIX = "rally-local-"
#: a folder of a dead controller is left alone for so long: its agents end,
#: and one that was just made is not locked yet
SETTLED_S = 60.0
#: ... and for so long if there is something in it that can be recovered
RECOVERABLE_S = 7 * 86400.0
SPOOL = "spool-"


class LocalAgents:
    """A context manager: *count* agents, named local-1 to local-N.

    Make it before the transport (it makes the keys), call ``start`` once
    the addresses are known.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._watchers: list[threading.Thread] = []
        self._is_ending = False
        self._lifeline: int | None = None
        self._lock: int | None = None

    def __enter__(self) -> LocalAgents:
        if self._count:
            sweep(pathlib.Path(tempfile.gettempdir()), time.time())
            self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
            self._lock = lock(self.path)
        return self

    @property
    def path(self) -> pathlib.Path:
        """A folder of this run, for keys and spools.

        :raises ValueError: there are no agents, hence no folder
        """
        if self._folder is None:
            raise ValueError("no local agents were asked for")
        return pathlib.Path(self._folder.name)

    @property
    def keys_folder(self) -> pathlib.Path:
        return self.path / "keys"

    def start(
        self,
        addresses: t.Mapping[Channel, str],
        tell: t.Callable[[notices.Notice], None],
    ) -> None:
        """Start them; *tell* is told when one ends before its time."""
        reading, self._lifeline = os.pipe()
        for i, own_cpus in enumerate(cpus.shares(self._count), start=1):
            name = "local-%d" % i
            process = self._start_one(name, addresses, reading, own_cpus)
            self._processes[name] = process
            watcher = threading.Thread(
                target=self._watch, args=(name, process, tell), daemon=True
            )
            watcher.start()
            self._watchers.append(watcher)
        os.close(reading)

    def _start_one(
        self, name: str, addresses: t.Mapping[Channel, str], lifeline: int,
        own_cpus: t.Iterable[int],
    ) -> subprocess.Popen[bytes]:
        key_file = self.path / ("%s.key" % name)
        text = keys.authorize(name, self.keys_folder)
        with open(key_file, "x", opener=_private) as file:
            file.write(text)
        spool = self.path / (SPOOL + name)
        return subprocess.Popen(
            [
                sys.executable, "-m",
                "rally.task.distributed.agent_service",
                *(addresses[channel] for channel in Channel),
                "--key", str(key_file), "--spool", str(spool),
                "--lifeline", str(lifeline),
            ],
            pass_fds=[lifeline],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, cpus.VARIABLE: ",".join(map(str, own_cpus))},
        )

    def _watch(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        tell: t.Callable[[notices.Notice], None],
    ) -> None:
        status = process.wait()
        if not self._is_ending:
            tell(
                notices.AgentLeft(
                    name, "its process ended with exit status %d" % status
                )
            )

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: p.pid for name, p in self._processes.items()}

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self._is_ending = True
        if self._lifeline is not None:
            os.close(self._lifeline)  # they end when they see its end
        for process in self._processes.values():
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        for watcher in self._watchers:
            watcher.join()
        if self._folder is not None:
            self._folder.cleanup()
        if self._lock is not None:
            os.close(self._lock)


def lock(folder: pathlib.Path) -> int | None:
    """Claim *folder* until the descriptor is closed; None: it is claimed.

    The claim ends with its process, whatever that dies of.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def sweep(parent: pathlib.Path, now: float) -> None:
    """Remove folders, with their keys, of controllers that were killed.

    :param now: seconds since the epoch
    """
    for folder in parent.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):  # somebody else removes it
            status = folder.stat()
            grace_s = RECOVERABLE_S if _has_chunks(folder) else SETTLED_S
            if status.st_uid != os.getuid() or (
                now - status.st_mtime < grace_s
            ):
                continue
            claim = lock(folder)
            if claim is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(claim)


def _has_chunks(folder: pathlib.Path) -> bool:
    return any(folder.glob(SPOOL + "*/*/*" + spool_module.CHUNK_SUFFIX))


class Drained(t.NamedTuple):
    """What became of the spools of a run."""

    still_writing: list[str]  # names of agents that have not ended yet
    torn: int  # chunks that cannot be read


def drain(
    run: str,
    store: t.Callable[[str, spool_module.SpooledChunk], None],
    parent: pathlib.Path | None = None,
) -> Drained:
    """Store what local agents keep of a run whose controller was killed.

    Then their folder is removed, unless one of them still writes.

    :param store: called with the name of an agent and a chunk
    """
    parent = parent or pathlib.Path(tempfile.gettempdir())
    writing: list[str] = []
    torn = 0
    for folder in parent.glob(PREFIX + "*"):
        found = list(folder.glob("%s*/%s" % (SPOOL, run)))
        if not found or folder.stat().st_uid != os.getuid():
            continue
        claim = lock(folder)
        if claim is None:  # its controller lives
            continue
        try:
            for path in found:
                name = path.parent.name.removeprefix(SPOOL)
                spool = spool_module.Spool(path.parent, run)
                if spool.is_written():
                    writing.append(name)
                    continue
                torn += spool.recover().cut
                for sequence in spool.sequences():
                    store(name, spool.read(sequence))
            if not writing:
                shutil.rmtree(folder)
        finally:
            os.close(claim)
    return Drained(writing, torn)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
