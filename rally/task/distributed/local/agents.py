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

"""Agents on the controller's own host, for the time of one task.

They are ordinary agents: the same code, wire and keys, on loopback, with
keys made for the task in a folder that only this user can read. To start one
takes seconds, so the workloads of a task share them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
import threading
import time
import types
import typing as t
import weakref

from rally.common import version
from rally.task.distributed import notices, reception
from rally.task.distributed import spool as spool_module
from rally.task.distributed.local.agent_process import (
    END_S,
    SPOOL,
    LocalAgent,
    key_file,
)
from rally.task.distributed.security import allow_list, keys
from rally.task.distributed.wire import (
    channels,
    codec,
    controller_transport,
    messages,
)
from rally.task.load import cpus

PREFIX = "rally-local-"
#: a folder of a dead controller is left alone for so long: its agents end,
#: and one that was just made is not locked yet
SETTLED_S = 60.0
#: ... and for so long if there is something in it that can be recovered
RECOVERABLE_S = 7 * 86400.0
#: begins the name of a file for each run that the agents of a folder had
RUN = "run-"

Tell: t.TypeAlias = t.Callable[[notices.AgentLeft], None]


class LocalAgents:
    """A context manager: agents named local-1 to local-N, and their ports.

    ``want`` says how many there shall be, ``lent`` gives them to a run.
    """

    def __init__(self) -> None:
        self._agents: dict[str, LocalAgent] = {}
        self._wanted = 0
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._tell: Tell | None = None  # of the run that has them
        self._last_run = ""
        self._claim: int | None = None
        itself = weakref.ref(self)

        def let_go() -> None:
            agents = itself()
            if agents is not None:
                agents._let_go()

        os.register_at_fork(after_in_child=let_go)

    def _let_go(self) -> None:
        """In a process that was forked from here, such as a worker.

        It may outlive this one, and neither agents nor folder depend on it.
        """
        for agent in self._agents.values():
            agent.hang_up()
        self._give_back()

    def _give_back(self) -> None:
        """End the claim of the folder."""
        claim, self._claim = self._claim, None
        if claim is not None:
            os.close(claim)

    def __enter__(self) -> LocalAgents:
        with contextlib.ExitStack() as stack:
            sweep(pathlib.Path(tempfile.gettempdir()), time.time())
            # a load process may outlive its agent and still write: then the
            # folder stays until the next ``sweep``
            made = tempfile.TemporaryDirectory(
                prefix=PREFIX, ignore_cleanup_errors=True
            )
            self.path = pathlib.Path(stack.enter_context(made))
            self._claim = lock(self.path)
            stack.callback(self._give_back)
            folder = self.path / "keys"
            self.transport = controller_transport.ControllerTransport(
                channels.addresses_from("tcp://127.0.0.1:*"),
                keys.controller_key(folder),
                allow_list.AgentAllowList(folder),
                codec.encode,
                codec.decode,
            )
            stack.callback(self.transport.close)
            self._reception = reception.Reception(
                self.transport, version.__version__
            )
            self._reception.open()
            stack.callback(self._reception.close)
            stack.callback(self._end_all)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self._stack.close()

    # ---- how many there are

    def want(self, count: int, code: messages.Code) -> None:
        """Let there be *count* of them; does not wait until they are ready.

        One that has ended is replaced. Another number means other shares of
        the CPUs: then all are.

        :param code: what they may import until there is a run
        """
        self._reception.expect(code)
        if count != self._wanted:
            self._end_all()
            self._wanted = count
        shares = cpus.shares(count)
        for i, own_cpus in enumerate(shares, start=1):
            name = "local-%d" % i
            if name in self._agents and not self._agents[name].is_alive:
                self._end(name)
            if name not in self._agents:
                self._start(name, own_cpus)

    def _start(self, name: str, own_cpus: t.Iterable[int]) -> None:
        path = key_file(self.path, name)
        if not path.exists():
            text = keys.authorize(name, self.path / "keys")
            with open(path, "x", opener=_private) as file:
                file.write(text)
        self._agents[name] = LocalAgent(
            name, self.path, self.transport.endpoints, own_cpus, self._ended
        )

    def _end(self, *names: str) -> None:
        for name in names:
            self._agents[name].hang_up()
        until_s = time.monotonic() + END_S
        for name in names:
            self._agents.pop(name).end(until_s)

    def _end_all(self) -> None:
        self._end(*self._agents)

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: each.pid for name, each in self._agents.items()}

    # ---- runs

    @contextlib.contextmanager
    def lent(self, run: str) -> t.Iterator[list[channels.Received]]:
        """Leave agents and transport to *run*; gives what they said."""
        (self.path / (RUN + run)).touch()
        with self._reception.lent() as hellos:
            self.transport.counters.clear()
            try:
                yield [each for each in hellos if self._is_there(each)]
            finally:
                self._last_run = run
                with self._lock:
                    self._tell = None

    def _is_there(self, hello: channels.Received) -> bool:
        """Whether it is of a process that has not been replaced."""
        agent = self._agents.get(hello.peer)
        return agent is not None and agent.instance == hello.message.instance

    @property
    def last_run(self) -> str:
        """The run that had them before; it is over."""
        return self._last_run

    def report_to(self, tell: Tell) -> None:
        """*tell* is told when one ends during this run, or has by now."""
        with self._lock:
            self._tell = tell
        for name, agent in self._agents.items():
            if not agent.is_alive:
                tell(notices.AgentLeft(name, "its process has ended"))

    def _ended(self, agent: LocalAgent, how: str) -> None:
        with self._lock:
            if self._tell is not None:
                self._tell(notices.AgentLeft(agent.name, how))

    def retire(self, names: t.Collection[str]) -> None:
        """These are not fit for another run."""
        self._end(*(name for name in names if name in self._agents))


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


def _has_chunks_of_others(folder: pathlib.Path, run: str) -> bool:
    return any(
        path.parent.name != run
        for path in folder.glob(SPOOL + "*/*/*" + spool_module.CHUNK_SUFFIX)
    )


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

    Then their folder is removed, unless one of them still writes, or there
    is something of another run of the task. Nothing is taken from a folder
    that is still claimed: its agents count as writing.

    :param store: called with the name of an agent and a chunk
    """
    parent = parent or pathlib.Path(tempfile.gettempdir())
    writing: list[str] = []
    torn = 0
    for folder in parent.glob(PREFIX + "*"):
        found = list(folder.glob("%s*/%s" % (SPOOL, run)))
        had_run = bool(found) or (folder / (RUN + run)).exists()
        if not had_run or folder.stat().st_uid != os.getuid():
            continue
        claim = lock(folder)
        if claim is None:
            # something that its controller began: whoever recovers knows
            # that the controller itself is gone
            writing += sorted(_agent_of(path) for path in found)
            continue
        try:
            for path in found:
                name = _agent_of(path)
                spool = spool_module.Spool(path.parent, run)
                if spool.is_written():
                    writing.append(name)
                    continue
                found_there = spool.recover()
                # not what an earlier recovery of the task had counted
                torn += found_there.torn + found_there.unfinished
                for sequence in spool.sequences():
                    store(name, spool.read(sequence))
            if not writing and not _has_chunks_of_others(folder, run):
                shutil.rmtree(folder)
        finally:
            os.close(claim)
    return Drained(writing, torn)


def _agent_of(spool: pathlib.Path) -> str:
    """The local agent that has a spool of a run."""
    return spool.parent.name.removeprefix(SPOOL)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
