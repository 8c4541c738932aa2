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

"""Iterations that do nothing: what Rally itself costs."""

from __future__ import annotations

import typing as t

from tests.benchmarks import bench, errors, figures, site, tasks

CONCURRENCY = 8
BUDGET = figures.Budget.at_least(20, "at least 20 times")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    amounts = given.sizes
    ours, released = given.both()
    plain = tasks.constant
    our_costs = [
        cost(ours, plain, amounts.few, amounts.times)
        for _ in range(amounts.runs)
    ]
    released_costs = [
        cost(released, plain, amounts.few, amounts.released_times)
        for _ in range(amounts.released_runs)
    ]
    our_rate = rate(our_costs)
    released_rate = rate(released_costs)
    ratio = our_rate / released_rate
    yield figures.Result.judged(
        "No-op iterations per CPU-second of all processes, constant, "
        "concurrency %d, %s iterations, start-up subtracted"
        % (CONCURRENCY, format(amounts.times, ",")),
        "%.1f times: %s (%.1f us each); released: %s, measured on %s "
        "iterations" % (
            ratio, format(round(our_rate), ","), 1e6 / our_rate,
            format(round(released_rate), ","),
            format(amounts.released_times, ","),
        ),
        ratio, BUDGET,
        ours_per_cpu_s=our_rate, released_per_cpu_s=released_rate,
    )


RunnerOf: t.TypeAlias = t.Callable[[int, int], dict[str, t.Any]]


def cost(
    where: site.Site, runner_of: RunnerOf, few: int, many: int
) -> figures.Cost:
    """CPU time of a run of *few* and of one of *many* iterations.

    :param runner_of: from times and concurrency to the runner's section
    """
    used = [
        where.start_all(
            tasks.task(runner_of(times, CONCURRENCY)), times
        ).cpu_s
        for times in (few, many)
    ]
    return figures.Cost(few, used[0], many, used[1])


def rate(costs: t.Sequence[figures.Cost]) -> float:
    """Iterations per CPU-second.

    :raises BenchmarkError: the runs were too short to tell
    """
    try:
        return figures.iterations_per_cpu_second(costs)
    except ValueError as e:
        raise errors.BenchmarkError(str(e)) from None
