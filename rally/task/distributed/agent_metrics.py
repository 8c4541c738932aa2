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

"""Metrics of an agent, made by the thread that runs it."""

from __future__ import annotations

import os
import pathlib
import time
import typing as t

import msgspec

from rally.common import openmetrics
from rally.task.distributed import commands, serve
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.wire import messages
from rally.task.reporting import metrics
from rally.task.results import distribution

#: between two pages; the first is made at once
INTERVAL_NS = 1_000_000_000
#: so many times as long as it takes to make a page, there is no other: a
#: spool may have thousands of files, and who makes pages renews leases, too
PAUSES = 50
_DECODER = msgspec.msgpack.Decoder()


class MeteredPorts:
    """The ports of an agent, and a page of metrics once a second.

    :param ports: what they carry on
    :param spool: folder whose files are counted
    :param cpu: seconds of CPU time that this thread has used
    """

    def __init__(
        self, ports: serve.Ports, name: str, machine: agent_module.Agent,
        spool: pathlib.Path, endpoint: openmetrics.Endpoint,
        cpu: t.Callable[[], float] = time.thread_time,
    ) -> None:
        self._ports = ports
        self._name = name
        self._machine = machine
        self._spool = spool
        self._endpoint = endpoint
        self._cpu = cpu
        self._due_ns = 0
        self._snapshot = b""  # the newest one of the run
        self._snapshots = 0

    def now_ns(self) -> int:
        return self._ports.now_ns()

    def wait(self, timeout_s: float) -> t.Iterable[t.Any]:
        now = self.now_ns()
        if now >= self._due_ns:
            began_s = self._cpu()
            self._endpoint.publish(self._page().text())
            cost_ns = int((self._cpu() - began_s) * 1e9)
            self._due_ns = now + max(INTERVAL_NS, cost_ns * PAUSES)
        return self._ports.wait(timeout_s)

    def execute(self, command: t.Any) -> t.Any | None:
        match command:
            case commands.Send(message=messages.Snapshot(aggregate=state)):
                self._snapshot = state
                self._snapshots += 1
            case commands.StartLoad():
                self._snapshot = b""
        return self._ports.execute(command)

    def _page(self) -> metrics.Page:
        page = metrics.Page(agent=self._name)
        held = self._machine.progress
        for state in agent_module.LoadState:
            page.add("gauge", "agent_state", "1 for what the agent is doing.",
                     int(state is self._machine.state), state=state.value)
        page.add("counter", "leases", "Leases of the run it works for.",
                 held.lease)
        page.add("counter", "iterations_started",
                 "Iterations of the run that were started.", held.drawn)
        page.add("gauge", "iterations_granted",
                 "Iterations that were granted and are not started yet.",
                 held.remaining)
        page.add("counter", "snapshots", "Snapshots sent.", self._snapshots)
        chunks, size = spooled(self._spool)
        page.add("gauge", "spool_chunks", "Chunks of results in the spool.",
                 chunks)
        page.add("gauge", "spool_bytes", "Bytes of results in the spool.",
                 size)
        page.add("gauge", "spool_free_bytes",
                 "Bytes that are left to the user there.", free(self._spool))
        self._add_snapshot(page)
        return page

    def _add_snapshot(self, page: metrics.Page) -> None:
        """What the load has counted, as it was sent last."""
        if not self._snapshot:
            return
        state = _DECODER.decode(self._snapshot)
        durations = distribution.Distribution.from_state(
            state["table"]["duration"]
        )
        page.add("counter", "iterations", "Iterations that left a result.",
                 durations.count)
        page.add("counter", "iterations_failed", "Iterations that failed.",
                 state["table"]["failed"])
        page.add_times("iteration_duration_seconds",
                       "Durations of iterations, without idle time.",
                       durations)


def spooled(folder: pathlib.Path) -> tuple[int, int]:
    """How many files there are in the spools of a folder, and their bytes."""
    count = size = 0
    for below, _, files in os.walk(folder):
        for name in files:
            try:
                size += os.stat(os.path.join(below, name)).st_size
            except OSError:  # it was stored meanwhile
                continue
            count += name.endswith(".chunk")
    return count, size


def free(folder: pathlib.Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
