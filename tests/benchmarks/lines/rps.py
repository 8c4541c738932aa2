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

"""Whether iterations at a given rate start, and how late."""

from __future__ import annotations

import typing as t

from tests.benchmarks import bench, figures, site, tasks

BUDGET = figures.Budget.below(0.001, "all; p99 below 1 ms")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    where = given.ours()
    for rate in given.sizes.rates:
        yield _at(where, rate, round(rate * given.sizes.rps_s))


def _at(where: site.Site, rate: int, times: int) -> figures.Result:
    where.start(tasks.task(tasks.rps(times, rate)))
    stored = where.stored()
    lag: t.Mapping[str, float] = stored.load_info.get("lag") or {}
    is_all = stored.rows == times
    p50, p99, worst = (lag.get(key, 0.0) for key in ("p50", "p99", "max"))
    return figures.Result(
        "rps at %s per second, %g s: started, and how late"
        % (format(rate, ","), times / rate),
        "%s of %s; p50 %.2f ms, p99 %.2f ms, worst %.1f ms" % (
            format(stored.rows, ","), format(times, ","),
            1e3 * p50, 1e3 * p99, 1e3 * worst,
        ),
        BUDGET.text,
        is_all and bool(lag) and BUDGET.allows(p99),
        {
            "value": p99, "limit": BUDGET.limit, "rows": stored.rows,
            "asked": times, "lag": dict(lag),
            "load_duration_s": stored.load_duration_s,
        },
    )
