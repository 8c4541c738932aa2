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

"""The same load through two agents of this host: what distribution costs."""

from __future__ import annotations

import typing as t

from tests.benchmarks import bench, figures, tasks
from tests.benchmarks.lines import noop

AGENTS = 2
BUDGET = figures.Budget.at_least(0.8, "at least 0.8")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    amounts = given.sizes
    where = given.ours()
    alone, spread = [], []
    for _ in range(amounts.runs):
        alone.append(
            noop.cost(where, tasks.constant, amounts.few, amounts.times)
        )
        spread.append(
            noop.cost(where, _on_agents, amounts.few, amounts.times)
        )
    alone_rate, spread_rate = noop.rate(alone), noop.rate(spread)
    share = spread_rate / alone_rate
    yield figures.Result.judged(
        "No-op iterations per CPU-second, %d local agents beside the local "
        "runner, %s iterations" % (AGENTS, format(amounts.times, ",")),
        "%.2f: %s (%.1f us each) beside %s (%.1f us)" % (
            share, format(round(spread_rate), ","), 1e6 / spread_rate,
            format(round(alone_rate), ","), 1e6 / alone_rate,
        ),
        share, BUDGET,
        agents_per_cpu_s=spread_rate, local_per_cpu_s=alone_rate,
    )


def _on_agents(times: int, concurrency: int) -> dict[str, t.Any]:
    return tasks.distributed(tasks.constant(times, concurrency), AGENTS)
