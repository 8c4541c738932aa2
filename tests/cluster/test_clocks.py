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

"""Clocks that are wrong, and that are set in mid-run; a lopsided path.

The truth is known: each process is told its wall base, and the monotonic
clock beneath is the same for all hosts of this machine, the referee's too.
"""

from __future__ import annotations

import contextlib
import glob
import pathlib
import signal
import sqlite3
import time
import typing as t

from tests.cluster import cluster, referee
from tests.functional import cluster as functional
from tests.functional.sandbox import Process, wait_until

BASE = "RALLY_WALL_BASE_NS"
AT_ONCE = 6
#: in which an agent is back whose process was killed
RESTART_S = 30.0
#: the path of n3 to the controller and back, seconds
THERE_S, BACK_S = 0.002, 0.040
#: a float of present-day seconds is off by so much
ROUNDING_S = 1e-6


def libfaketime() -> str:
    """The library that lies about the time; empty if it is not here."""
    found = [
        *glob.glob("/usr/lib/*/faketime/libfaketime.so.1"),
        *glob.glob("/usr/lib*/faketime/libfaketime.so.1"),
    ]
    return found[0] if found else ""


class Seen(t.NamedTuple):
    """One iteration: as it is stored, and as the referee saw it."""

    number: int
    agent: str
    timestamp: float  # start, controller's time as stored
    duration: float
    arrived: float  # controller's time, exact
    ended: float

    @property
    def held(self) -> float:
        """How long the referee saw it run."""
        return self.ended - self.arrived


class ClocksTestCase(cluster.TestCase):
    OPTIONS = "raw_result_chunk_size = 25"
    TIMES = 600

    def setUp(self) -> None:
        if not libfaketime():
            self.skipTest("the clock tests need the package faketime")
        self.offset_file: pathlib.Path | None = None
        self.proxies: list[Process] = []
        self.bases: dict[str, set[int]] = {}
        super().setUp()

    def start_host(self, name: str) -> cluster.Host:
        """n1 is 30 s behind, n2 can be set, n3 has a lopsided path."""
        if self.offset_file is None:
            self.offset_file = self.sandbox.write("offset", "+5.0")
        controller = self.hosts.address(cluster.CONTROLLER)
        env = {}
        if name != "n3":
            env = {
                "LD_PRELOAD": libfaketime(), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DISABLE_SHM": "1",
            }
        if name == "n1":
            env["FAKETIME"] = "-30.0"
        elif name == "n2":
            env["FAKETIME_TIMESTAMP_FILE"] = str(self.offset_file)
        else:
            self.proxies.append(self.sandbox.start_python(
                name, "tests.cluster.proxy", controller, "9790-9792",
                THERE_S, BACK_S,
            ))
            controller = "127.0.0.1"
        return self.start_agent_on(name, controller, env)

    def set_clock(self, offset_s: float) -> None:
        """Set the clock of n2, at once."""
        assert self.offset_file is not None
        new = self.offset_file.with_suffix(".new")
        new.write_text("%+.1f" % offset_s)
        new.rename(self.offset_file)

    # ---- the runs

    def begin(self, base_ns: int) -> functional.Run:
        load = {
            "scenario": self.visit(0.02),
            "runner": functional.distributed(
                {"constant": {"times": self.TIMES, "concurrency": AT_ONCE}},
                agents=3, lease=cluster.LEASE_S,
                agent_timeout=RESTART_S,
            ),
        }
        return self.start_task(
            functional.task_of(load, load), env={BASE: str(base_ns)}
        )

    def note_bases(self, *names: str) -> None:
        """Remember what these agents told their load processes."""
        for name in names:
            for pid, line in self.agents[name].processes().items():
                if "load_process.child" not in line:
                    continue
                with contextlib.suppress(OSError):
                    environ = pathlib.Path("/proc/%d/environ" % pid)
                    found = [
                        each for each in environ.read_bytes().split(b"\0")
                        if each.startswith(BASE.encode() + b"=")
                    ]
                    self.bases.setdefault(name, set()).add(
                        int(found[0].partition(b"=")[2])
                    )

    def test_times_and_order_are_right_whatever_the_clocks_say(self):
        base_ns = time.time_ns() - time.monotonic_ns()
        run = self.begin(base_ns)
        self.wait_for_visits(run, 200)
        self.note_bases(*self.AGENTS)

        self.set_clock(65)  # a minute ahead, in the middle of the run

        self.wait_for_visits(run, self.TIMES + 200)
        self.note_bases(*self.AGENTS)
        run.signal(signal.SIGSTOP)
        wait_until(
            self.agents["n2"].spooled, cluster.SOON_S,
            "chunks wait in the spool of n2 ...",
        )
        self.agents["n2"].kill()
        self.set_clock(-20)
        self.start_host("n2")  # ... which reads another clock now
        run.signal(signal.SIGCONT)

        done = run.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        first, second = run.workloads
        self.assertEqual([], first.lost)
        self.check_bases(base_ns)
        self.assertEqual(
            list(range(1, self.TIMES + 1)),
            sorted(second.numbers + second.lost),
        )
        events = sorted(self.referee.events(), key=lambda event: event.at)
        border = 2 * self.TIMES  # nothing is lost in the first workload
        for workload, part in (
            (first, events[:border]), (second, events[border:])
        ):
            seen = self.seen(workload, part, base_ns / 1e9)
            self.check_bounds(workload, base_ns)
            self.check_times(errors_of(workload), seen)
            self.check_order_of(errors_of(workload), seen)
        self.assertGreater(len([x for x in seen if x.agent == "n2"]), 10)
        for proxy in self.proxies:
            proxy.signal(signal.SIGTERM)

    # ---- what must hold

    def check_bases(self, base_ns: int) -> None:
        """The clocks were wrong, and no process of an agent disagreed."""
        for name, ahead_s in (("n1", -30), ("n2", 5), ("n3", 0)):
            [base] = self.bases[name]
            self.assertLess(abs((base - base_ns) / 1e9 - ahead_s), 1.0, name)

    def seen(
        self, workload: functional.Workload, events: list[referee.Event],
        base_s: float,
    ) -> list[Seen]:
        """Iterations of a workload, as stored and as seen."""
        names = {self.hosts.address(name): name for name in self.AGENTS}
        starts = {e.number: e for e in events if e.kind == "start"}
        ends = {e.number: e for e in events if e.kind == "end"}
        return [
            Seen(
                number, names[starts[number].host], row["timestamp"],
                row["duration"], starts[number].at + base_s,
                ends[number].at + base_s,
            )
            for number, row in zip(workload.numbers, workload.rows)
        ]

    def check_bounds(
        self, workload: functional.Workload, base_ns: int
    ) -> None:
        """The true offset is within the bound: as stated, and as used."""
        used = self.offsets_used(workload.load_info["run"])
        for agent in workload.load_info["agents"]:
            name, error_s = agent["name"], agent["clock_error_s"]
            [base] = self.bases[name]
            for offset_ns in (
                round(agent["clock_offset_s"] * 1e9), *used[name]
            ):
                off_s = abs(offset_ns - (base - base_ns)) / 1e9
                self.assertLessEqual(off_s, error_s, name)
            self.figure(
                "clock of %s" % name, "%+.6f s +- %.3f ms, truly off by "
                "%.3f ms" % (agent["clock_offset_s"], error_s * 1e3,
                             off_s * 1e3),
            )
            self.assertLess(error_s, 0.5, name)

    def offsets_used(self, run: str) -> dict[str, set[int]]:
        """What was taken off the times of the chunks of each agent."""
        used: dict[str, set[int]] = {}
        with contextlib.closing(
            sqlite3.connect(self.sandbox.database, timeout=30)
        ) as connection:
            for name, offset_ns in connection.execute(
                "SELECT agent, clock_offset_ns FROM workloaddata AS data "
                "JOIN workloads ON data.workload_uuid = workloads.uuid "
                "WHERE workloads.load_info LIKE ?", ("%%%s%%" % run,)
            ):
                used.setdefault(name, set()).add(offset_ns)
        return used

    def check_times(
        self, errors: dict[str, float], seen: list[Seen]
    ) -> None:
        """Each iteration was where it is stored, for as long as that."""
        for each in seen:
            error_s = errors[each.agent] + ROUNDING_S
            self.assertLessEqual(
                each.timestamp - error_s, each.arrived, each
            )
            self.assertLessEqual(
                each.ended, each.timestamp + each.duration + error_s, each
            )
            self.assertLessEqual(each.held, each.duration + ROUNDING_S, each)
        extra = sorted(each.duration - each.held for each in seen)
        self.figure(
            "duration beyond what the referee saw", "median %.1f ms, at most "
            "%.1f ms" % (extra[len(extra) // 2] * 1e3, extra[-1] * 1e3),
        )
        self.assertLess(extra[-1], 4.0)  # the smallest step is 5 s

    def check_order_of(
        self, errors: dict[str, float], seen: list[Seen]
    ) -> None:
        """Where bounds do not overlap, the referee saw the same order.

        A start is where it is stored, within the bound; its arrival follows
        within what the duration exceeds the time that the referee saw.
        """
        stamps = [each.timestamp for each in seen]
        self.assertEqual(sorted(stamps), stamps)

        def latest(each: Seen) -> float:
            return (
                each.timestamp + errors[each.agent] + each.duration
                - each.held + ROUNDING_S
            )

        def earliest(each: Seen) -> float:
            return each.timestamp - errors[each.agent] - ROUNDING_S

        before = sorted(seen, key=latest)
        arrived, at, compared = 0.0, 0, 0
        for each in sorted(seen, key=earliest):
            while at < len(before) and latest(before[at]) < earliest(each):
                arrived = max(arrived, before[at].arrived)
                at += 1
            compared += at
            self.assertLess(arrived, each.arrived, each)
        pairs = len(seen) * (len(seen) - 1) // 2
        self.figure(
            "pairs whose bounds do not overlap", "%d of %d"
            % (compared, pairs),
        )
        self.assertGreater(compared, pairs // 2)


def errors_of(workload: functional.Workload) -> dict[str, float]:
    """Bound of the clock error of each agent, seconds."""
    return {
        agent["name"]: agent["clock_error_s"]
        for agent in workload.load_info["agents"]
    }
