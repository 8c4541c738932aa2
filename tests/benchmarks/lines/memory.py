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

"""Memory does not grow with the number of iterations."""

from __future__ import annotations

import typing as t

from tests.benchmarks import bench, errors, figures, memory, site, tasks

CONCURRENCY = 8
AGENTS = 2
MIB = 1 << 20
BUDGET = figures.Budget.at_most(1.1, "at most 1.1 times")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    where = given.ours()
    for place, roles, runner_of in (
        ("%d local agents" % AGENTS, memory.DISTRIBUTED_ROLES, _on_agents),
        ("the local runner", memory.LOCAL_ROLES, _alone),
    ):
        small, large = (
            _peaks(where, runner_of(times), times, roles)
            for times in given.sizes.memory_times
        )
        yield _result(place, given.sizes.memory_times, small, large)


def _alone(times: int) -> dict[str, t.Any]:
    return tasks.constant(times, CONCURRENCY)


def _on_agents(times: int) -> dict[str, t.Any]:
    return tasks.distributed(_alone(times), AGENTS)


def _peaks(
    where: site.Site,
    runner: dict[str, t.Any],
    times: int,
    roles: t.Sequence[str],
) -> dict[str, int]:
    """Bytes per role, of the largest process of each."""
    sampler = memory.PeakSampler()
    where.start_all(tasks.task(runner), times, watch=sampler.watch)
    peaks = sampler.peaks(roles)
    if not set(roles[:2]) <= set(peaks):
        raise errors.BenchmarkError(
            "processes of a run of %d iterations ended before their memory "
            "was read: seen were %s" % (times, ", ".join(peaks) or "none")
        )
    return peaks


def _result(
    place: str,
    times: tuple[int, int],
    small: t.Mapping[str, int],
    large: t.Mapping[str, int],
) -> figures.Result:
    growth = figures.growth(small, large)
    return figures.Result.judged(
        "Peak memory at %s iterations beside %s, %s, largest process of "
        "each role" % (
            format(times[1], ","), format(times[0], ","), place,
        ),
        "; ".join(
            "%s %.2f (%.0f MiB beside %.0f)" % (
                role, growth[role], large[role] / MIB, small[role] / MIB,
            )
            for role in growth
        ),
        max(growth.values()), BUDGET,
        growth=growth, small_bytes=dict(small), large_bytes=dict(large),
    )
