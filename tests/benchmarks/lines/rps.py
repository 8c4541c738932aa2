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

The budget is for an idle machine that runs all the time. On a virtual one
the lag is also shown, and judged, without the pauses of the machine.
"""

from __future__ import annotations

import typing as t

import numpy as np

from tests.benchmarks import bench, figures, site, tasks, witness

BUDGET = figures.Budget.below(0.001, "all; p99 below 1 ms")
PERCENTS = (50, 99, 100)


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    where = given.ours()
    for rate in given.sizes.rates:
        yield _at(where, rate, round(rate * given.sizes.rps_s))


def _at(where: site.Site, rate: int, times: int) -> figures.Result:
    with witness.Witness() as watch:
        where.start(tasks.task(tasks.rps(times, rate)))
    chunk = where.iterations()
    raw_ns = chunk.lag_ns
    text = "%s of %s; %s" % (
        format(len(chunk), ","), format(times, ","), _text(raw_ns)
    )
    values = {"rows": len(chunk), "asked": times, "raw": _figures(raw_ns)}
    judged_ns, pauses = raw_ns, watch.seen
    if pauses is not None:
        judged_ns = pauses.net(chunk.started_ns - raw_ns, raw_ns)
        text += "; without the pauses of the machine (%.0f %% of the time):" \
            " %s" % (100 * pauses.share, _text(judged_ns))
        values.update(net=_figures(judged_ns), paused=pauses.share)
    p99 = _figures(judged_ns)[1] if len(chunk) else 0.0
    return figures.Result(
        "rps at %s per second, %g s: started, and how late"
        % (format(rate, ","), times / rate),
        text, BUDGET.text,
        len(chunk) == times and BUDGET.allows(p99),
        {"value": p99, "limit": BUDGET.limit, **values},
    )


def _figures(lag_ns: t.Any) -> list[float]:
    """Percentiles in seconds."""
    if not len(lag_ns):
        return []
    return [float(x) / 1e9 for x in np.percentile(lag_ns, PERCENTS)]


def _text(lag_ns: t.Any) -> str:
    return "p50 %.2f ms, p99 %.2f ms, worst %.1f ms" % tuple(
        1e3 * each for each in _figures(lag_ns) or (0.0, 0.0, 0.0)
    )
