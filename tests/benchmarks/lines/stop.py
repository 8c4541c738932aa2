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

"""How soon all agents stop once a criterion is violated."""

from __future__ import annotations

import statistics
import typing as t

from tests.benchmarks import bench, errors, figures, site, tasks

AGENTS = 4
CONCURRENCY = 16
TIMES = 200_000  # it is stopped long before
SLEEP_S = 0.01
LIMIT_S = 0.3
SLOW_S = 0.4
#: iterations by which runs differ, so that the violation falls into other
#: moments between two snapshots
STEP = 83
#: of `task start`: fine, an SLA failed, the task was aborted by it
STATUSES = range(4)

Row: t.TypeAlias = t.Mapping[str, t.Any]


class Criterion(t.NamedTuple):
    """A criterion, how it is violated, and in which time all must stop."""

    name: str
    limit: float
    scenario: t.Callable[[int], dict[str, t.Any]]
    is_violating: t.Callable[[Row], bool]
    budget: figures.Budget


CRITERIA = (
    Criterion(
        "failure_rate", {"max": 0},  # type: ignore[arg-type]
        lambda number: {
            "Dummy.failure": {
                "sleep": SLEEP_S, "from_iteration": number,
                "to_iteration": number,
            }
        },
        lambda row: bool(row["error"]),
        figures.Budget.at_most(2, "at most 2 s"),
    ),
    Criterion(
        "max_seconds_per_iteration", LIMIT_S,
        lambda number: {
            "Benchmark.slow_once": {
                "sleep": SLEEP_S, "slow_iteration": number, "slow": SLOW_S,
            }
        },
        lambda row: row["duration"] > LIMIT_S,
        figures.Budget.below(1, "below 1 s"),
    ),
)


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    where = given.ours()
    for criterion in CRITERIA:
        delays = [
            _delay_s(where, criterion, given.sizes.stop_after + STEP * run)
            for run in range(given.sizes.stops)
        ]
        yield figures.Result.judged(
            "From the end of the iteration that violates %s to the last "
            "start on any of %d local agents, worst of %d runs"
            % (criterion.name, AGENTS, len(delays)),
            "%.2f s (median %.2f s)"
            % (max(delays), statistics.median(delays)),
            max(delays), criterion.budget, delays_s=delays,
        )


def _delay_s(where: site.Site, criterion: Criterion, number: int) -> float:
    """One run in which iteration *number* violates.

    :raises BenchmarkError: none violated, or rows are missing
    """
    where.start(
        tasks.task(
            tasks.distributed(tasks.constant(TIMES, CONCURRENCY), AGENTS),
            criterion.scenario(number), {criterion.name: criterion.limit},
        ),
        "--abort-on-sla-failure", statuses=STATUSES,
    )
    lost = where.stored().load_info.get("lost")
    if lost:
        raise errors.BenchmarkError(
            "iterations were lost in the run, so nobody knows when the last "
            "one started: %s" % lost
        )
    rows = where.rows()
    delay_s = figures.stop_delay_s(rows, criterion.is_violating)
    if delay_s is None or len(rows) == TIMES:
        raise errors.BenchmarkError(
            "%s did not stop the run: %d rows were stored, and iteration %d "
            "was to violate it" % (criterion.name, len(rows), number)
        )
    return delay_s
