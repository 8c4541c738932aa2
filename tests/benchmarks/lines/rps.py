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

"""Whether iterations at a given rate start, and how late.

The budget is for an idle machine. A virtual one is not idle while its host
gives the CPUs to others; so the run is repeated until one of them hardly met
such pauses, and the run that met the fewest is judged: without them, where
there were any to speak of.
"""

from __future__ import annotations

import dataclasses
import typing as t

import numpy as np

from tests.benchmarks import bench, figures, site, tasks, witness

BUDGET = figures.Budget.below(0.001, "all; p99 below 1 ms")
#: from this rate on
HIGH_RATE = 20_000
HIGH_BUDGET = figures.Budget.below(0.0003, "all; p99 below 0.3 ms")
PERCENTS = (50, 99, 100)
#: a machine that paused for no more than this was idle
IDLE_SHARE = 0.001
MOST_RUNS = 6


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    where = given.ours()
    for rate in given.sizes.rates:
        yield _at(where, rate, round(rate * given.sizes.rps_s))


@dataclasses.dataclass(frozen=True)
class _Run:
    raw_ns: t.Any
    net_ns: t.Any  # without the pauses of the machine
    paused: float | None  # share of the time; None: not to be seen

    @property
    def is_idle(self) -> bool:
        return self.paused is None or self.paused < IDLE_SHARE

    @property
    def judged_ns(self) -> t.Any:
        return self.raw_ns if self.is_idle else self.net_ns


def _at(where: site.Site, rate: int, times: int) -> figures.Result:
    runs = []
    while len(runs) < MOST_RUNS and not (runs and runs[-1].is_idle):
        runs.append(_run(where, rate, times))
    best = min(runs, key=lambda run: run.paused or 0.0)
    count = min(len(run.raw_ns) for run in runs)
    text = "%s of %s; %s" % (
        format(count, ","), format(times, ","), _text(best.raw_ns)
    )
    if not best.is_idle:
        text += "; without the pauses: %s" % _text(best.net_ns)
    if best.paused is not None:
        text += " (the machine paused for %.1f %% of the time; in %d other " \
            "runs for more)" % (100 * best.paused, len(runs) - 1)
    p99 = _figures(best.judged_ns)[1] if count else 0.0
    budget = HIGH_BUDGET if rate >= HIGH_RATE else BUDGET
    return figures.Result(
        "rps at %s per second, %g s: started, and how late"
        % (format(rate, ","), times / rate),
        text, budget.text, count == times and budget.allows(p99),
        {
            "value": p99, "limit": budget.limit, "rows": count,
            "asked": times,
            "raw": [_figures(run.raw_ns) for run in runs],
            "net": [_figures(run.net_ns) for run in runs],
            "paused": [run.paused for run in runs],
        },
    )


def _run(where: site.Site, rate: int, times: int) -> _Run:
    with witness.Witness() as watch:
        where.start(tasks.task(tasks.rps(times, rate)))
    chunk, seen = where.iterations(), watch.seen
    raw_ns = chunk.lag_ns
    if seen is None:
        return _Run(raw_ns, raw_ns, None)
    net_ns = seen.net(chunk.started_ns - raw_ns, raw_ns)
    return _Run(raw_ns, net_ns, seen.share)


def _figures(lag_ns: t.Any) -> list[float]:
    """Percentiles in seconds."""
    if not len(lag_ns):
        return []
    return [float(x) / 1e9 for x in np.percentile(lag_ns, PERCENTS)]


def _text(lag_ns: t.Any) -> str:
    return "p50 %.2f ms, p99 %.2f ms, worst %.1f ms" % tuple(
        1e3 * each for each in _figures(lag_ns) or (0.0, 0.0, 0.0)
    )
