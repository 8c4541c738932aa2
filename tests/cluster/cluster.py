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

"""Base class of the cluster tests: controller, agents, target as hosts.

All processes are real, started through the command line inside the
namespace of their host. The referee, a process of the target, says what
load there was; it shares no code with what is tested.
"""

from __future__ import annotations

import collections.abc
import contextlib
import datetime
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import typing as t

from tests.cluster import network, referee
from tests.functional import cluster
from tests.functional import sandbox as sandbox_module
from tests.functional.cluster import AGENT_MARK, Agent, Run, Workload
from tests.functional.sandbox import Process, wait_until

HERE = pathlib.Path(__file__).parent
CONTROLLER, TARGET = "controller", "target"
REFEREE_PORT = 8000
#: seconds of the tasks under test, short so that the tests are
LEASE_S = 2.0
TIMEOUT_S = 5.0
#: deadline for what takes seconds on a machine with nothing else to do
SOON_S = 90.0
RUN_S = 180.0


class HostProcess(Process):
    """A command on a host of the network."""

    def __init__(
        self, words: t.Sequence[str], environ: t.Mapping[str, str],
        folder: pathlib.Path,
    ) -> None:
        files = pathlib.Path(tempfile.mkdtemp(prefix="output-", dir=folder))
        self._out, self._err = files / "out", files / "err"
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self.popen = subprocess.Popen(
                list(words), env=dict(environ), stdout=out, stderr=err,
                cwd=folder, start_new_session=True,
                stdin=subprocess.DEVNULL,
            )


class Site(sandbox_module.Sandbox):
    """A sandbox whose commands run on hosts of a network."""

    def __init__(self, hosts: network.Network, options: str) -> None:
        super().__init__(options=options)
        self.hosts = hosts
        self.plugin_paths = [HERE / "plugins"]

    def start(
        self, *words: t.Any, env: t.Mapping[str, str] | None = None,
        stdin: str | None = None, with_plugins: bool = True,
    ) -> Process:
        """Start ``rally`` on the controller's host."""
        return self.start_on(CONTROLLER, *words, env=env)

    def start_on(
        self, host: str, *words: t.Any,
        env: t.Mapping[str, str] | None = None,
    ) -> Process:
        """Start ``rally`` on *host*."""
        line = [str(sandbox_module.RALLY), *self._words(words, True)]
        return HostProcess(
            self.hosts.on(host, *line), self.environ(env), self.folder
        )

    def start_python(self, host: str, *words: t.Any) -> Process:
        """Start a module of the tests on *host*."""
        line = self.hosts.on(host, sys.executable, "-m", *map(str, words))
        environ = {"PYTHONPATH": str(sandbox_module.TREE)}
        return HostProcess(line, self.environ(environ), self.folder)


class Host(Agent):
    """An agent, and what can happen to its host."""

    @property
    def address(self) -> str:
        return self._hosts.address(self.name)

    def __init__(
        self, name: str, process: Process, spool: pathlib.Path,
        hosts: network.Network,
    ) -> None:
        super().__init__(name, process, spool)
        self._hosts = hosts

    def signal_all(self, number: int) -> None:
        """Signal every process of it."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> None:
        """As if its virtual machine were paused."""
        for _ in range(3):  # a process may have forked meanwhile
            self.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_all(signal.SIGCONT)

    def spooled(self) -> list[pathlib.Path]:
        """Chunks that wait in its spool."""
        return sorted(
            path for path in sandbox_module.files_below(self.spool)
            if path.suffix == ".chunk"
        )


class TestCase(cluster.PlainTestCase, cluster.Home):
    """Hosts for one test; nothing of them may be left at its end."""

    AGENTS = ("n1", "n2", "n3")
    #: labels of agents, as they are written
    LABELS: t.Mapping[str, str] = {}
    #: lines of section DEFAULT of rally.conf
    OPTIONS = ""
    sandbox: Site

    def setUp(self) -> None:
        super().setUp()
        reason = network.why_not()
        if reason:
            self.skipTest(reason)
        self.hosts = network.Network([CONTROLLER, TARGET, *self.AGENTS])
        self.addCleanup(self.check_network)
        self.sandbox = Site(self.hosts, self.OPTIONS)
        self.addCleanup(self.sandbox.close)
        self.agents: dict[str, Host] = {}
        self.addCleanup(self.leave)
        self.keys: dict[str, pathlib.Path] = {}
        self.start_referee()
        self.start_agents()

    # ---- hosts

    def start_referee(self) -> None:
        log = self.sandbox.folder / "referee.log"
        self.referee = referee.Log(log)
        self.referee_process = self.sandbox.start_python(
            TARGET, "tests.cluster.referee", REFEREE_PORT, log
        )

    def start_agents(self) -> None:
        """Start an agent on each host for agents."""
        self.let_in()
        for name in self.AGENTS:
            self.start_host(name)
        wait_until(
            lambda: self.referee.is_listening, SOON_S,
            "the referee listens",
        )

    def let_in(self) -> None:
        """Give each agent what it proves with who it is."""
        done = self.sandbox.rally_many(
            [
                [
                    "agent", "authorize", name,
                    *(("--label", self.LABELS[name])
                      if name in self.LABELS else ()),
                ]
                for name in self.AGENTS
            ]
        )
        for name, each in zip(self.AGENTS, done):
            key = self.sandbox.folder / ("%s.key" % name)
            key.touch(mode=0o600)
            key.write_text(each.out)
            self.keys[name] = key

    def start_host(self, name: str) -> Host:
        """Start the agent of host *name*, perhaps once more."""
        return self.start_agent_on(name, self.address_for(name))

    def start_agent_on(
        self, name: str, controller: str,
        env: t.Mapping[str, str] | None = None, words: t.Sequence[str] = (),
    ) -> Host:
        """Start an agent that dials *controller*, with more options."""
        spool = self.sandbox.folder / ("spool-%s" % name)
        process = self.sandbox.start_on(
            name, "agent", "start", "--controller",
            "tcp://%s:9790" % controller,
            *self.credentials(name), "--spool", spool, *words,
            env={AGENT_MARK: str(spool), **(env or {})},
        )
        self.agents[name] = Host(name, process, spool, self.hosts)
        return self.agents[name]

    def credentials(self, name: str) -> list[t.Any]:
        """What the agent of host *name* proves with who it is."""
        return ["--key", self.keys[name]]

    def address_for(self, name: str) -> str:
        """Where the agent of host *name* dials."""
        return self.hosts.address(CONTROLLER)

    # ---- tasks

    def visit(self, sleep: float, **more: t.Any) -> dict[str, t.Any]:
        """A scenario whose iterations take *sleep* seconds."""
        return {
            "Referee.visit": {
                "host": self.hosts.address(TARGET), "port": REFEREE_PORT,
                "sleep": sleep, **more,
            }
        }

    def start_load(
        self, inner: dict[str, t.Any], *words: t.Any, sleep: float = 0.05,
        sla: dict[str, t.Any] | None = None,
        visit: dict[str, t.Any] | None = None,
        contexts: dict[str, t.Any] | None = None,
        env: t.Mapping[str, str] | None = None, **options: t.Any,
    ) -> Run:
        """Start a task that spreads runner *inner* over all agents.

        :param visit: arguments of the scenario
        :param env: of the controller
        :param options: of the distributed runner
        """
        options = {
            "agents": len(self.AGENTS), "lease": LEASE_S,
            "agent_timeout": TIMEOUT_S, **options,
        }
        return self.start_task(
            cluster.task_of(
                {
                    "scenario": self.visit(sleep, **(visit or {})),
                    "runner": cluster.distributed(inner, **options),
                    "sla": sla or {},
                    "contexts": contexts or {},
                }
            ),
            *words, env=env,
        )

    def wait_for_visits(self, run: Run, count: int) -> None:
        """Until the referee has seen *count* iterations."""
        run.wait_until(
            lambda: self.referee.count() >= count,
            "the referee has seen %d iterations" % count, SOON_S,
        )

    def wait_until_settled(self, run: Run, name: str) -> float:
        """Until agent *name*, which was lost, may get work again, or the
        run is over; when that was logged, or else is now."""
        text = "agent %s has delivered what it had" % name
        wait_until(
            lambda: text in run.log or run.process.popen.poll() is not None,
            SOON_S, text,
        )
        return logged_at(run.log, text) or now()

    def select(self, query: str, *values: t.Any) -> list[t.Any]:
        """Rows of the database, which takes less time than a command."""
        with contextlib.closing(
            sqlite3.connect(self.sandbox.database, timeout=30)
        ) as connection:
            return connection.execute("SELECT " + query, values).fetchall()

    def task_status(self, uuid: str) -> str:
        """Status of a task."""
        found = self.select("status FROM tasks WHERE uuid = ?", uuid)
        return str(found and found[0][0])

    def load_info(self, uuid: str) -> dict[str, t.Any]:
        """What the only workload of a task says of its load."""
        [[text]] = self.select(
            "load_info FROM workloads WHERE task_uuid = ?", uuid
        )
        return t.cast("dict[str, t.Any]", json.loads(text))

    # ---- what must hold

    def check_accounting(
        self, workload: Workload, asked: int, at_once: int,
        victims: collections.abc.Collection[str] = (),
    ) -> None:
        """Every number once, here and at the referee; losses explained."""
        stored, lost = workload.numbers, workload.lost
        self.assertEqual(
            list(range(1, asked + 1)), sorted(stored + lost),
            "stored and lost are not what was asked for",
        )
        self.assertEqual(len(lost), workload.lost_count)
        self.check_referee(asked, at_once)
        succeeded = {
            number for number, row in zip(stored, workload.rows)
            if not row["error"]
        }
        self.assertEqual(
            [], sorted(succeeded - set(self.referee.finished())),
            "stored, but the referee did not see them end",
        )
        self.check_losses(workload, victims)

    def check_referee(self, asked: int, at_once: int) -> None:
        """What the referee saw is no more than was asked for."""
        self.assertEqual([], self.referee.repeated(), "started twice")
        started = self.referee.started()
        self.assertGreaterEqual(started[0], 1)
        self.assertLessEqual(started[-1], asked)
        self.assertLessEqual(self.referee.peak(), at_once)

    def check_losses(
        self, workload: Workload,
        victims: collections.abc.Collection[str],
    ) -> None:
        """Only victims lost anything, and each only what was its own."""
        came_from = {
            event.number: event.host for event in self.referee.arrivals()
        }
        for each in workload.load_info.get("lost", []):
            name = each["agent"]
            self.assertIn(name, victims, each)
            self.assertTrue(each["reason"], each)
            for run in each["numbers"]:
                for number in cluster.numbers_of(run):
                    self.assertIn(
                        came_from.get(number),
                        (None, self.hosts.address(name)),
                        "%d is lost for %s" % (number, name),
                    )

    def check_order(self, workload: Workload) -> None:
        """Rows are in the order of time."""
        stamps = workload.timestamps
        self.assertEqual(sorted(stamps), stamps)

    def figure(self, what: str, value: str) -> None:
        """Say what was measured."""
        line = "%s: %s: %s" % (self.id().rpartition(".")[2], what, value)
        print(line, file=sys.stderr, flush=True)

    # ---- the end

    def leave(self) -> None:
        """End what still runs as a user would; nothing may be left."""
        self.referee_process.signal(signal.SIGTERM)
        self.end_agents(*self.agents)
        self.assertEqual([], self.sandbox.leftovers())

    def end_agents(self, *names: str) -> None:
        for name in names:
            agent = self.agents[name]
            agent.thaw()
            if not agent.process.is_over:
                agent.process.signal(signal.SIGTERM)

    def check_network(self) -> None:
        self.hosts.close()
        self.assertEqual([], self.hosts.leftovers())

    def discard_spool(self, *names: str) -> None:
        """Remove what agents keep that nobody will fetch any more.

        They end first: one may still write what it holds in memory.
        """
        self.end_agents(*names)
        for name in names:
            self.agents[name].process.wait(SOON_S)
            for path in sandbox_module.files_below(self.agents[name].spool):
                path.unlink()


def now() -> float:
    """The clock of the referee."""
    return time.monotonic()


def logged_at(log: str, text: str) -> float | None:
    """When a line with *text* was logged first, on the clock of the referee,
    to the millisecond below. None: it was not.

    A test that waits for a line sees it later, on a busy machine much later.
    """
    for line in log.splitlines():
        if text in line:
            stamp = " ".join(line.split()[:2])
            wall = datetime.datetime.fromisoformat(stamp).timestamp()
            return wall - (time.time() - time.monotonic())
    return None
