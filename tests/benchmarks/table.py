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

"""The table of results: for a terminal, for the documentation, as JSON."""

from __future__ import annotations

import json
import textwrap
import typing as t

import prettytable

from tests.benchmarks import figures

HEADINGS = ("What", "Measured", "Budget", "Holds")
#: columns of a terminal for each heading; 0 is as wide as it needs
WIDTHS = (38, 44, 16, 0)


def holds_text(result: figures.Result) -> str:
    if result.holds is None:
        return "-"
    return "yes" if result.holds else "no"


def cells(result: figures.Result) -> tuple[str, str, str, str]:
    return (
        result.what, result.measured,
        result.budget or "for information", holds_text(result),
    )


def as_text(results: t.Sequence[figures.Result]) -> str:
    """A table for people."""
    table = prettytable.PrettyTable(HEADINGS)
    table.align = "l"
    table.hrules = prettytable.HRuleStyle.ALL
    for heading, width in zip(HEADINGS, WIDTHS):
        if width:
            table.max_width[heading] = width
    table.add_rows([list(cells(result)) for result in results])
    return table.get_string()


def as_rst(results: t.Sequence[figures.Result], caption: str) -> str:
    """A ``list-table`` of the documentation."""
    lines = [
        *textwrap.wrap(
            ".. list-table:: " + caption, 79, subsequent_indent=" " * 3,
            break_on_hyphens=False,
        ),
        "   :header-rows: 1",
        "   :widths: 34 40 16 10",
    ]
    for row in (HEADINGS, *map(cells, results)):
        lines.append("")
        for index, cell in enumerate(row):
            bullet = "   * - " if index == 0 else "     - "
            lines += textwrap.wrap(
                _escaped(cell), 79, initial_indent=bullet,
                subsequent_indent=" " * 7, break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """*text* without the characters that mark up reStructuredText."""
    for character in "\\*`|":
        text = text.replace(character, "\\" + character)
    return text


def as_json(
    results: t.Sequence[figures.Result], machine: t.Mapping[str, t.Any]
) -> str:
    """All that was measured, for comparing runs."""
    rows = [
        {
            "what": result.what, "measured": result.measured,
            "budget": result.budget, "holds": result.holds,
            "values": dict(result.values),
        }
        for result in results
    ]
    return json.dumps(
        {"machine": dict(machine), "results": rows}, indent=2
    ) + "\n"
