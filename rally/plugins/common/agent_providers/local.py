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


"""Agents on the controller's own host.

They are ordinary agents: the same code, wire and keys, on loopback. They see
the end of a pipe when their controller dies, so none outlives it. What they
log may go through another pipe, to be shown beside the progress of the task;
from then on it goes to the terminal itself.
"""

from __future__ import annotations

import os
import pathlib
import select
import shutil
import subprocess
import threading
import time
import typing as t
import uuid
import weakref

from rally import consts
from rally.common import logging, private_files, python
from rally.task import agent_provider

#: how long an agent may take to end once nobody needs it
END_S = 10.0


def _own_log() -> t.BinaryIO | None:
    """Where agents log to: where we do. None: standard error."""
    path = logging.file_of_logs()
    return open(path, "ab") if path else None


def _terminal() -> list[int]:
    """A descriptor for the terminal of this process, if it has one."""
    try:
        return [os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)]
    except OSError:
        return []


class LocalAgent:
    """A process that ends when ``hang_up`` is called, or its parent dies.

    :param key_file: its spool will be beside it
    :param on_end: called with how it ended, from a thread
    """

    def __init__(
        self,
        name: str,
        key_file: pathlib.Path,
        addresses: t.Iterable[str],
        own_cpus: t.Iterable[int],
        on_end: t.Callable[[LocalAgent, str], None],
    ) -> None:
        from rally.task.distributed import fleet_folders
        from rally.task.load import cpus

        self.name = name
        self.instance = uuid.uuid4().hex
        self._spool = key_file.parent / (fleet_folders.SPOOL + name)
        self._on_end = on_end
        lifeline, self._lifeline = os.pipe()
        terminal = _terminal()
        log = _own_log()
        try:
            self._process = subprocess.Popen(
                [
                    *python.command("rally.task.distributed.agent_process"),
                    *addresses,
                    "--key", str(key_file),
                    "--spool", str(self._spool),
                    "--lifeline", str(lifeline),
                    "--instance", self.instance,
                    *("--terminal=%d" % fd for fd in terminal),
                ],
                pass_fds=[lifeline, *terminal],
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    cpus.VARIABLE: ",".join(map(str, own_cpus)),
                },
            )
        finally:
            for fd in (lifeline, *terminal):
                os.close(fd)
            if log is not None:
                log.close()
        self._exit_fd = os.pidfd_open(self._process.pid)
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

    @property
    def is_wanted(self) -> bool:
        """Whether nobody has told it to end."""
        return self._lifeline >= 0

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


@agent_provider.configure(name="local")
class LocalProvider(agent_provider.AgentProvider):
    """Starts agents on the controller's host: local-1 to local-N.

    They share its CPUs out. One that has died is replaced before the next
    workload.

    .. code-block:: yaml

        runner:
          distributed:
            runner: {constant: {times: 1000, concurrency: 8}}
            agents: {local: {count: 2}}
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "count": agent_provider.count_schema(
                "How many agents to start."
            ),
        },
        "required": ["count"],
        "additionalProperties": False,
    }
    OUTLIVES_CONTROLLER = False

    def __init__(
        self, config: t.Any, order: agent_provider.Order,
        tell: agent_provider.Tell,
    ) -> None:
        super().__init__(config, order, tell)
        self._agents: dict[str, LocalAgent] = {}
        itself = weakref.ref(self)

        def let_go() -> None:
            provider = itself()
            if provider is not None:
                provider._let_go()

        os.register_at_fork(after_in_child=let_go)

    def _let_go(self) -> None:
        """In a process that was forked from here, such as a worker: agents
        must not wait for its end."""
        for agent in self._agents.values():
            agent.hang_up()

    def names(self) -> list[str]:
        return [
            "local-%d" % i for i in range(1, self.count(self.config) + 1)
        ]

    def start(self) -> None:
        from rally.task.load import cpus

        names = self.names()
        for name, own_cpus in zip(names, cpus.shares(len(names))):
            if name in self._agents and not self._agents[name].is_alive:
                self._end(name)
            if name not in self._agents:
                self._start(name, own_cpus)

    def _start(self, name: str, own_cpus: t.Iterable[int]) -> None:
        assert self.order.authorize is not None
        path = self.order.folder / ("%s.key" % name)
        if not path.exists():
            text = self.order.authorize(name)
            private_files.create(path, text.encode())
        self._agents[name] = LocalAgent(
            name, path, self.order.endpoints, own_cpus, self._ended
        )

    def _ended(self, agent: LocalAgent, how: str) -> None:
        if agent.is_wanted:
            self.tell(agent_provider.Failed(agent.name, how))

    def has(self, agent: str, instance: str) -> bool:
        known = self._agents.get(agent)
        return known is not None and known.instance == instance

    def retire(self, agents: t.Collection[str]) -> None:
        self._end(*(name for name in agents if name in self._agents))

    def end(self, until_s: float) -> list[str]:
        self._end(*self._agents, until_s=until_s)
        return []

    def _end(self, *names: str, until_s: float | None = None) -> None:
        for name in names:
            self._agents[name].hang_up()
        until_s = until_s or time.monotonic() + END_S
        for name in names:
            self._agents.pop(name).end(until_s)
