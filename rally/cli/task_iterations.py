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

"""The table of iterations that `rally task detailed` can print.

It may have a million lines, so none is held: the first walk over the results
finds the columns, the second one how wide they are, the third one prints.
"""

from __future__ import annotations

import itertools
import math
import typing as t

from rally.cli import tables, terminal
from rally.common.counting import counted
from rally.task.processing import columns
from rally.task.results import ordered
from rally.task.results.names import OTHER_ACTIONS

#: columns of actions; further ones share one
ACTIONS_SHOWN = 50
TITLE = "Atomics per iteration"
LABELS = ("iteration", "duration")


def print_table(results: t.Iterable[t.Any]) -> None:
    """Print a line for each iteration: how long it and its actions took."""
    names = _names(results)
    labels = ["%d. %s" % (i, name) for i, name in enumerate(names, start=1)]
    # as what they are in a table without lines
    widths = [1] * (len(names) + 2)
    for line in _lines(results, names):
        widths = [max(*pair) for pair in zip(widths, map(len, line))]
    labels, names = _fitting(labels, names, widths)
    labels = [*LABELS, *labels]
    sample = [["0" * w for w in widths[:len(labels)]]]
    text = tables.FittedTable(labels, sample, TITLE).text()
    *head, sample_line, foot = text.split("\n")
    widths = [len(cell) - 2 for cell in sample_line[1:-1].split("|")]
    print("\n".join(head))
    for line in _lines(results, names):
        cells = (cell.ljust(width) for cell, width in zip(line, widths))
        print("| %s |" % " | ".join(cells))
    print(foot)
    print()


def _fitting(
    labels: list[str], names: list[str], widths: t.Sequence[int]
) -> tuple[list[str], list[str]]:
    """Labels and names of actions that a terminal has room for.

    In a narrow one names stand above the table, and it has their numbers.
    """
    room = terminal.width() - tables.width_of(map(len, LABELS))
    columns = zip(labels, widths[2:])
    if sum(tables.width_of([max(terminal.cells(label), w)], False)
           for label, w in columns) <= room:
        return labels, names
    kept = 0
    for number, width in enumerate(widths[2:], start=1):
        room -= tables.width_of([max(len("%d." % number), width)], False)
        kept += room >= 0
    for label in labels[:kept]:
        terminal.say(label)
    if kept < len(names):
        terminal.say(
            "%s not shown for lack of room; a file has room for all." % (
                counted(len(names) - kept, "more action is",
                        "more actions are")
            )
        )
    return ["%d." % i for i in range(1, kept + 1)], names[:kept]


def _names(results: t.Iterable[t.Any]) -> list[str]:
    """Names of the first actions, and one for all others."""
    names: dict[str, None] = {}
    for chunk in ordered.chunks_of(results):
        actions = columns.Columns(chunk).actions
        # as they appear, row by row
        for action in sorted(actions, key=columns.Actions.first_row):
            if action.name not in names and len(names) == ACTIONS_SHOWN:
                return [*names, OTHER_ACTIONS]
            names.setdefault(action.name)
    return list(names)


def _lines(
    results: t.Iterable[t.Any], names: t.Sequence[str]
) -> t.Iterator[tuple[str, ...]]:
    """Cells of each iteration."""
    number = itertools.count(1)
    for chunk in ordered.chunks_of(results):
        drawn = columns.Columns(chunk)
        seconds = drawn.seconds_of(names)
        yield from zip(
            map(str, itertools.islice(number, len(chunk))),
            *map(_texts, [drawn.duration, *seconds]),
        )


def _texts(seconds: columns.Floats) -> list[str]:
    return [
        "N/A" if math.isnan(value) else str(round(value, 3))
        for value in seconds.tolist()
    ]
