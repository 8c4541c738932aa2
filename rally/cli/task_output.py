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

"""Output of scenarios, as `rally task detailed` prints it.

Tables and texts are printed, charts are named: the report draws them. What
iterations add up to is shown for all of them; of what each iteration has for
itself, that of the first one.
"""

from __future__ import annotations

import typing as t

from rally.cli import tables, terminal
from rally.common.counting import counted
from rally.task.processing import outputdata
from rally.task.results import ordered

Values: t.TypeAlias = t.Mapping[str, t.Any]

#: iterations whose output is read; a report reads all
ITERATIONS_READ = 100_000
#: tables and texts of a workload
ITEMS_SHOWN = 10
#: of a table; and paragraphs of a text
ROWS_SHOWN, COLUMNS_SHOWN = 20, 12
#: characters of a cell, of a paragraph, of what went wrong
CELL_SHOWN, TEXT_SHOWN = 200, 1000
#: titles of charts, and what went wrong
NAMES_SHOWN, ERRORS_SHOWN = 10, 5


def print_output(workload: Values) -> None:
    """Print the output of a workload, if it has any."""
    output, read = _read(workload)
    items = output.additive()
    if output.complete:
        number = output.complete_numbers[0]
        items += [
            {**item, "title": "%s (iteration %d)" % (item["title"], number)}
            for item in output.complete[0]
        ]
    if not items and not output.errors:
        return
    charts: list[str] = []
    shown = 0
    for item in items:
        lines = _lines_of(item)
        if not lines:
            charts.append(item["title"])
        elif (shown := shown + 1) <= ITEMS_SHOWN:
            print("\n".join(lines))
    notes = _notes(output, shown - ITEMS_SHOWN, charts)
    if read < len(workload["data"]):
        notes.append("Only the output of the first %d iterations was read; "
                     "the report has all." % read)
    for note in notes:
        terminal.say(terminal.printable(note))
    print()


def _read(workload: Values) -> tuple[outputdata.OutputData, int]:
    """The output, and how many iterations it was looked for in."""
    output = outputdata.OutputData(workload, shown_iterations=1)
    read = 0
    for chunk in ordered.chunks_of(workload["data"]):
        for row, found in sorted(chunk.outputs.items()):
            output.add(read + row + 1, found)
        read += len(chunk)
        if read >= ITERATIONS_READ:
            break
    return output, read


def _notes(
    output: outputdata.OutputData, items_left: int, charts: t.Sequence[str]
) -> list[str]:
    """What is not shown, and why."""
    notes = [
        _cut(message, TEXT_SHOWN)
        for _, message in output.errors[:ERRORS_SHOWN]
    ]
    if items_left > 0:
        notes.append("%s in the report." % counted(
            items_left, "more table or text is", "more tables and texts are"
        ))
    if charts:
        names = [_cut(each, CELL_SHOWN) for each in charts[:NAMES_SHOWN]]
        if len(charts) > NAMES_SHOWN:
            names.append("%d more" % (len(charts) - NAMES_SHOWN))
        notes.append("Charts in the report: %s." % ", ".join(names))
    if output.complete_count > 1:
        notes.append("The report also has the output of %s." % counted(
            output.complete_count - 1, "more iteration"
        ))
    return notes


def _lines_of(item: Values) -> list[str]:
    """A table or a text; nothing if it is something else."""
    data = item["data"]
    if item["widget"] == "Table" and _is_table(data):
        return _table(item["title"], data)
    if item["widget"] == "TextArea" and isinstance(data, list):
        return _text(item["title"], data)
    return []


def _is_table(data: t.Any) -> bool:
    return (
        isinstance(data, dict)
        and all(isinstance(data.get(key), list) for key in ("cols", "rows"))
        and bool(data["cols"])
        and all(isinstance(row, (list, tuple)) for row in data["rows"])
    )


def _table(title: str, data: Values) -> list[str]:
    columns, rows = data["cols"], data["rows"]
    labels = _distinct(map(_cell, columns[:COLUMNS_SHOWN]))
    table = tables.FittedTable(
        labels,
        [
            [*map(_cell, row[:len(labels)]),
             *[""] * (len(labels) - len(row))]
            for row in rows[:ROWS_SHOWN]
        ],
        _cell(title),
    )
    left = [
        counted(len(found) - most, noun)
        for found, most, noun in (
            (rows, ROWS_SHOWN, "more row"),
            (columns, COLUMNS_SHOWN, "more column"),
        )
        if len(found) > most
    ]
    return [
        table.text(terminal.width()),
        *(["... %s in the report" % " and ".join(left)] if left else []),
    ]


def _cell(value: t.Any) -> str:
    return _cut(value, CELL_SHOWN)


def _cut(value: t.Any, most: int) -> str:
    """The beginning of a text that may have megabytes."""
    return terminal.clipped(str(value)[:4 * most], most)


def _distinct(labels: t.Iterable[str]) -> list[str]:
    """Labels as a table takes them: no two are the same."""
    found: dict[str, None] = {}
    for label in labels:
        number, name = 1, label
        while name in found:
            number += 1
            name = "%s (%d)" % (label, number)
        found[name] = None
    return list(found)


def _text(title: str, paragraphs: t.Sequence[t.Any]) -> list[str]:
    lines = [_cell(title) + ":"]
    for paragraph in paragraphs[:ROWS_SHOWN]:
        text = _cut(paragraph, TEXT_SHOWN)
        lines += ["  " + line for line in text.split("\n")]
    left = len(paragraphs) - ROWS_SHOWN
    if left > 0:
        lines.append(
            "... %s in the report" % counted(left, "more paragraph")
        )
    return [
        each for line in lines
        for each in terminal.broken(
            terminal.printable(line), terminal.width()
        )
    ]
