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

"""Faults at random: kill, freeze, cut and restart agents.

A schedule is made from a seed alone, so a seed that failed makes the same
schedule again: ``CLUSTER_SEEDS=17,4711``. ``CLUSTER_SEEDS=0-199`` and
``CLUSTER_SEEDS=x30`` (the first thirty) name more of them. Seeds share hosts
in small groups, which saves the time to set them up.

The oracle asks the referee, the spools and the database, and nothing of what
the controller believes:

* every number is stored once, or lost once with an agent and a reason;
* the referee saw none twice, and never more at a time than asked for;
* only agents to which something was done lost anything, and only numbers
  that came from them or from nobody;
* once all is mended, what an agent kept reaches the database: no chunk is
  only in a spool, and an agent that was never killed lost no iteration that
  the referee saw end.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
import typing as t

import ddt
import psutil

from rally.task.results import chunk as chunk_module
from tests.cluster import cluster
from tests.functional.cluster import Run, Workload

TIMES = 450
AT_ONCE = 6
SLEEP_S = 0.05
#: shorter than usual, so that a seed takes less time
LEASE_S, TIMEOUT_S = 1.0, 2.5
#: faults begin within so many seconds after the load
WINDOW_S = 4.0
DEFAULT_SEEDS = "x30"
#: seeds that share hosts
GROUP = 5


def seeds() -> list[int]:
    """Those asked for by ``CLUSTER_SEEDS``."""
    wanted = os.environ.get("CLUSTER_SEEDS") or DEFAULT_SEEDS
    if wanted.startswith("x"):
        return list(range(1, int(wanted[1:]) + 1))
    found: list[int] = []
    for part in wanted.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def groups(numbers: list[int]) -> list[list[int]]:
    return [
        numbers[i:i + GROUP] for i in range(0, len(numbers), GROUP)
    ]


class Step(t.NamedTuple):
    """Something that happens to an agent."""

    at_s: float  # after the load has begun
    agent: str
    what: str

    def __str__(self) -> str:
        return "%.1f s: %s %s" % (self.at_s, self.what, self.agent)


#: a fault and what ends it; nothing ends the death of a load process
FAULTS = {
    "kill": "restart",
    "kill load": "",
    "kill worker": "",
    "freeze": "thaw",
    "cut from": "heal from",
    "cut to": "heal to",
    "block from": "unblock from",
    "block to": "unblock to",
    "unplug": "plug in",
}
KILLS = ("kill", "kill load", "kill worker")


def schedule_of(seed: int, agents: t.Sequence[str]) -> list[Step]:
    """Faults for one or two agents; each ends before the next begins.

    Half of them outlast the timeout. Every third schedule strikes both
    agents at the same moment at first.
    """
    chance = random.Random(seed)
    first_s = chance.uniform(0.2, 2)
    steps = []
    for agent in chance.sample(agents, chance.choice((1, 2, 2))):
        at_s = first_s if seed % 3 == 0 else chance.uniform(0.2, 3)
        while at_s < WINDOW_S:
            fault = chance.choice(list(FAULTS))
            steps.append(Step(at_s, agent, fault))
            is_long = chance.random() < 0.5
            at_s += (
                TIMEOUT_S + chance.uniform(0.5, 2) if is_long
                else chance.uniform(0.2, 0.6 * TIMEOUT_S)
            )
            if FAULTS[fault]:
                steps.append(Step(at_s, agent, FAULTS[fault]))
            at_s += chance.uniform(0.3, 2)
    return sorted(steps)


@ddt.ddt
class RandomFaultsTestCase(cluster.TestCase):
    @ddt.idata(groups(seeds()))
    def test_every_number_ends_exactly_once(self, group):
        played = []
        for seed in group:
            steps = schedule_of(seed, self.AGENTS)
            try:
                played.append(self.play_seed(seed, steps))
            except Exception:
                self.figure(
                    "FAILED with CLUSTER_SEEDS=%d" % seed,
                    "; ".join(map(str, steps)),
                )
                raise
            self.referee.forget()
        for run, stored in zip(played, self.reports(played)):
            self.check_order(stored)
            self.assertEqual(
                sorted(stored.numbers),
                sorted(self.stored(run.uuid).numbers),
            )
        self.discard_spool(*self.AGENTS)

    def play_seed(self, seed: int, steps: list[Step]) -> Run:
        """One run with its faults, and all that must hold then."""
        began = cluster.now()
        run = self.start_load(
            {"constant": {"times": TIMES, "concurrency": AT_ONCE}},
            sleep=SLEEP_S, lease=LEASE_S, agent_timeout=TIMEOUT_S,
        )
        self.wait_for_visits(run, 30)
        victims = self.play(steps, run)
        done = run.finish()
        over = cluster.now()
        self.assertEqual(0, done.code, done.out + run.log)
        before = self.stored(run.uuid)
        self.check_accounting(before, TIMES, AT_ONCE, victims)
        if before.lost:
            self.must("task", "recover", run.uuid)
        after = self.stored(run.uuid)
        self.check_accounting(after, TIMES, AT_ONCE, victims)
        self.check_delivered(run.uuid, after, steps)
        self.figure(
            "seed %d" % seed, "%d lost, %d once all was mended; %.0f + %.0f s"
            % (before.lost_count, after.lost_count, over - began,
               cluster.now() - over),
        )
        return run

    def play(self, steps: list[Step], run: Run) -> set[str]:
        """Let it all happen; faults only while the task runs.

        :returns: the agents that had any
        """
        began = cluster.now()
        last: dict[str, str] = {}
        for step in steps:
            is_fault = step.what in FAULTS
            if not run.process.is_over:
                time.sleep(max(0.0, began + step.at_s - cluster.now()))
            elif is_fault:
                continue
            if is_fault or FAULTS.get(last.get(step.agent, "")) == step.what:
                last[step.agent] = step.what
                self.happen(step)
        return set(last)

    def happen(self, step: Step) -> None:
        name, controller = step.agent, cluster.CONTROLLER
        agent = self.agents[name]
        match step.what.split():
            case ["kill"]:
                agent.kill()
            case ["kill", which]:
                self.kill_part(agent, which)
            case ["restart"]:
                self.start_host(name)
            case ["freeze"]:
                agent.freeze()
            case ["thaw"]:
                agent.thaw()
            case ["unplug"]:
                self.hosts.unplug(name)
            case ["plug", "in"]:
                self.hosts.plug_in(name)
            case [verb, direction]:
                ends = [name, controller]
                source, target = ends if direction == "from" else ends[::-1]
                change = (
                    self.hosts.cut if verb in ("cut", "block")
                    else self.hosts.heal
                )
                change(
                    source, target,
                    "blackhole" if "block" in verb else "silent",
                )

    def kill_part(self, agent: cluster.Host, which: str) -> None:
        """Kill the load process of *agent*, or one of its workers.

        At the end of a run they may end by themselves meanwhile.
        """
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(agent.process.popen.pid).children()
            if which == "worker":
                found = [each for load in found for each in load.children()]
            for process in found[:1]:
                process.send_signal(signal.SIGKILL)

    # ---- the oracle

    def stored(self, uuid: str) -> Workload:
        """What the database has of the only workload of a task."""
        rows = [
            row
            for (payload,) in self.select(
                "payload FROM workloaddata WHERE task_uuid = ?", uuid
            )
            for row in chunk_module.Chunk.from_bytes(payload)
        ]
        return Workload({"data": rows, "load_info": self.load_info(uuid)})

    def reports(self, played: list[Run]) -> list[Workload]:
        """What reports show of these runs."""
        paths = [self.sandbox.folder / ("%s.json" % run.uuid)
                 for run in played]
        done = self.sandbox.rally_many(
            ["task", "report", run.uuid, "--json", "--out", path]
            for run, path in zip(played, paths)
        )
        self.assertEqual([0] * len(played), [each.code for each in done])
        reports = [json.loads(path.read_text()) for path in paths]
        return [
            Workload(report["tasks"][0]["subtasks"][0]["workloads"][0])
            for report in reports
        ]

    def check_delivered(
        self, uuid: str, workload: Workload, steps: list[Step]
    ) -> None:
        """What agents kept has arrived."""
        kept = {
            (name, int(path.stem))
            for name, agent in self.agents.items()
            for path in agent.spooled()
            if path.parent.name == self.load_info(uuid)["run"]
        }
        arrived = self.select(
            "agent, chunk_order FROM workloaddata WHERE task_uuid = ?", uuid
        )
        self.assertEqual(set(), kept - set(arrived), "only in a spool")
        killed = {step.agent for step in steps if step.what in KILLS}
        lost = set(workload.lost)
        for name in set(self.AGENTS) - killed:
            address = self.agents[name].address
            ended = {
                event.number for event in self.referee.events()
                if event.kind == "end" and event.host == address
            }
            self.assertEqual(set(), ended & lost, "%s lost them" % name)
