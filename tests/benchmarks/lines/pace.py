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

"""How much of the rate that waiting iterations allow is reached.

The ideal rate supposes that a sleep takes as long as it says. What threads
reach that only sleep, on the same machine at the same time, is shown too.
"""

from __future__ import annotations

import statistics
import typing as t

from tests.benchmarks import bare, bench, figures, site, tasks

CONCURRENCY = 64
SLEEP_S = 0.01
IDEAL_PER_S = CONCURRENCY / SLEEP_S
BUDGET = figures.Budget.at_least(0.95, "at least 95 %")
WHAT = "constant, concurrency %d, %g s of sleep" % (CONCURRENCY, SLEEP_S)


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    ours, released = given.both()
    sleepers, shares = [_sleepers(given)], []
    for _ in range(given.sizes.runs):
        shares.append(_share(ours, given.sizes.pace_s))
        sleepers.append(_sleepers(given))
    share, bare_share = statistics.median(shares), statistics.median(sleepers)
    theirs = _share(released, given.sizes.released_pace_s)
    yield figures.Result.judged(
        "Share of the ideal rate of %d/s: %s" % (IDEAL_PER_S, WHAT),
        "%.1f %%; threads that only sleep: %.1f %%; released: %.1f %%"
        % (100 * share, 100 * bare_share, 100 * theirs),
        share, BUDGET, released=theirs, bare=sleepers, ours=shares,
    )
    yield figures.Result.judged(
        "The same, beside threads that only sleep",
        "%.1f %%" % (100 * share / bare_share), share / bare_share, BUDGET,
    )


def _sleepers(given: bench.Bench) -> float:
    """The share that the machine itself allows."""
    return bare.rate(
        CONCURRENCY, SLEEP_S, given.sizes.pace_s / 2
    ) / IDEAL_PER_S


def _share(where: site.Site, ideal_s: float) -> float:
    """Iterations between the first start and the last end, as a share."""
    times = round(IDEAL_PER_S * ideal_s / CONCURRENCY) * CONCURRENCY
    where.start_all(
        tasks.task(
            tasks.constant(times, CONCURRENCY),
            {tasks.NOOP: {"sleep": SLEEP_S}},
        ),
        times,
    )
    return figures.share_of_rate(
        times, where.stored().load_duration_s, IDEAL_PER_S
    )
