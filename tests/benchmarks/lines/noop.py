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

import os
import pathlib
import typing as t

from tests.benchmarks import (
    bench,
    errors,
    figures,
    install,
    processes,
    site,
    tasks,
)

CONCURRENCY = 8
BUDGET = figures.Budget.at_least(20, "at least 20 times")
LOCUST = "locust==2.47.0"
LOCUST_BUDGET = figures.Budget.at_least(1)
LOCUST_FILE = pathlib.Path(__file__).parents[1] / "peers/noop_locust.py"
DEADLINE_S = 600.0
#: scenarios that do nothing, and what Rally times of each iteration
NOOPS = {
    "Benchmark.one_action": "one action in each, as one request in Locust",
    tasks.NOOP: "two nested actions in each",
    "Benchmark.noop": "no action",
}


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
    yield from _beside_locust(given)


def _beside_locust(given: bench.Bench) -> t.Iterator[figures.Result]:
    """Every row kept, against a program that keeps none."""
    amounts, ours = given.sizes, given.ours()
    locust = _Locust(given)
    costs: dict[str, list[figures.Cost]] = {name: [] for name in NOOPS}
    locust_costs = []
    for _ in range(amounts.runs):
        for name in NOOPS:
            costs[name].append(cost(
                ours, tasks.constant, amounts.few, amounts.noop_times, name
            ))
        locust_costs.append(figures.Cost(
            amounts.few, locust.cpu_s(amounts.few),
            amounts.noop_times, locust.cpu_s(amounts.noop_times),
        ))
    locust_rate = rate(locust_costs)
    for name, what in NOOPS.items():
        our_rate = rate(costs[name])
        yield figures.Result.judged(
            "No-op iterations per CPU-second, every row kept, against "
            "Locust, which keeps none; %s of them, %s"
            % (format(amounts.noop_times, ","), what),
            "%.2f: %s (%.1f us each); Locust %s (%.1f us)" % (
                our_rate / locust_rate, format(round(our_rate), ","),
                1e6 / our_rate, format(round(locust_rate), ","),
                1e6 / locust_rate,
            ),
            our_rate / locust_rate, LOCUST_BUDGET,
            ours_per_cpu_s=our_rate, locust_per_cpu_s=locust_rate,
        )


class _Locust:
    """Locust, from the package index."""

    def __init__(self, given: bench.Bench) -> None:
        self._say = given.say
        self._folder = given.folder("locust", is_made=True)
        self._path = install.environment(
            given.cache / "locust", [LOCUST]
        ) / "bin" / "locust"

    def cpu_s(self, times: int) -> float:
        """What *times* tasks that do nothing cost.

        :raises BenchmarkError: it did not run
        """
        used = processes.run(
            [
                str(self._path), "-f", str(LOCUST_FILE), "--headless",
                "-u", str(CONCURRENCY), "-r", str(CONCURRENCY),
                "--only-summary",
            ],
            env={**os.environ, "TIMES": str(times)}, cwd=self._folder,
            deadline_s=DEADLINE_S,
        )
        self._say("  locust: %d tasks: %.2f s of CPU" % (times, used.cpu_s))
        if used.status:
            raise errors.BenchmarkError(
                "Locust ended with status %d: %s"
                % (used.status, used.output[-processes.LOG_TAIL:])
            )
        return used.cpu_s


RunnerOf: t.TypeAlias = t.Callable[[int, int], dict[str, t.Any]]


def cost(
    where: site.Site, runner_of: RunnerOf, few: int, many: int,
    scenario: str = tasks.NOOP,
) -> figures.Cost:
    """CPU time of a run of *few* and of one of *many* iterations.

    :param runner_of: from times and concurrency to the runner's section
    """
    used = [
        where.start_all(
            tasks.task(runner_of(times, CONCURRENCY), {scenario: {}}), times
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
