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

"""How much of everything a run of the benchmarks does."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The default is what the budgets are stated for, but for the released
    Rally, which gets a tenth of the iterations: its cost per iteration is
    the same, and 200,000 take it minutes."""

    times: int = 200_000  # no-op iterations
    released_times: int = 20_000
    few: int = 100  # iterations of a run that is all start-up
    runs: int = 3  # of which the median counts
    released_runs: int = 3
    memory_times: tuple[int, int] = (20_000, 1_000_000)
    pace_s: float = 10.0  # ideal duration
    released_pace_s: float = 3.0
    noop_times: int = 1_000_000  # against Locust
    coroutines: int = 10_000  # at once
    threads: int = 2_000
    waits: int = 10  # of each of them
    rates: tuple[int, ...] = (1_000, 5_000, 20_000)
    rps_s: float = 10.0
    startups: int = 11
    single_runs: int = 5  # of a task of one iteration
    workloads: int = 20  # of one iteration each
    plugin_files: tuple[int, int] = (100, 400)
    requests: int = 50_000
    slow_requests: int = 5_000  # of programs that take ten times as long
    stops: int = 20
    simulated_agents: int = 200
    steady_s: float = 20.0
    stop_after: int = 1_600  # iterations, which is about a second
    report_growth: tuple[int, int] = (100_000, 1_000_000)
    released_report_rows: int = 20_000


NORMAL = Sizes()
#: the released Rally gets as many iterations as this tree
FULL = Sizes(
    released_times=200_000, released_runs=1, released_report_rows=200_000
)
QUICK = Sizes(
    released_times=5_000, runs=1, released_runs=1,
    memory_times=(20_000, 200_000), pace_s=4.0, released_pace_s=1.0,
    rps_s=3.0, noop_times=200_000, waits=4, startups=5, single_runs=3,
    stops=2, steady_s=5.0, report_growth=(20_000, 200_000),
    released_report_rows=5_000, requests=20_000, slow_requests=2_000,
)
#: to see that every line works; the figures mean nothing
TINY = Sizes(
    times=20_000, released_times=400, few=50, runs=1, released_runs=1,
    memory_times=(5_000, 20_000), pace_s=0.5, released_pace_s=0.1,
    noop_times=20_000, coroutines=500, threads=100, waits=2,
    rates=(100, 200), rps_s=1.0, startups=1, single_runs=1, stops=1,
    workloads=2, plugin_files=(20, 40),
    stop_after=300, simulated_agents=10, steady_s=1.0,
    report_growth=(1_000, 3_000), released_report_rows=400,
    requests=2_000, slow_requests=400,
)
