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

"""A long run with agents that join and leave, and what it does to them all.

A real ``rally task start`` and real agents on this host. Two agents stay;
the others come late, leave, are killed and come back. Once a second memory,
descriptors and threads of every process and the sizes of spools and of the
write-ahead log are noted; at the end none of them may have grown.
"""

from __future__ import annotations

import collections
import contextlib
import pathlib
import signal
import sqlite3
import threading
import time
import typing as t

from tests.functional import cluster, sandbox
from tests.soak import books, table, trend, unrest, vitals

HERE = pathlib.Path(__file__).parent
STAYING = ("n1", "n2")
FIRST = ("n1", "n2", "n3")
CHANGING = ("n3", "n4", "n5", "n6")
CONCURRENCY = 12
SLEEP_S = 0.01
SAMPLE_S = 1.0
#: connections of each agent to the controller
CHANNELS = 3
COLLECT_S = 120.0
JOIN_S = 60.0
#: small chunks: more of them come and go
OPTIONS = "raw_result_chunk_size = 200"
CONTROLLER = "controller"

Series: t.TypeAlias = dict[tuple[str, str], list[trend.Point]]


class Endurance(cluster.Home):
    """One soak.

    :param leak: bytes that each iteration leaks; to see the soak fail
    """

    def __init__(self, duration_s: float, seed: int, leak: int = 0) -> None:
        self.sandbox = sandbox.Sandbox(options=OPTIONS)
        self.sandbox.plugin_paths.append(HERE / "plugins")
        self.port = self.sandbox.take_ports()
        self.duration_s = duration_s
        self.leak = leak
        late = [name for name in CHANGING if name not in FIRST]
        self.events = unrest.events(seed, CHANGING, late, duration_s)
        self.agents: dict[str, cluster.Agent] = {}
        self.keys: dict[str, pathlib.Path] = {}
        self.happened: collections.Counter[str] = collections.Counter()
        self.series: Series = collections.defaultdict(list)
        self._wait = threading.Event()

    # ---- agents

    def join(self, name: str) -> None:
        if name not in self.keys:
            self.keys[name] = self.authorize(name)
        self.agents[name] = self.start_agent(name, self.port, self.keys[name])

    def disturb(self, event: unrest.Event) -> None:
        """Let *event* happen."""
        agent = self.agents.get(event.agent)
        if agent is None or agent.process.is_over:
            self.happened["joined"] += 1
            self.join(event.agent)
        elif event.is_kill:
            self.happened["killed"] += 1
            agent.kill()
        else:
            self.happened["left"] += 1
            agent.process.signal(signal.SIGTERM)

    def join_all(self) -> None:
        """Whoever is away comes back, to deliver what it kept."""
        for name in CHANGING:
            agent = self.agents.get(name)
            if agent is None or agent.process.is_over:
                self.join(name)

    # ---- the run

    def run(self) -> list[str]:
        """Run it; what does not hold, as sentences."""
        for name in FIRST:
            self.join(name)
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": {
                        "Soak.visit": {"sleep": SLEEP_S, "leak": self.leak}
                    },
                    "runner": cluster.distributed(
                        {
                            "constant_for_duration": {
                                "duration": self.duration_s,
                                "concurrency": CONCURRENCY,
                            }
                        },
                        agents=len(FIRST), wait=JOIN_S, lease=2.0,
                        agent_timeout=5.0,
                        listen="tcp://127.0.0.1:%d" % self.port,
                    ),
                    "sla": {
                        "failure_rate": {"max": 50},
                        "max_seconds_per_iteration": 60,
                        "max_percentile_duration": {
                            "percentile": 99, "max": 30,
                        },
                    },
                }
            )
        )
        run.wait_for_log("the load starts on", JOIN_S)
        self._follow(run)
        run.finish(COLLECT_S)
        return [*self._leave(), *self._judge(run)]

    def _follow(self, run: cluster.Run) -> None:
        """Disturb and sample until the duration is over."""
        began = time.monotonic()
        waiting = collections.deque(self.events)
        is_last = False
        sampled = 0
        while (now := time.monotonic() - began) < self.duration_s:
            if run.process.is_over:
                raise AssertionError("it ended early:\n%s" % run.log)
            if waiting and waiting[0].at_s <= now:
                self.disturb(waiting.popleft())
            if not is_last and now > self.duration_s - unrest.LAST_S + 2:
                is_last = True
                self.join_all()
            if sampled * SAMPLE_S <= now:
                sampled = int(now / SAMPLE_S) + 1
                self.sample(run, now)
            due = [sampled * SAMPLE_S, self.duration_s]
            due += [waiting[0].at_s] if waiting else []
            self._wait.wait(max(0.0, min(due) + began - time.monotonic()))

    def sample(self, run: cluster.Run, now: float) -> None:
        """Note what all processes hold now."""
        roots: dict[int, t.Sequence[str]] = {
            agent.process.popen.pid: vitals.ROLES
            for agent in self.agents.values() if not agent.process.is_over
        }
        roots[run.process.popen.pid] = (CONTROLLER,)
        most: dict[tuple[str, str], float] = collections.defaultdict(float)
        for role, pid in vitals.trees(roots):
            held = vitals.vitals_of(pid)
            if held is None:
                continue
            for what, value in zip(table.HELD, held, strict=True):
                most[role, what] = max(most[role, what], value)
        for name, agent in self.agents.items():
            size = vitals.bytes_below(agent.spool)
            kind = "agent" if name in STAYING else "agent that changes"
            most[kind, table.SPOOL] = max(most[kind, table.SPOOL], size)
        # as many agents are there now as there are, which is no leak
        there = CHANNELS * (len(roots) - 1)
        most[CONTROLLER, table.DESCRIPTORS] -= there
        wal = self.sandbox.database.with_name("rally.sqlite-wal")
        most[CONTROLLER, table.WAL] = vitals.size_of(wal)
        for key, value in most.items():
            self.series[key].append((now, value))

    # ---- the end

    def _leave(self) -> list[str]:
        for agent in self.agents.values():
            if not agent.process.is_over:
                agent.process.signal(signal.SIGTERM)
        return self.sandbox.leftovers()

    def _judge(self, run: cluster.Run) -> list[str]:
        lines, problems = table.judged(self.series)
        print("\n".join(lines), flush=True)
        with contextlib.closing(
            sqlite3.connect(self.sandbox.database, timeout=30)
        ) as connection:
            account = books.of_task(connection, run.uuid)
        print(
            "%s; agents: %s; %s" % (
                ", ".join("%s %d" % item for item in self.happened.items()),
                len(self.agents), account,
            ),
            flush=True,
        )
        if run.process.popen.returncode:
            problems.append("the task failed: %s" % run.out[-2000:])
        return [*problems, *account.problems()]

    def close(self) -> None:
        self.sandbox.close()
