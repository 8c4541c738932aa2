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

"""Load processes and workers that die or misbehave, on two agents.

One task, one workload for each way, the same two agents for all: none of
them may end an agent, hang the run, or leave an iteration unexplained.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import typing as t

from tests.functional import cluster
from tests.functional.cluster import distributed

TIMES = 120
#: long for an iteration on a busy machine, short for one that hangs
TIMEOUT_S = 3
#: what an agent may need beyond what it needed before, whatever is printed
MORE_MEMORY_KB = 40_000
LOG_BYTES = 4_000_000

#: workload -> what its iterations do, and what is said of it
WORKER_DEATHS = {
    20: ("kill_worker", "was killed by SIGKILL"),
    50: ("segfault", "was killed by SIGSEGV"),
    80: ("exit_at_once", "ended with exit status 3"),
}
HANG = {20: ("hang", "was ended because it hung")}
LOAD_DEATH = "its load process was killed by SIGKILL"
LOAD_DEATHS: dict[str, dict[int, tuple[str, str]]] = {
    "daemon": {20: ("leave_daemon_and_kill_load_process", LOAD_DEATH)},
    "print": {20: ("print_much_and_kill_load_process", LOAD_DEATH)},
}
REFUSED = 60  # the iteration whose output is refused
FAILURES = {
    20: ("raise_exit", "SystemExit"),
    40: ("raise_interrupt", "KeyboardInterrupt"),
    REFUSED: ("put_out", "not JSON serializable"),
    80: ("block", "imeout"),
    100: ("exceed_memory", "MemoryError"),
}
HARMLESS = {
    20: ("fork", ""), 40: ("fork_and_raise", ""), 60: ("leave_daemon", ""),
}
WORKLOADS: dict[str, dict[int, tuple[str, str]]] = {
    "workers": WORKER_DEATHS, "hang": HANG, **LOAD_DEATHS,
    "failures": FAILURES, "harmless": HARMLESS, "nothing": {},
}


class LoadProcessTestCase(cluster.SharedTestCase):
    agents: t.ClassVar[list[cluster.Agent]]
    run_: t.ClassVar[cluster.Run]
    found: t.ClassVar[dict[str, cluster.Workload]]
    stopped: t.ClassVar[list[int]]
    memory_kb: t.ClassVar[list[tuple[int, int]]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        port = home.sandbox.take_ports()
        cls.agents = [home.start_agent("n%d" % i, port) for i in (1, 2)]
        for agent in cls.agents:
            agent.wait_until_dialing()
        before = [peak_kb(agent) for agent in cls.agents]
        cls.run_ = home.start_task(
            cluster.task_of(*cls.workloads(home, port))
        )
        cls.run_.finish(cluster.RUN_S)
        cls.memory_kb = list(zip(before, map(peak_kb, cls.agents)))
        cls.end_daemons(home)
        cls.stopped = [agent.stop().code for agent in cls.agents]
        cls.found = dict(zip(WORKLOADS, cls.run_.workloads))

    @classmethod
    def workloads(cls, home: t.Any, port: int) -> list[dict[str, t.Any]]:
        return [
            {
                "scenario": {"Deadly.act": {
                    "log": str(cls.log_of(home, name)),
                    "acts": {
                        str(number): way for number, (way, _) in acts.items()
                    },
                }},
                "runner": cls.runner(
                    {"times": TIMES, "concurrency": 4, "timeout": TIMEOUT_S},
                    port,
                ),
            }
            for name, acts in WORKLOADS.items()
        ]

    @staticmethod
    def runner(inner: dict[str, t.Any], port: int) -> dict[str, t.Any]:
        return distributed(
            {"constant": inner}, agents=2,
            listen="tcp://127.0.0.1:%d" % port,
        )

    @staticmethod
    def log_of(home: t.Any, way: str) -> pathlib.Path:
        return t.cast(pathlib.Path, home.sandbox.folder / ("log-%s" % way))

    @staticmethod
    def end_daemons(home: t.Any) -> None:
        """End what scenarios left behind, which is not Rally's business."""
        for pid, line in home.sandbox.processes().items():
            if "load_process.child" in line:
                with contextlib.suppress(ProcessLookupError):
                    if os.getsid(pid) == pid:
                        os.kill(pid, signal.SIGKILL)

    # ---- what must hold

    def check_accounting(self, name: str) -> None:
        """Every number once: stored, or lost with a name and a reason."""
        workload = self.found[name]
        stored, lost = list(map(number_of, workload.rows)), workload.lost
        self.assertEqual(
            list(range(1, TIMES + 1)), sorted(stored + lost), name
        )
        self.assertEqual(len(lost), workload.lost_count, name)
        for each in workload.load_info["lost"]:
            self.assertRegex(each["agent"], "^n[12]$")
        lines = self.log_of(self, name).read_text().splitlines()
        started = sorted(int(line.split()[0]) for line in lines)
        self.assertEqual(sorted(set(started)), started, "started twice")

    def check_deaths(self, name: str) -> None:
        """Each death cost its iteration, and is named everywhere."""
        self.check_accounting(name)
        workload = self.found[name]
        reasons = "; ".join(
            each["reason"] for each in workload.load_info["lost"]
        )
        for number, (_, reason) in WORKLOADS[name].items():
            self.assertIn(number, workload.lost, name)
            self.assertIn(reason, reasons, name)
            self.assertIn(reason, workload.problems, name)
            self.assertIn(reason, self.run_.log, name)

    def test_the_death_of_a_worker_is_counted_and_named(self):
        self.check_deaths("workers")
        counters = self.found["workers"].load_info["counters"]
        self.assertEqual(3, counters["replaced_workers"])

    def test_a_worker_that_hangs_in_c_is_ended_counted_and_named(self):
        self.check_deaths("hang")

    def test_the_death_of_a_load_process_is_counted_and_named(self):
        for name in LOAD_DEATHS:
            self.check_deaths(name)
            # the other agent went on alone; this one may have had its half
            # granted before it died
            self.assertGreaterEqual(
                len(self.found[name].rows), TIMES // 2, name
            )

    def test_what_can_be_a_failed_iteration_is_one(self):
        self.check_accounting("failures")
        workload = self.found["failures"]
        self.assertEqual([], workload.lost)
        rows = sorted(workload.rows, key=number_of)
        self.assertEqual(
            list(FAILURES), [number_of(row) for row in rows if row["error"]]
        )
        for number, (_, error) in FAILURES.items():
            row = rows[number - 1]
            self.assertIn(error, " ".join(row["error"]))
            self.assertLess(row["duration"], 10)

    def test_what_harms_nobody_fails_nothing(self):
        for name in ("harmless", "nothing"):
            self.check_accounting(name)
            self.assertEqual([], self.found[name].lost)
            for row in self.found[name].rows:
                self.assertEqual([], row["error"], name)

    def test_a_copy_that_came_back_is_ended_counted_and_named(self):
        workload = self.found["harmless"]
        self.assertEqual(2, workload.load_info["counters"]["forked_copies"])
        self.assertIn("the scenario forked", workload.problems)
        counters = self.found["nothing"].load_info["counters"]
        self.assertEqual(0, counters["forked_copies"])

    def test_what_is_printed_costs_neither_memory_nor_disk(self):
        for before, after in self.memory_kb:
            self.assertLess(after, before + MORE_MEMORY_KB)
        for agent in self.agents:
            self.assertLess(len(agent.log), LOG_BYTES)
        said = "".join(agent.log for agent in self.agents)
        self.assertIn("what follows is not passed on", said)
        self.assertRegex(said, r"\d{8} bytes of the load process")

    def test_the_report_of_a_death_has_the_end_of_the_output(self):
        workload = self.found["print"]
        self.assertIn("this was the last line", workload.problems)

    def test_a_person_reads_of_it(self):
        shown = self.must("task", "detailed", self.run_.uuid).out
        for _, reason in WORKER_DEATHS.values():
            self.assertRegex(shown, r"lost by agent n[12].*%s" % reason)
        self.assertRegex(shown, "Problem: .*its load process was killed")
        self.assertRegex(shown, "forked copies 0")

    def test_no_agent_ended(self):
        self.assertEqual([0, 0], self.stopped)
        for agent in self.agents:
            self.assertIsNone(re.search("Traceback", agent.log), agent.log)


def number_of(row: dict[str, t.Any]) -> int:
    """Number of the iteration of a row."""
    if not row["output"]["additive"]:
        return REFUSED
    return int(row["output"]["additive"][0]["data"][0][1])


def peak_kb(agent: cluster.Agent) -> int:
    """The most memory that the agent's own process ever had."""
    status = pathlib.Path("/proc/%d/status" % agent.process.popen.pid)
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
    return int(found[1]) if found else 0
