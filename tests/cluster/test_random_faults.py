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
schedule again. ``CLUSTER_SEEDS=17,4711`` names seeds, ``CLUSTER_SEEDS=x30``
means thirty of them, from 1 on.
"""

from __future__ import annotations

import os
import random
import time
import typing as t

import ddt

from tests.cluster import cluster
from tests.functional.cluster import Run

TIMES = 900
AT_ONCE = 6
#: faults begin within so many seconds after the load
WINDOW_S = 9.0
DEFAULT_SEEDS = "x2"


def seeds() -> list[int]:
    """Those asked for by ``CLUSTER_SEEDS``."""
    wanted = os.environ.get("CLUSTER_SEEDS") or DEFAULT_SEEDS
    if wanted.startswith("x"):
        return list(range(1, int(wanted[1:]) + 1))
    return [int(seed) for seed in wanted.split(",")]


class Step(t.NamedTuple):
    """Something that happens to an agent."""

    at_s: float  # after the load has begun
    agent: str
    what: str

    def __str__(self) -> str:
        return "%.1f s: %s %s" % (self.at_s, self.what, self.agent)


#: a fault and what ends it
FAULTS = {
    "kill": "restart",
    "freeze": "thaw",
    "cut from": "heal from",
    "cut to": "heal to",
    "unplug": "plug in",
}


def schedule_of(seed: int, agents: t.Sequence[str]) -> list[Step]:
    """Faults for all agents but one; each ends before the next begins."""
    chance = random.Random(seed)
    steps = []
    for agent in chance.sample(agents, len(agents) - 1):
        at_s = chance.uniform(0.5, 4)
        while at_s < WINDOW_S:
            fault = chance.choice(list(FAULTS))
            steps.append(Step(at_s, agent, fault))
            if fault == "kill" and chance.random() < 0.3:
                break  # for ever
            at_s += chance.uniform(0.3, 2 * cluster.TIMEOUT_S)
            steps.append(Step(at_s, agent, FAULTS[fault]))
            at_s += chance.uniform(0.3, 3)
    return sorted(steps)


@ddt.ddt
class RandomFaultsTestCase(cluster.TestCase):
    @ddt.idata(seeds())
    def test_every_number_ends_exactly_once(self, seed):
        steps = schedule_of(seed, self.AGENTS)
        self.figure("seed %d" % seed, "; ".join(map(str, steps)))
        run = self.start_load(
            {"constant": {"times": TIMES, "concurrency": AT_ONCE}},
            sleep=0.08,
        )
        self.wait_for_visits(run, 30)

        self.play(steps, run)

        done = run.finish()
        self.assertEqual(0, done.code, done.out + run.log)
        victims = {step.agent for step in steps}
        self.figure(
            "seed %d" % seed, "%d stored, %d lost"
            % (len(run.workload.numbers), run.workload.lost_count),
        )
        self.check_accounting(run.workload, TIMES, AT_ONCE, victims)
        self.check_order(run.workload)
        for agent in run.workload["load_info"]["agents"]:
            if agent["state"] == "done":
                self.assertEqual([], self.agents[agent["name"]].spooled())
        self.discard_spool(*victims)

    def play(self, steps: list[Step], run: Run) -> None:
        """Let the faults happen while the task runs."""
        began = cluster.now()
        for step in steps:
            time.sleep(max(0.0, began + step.at_s - cluster.now()))
            if not run.process.is_over:
                self.happen(step)

    def happen(self, step: Step) -> None:
        name, controller = step.agent, cluster.CONTROLLER
        match step.what:
            case "kill":
                self.agents[name].kill()
            case "restart":
                self.start_host(name)
            case "freeze":
                self.agents[name].freeze()
            case "thaw":
                self.agents[name].thaw()
            case "cut from":
                self.hosts.cut(name, controller)
            case "heal from":
                self.hosts.heal(name, controller)
            case "cut to":
                self.hosts.cut(controller, name)
            case "heal to":
                self.hosts.heal(controller, name)
            case "unplug":
                self.hosts.unplug(name)
            case "plug in":
                self.hosts.plug_in(name)
