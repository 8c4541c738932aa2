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

"""What reports of many iterations, and lists of many tasks, cost."""

from __future__ import annotations

import statistics
import typing as t

from tests.benchmarks import bench, figures, processes, site, tasks

CONCURRENCY = 8
MIB = 1 << 20
#: beyond it something grows with the iterations
FLAT = figures.Budget.at_most(1.2, "memory at most 1.2")
#: holds of so many iterations: with fewer, both mostly start up
PAGE = figures.Budget.at_most(0.06, "time at most 0.06")
PAGE_ROWS = 200_000
LISTED = 1000
FILE = "report.json"
#: what is printed of a command, and its words
COMMANDS: t.Sequence[tuple[str, tuple[str, ...]]] = (
    ("report", ("report", "--out", "report.html")),
    ("report --json --out FILE", ("report", "--json", "--out", FILE)),
    ("report --json", ("report", "--json")),
    ("detailed --iterations-data", ("detailed", "--iterations-data")),
    ("report FILE", ("report", FILE, "--out", "report.html")),
    ("import --file FILE", ("import", "--file", FILE)),
)


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    yield _page(given)
    yield from _growth(given)
    yield _list(given)


def _page(given: bench.Bench) -> figures.Result:
    """A page of as many iterations, made by both."""
    rows = given.sizes.released_report_rows
    mine, theirs = (
        _report(where, rows, given.sizes.runs) for where in given.both()
    )
    ratio = mine.wall_s / theirs.wall_s
    memory = mine.peak_bytes / theirs.peak_bytes
    what = "HTML report of %s iterations, beside the released one" % (
        format(rows, ",")
    )
    measured = "%.3f of its time and %.2f of its memory: %s beside %s" % (
        ratio, memory, _text(mine), _text(theirs)
    )
    if rows < PAGE_ROWS:
        values = {"value": ratio, "memory_ratio": memory}
        return figures.Result(what, measured, values=values)
    return figures.Result.judged(
        what, measured, ratio, PAGE, memory_ratio=memory
    )


def _report(where: site.Site, rows: int, runs: int) -> processes.Usage:
    """The median of reports of one task."""
    where.start_all(tasks.task(tasks.constant(rows, CONCURRENCY)), rows)
    found = [
        where.run("task", "report", "--out", "report.html")
        for _ in range(runs)
    ]
    return sorted(found, key=lambda usage: usage.wall_s)[runs // 2]


def _growth(given: bench.Bench) -> t.Iterator[figures.Result]:
    """How the memory of each command grows with the iterations."""
    small, large = given.sizes.report_growth
    found: list[list[processes.Usage]] = []
    for rows in (small, large):
        where = given.ours()
        where.start_all(tasks.task(tasks.constant(rows, CONCURRENCY)), rows)
        found.append([where.run("task", *words) for _, words in COMMANDS])
    for (name, _), few, many in zip(COMMANDS, *found):
        growth = many.peak_bytes / few.peak_bytes
        yield figures.Result.judged(
            "rally task %s, %s iterations beside %s"
            % (name, format(large, ","), format(small, ",")),
            "%.2f of its memory: %s beside %s"
            % (growth, _text(many), _text(few)),
            growth, FLAT, wall_s=many.wall_s, peak_bytes=many.peak_bytes,
        )


def _list(given: bench.Bench) -> figures.Result:
    sites = given.both()
    for where in sites:
        where.start_all(tasks.task({"serial": {"times": 1}}), 1)
        where.copy_task(LISTED - 1)
    ours, released = (
        statistics.median(
            where.run("task", "list").wall_s
            for _ in range(given.sizes.single_runs)
        )
        for where in sites
    )
    return figures.Result(
        "Time of rally task list of %s tasks" % format(LISTED, ","),
        "%.2f: %.2f s beside %.2f s" % (ours / released, ours, released),
        values={"value": ours / released},
    )


def _text(usage: processes.Usage) -> str:
    return "%.1f s, %.0f MiB" % (usage.wall_s, usage.peak_bytes / MIB)
