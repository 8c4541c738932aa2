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

"""Charts of what scenarios and hooks output themselves."""

from __future__ import annotations

import typing as t

from rally.common.plugin import plugin
from rally.task.processing import chart, numbers, series, tables


class OutputChart(chart.Chart):
    """Base of charts that scenarios name in their output."""

    def __init__(
        self,
        workload_info: t.Mapping[str, t.Any],
        zipped_size: int = 1000,
        title: str = "",
        description: str = "",
        label: str = "",
        axis_label: str = "",
    ) -> None:
        """Prepare for additive output of a workload.

        :param workload_info: record of the workload
        :param zipped_size: the most points of a series
        :param title: heading of the chart
        :param description: text below the heading
        :param label: what the values are
        :param axis_label: what the horizontal axis shows
        """
        super().__init__(workload_info, zipped_size)
        self.title = title
        self.description = description
        self.label = label
        self.axis_label = axis_label

    def render(self) -> t.Any:
        return {
            "title": self.title,
            "description": self.description,
            "widget": self.widget,
            "data": super().render(),
            "label": self.label,
            "axis_label": self.axis_label,
        }


@plugin.configure(name="StackedArea")
class OutputStackedAreaChart(OutputChart):
    """Values stacked upon each other, along the iterations.

    Additive output is a list of [name, number]; complete output a list of
    [name, list of [x, y]].
    """

    widget = "StackedArea"

    def render(self) -> t.Any:
        result = super().render()
        result["axis_label"] = (
            result["axis_label"] or "Iteration sequence number"
        )
        return result


@plugin.configure(name="Lines")
class OutputLinesChart(OutputStackedAreaChart):
    """Values as lines, along the iterations.

    Additive output is a list of [name, number]; complete output a list of
    [name, list of [x, y]].
    """

    widget = "Lines"


@plugin.configure(name="Pie")
class OutputAvgChart(OutputChart, series.AvgChart):
    """Shares of a whole; of additive output, the means.

    Output is a list of [name, number].
    """

    widget = "Pie"


@plugin.configure(name="Table")
class OutputTable(OutputChart, tables.Table):
    """A table as it stands; for complete output only.

    Output is {"cols": [title], "rows": [[value]]}.
    """

    widget = "Table"


@plugin.configure(name="StatsTable")
class OutputStatsTable(OutputTable):
    """Statistics over the numbers that iterations output.

    Additive output is a list of [name, number].
    """

    columns = [
        "Action", "Min (sec)", "Median (sec)", "90%ile (sec)",
        "95%ile (sec)", "Max (sec)", "Avg (sec)", "Count",
    ]

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            if name not in self._data and not self._has_room():
                continue
            values, total = self._data.get(name) or (numbers.Numbers(), 0.0)
            values.add(value)
            self._data[name] = (values, total + value)

    def get_rows(self) -> list[list[t.Any]]:
        return [
            tables.number_rows(name, values, total)
            for name, (values, total) in self._data.items()
        ]

    def render(self) -> t.Any:
        result = super().render()
        result["data"] = tables.Table.render(self)
        return result


@plugin.configure(name="TextArea")
class OutputTextArea(OutputChart):
    """Plain text, a list of lines; for complete output only."""

    widget = "TextArea"


@plugin.configure(name="EmbeddedChart")
class OutputEmbeddedChart(OutputChart):
    """A page of HTML shown inside the report, cut off from it."""

    widget = "EmbedChart"

    @classmethod
    def render_complete_data(
        cls, pdata: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        return _embed(pdata, embedded=_text_of(pdata["data"]))


@plugin.configure(name="EmbeddedExternalChart")
class OutputEmbeddedExternalChart(OutputChart):
    """A page at another address, shown inside the report."""

    widget = "EmbedChart"

    @classmethod
    def render_complete_data(
        cls, pdata: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        return _embed(pdata, source=_text_of(pdata["data"]))


def _embed(
    item: dict[str, t.Any],
    embedded: str | None = None,
    source: str | None = None,
) -> dict[str, t.Any]:
    return {
        "title": item["title"],
        "widget": "EmbedChart",
        "data": {"embedded": embedded, "source": source},
    }


def _text_of(data: t.Any) -> str:
    """Output data is a list or a dict, so text comes as a list of parts."""
    if isinstance(data, (list, tuple)):
        return "".join(map(str, data))
    return str(data)
