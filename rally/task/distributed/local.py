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
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import threading
import time
import types
import typing as t
import uuid
import weakref

from rally.common import private_files, python, version
from rally.task.distributed import notices, reception, spool
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel
from rally.task.load import cpus

#: how long an agent may take to end once nobody needs it
END_S = 10.0
#: what the name of a spool begins with, before that of its agent
SPOOL = "spool-"
PREFIX = "rally-local-"
#: a folder of a dead controller is left alone for this long: its agents end,
#: and one that was just made is not locked yet
SETTLED_S = 60.0
#: ... and for this long if there is something in it that can be recovered
RECOVERABLE_S = 7 * 86400.0
#: begins the name of a file for each run that the agents of a folder had
RUN = "run-"

Tell: t.TypeAlias = t.Callable[[notices.AgentLeft], None]


class LocalAgent:
    """A process that ends when ``hang_up`` is called, or its parent dies.

    :param key_file: its spool will be beside it
    :param on_end: called with how it ended, from a thread
    """

    def __init__(
        self,
        name: str,
        key_file: pathlib.Path,
        addresses: t.Mapping[Channel, str],
        own_cpus: t.Iterable[int],
        on_end: t.Callable[[LocalAgent, str], None],
    ) -> None:
        self.name = name
        self.instance = uuid.uuid4().hex
        self._spool = key_file.parent / (SPOOL + name)
        self._on_end = on_end
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    *python.command("rally.task.distributed.agent_process"),
                    *(addresses[channel] for channel in Channel),
                    "--key", str(key_file),
                    "--spool", str(self._spool),
                    "--lifeline", str(lifeline),
                    "--instance", self.instance,
                ],
                pass_fds=[lifeline],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={
                    **os.environ,
                    cpus.VARIABLE: ",".join(map(str, own_cpus)),
                },
            )
        finally:
            os.close(lifeline)
        self.pid = self._process.pid
        self._exit_fd = os.pidfd_open(self.pid)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        status = self._process.wait()
        self._on_end(
            self, "its process ended with exit status %d" % status
        )

    @property
    def is_alive(self) -> bool:
        poll = select.poll()
        poll.register(self._exit_fd, select.POLLIN)
        return not poll.poll(0)

    def hang_up(self) -> None:
        """Let it end: it sees the end of its lifeline.

        In a process that was forked from here it lets go of its copy.
        """
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def end(self, until_s: float) -> None:
        """Wait until it has ended, kill it if it does not; leave nothing.

        :param until_s: how long to wait, on the monotonic clock
        """
        self.hang_up()
        self._watcher.join(max(0.0, until_s - time.monotonic()))
        if self._watcher.is_alive():
            self._process.kill()
            self._watcher.join()
        os.close(self._exit_fd)
        shutil.rmtree(self._spool, ignore_errors=True)


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
        self.last_run = ""  # had them before, and is over
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
            self._claim = spool.lock(self.path)
            stack.callback(self._give_back)
            self.transport = reception.listen(
                "tcp://127.0.0.1:*", self.path / "keys"
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
        """Have *count* of them; does not wait until they are ready.

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
        path = self.path / ("%s.key" % name)
        if not path.exists():
            text = keys.authorize(name, self.path / "keys")
            private_files.create(path, text.encode())
        self._agents[name] = LocalAgent(
            name, path, self.transport.endpoints, own_cpus, self._ended
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
        """Lend agents and transport to *run*; yields the hellos so far."""
        (self.path / (RUN + run)).touch()
        with self._reception.lent() as hellos:
            self.transport.counters.clear()
            try:
                yield [each for each in hellos if self._is_there(each)]
            finally:
                self.last_run = run
                with self._lock:
                    self._tell = None

    def _is_there(self, hello: channels.Received) -> bool:
        """Whether it is of a process that has not been replaced."""
        agent = self._agents.get(hello.peer)
        return agent is not None and agent.instance == hello.message.instance

    def report_to(self, tell: Tell) -> None:
        """Have *tell* called when one ends in this run, or ended before."""
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
        """End those that are not fit for another run."""
        self._end(*(name for name in names if name in self._agents))


def sweep(parent: pathlib.Path, now: float) -> None:
    """Remove folders, with their keys, of controllers that were killed.

    :param now: seconds since the epoch
    """
    for folder in parent.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):  # somebody else removes it
            status = folder.stat()
            grace_s = RECOVERABLE_S if _runs_with_chunks(folder) else SETTLED_S
            if status.st_uid != os.getuid() or (
                now - status.st_mtime < grace_s
            ):
                continue
            claim = spool.lock(folder)
            if claim is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(claim)


def _runs_with_chunks(folder: pathlib.Path) -> set[str]:
    return {
        path.parent.name
        for path in folder.glob(SPOOL + "*/*/*" + spool.CHUNK_SUFFIX)
    }


class Collected(t.NamedTuple):
    """What became of the spools of a run."""

    still_writing: list[str]  # names of agents that have not ended yet
    torn: int  # chunks that cannot be read


def collect(
    run: str,
    store: t.Callable[[str, spool.SpooledChunk], None],
    parent: pathlib.Path | None = None,
) -> Collected:
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
        claim = spool.lock(folder)
        if claim is None:
            # something that its controller began: whoever recovers knows
            # that the controller itself is gone
            writing += sorted(map(_agent_of, found))
            continue
        try:
            for path in found:
                name = _agent_of(path)
                kept = spool.Spool(path.parent, run)
                if kept.is_written():
                    writing.append(name)
                    continue
                found_there = kept.recover()
                # not what an earlier recovery of the task had counted
                torn += found_there.torn + found_there.unfinished
                for sequence in kept.sequences():
                    store(name, kept.read(sequence))
            if not writing and _runs_with_chunks(folder) <= {run}:
                shutil.rmtree(folder)
        finally:
            os.close(claim)
    return Collected(writing, torn)


def _agent_of(path: pathlib.Path) -> str:
    """The local agent that has a spool of a run."""
    return path.parent.name.removeprefix(SPOOL)
