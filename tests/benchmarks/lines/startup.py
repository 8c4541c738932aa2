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

"""How long one waits for the smallest commands."""

from __future__ import annotations

import statistics
import typing as t

from tests.benchmarks import bench, figures, processes, site, tasks

COMMAND = figures.Budget.at_most(0.7, "at most 0.7")
ONE_ITERATION = figures.Budget.at_most(0.4, "at most 0.4")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    sites = given.both()
    amounts = given.sizes
    yield _beside(
        "Time of a task of one iteration", sites, _one_iteration,
        amounts.single_runs, ONE_ITERATION,
    )
    yield _beside(
        "Time of rally --version", sites,
        lambda where: where.run("--version"), amounts.startups, COMMAND,
    )
    yield _beside(
        "Time of rally task list", sites,
        lambda where: where.run("task", "list"), amounts.startups, COMMAND,
    )


def _one_iteration(where: site.Site) -> processes.Usage:
    return where.start_all(tasks.task({"serial": {"times": 1}}), 1)


def _beside(
    what: str,
    sites: t.Sequence[site.Site],
    command: t.Callable[[site.Site], processes.Usage],
    runs: int,
    budget: figures.Budget,
) -> figures.Result:
    """Medians of runs that take turns; a first one each warms the caches."""
    times_s: list[list[float]] = [[] for _ in sites]
    for number in range(runs + 1):
        for where, taken in zip(sites, times_s):
            wall_s = command(where).wall_s
            if number:
                taken.append(wall_s)
    ours, released = (statistics.median(taken) for taken in times_s)
    return figures.Result.judged(
        what,
        "%.2f: %.2f s beside %.2f s, median of %d"
        % (ours / released, ours, released, runs),
        ours / released, budget, ours_s=times_s[0], released_s=times_s[1],
    )
