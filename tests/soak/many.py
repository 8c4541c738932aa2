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

"""200 simulated agents against a real controller: what it costs.

The agents run in this process, bound to one CPU; the controller is a real
``rally task start``, bound to another one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import re
import signal
import sqlite3
import typing as t

from rally.common import clock
from rally.task.distributed import controller_ports
from rally.task.distributed.security import keys
from tests.benchmarks import family, pauses, witness
from tests.functional import cluster, sandbox
from tests.soak import fleet as fleet_module
from tests.soak import simulated

NS, MS = simulated.NS, simulated.MS
AGENTS = 200
PER_SECOND = 5000
#: iterations that run at the same time, per iteration in a second
IN_FLIGHT = 0.5
#: the controller's cost of a chunk hardly depends on its size
OPTIONS = "raw_result_chunk_size = %d"
SIZE = simulated.ROWS
JOIN_S = 120.0
COLLECT_S = 120.0
#: until leases have grown to what the rate needs
WARM_S = 5.0
#: how long the load is measured if nothing else is said
STEADY_S = 10.0
#: a worker may hold a row so long before it goes out
FLUSH_S = 0.1
SLA: t.Mapping[str, t.Any] = {
    "failure_rate": {"max": 0},
    "max_seconds_per_iteration": 20.0,
    "max_avg_duration": 5.0,
    "max_percentile_duration": {"percentile": 99, "max": 5.0},
    "max_avg_duration_per_atomic": {
        "nova.boot_server": 5.0, "nova.delete_server": 5.0,
    },
}
#: promised time from a violation to the last stop, seconds
LIMITS: t.Mapping[str, float] = {
    "failure_rate": 1.0, "max_seconds_per_iteration": 0.5,
}
MOST_CORES = 1.0
MOST_HOLD_MS = 50.0
LEAST_SHARE = 0.95
#: milliseconds of CPU each second
MOST_MS_PER_AGENT = 0.3


@dataclasses.dataclass
class Figures:
    """What one run showed."""

    agents: int
    asked_per_second: int
    criterion: str
    cores: float = 0.0
    per_second: float = 0.0
    stored_per_second: float = 0.0
    rss_mib: float = 0.0
    growth_mib: float = 0.0  # while the load was steady
    hold_ms: float = 0.0  # of the thread that renews leases
    paused_ms: float = 0.0  # part of that in which the CPU was not there
    #: the longest of those without such time that are too long with it
    net_hold_ms: float = 0.0
    stop_s: float = 0.0
    waiting_chunks: int = 0
    drawn: int = 0
    stored: int = 0
    collect_s: float = 0.0

    def note_holds(self, log: str, seen: pauses.Pauses | None) -> None:
        """How long the thread that renews leases was held up.

        :param log: of a controller, which tells when that took 50 ms or
            longer
        :param seen: pauses of its CPU; None if nobody could look
        """
        [longest] = re.findall(r"held up for at most (\d+) ms", log)
        self.hold_ms = self.net_hold_ms = float(longest)
        told = re.findall(r"(\d+) ms until ([\d.T:+-]+)", log)
        if not told or seen is None:
            return
        net = []
        for ms, moment in told:
            until_ns = _ns_of(moment)
            paused_ns = seen.within(until_ns - int(ms) * MS, until_ns)
            net.append(int(ms) - paused_ns / MS)
        self.paused_ms = self.hold_ms - net[0]
        if len(told) == controller_ports.MOST_HOLDS:  # perhaps not all
            net.append(float(told[-1][0]))
        self.net_hold_ms = max(net)

    def problems(self) -> list[str]:
        """What does not hold, as sentences."""
        limit = LIMITS[self.criterion]
        found = {
            "the controller used %.2f cores" % self.cores:
                self.cores >= MOST_CORES,
            "the thread of the leases was held up for %.0f ms"
            % self.net_hold_ms: self.net_hold_ms >= MOST_HOLD_MS,
            "the last stop came after %.2f s" % self.stop_s:
                self.stop_s > limit,
            "the agents made %.0f iterations/s only" % self.per_second:
                self.per_second < LEAST_SHARE * self.asked_per_second,
            "%d iterations were made, %d are stored"
            % (self.drawn, self.stored): self.drawn != self.stored,
        }
        return [text for text, holds in found.items() if holds]

    def __str__(self) -> str:
        return (
            "%d agents, %s iterations/s, %s stored/s: controller %.2f cores, "
            "leases held up for %.0f ms at most (%.0f without a CPU), "
            "%.0f MiB (%+.1f); %s: last stop after %.2f s; "
            "%d chunks waited, collected in %.1f s; %s made, %s stored"
            % (
                self.agents, format(round(self.per_second), ","),
                format(round(self.stored_per_second), ","), self.cores,
                self.hold_ms, self.paused_ms, self.rss_mib,
                self.growth_mib, self.criterion, self.stop_s,
                self.waiting_chunks, self.collect_s, format(self.drawn, ","),
                format(self.stored, ","),
            )
        )


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of all that descend from it."""
    tree = family.depths(family.parents(family.pids()), {pid: 0})
    ticks = 0
    for each in tree:
        with contextlib.suppress(OSError):
            stat = (family.PROC / str(each) / "stat").read_text()
            fields = stat.rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    status = (family.PROC / str(pid) / "status").read_text()
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Site(cluster.Home):
    """A controller's host, and a fleet that dials it."""

    def __init__(self, agents: int, per_second: int) -> None:
        """:param per_second: iterations of each agent; 0: it has no results,
            and says so once a second
        """
        # a snapshot and a chunk of each agent in a second
        self.stock = simulated.Stock(SLA, size=min(per_second or 1, SIZE))
        self.sandbox = sandbox.Sandbox(
            options=OPTIONS % self.stock.size
        )
        self.port = self.sandbox.take_ports()
        self.per_second = per_second
        folder = self.sandbox.home / ".rally" / "keys"
        made = [self._key(i, folder) for i in range(agents)]
        self.fleet = fleet_module.Fleet(
            made, "tcp://127.0.0.1:%d" % self.port, self.stock, per_second
        )
        self.cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {self.cpus[-1]})

    def _key(self, i: int, folder: pathlib.Path) -> keys.AgentKey:
        path = self.sandbox.folder / "agent.key"
        path.touch(mode=0o600)
        path.write_text(keys.authorize("agent-%03d" % i, folder))
        return keys.load_agent_key(path)

    def start(self, duration_s: float) -> cluster.Run:
        """Start a task on another CPU than this process."""
        count = len(self.fleet.agents)
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": {"Dummy.dummy": {}},
                    "runner": cluster.distributed(
                        {
                            "constant_for_duration": {
                                "duration": duration_s,
                                "concurrency": int(
                                    IN_FLIGHT * (self.per_second or 2) * count
                                ),
                            }
                        },
                        agents=count, wait=JOIN_S,
                        listen="tcp://127.0.0.1:%d" % self.port,
                    ),
                    "sla": dict(SLA),
                }
            ),
            "--abort-on-sla-failure",
        )
        os.sched_setaffinity(run.process.popen.pid, {self.cpus[0]})
        return run

    def stored(self, uuid: str) -> tuple[int, int]:
        """Rows in the chunks, and as the workload counts them."""
        with contextlib.closing(
            sqlite3.connect(self.sandbox.database, timeout=30)
        ) as connection:
            [[rows]] = connection.execute(
                "SELECT COALESCE(SUM(iteration_count), 0) FROM workloaddata "
                "WHERE task_uuid = ?", (uuid,)
            )
            [[info]] = connection.execute(
                "SELECT load_info FROM workloads WHERE task_uuid = ?",
                (uuid,),
            )
        counted = json.loads(info or "{}").get("stored", 0)
        return int(rows), int(counted)

    def close(self) -> None:
        self.fleet.close()
        os.sched_setaffinity(0, self.cpus)
        for pid in self.sandbox.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self.sandbox.close()


def begin(site: Site, steady_s: float) -> cluster.Run:
    """Start a task; returns once all agents of it make load."""
    fleet, run = site.fleet, site.start(WARM_S + steady_s + 600)

    def all_run() -> bool:
        if run.process.is_over:
            raise AssertionError("%s\n%s" % (run.out, run.log))
        return all(each.is_running for each in fleet.agents)

    fleet.run_until(all_run, JOIN_S, "all agents run")
    fleet.run_for(WARM_S)
    return run


def ms_per_agent(site: Site, steady_s: float) -> float:
    """CPU of the controller for an agent without results, each second."""
    pid = begin(site, steady_s).process.popen.pid
    before, cpu = clock.now_ns(), cpu_s(pid)
    site.fleet.run_for(steady_s)
    seconds = (clock.now_ns() - before) / NS
    return (cpu_s(pid) - cpu) / seconds / len(site.fleet.agents) * 1e3


def measure(
    site: Site, criterion: str, steady_s: float,
    watch: t.Callable[[int], None] | None = None,
) -> Figures:
    """Run a task until *criterion* fails.

    :param watch: is told the controller's process once the load is steady
    """
    figures = Figures(
        len(site.fleet.agents), len(site.fleet.agents) * site.per_second,
        criterion,
    )
    with witness.WitnessProcess(site.cpus[0]) as watched:
        log = _measured(site, figures, steady_s, watch)
    figures.note_holds(log, watched.seen)
    return figures


def _measured(
    site: Site, figures: Figures, steady_s: float,
    watch: t.Callable[[int], None] | None,
) -> str:
    """Fill *figures* of one run; the log of its controller."""
    fleet = site.fleet
    run = begin(site, steady_s)
    pid = run.process.popen.pid
    if watch is not None:
        watch(pid)
    before, drawn, cpu = clock.now_ns(), fleet.drawn, cpu_s(pid)
    rows, _ = site.stored(run.uuid)
    rss = rss_mib(pid)
    fleet.run_for(steady_s)
    seconds = (clock.now_ns() - before) / NS
    figures.cores = (cpu_s(pid) - cpu) / seconds
    figures.per_second = (fleet.drawn - drawn) / seconds
    figures.stored_per_second = (site.stored(run.uuid)[0] - rows) / seconds
    figures.rss_mib = rss_mib(pid)
    figures.growth_mib = figures.rss_mib - rss
    figures.stop_s = _violate(site, figures.criterion)
    _collect(site, run, figures)
    return run.log


def _ns_of(moment: str) -> int:
    at = datetime.datetime.fromisoformat(moment)
    return round(at.timestamp() * 1e3) * MS


def _violate(site: Site, criterion: str) -> float:
    """Let one agent violate; seconds until the last one is told to stop."""
    fleet = site.fleet
    culprit = fleet.agents[len(fleet.agents) // 2].load
    assert culprit is not None
    stock = site.stock
    culprit.violate(
        stock.failed if criterion == "failure_rate" else stock.slow
    )
    fleet.run_until(lambda: culprit.told_ns, 5, "the violation is told")
    fleet.run_until(
        lambda: all(each.stopped_ns for each in fleet.agents), 30,
        "all agents were told to stop",
    )
    last = max(each.stopped_ns for each in fleet.agents)
    return (last - culprit.told_ns) / NS + FLUSH_S


def _collect(site: Site, run: cluster.Run, figures: Figures) -> None:
    fleet, before = site.fleet, clock.now_ns()
    figures.waiting_chunks = fleet.spooled
    figures.drawn = fleet.drawn
    fleet.run_until(
        lambda: run.process.is_over, COLLECT_S,
        "the task is over (%s)" % figures,
    )
    figures.collect_s = (clock.now_ns() - before) / NS
    rows, counted = site.stored(run.uuid)
    figures.stored = counted
    if rows != counted:
        raise AssertionError(
            "%d rows are stored, %d are counted" % (rows, counted)
        )
