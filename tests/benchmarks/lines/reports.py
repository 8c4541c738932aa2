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

"""What a report of many iterations costs."""

from __future__ import annotations

import typing as t

from tests.benchmarks import bench, figures, processes, site, tasks

CONCURRENCY = 8
MIB = 1 << 20


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    ours, released = given.both()
    rows = given.sizes.released_report_rows
    mine, theirs = _report(ours, rows), _report(released, rows)
    yield figures.Result(
        "HTML report of %s iterations, beside the released one"
        % format(rows, ","),
        "%.2f of its time and %.2f of its memory: %s beside %s" % (
            mine.wall_s / theirs.wall_s,
            mine.peak_bytes / theirs.peak_bytes,
            _text(mine), _text(theirs),
        ),
        values={
            "time_ratio": mine.wall_s / theirs.wall_s,
            "memory_ratio": mine.peak_bytes / theirs.peak_bytes,
        },
    )
    if given.sizes.report_rows != rows:
        rows = given.sizes.report_rows
        mine = _report(ours, rows)
        yield figures.Result(
            "HTML report of %s iterations" % format(rows, ","), _text(mine),
            values={"wall_s": mine.wall_s, "peak_bytes": mine.peak_bytes},
        )


def _report(where: site.Site, rows: int) -> processes.Usage:
    where.start_all(
        tasks.task(tasks.constant(rows, CONCURRENCY)), rows
    )
    return where.run("task", "report", "--out", "report.html")


def _text(usage: processes.Usage) -> str:
    return "%.1f s, %.0f MiB" % (usage.wall_s, usage.peak_bytes / MIB)
