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

"""A week of a cluster: seven days, each with its pauses and its restart.

What became of each number is one byte, so hundreds of millions of them can
be accounted for; in a short form a day lasts a few minutes.
"""

from __future__ import annotations

import gc
import sys
import types

import numpy as np

from rally.task.results import progressions
from tests.simulation.cluster import NS, Cluster

DAYS = 7
PAUSE_S = 6
#: a stand-still that is worth a look
STANDSTILL_NS = NS
#: what is no state of a machine
_OTHERS = (
    type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType,
    types.CodeType,
)


class LongRun(Cluster):
    """On each day the machine of the controller stops for a while, then that
    of an agent; then an agent is started anew: after SIGTERM on odd days,
    after SIGKILL on even ones, its clock set in between."""

    def __init__(self, day_s, **options):
        super().__init__(
            chunk_size=options.pop("chunk_size", 100), **options
        )
        self.day_s = day_s
        self.seen = np.zeros(self.times + 1, np.uint8)  # times started
        self.kept = np.zeros(self.times + 1, np.uint8)  # times stored
        self.standstills = []  # seconds
        self.last_start = None
        self.weights = []  # bytes at the end of each day
        self.restarts = 0
        for day in range(DAYS):
            self._plan_day(day)

    def _plan_day(self, day):
        def at(part, action):
            self.at((day + part) * self.day_s, action)

        name = "a%d" % (day % 2)
        at(0.2, lambda: self.controller_clock.pause(PAUSE_S))
        at(0.4, lambda: self.agents[name].clock.pause(PAUSE_S))
        at(0.6, lambda: self._restart(name, is_kill=bool(day % 2)))
        at(0.95, lambda: self.weights.append(self.weight()))

    def _restart(self, name, is_kill):
        agent = self.agents[name]
        self.restarts += 1

        def start():
            if name in self.agents:  # it has not ended yet
                self.at(1, start)
                return
            agent.clock.step(3600 if is_kill else -3600)
            self.add_agent(name, duration_s=agent.duration_s)

        if is_kill:
            agent.die()
        else:
            agent.shut_down()
        self.at(2, start)

    # ---- what comes of it

    def on_start(self, name, numbers, now):
        self.seen[_slice_of(numbers)] += 1
        now = self.clock.now_ns()
        if self.last_start is not None:
            still_ns = now - self.last_start
            if still_ns > STANDSTILL_NS:
                self.standstills.append(still_ns / NS)
        self.last_start = now

    def on_stored(self, delivered):
        for numbers in delivered.chunk.head.numbers:
            self.kept[_slice_of(numbers)] += 1

    def problems(self):
        lost = np.zeros(self.times + 1, np.uint8)
        for each in self.machine.registry.lost():
            for numbers in each.numbers:
                lost[_slice_of(numbers)] += 1
        started, stored = self.seen, self.kept
        wrong = {
            "started twice": started > 1,
            "stored twice": stored > 1,
            "lost twice": lost > 1,
            "stored and lost": (stored > 0) & (lost > 0),
            "stored, never started": (stored > 0) & (started == 0),
            "neither stored nor lost": (stored == 0) & (lost == 0),
        }
        for where in wrong.values():
            where[0] = False  # the first number is 1
        return [
            "%s: %s" % (what, np.flatnonzero(where)[:5].tolist())
            for what, where in wrong.items() if where.any()
        ]

    def weight(self):
        """Bytes that the machines and their ports hold on to."""
        todo = [self.machine, self.ports]
        for agent in self.agents.values():
            todo += [agent.machine, agent.ports]
        apart = [
            self, self.network, self.clock, self.spools, self.random,
            *self._clocks.values(), *self.agents.values(),
            *(agent.process for agent in self.agents.values()),
        ]
        seen = {id(each) for each in apart}
        whole = 0
        while todo:
            each = todo.pop()
            if id(each) in seen or isinstance(each, _OTHERS):
                continue
            seen.add(id(each))
            whole += sys.getsizeof(each)
            todo += gc.get_referents(each)
        return whole


def _slice_of(numbers: progressions.Progression) -> slice:
    first, step, count = numbers
    return slice(first, first + step * (count - 1) + 1, step)
