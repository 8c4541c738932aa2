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

"""What was measured in a soak: a verdict for each role, and a table."""

from __future__ import annotations

import typing as t

from tests.soak import trend

MEMORY, DESCRIPTORS, THREADS = HELD = ("memory", "descriptors", "threads")
SPOOL, WAL = "spool", "write-ahead log"
MIB = 1024 * 1024
#: by how much each may be larger in the last quarter than in the second
LIMITS: t.Mapping[str, trend.Limit] = {
    MEMORY: trend.Limit(0.05, 2 * MIB),
    DESCRIPTORS: trend.Limit(0, 6),
    THREADS: trend.Limit(0, 2),
    SPOOL: trend.Limit(1.0, 2 * MIB),
    WAL: trend.Limit(0.5, 4 * MIB),
}
IN_MIB = (MEMORY, SPOOL, WAL)
#: a series must have so many points to say anything
LEAST = 16

Series: t.TypeAlias = t.Mapping[tuple[str, str], t.Sequence[trend.Point]]


def judged(series: Series) -> tuple[list[str], list[str]]:
    """Lines of a table, and what grew as sentences."""
    lines = [
        "%-20s %-16s %10s %10s %12s %s"
        % ("process", "what", "2nd quarter", "last", "per hour", "")
    ]
    problems = []
    for (role, what), points in sorted(series.items()):
        if len(points) < LEAST:
            continue
        judge = trend.of_medians if what == MEMORY else trend.of_peaks
        found = judge(points, LIMITS[what])
        lines.append(
            "%-20s %-16s %10s %10s %12s %s" % (
                role, what, shown(what, found.early),
                shown(what, found.late),
                shown(what, found.slope_per_hour, "%+.2f"),
                "" if found.is_flat else "GROWS",
            )
        )
        if not found.is_flat:
            problems.append(
                "%s of the %s grew from %s to %s" % (
                    what, role, shown(what, found.early),
                    shown(what, found.late),
                )
            )
    return lines, problems


def shown(what: str, value: float, form: str = "%.1f") -> str:
    if what in IN_MIB:
        return form % (value / MIB) + " MiB"
    return form % value
