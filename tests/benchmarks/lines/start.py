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

"""How long one waits for what takes little: commands, tasks, agents, plugins.
"""

from __future__ import annotations

import pathlib
import statistics
import tempfile
import typing as t

from tests.benchmarks import bench, figures, processes, site, tasks

Command: t.TypeAlias = t.Callable[[site.Site], processes.Usage]

VERSION = figures.Budget.at_most(0.25, "at most 0.25")
LIST = figures.Budget.at_most(0.25, "at most 0.25")
ONE_ITERATION = figures.Budget.at_most(0.18, "at most 0.18")
WORKLOADS = figures.Budget.at_most(0.05, "at most 0.05")
READY = figures.Budget.at_most(1.0, "at most 1 s")
SHARED = figures.Budget.at_most(0.25, "at most 0.25")
PER_FILE = figures.Budget.at_most(1.5, "at most 1.5")

LOCAL_AGENTS = 2
#: numbers of local agents that the workloads of one task want in turn
CHANGING = (2, 1, 2, 1, 2)
PLUGIN = """
from rally.task import scenario

@scenario.configure(name="Many.number_%(number)d")
class Many%(number)d(scenario.Scenario):
    def run(self):
        pass
"""


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    sites = given.both()
    amounts = given.sizes
    for words, budget in ((["--version"], VERSION), (["task", "list"], LIST)):
        yield _beside(
            "Time of rally %s" % " ".join(words), sites,
            lambda where, words=words: where.run(*words),
            amounts.startups, budget,
        )
    yield _beside(
        "Time of a task of one iteration", sites,
        lambda where: where.start_all(_of_workloads(1), 1),
        amounts.single_runs, ONE_ITERATION,
    )
    yield _beside(
        "Time of a task of %d workloads of one iteration"
        % amounts.workloads, sites,
        lambda where: where.start(_of_workloads(amounts.workloads)),
        amounts.released_runs, WORKLOADS,
    )
    yield from _of_agents(sites[0], amounts.single_runs)
    yield _of_files(sites[0], amounts.plugin_files, amounts.single_runs)


def _of_workloads(
    count: int, runner: t.Mapping[str, t.Any] | None = None
) -> tasks.Task:
    task = tasks.task(runner or tasks.constant(1, 1))
    task["subtasks"] *= count
    return task


def _on_agents(counts: t.Iterable[int]) -> tasks.Task:
    whole = _of_workloads(0)
    for count in counts:
        runner = tasks.distributed(tasks.constant(1, 1), count)
        whole["subtasks"] += _of_workloads(1, runner)["subtasks"]
    return whole


def _wall_s(where: site.Site, task: tasks.Task, runs: int) -> float:
    return statistics.median(where.start(task).wall_s for _ in range(runs))


def _of_agents(where: site.Site, runs: int) -> t.Iterator[figures.Result]:
    """What local agents add to a task that runs without them otherwise."""
    local_s = _wall_s(where, _of_workloads(1), runs)
    first_s = _wall_s(where, _on_agents([LOCAL_AGENTS]), runs) - local_s
    yield figures.Result.judged(
        "What %d local agents add to a task of one iteration" % LOCAL_AGENTS,
        "%.2f s, median of %d" % (first_s, runs), first_s, READY,
    )
    more = _on_agents([LOCAL_AGENTS] * len(CHANGING))
    further_s = (_wall_s(where, more, runs) - local_s - first_s) / (
        len(CHANGING) - 1
    )
    yield figures.Result.judged(
        "... and to each further workload, beside the first",
        "%.2f: %.2f s beside %.2f s" % (
            further_s / first_s, further_s, first_s
        ),
        further_s / first_s, SHARED,
    )
    changing_s = _wall_s(where, _on_agents(CHANGING), runs) - local_s
    starts = len(set(CHANGING))
    yield figures.Result.judged(
        "What agents add to %d workloads that want %s of them in turn, "
        "beside %d starts" % (
            len(CHANGING), " and ".join(map(str, sorted(set(CHANGING)))),
            starts,
        ),
        "%.2f: %.2f s beside %.2f s" % (
            changing_s / (starts * first_s), changing_s, starts * first_s
        ),
        changing_s / (starts * first_s),
        figures.Budget.at_most(1.5, "at most 1.5"),
    )


def _of_files(
    where: site.Site, counts: tuple[int, int], runs: int
) -> figures.Result:
    """CPU time of a plugin file in a large package beside a small one."""
    bare_s = _cpu_s(where, runs)
    costs_s = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name, "many_plugins")
            folder.mkdir()
            (folder / "__init__.py").touch()
            for number in range(count):
                (folder / ("many_%d.py" % number)).write_text(
                    PLUGIN % {"number": number}
                )
            spent_s = _cpu_s(where, runs, "--plugin-paths", str(folder))
            costs_s.append((spent_s - bare_s) / count)
    ratio = costs_s[1] / costs_s[0]
    return figures.Result.judged(
        "CPU time of a plugin file in a package of %d, beside one of %d"
        % (counts[1], counts[0]),
        "%.2f: %.1f ms beside %.1f ms"
        % (ratio, 1000 * costs_s[1], 1000 * costs_s[0]),
        ratio, PER_FILE,
    )


def _cpu_s(where: site.Site, runs: int, *options: str) -> float:
    return statistics.median(
        where.run(*options, "plugin", "list").cpu_s for _ in range(runs)
    )


def _beside(
    what: str,
    sites: t.Sequence[site.Site],
    command: Command,
    runs: int,
    budget: figures.Budget,
) -> figures.Result:
    """Medians of runs that take turns; a first one each warms the caches."""
    used: list[list[processes.Usage]] = [[] for _ in sites]
    for number in range(runs + 1):
        for where, taken in zip(sites, used):
            usage = command(where)
            if number:
                taken.append(usage)
    ours_s, released_s = (
        statistics.median(usage.wall_s for usage in taken) for taken in used
    )
    ours_cpu_s, released_cpu_s = (
        statistics.median(usage.cpu_s for usage in taken) for taken in used
    )
    return figures.Result.judged(
        what,
        "%.2f: %.2f s beside %.2f s, median of %d; of CPU time %.2f"
        % (ours_s / released_s, ours_s, released_s, runs,
           ours_cpu_s / released_cpu_s),
        ours_s / released_s, budget,
        ours_s=[usage.wall_s for usage in used[0]],
        released_s=[usage.wall_s for usage in used[1]],
        cpu=ours_cpu_s / released_cpu_s,
    )
