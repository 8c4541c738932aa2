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

"""Charts with random values: one of each kind that a report can show."""

from __future__ import annotations

import random
import typing as t

_Chart: t.TypeAlias = dict[str, t.Any]


def additive(random_range: int) -> list[_Chart]:
    """Charts to which each iteration adds a point."""

    def values(*names: str) -> list[list[t.Any]]:
        return [[name, random.randint(1, random_range)] for name in names]

    return [
        _described(
            "Additive StatsTable",
            "StatsTable",
            values("first", "second", "third"),
        ),
        {
            "title": "Additive StackedArea (no description)",
            "chart_plugin": "StackedArea",
            "data": values(*(f"layer {i}" for i in range(1, 7))),
            "label": "Unit of the first kind",
        },
        _described(
            "Additive Lines",
            "Lines",
            values(*(f"line {i}" for i in range(1, 4))),
            label="Unit of the second kind",
        ),
        _described(
            "Additive Pie",
            "Pie",
            values(*(f"slice {i}" for i in range(1, 4))),
        ),
    ]


def complete(random_range: int) -> list[_Chart]:
    """Charts of one iteration."""

    def series(name: str, xs: t.Iterable[int]) -> list[t.Any]:
        return [name, [[x, random.randint(1, random_range)] for x in xs]]

    return [
        _described(
            "Complete Lines",
            "Lines",
            [series(name, range(1, 8)) for name in ("One", "Two", "Three")],
            label="Unit of the values",
            axis_label="Label of the horizontal axis",
        ),
        _described(
            "Complete StackedArea",
            "StackedArea",
            [series(name, range(50)) for name in ("alpha", "beta", "gamma")],
            label="Another unit",
            axis_label="Label of the horizontal axis",
        ),
        {
            "title": "Arbitrary Text",
            "chart_plugin": "TextArea",
            "data": [
                "Any text of an iteration can be shown like this.",
                "Each string of the list is a paragraph.",
            ],
        },
        _described(
            "Complete Pie",
            "Pie",
            [
                [name, random.randint(1, random_range)]
                for name in ("red", "green", "blue")
            ],
        ),
        _described("Arbitrary Table", "Table", _table(random_range)),
    ]


def _described(
    title: str, chart_plugin: str, data: t.Any, **labels: str
) -> _Chart:
    return {
        "title": title,
        "description": f"What {title} has to say",
        "chart_plugin": chart_plugin,
        "data": data,
        **labels,
    }


def _table(random_range: int) -> dict[str, list[t.Any]]:
    columns = ["%s column" % name for name in ("One", "Two", "Three")]
    rows = [
        [f"{name} row"]
        + [random.randint(1, random_range) for _ in columns[1:]]
        for name in ("First", "Second", "Third", "Fourth")
    ]
    return {"cols": columns, "rows": rows}
