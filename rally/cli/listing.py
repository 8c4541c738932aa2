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

"""Rows of a screen that is drawn over again and again: one line for each.

Height is scarce there, so a narrow screen does without some columns.
"""

from __future__ import annotations

import typing as t

from rally.cli import terminal

GAP = "  "
#: of a name that has to be shortened
LEAST_NAME = 12

_R = t.TypeVar("_R")
#: label, what it shows, and how early a narrow screen does without it
Column: t.TypeAlias = tuple[str, t.Callable[[_R], str], int]


def lines_of(
    rows: t.Sequence[_R], columns: t.Sequence[Column[_R]], width: int
) -> list[str]:
    """A line with labels, and one for each row.

    The first column has names, which are shortened if they have to be.
    """
    shown = [
        [label, *(terminal.printable(show(row)) for row in rows)]
        for label, show, _ in columns
    ]
    widths = [max(map(terminal.cells, column)) for column in shown]
    name_width, widths[0] = widths[0], min(widths[0], LEAST_NAME)
    kept = fitting(
        [each + len(GAP) for each in widths],
        [early for _, _, early in columns], width + len(GAP),
    )
    spare = width - sum(widths[k] + len(GAP) for k in kept[1:])
    widths[0] = min(name_width, max(spare, widths[0]))
    shown[0] = terminal.shortened_alike(shown[0], widths[0])
    return [
        terminal.clipped(
            GAP.join(
                terminal.filled(shown[k][line], widths[k]) for k in kept
            ).rstrip(),
            width,
        )
        for line in range(len(rows) + 1)
    ]


def fitting(
    widths: t.Sequence[int], early: t.Sequence[int], width: int
) -> list[int]:
    """Which columns a terminal of *width* has room for.

    :param early: how early it does without each of them; 0: never
    """
    kept = list(range(len(widths)))
    for i in sorted(kept, key=lambda i: -early[i]):
        if sum(widths[k] for k in kept) <= width or not early[i]:
            break
        kept.remove(i)
    return kept
