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

"""HTTP requests, beside the load generators that people know."""

from __future__ import annotations

import functools
import statistics
import typing as t

from tests.benchmarks import bench, errors, figures, site, tasks
from tests.benchmarks.peers import programs, server

AGENTS = 2
#: of so many requests: CPU seconds
Cpu: t.TypeAlias = t.Callable[[int], float]


class Row(t.NamedTuple):
    """Two programs side by side."""

    what: str
    mine: str
    other: str
    budget: figures.Budget


ROWS = (
    Row("Http.request beside k6", "Http.request", "k6",
        figures.Budget.at_least(0.9)),
    Row("Http.request beside Locust FastHttpUser", "Http.request",
        "FastHttpUser", figures.Budget.at_least(2.5)),
    Row("Http.request, %d local agents beside the local runner" % AGENTS,
        "on agents", "Http.request", figures.Budget.at_least(0.9)),
    Row("HttpRequests.check_request beside Locust HttpUser",
        "HttpRequests", "HttpUser", figures.Budget.at_least(1)),
)


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    amounts = given.sizes
    with server.nginx(given.folder("nginx")) as url:
        peers = programs.Peers(
            given.cache, given.folder("peers", is_made=True), url, given.say
        )
        where = given.ours()
        one = {"Http.request": {"url": url, "expect": {"status": 200}}}
        plain = {"HttpRequests.check_request": {
            "url": url, "method": "GET", "status_code": 200,
        }}
        many, few = amounts.requests, amounts.slow_requests
        measured: dict[str, tuple[Cpu, int]] = {
            "Http.request": (functools.partial(_local, where, one), many),
            "on agents": (functools.partial(_on_agents, where, one), many),
            "k6": (peers.k6, many),
            "FastHttpUser": (peers.locust_fast, many),
            "HttpRequests": (functools.partial(_local, where, plain), few),
            "HttpUser": (peers.locust, few),
        }
        rounds = [
            {
                name: _rate(cpu, amounts.few, count)
                for name, (cpu, count) in measured.items()
            }
            for _ in range(amounts.runs)
        ]
    for row in ROWS:
        yield _result(row, rounds)


def _local(where: site.Site, scenario: tasks.Task, times: int) -> float:
    return _run(where, scenario, tasks.constant(times, programs.USERS), times)


def _on_agents(where: site.Site, scenario: tasks.Task, times: int) -> float:
    runner = tasks.constant(times, programs.USERS)
    return _run(where, scenario, tasks.distributed(runner, AGENTS), times)


def _run(
    where: site.Site, scenario: tasks.Task, runner: tasks.Task, times: int
) -> float:
    """CPU seconds of a task none of whose iterations fails."""
    task = tasks.task(runner, scenario, {"failure_rate": {"max": 0}})
    return where.start_all(task, times).cpu_s


def _rate(cpu: Cpu, few: int, many: int) -> float:
    """Requests per CPU-second, what a start costs left out.

    :raises BenchmarkError: the runs were too short to tell
    """
    cost = figures.Cost(few, cpu(few), many, cpu(many))
    try:
        return 1 / cost.per_iteration_s
    except ValueError as e:
        raise errors.BenchmarkError(str(e)) from None


def _result(
    row: Row, rounds: t.Sequence[t.Mapping[str, float]]
) -> figures.Result:
    ratio = statistics.median(r[row.mine] / r[row.other] for r in rounds)
    mine, other = (
        statistics.median(r[name] for r in rounds)
        for name in (row.mine, row.other)
    )
    return figures.Result.judged(
        "Requests per CPU-second, %d at a time: %s"
        % (programs.USERS, row.what),
        "%.2f: %s beside %s" % (
            ratio, format(round(mine), ","), format(round(other), ","),
        ),
        ratio, row.budget, mine_per_cpu_s=mine, other_per_cpu_s=other,
    )
