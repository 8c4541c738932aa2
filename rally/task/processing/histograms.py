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

"""Histograms in three bin counts, made in one pass.

Extremes need not be known beforehand: a chart keeps bounded counts of
values, and lays the bins over them when it renders.
"""

from __future__ import annotations

import math
import typing as t

from rally.task.processing import chart, numbers
from rally.task.results import names

#: title of a view, and how many bins it has for so many values
VIEWS: t.Sequence[tuple[str, t.Callable[[int], float]]] = (
    ("Square Root Choice", math.sqrt),
    ("Sturges Formula", lambda count: math.log2(count) + 1),
    ("Rice Rule", lambda count: 2 * count ** (1 / 3)),
)


class HistogramChart(chart.Chart):
    """Base of histograms: how often a value fell into a bin."""

    widget = "Histogram"

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            values = self._data.get(name)
            if values is None:
                if not self._has_room():
                    continue
                values = numbers.Numbers(numbers.NANOSECONDS)
                self._data[name] = values
            values.add(value)

    def render(self) -> t.Any:
        """Bins of each view; ``x`` is the upper end of a bin."""
        if not self._data:
            return {"data": [], "views": []}
        return {
            "data": [
                [
                    {
                        "key": name,
                        "view": title,
                        "disabled": self._order_of(number),
                        "values": _bins(values, bin_count),
                    }
                    for number, (name, values) in enumerate(
                        self._data.items()
                    )
                ]
                for title, bin_count in VIEWS
            ],
            "views": [
                {"id": number, "name": title}
                for number, (title, _) in enumerate(VIEWS)
            ],
        }

    def _order_of(self, number: int) -> int | None:
        return number


class MainHistogramChart(HistogramChart):
    """How long iterations took."""

    def __init__(self, workload_info: t.Mapping[str, t.Any]) -> None:
        super().__init__(workload_info)

    def _order_of(self, number: int) -> int | None:
        return None

    def _map_iteration_values(self, iteration: t.Any) -> chart.Pairs:
        return (("task", iteration["duration"]),)


class AtomicHistogramChart(HistogramChart):
    """How long each top-level action took, where it ran."""

    def __init__(self, workload_info: t.Mapping[str, t.Any]) -> None:
        super().__init__(workload_info)

    def _map_iteration_values(self, iteration: t.Any) -> chart.Pairs:
        seconds = chart.seconds_of_actions(iteration["atomic_actions"])
        return (
            (self._shown_as(name), value) for name, value in seconds.items()
        )

    def _shown_as(self, name: str) -> str:
        """The name itself, or that of all that are not shown one by one."""
        if name in self._data or name in self._atomic_names:
            return name
        if (
            names.OTHER_ACTIONS in self._atomic_names
            or len(self._data) >= chart.SHOWN_ACTIONS
        ):
            return names.OTHER_ACTIONS
        return name


def _bins(
    values: numbers.Numbers, bin_count: t.Callable[[int], float]
) -> list[dict[str, float]]:
    low, high = values.extremes() or (0.0, 0.0)
    count = max(1, math.ceil(bin_count(values.count)))
    width = (high - low) / count
    return [
        {"x": low + width * (i + 1), "y": height}
        for i, height in enumerate(values.heights(count))
    ]
