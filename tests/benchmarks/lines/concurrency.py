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

"""Thousands of iterations at once that wait: is what is reported true?

The ideal rate supposes that a wait takes as long as it says, and that all
start at the same moment.
"""

from __future__ import annotations

import dataclasses
import statistics
import typing as t

import numpy as np

from tests.benchmarks import bench, figures, memory, site, tasks

WAIT_S = 1.0
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class _Kind:
    """Many iterations at once, and what must hold of them."""

    what: str
    scenario: str
    share: float  # of the ideal rate, at least
    off: float  # the median duration, at most
    peak_mib: int


KINDS = (
    _Kind("coroutines", "Benchmark.wait_async", 0.99, 0.005, 300),
    _Kind("threads", tasks.NOOP, 0.98, 0.01, 400),
)


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    ours, amounts = given.ours(), given.sizes
    for kind, count in zip(KINDS, (amounts.coroutines, amounts.threads)):
        runs = [
            _run(ours, kind, count, amounts.waits)
            for _ in range(amounts.runs)
        ]
        share = statistics.median(run[0] for run in runs)
        median = statistics.median(run[1] for run in runs)
        what = "%s %s at once that wait %g s each, %d times" % (
            format(count, ","), kind.what, WAIT_S, amounts.waits
        )
        yield figures.Result.judged(
            what + ": share of the ideal rate", "%.1f %%" % (100 * share),
            share, figures.Budget.at_least(
                kind.share, "at least %g %%" % (100 * kind.share)
            ), runs=[run[0] for run in runs],
        )
        yield figures.Result.judged(
            what + ": median duration, against what it should be",
            "%.4f" % median, abs(median - 1), figures.Budget.at_most(
                kind.off, "off by at most %g %%" % (100 * kind.off)
            ), runs=[run[1] for run in runs],
        )
        yield _memory(ours, kind, count)


def _task(
    kind: _Kind, runner: t.Mapping[str, t.Any]
) -> tasks.Task:
    return tasks.task(runner, {kind.scenario: {"sleep": WAIT_S}})


def _run(
    where: site.Site, kind: _Kind, count: int, waits: int
) -> tuple[float, float]:
    """Share of the ideal rate, and the median duration in waits."""
    times = count * waits
    where.start_all(_task(kind, tasks.constant(times, count)), times)
    share = figures.share_of_rate(
        times, where.stored().load_duration_s, count / WAIT_S
    )
    durations = where.iterations().duration_ns
    return share, float(np.median(durations)) / 1e9 / WAIT_S


def _memory(where: site.Site, kind: _Kind, count: int) -> figures.Result:
    """All processes of one agent together."""
    sampler = memory.PeakSampler()
    times = 2 * count
    where.start_all(
        _task(kind, tasks.distributed(tasks.constant(times, count), 1)),
        times, watch=sampler.watch,
    )
    peak_mib = sampler.sum_below(1) / MIB
    return figures.Result.judged(
        "Peak memory of an agent that runs %s %s at once, all of its "
        "processes together" % (format(count, ","), kind.what),
        "%.0f MiB" % peak_mib, peak_mib,
        figures.Budget.at_most(
            kind.peak_mib, "at most %d MiB" % kind.peak_mib
        ),
    )
