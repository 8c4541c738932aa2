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

"""Charts and tables of reports, and the check of what scenarios output.

First the base, then the charts of iterations and the tables, which reports
always have, then those that scenarios and hooks name in their output.
"""

from __future__ import annotations

import abc
import math
import typing as t

import numpy as np

from rally import exceptions
from rally.common.plugin import plugin
from rally.task.processing import numbers, utils
from rally.task.results import names

if t.TYPE_CHECKING:
    from rally.task.processing import columns

Iteration: t.TypeAlias = dict[str, t.Any]
#: top-level actions that charts show one by one
SHOWN_ACTIONS = 50
#: series of a chart; more cannot be told from one another
MAX_SERIES = 200
Pairs: t.TypeAlias = t.Iterable[tuple[str, float]]


@plugin.base()
class Chart(plugin.Plugin, metaclass=abc.ABCMeta):
    """Base of all charts: takes iterations one by one, then renders.

    A chart never keeps iterations: what it holds is bounded, however many
    of them there are.
    """

    @property
    @abc.abstractmethod
    def widget(self) -> str:
        """Name of what draws this chart in the report page."""

    def __init__(
        self, workload: t.Mapping[str, t.Any], zipped_size: int = 1000
    ) -> None:
        """Prepare for the iterations of a workload.

        :param workload: its record; ``total_iteration_count`` and
            ``statistics`` are read
        :param zipped_size: the most points of a series
        """
        self._data: dict[str, t.Any] = {}
        self._workload = workload
        self.has_too_many_series = False
        self.base_size = workload.get("total_iteration_count") or 0
        self.zipped_size = zipped_size

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            series = self._data.get(name)
            if series is None:
                if not self._has_room():
                    continue
                series = self._new_series()
            series.add(value)  # a value that is none leaves no series behind
            self._data[name] = series

    def _new_series(self) -> t.Any:
        """What takes the values of one name, by its ``add``."""
        return utils.GraphZipper(self.base_size, self.zipped_size)

    def _has_room(self) -> bool:
        """Whether one more series can be drawn."""
        has_room = len(self._data) < MAX_SERIES
        self.has_too_many_series |= not has_room
        return has_room

    def render(self) -> t.Any:
        """What the widget draws: a list of (name, points)."""
        return [
            (name, series.get_zipped_graph())
            for name, series in self._data.items()
        ]

    @classmethod
    def render_complete_data(cls, data: dict[str, t.Any]) -> dict[str, t.Any]:
        """Turn a complete output item into what the widget draws.

        :param data: the item as the scenario gave it
        :returns: dict; ``widget`` names another widget than this chart's
        """
        return data

    def _map_iteration_values(self, iteration: t.Any) -> Pairs:
        """(Name, value) pairs that an iteration adds to the chart."""
        return t.cast(Pairs, iteration)


def atomic_names(workload: t.Mapping[str, t.Any]) -> list[str]:
    """Display names of the top-level actions in a workload's statistics.

    What a failed iteration did outside of its actions has no duration, so
    it is no series. Of too many actions those that took longest are shown
    one by one, and the others as one.
    """
    durations = (workload.get("statistics") or {}).get("durations") or {}
    rows = durations.get("atomics") or ()
    shown = first_of(
        [
            row for row in rows
            if row["name"] not in (names.NO_NAME, names.OTHER_ACTIONS)
        ],
        SHOWN_ACTIONS, _seconds_in_all,
    )
    found = [row["display_name"] for row in shown]
    left_out = any(
        row["name"] != names.NO_NAME and row["display_name"] not in found
        for row in rows
    )
    return [*found, names.OTHER_ACTIONS] if left_out else found


def first_of(
    items: t.Sequence[t.Any], count: int, weight: t.Callable[[t.Any], t.Any]
) -> list[t.Any]:
    """The *count* heaviest of *items*, in their order."""
    heaviest = sorted(
        range(len(items)), key=lambda i: weight(items[i]), reverse=True
    )
    return [items[i] for i in sorted(heaviest[:count])]


def _seconds_in_all(row: t.Mapping[str, t.Any]) -> float:
    """How long an action took over all iterations."""
    mean, count = row["data"].get("avg"), row["data"].get("iteration_count")
    if isinstance(mean, (int, float)) and isinstance(count, int):
        return mean * count
    return 0.0


class IterationsChart(Chart):
    """Base of charts over all iterations: they take whole chunks."""

    @abc.abstractmethod
    def add_columns(self, columns: columns.Columns) -> None:
        """Take in the iterations of a chunk."""

    def add_iteration(self, iteration: t.Any) -> None:
        self.add_columns(_columns_of([iteration]))

    def _add_series(self, name: str, values: columns.Floats) -> None:
        series = self._data.get(name)
        if series is None:
            series = self._data[name] = self._new_series()
        series.add_array(values)


def _columns_of(iterations: t.Sequence[Iteration]) -> columns.Columns:
    from rally.task.processing import columns
    from rally.task.results import chunk

    return columns.Columns(chunk.Chunk.of_results(iterations))


class MainStackedAreaChart(IterationsChart):
    """Duration of each iteration, idle time and failures apart."""

    widget = "StackedArea"

    def add_columns(self, columns: columns.Columns) -> None:
        is_fine = ~columns.is_failed
        self._add_series("duration", columns.duration * is_fine)
        self._add_series("idle_duration", columns.idle * is_fine)
        if self._workload.get("failed_iteration_count") or (
            columns.is_failed.any()
        ):
            total = columns.duration + columns.idle
            self._add_series("failed_duration", total * columns.is_failed)


class _ActionsChart(IterationsChart):
    """Base of charts of the top-level actions in the statistics."""

    def __init__(
        self, workload: t.Mapping[str, t.Any], zipped_size: int = 1000
    ) -> None:
        super().__init__(workload, zipped_size)
        self._atomic_names = atomic_names(workload)

    def _seconds_of_actions(
        self, columns: columns.Columns
    ) -> dict[str, columns.Floats]:
        """A column for each name; 0 where it did not run."""
        seconds = {
            name: np.zeros(len(columns)) for name in self._atomic_names
        }
        for action in columns.actions:
            name = action.display_name
            if name not in seconds:
                name = names.OTHER_ACTIONS
            if name in seconds:
                seconds[name][action.rows] += action.seconds
        return seconds


class AtomicStackedAreaChart(_ActionsChart):
    """Seconds of each top-level action, iteration by iteration."""

    widget = "StackedArea"

    def add_columns(self, columns: columns.Columns) -> None:
        seconds = self._seconds_of_actions(columns)
        for name, values in seconds.items():
            self._add_series(name, values)
        if self._workload.get("failed_iteration_count"):
            rest = columns.duration + columns.idle - sum(seconds.values())
            self._add_series(
                "failed_duration", rest.clip(0.0) * columns.is_failed
            )


class AvgChart(Chart):
    """Mean of each name's values."""

    widget = "Pie"

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            if name not in self._data and not self._has_room():
                continue
            total, count = self._data.get(name, (0.0, 0))
            self._data[name] = (total + value, count + 1)

    def render(self) -> t.Any:
        return _means(self._data)


def _means(
    sums: t.Mapping[str, tuple[float, int]]
) -> list[tuple[str, float]]:
    return [(name, total / count) for name, (total, count) in sums.items()]


class AtomicAvgChart(_ActionsChart):
    """Mean seconds of each top-level action."""

    widget = "Pie"

    def add_columns(self, columns: columns.Columns) -> None:
        for name, values in self._seconds_of_actions(columns).items():
            total, count = self._data.get(name, (0.0, 0))
            self._data[name] = (
                total + float(values.sum()), count + len(values)
            )

    def render(self) -> t.Any:
        return _means(self._data)


class LoadProfileChart(IterationsChart):
    """How many iterations ran at the same time, over time.

    Each point is the exact mean over one step, not a sample.
    """

    widget = "StackedArea"

    def __init__(
        self,
        workload: t.Mapping[str, t.Any],
        name: str = "parallel iterations",
        scale: int = 100,
    ) -> None:
        """Cut the time of the load into equal steps.

        :param workload: its record; ``start_time`` and ``load_duration``
            are read
        :param name: title of the series
        :param scale: how many steps
        """
        super().__init__(workload)
        self._name = name
        self._steps = scale
        self._start = workload.get("start_time") or 0.0
        self._step_s = (workload.get("load_duration") or 0.0) / scale
        self._partial = np.zeros(scale + 2)  # of steps covered in part
        #: of the count of whole steps
        self._changes = np.zeros(scale + 2, dtype=np.int64)

    def add_columns(self, columns: columns.Columns) -> None:
        if self._step_s <= 0:
            return
        begin = (columns.started - self._start) / self._step_s
        length = (columns.duration + columns.idle) / self._step_s
        end = np.minimum(begin + length, self._steps)
        begin = np.maximum(begin, 0.0)
        ran = end > begin
        begin, end = begin[ran], end[ran]
        first, last = begin.astype(np.int64), end.astype(np.int64)
        is_within = first == last
        size = len(self._changes)
        # what of the first step is covered, then what of the last
        self._partial += np.bincount(
            first, np.where(is_within, end - begin, first + 1 - begin), size
        ) + np.bincount(last, np.where(is_within, 0.0, end - last), size)
        self._changes += np.bincount(first[~is_within] + 1, minlength=size)
        self._changes -= np.bincount(last[~is_within], minlength=size)

    def render(self) -> t.Any:
        means = np.cumsum(self._changes[:-2]) + self._partial[:-2]
        points: list[list[float]] = [[0.0, 0]]
        for step, mean in enumerate(means.tolist(), 1):
            points.append([step * self._step_s, mean])
        return [(self._name, points)]


#: title of a view, and how many bins it has for so many values
VIEWS: t.Sequence[tuple[str, t.Callable[[int], float]]] = (
    ("Square Root Choice", math.sqrt),
    ("Sturges Formula", lambda count: math.log2(count) + 1),
    ("Rice Rule", lambda count: 2 * count ** (1 / 3)),
)


class HistogramChart(IterationsChart):
    """Base of histograms: how often a value fell into a bin.

    Extremes need not be known beforehand: bins are laid over bounded counts
    of values when the chart is rendered.
    """

    widget = "Histogram"

    def _new_series(self) -> t.Any:
        return numbers.Numbers(numbers.NANOSECONDS)

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
                        "values": _bins(values, bin_count),
                    }
                    for name, values in self._data.items()
                ]
                for title, bin_count in VIEWS
            ],
            "views": [
                {"id": number, "name": title}
                for number, (title, _) in enumerate(VIEWS)
            ],
        }


class MainHistogramChart(HistogramChart):
    """How long iterations took."""

    def __init__(self, workload_info: t.Mapping[str, t.Any]) -> None:
        super().__init__(workload_info)

    def add_columns(self, columns: columns.Columns) -> None:
        self._add_series("task", columns.duration)


class AtomicHistogramChart(HistogramChart):
    """How long each top-level action took, where it ran."""

    def __init__(self, workload_info: t.Mapping[str, t.Any]) -> None:
        super().__init__(workload_info)
        self._atomic_names = atomic_names(workload_info)

    def add_columns(self, columns: columns.Columns) -> None:
        for action in columns.actions:
            shown_as = self._shown_as(action.display_name)
            self._add_series(shown_as, action.seconds)

    def _shown_as(self, name: str) -> str:
        """The name itself, or that of all that are not shown one by one."""
        if name in self._data or name in self._atomic_names:
            return name
        if (
            names.OTHER_ACTIONS in self._atomic_names
            or len(self._data) >= SHOWN_ACTIONS
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


#: keys of a statistics row's data, in the order of the columns
STATISTICS = (
    "min", "median", "90%ile", "95%ile", "max", "avg", "success",
    "iteration_count",
)
#: iterations that are handed on to the statistics at once
_BLOCK = 500


class Table(Chart):
    """Base of charts that are tables."""

    widget = "Table"
    _styles: dict[int, str] = {}

    @property
    @abc.abstractmethod
    def columns(self) -> list[str]:
        """Titles of the columns."""

    def get_rows(self) -> list[list[t.Any]]:
        """Values of the cells, row by row."""
        return [
            self._process_row(name, values)
            for name, values in self._data.items()
        ]

    def render(self) -> t.Any:
        return {
            "cols": self.columns,
            "rows": self.get_rows(),
            "styles": self._styles,
        }

    def _process_row(self, name: str, values: t.Any) -> list[t.Any]:
        return [name, *values]


class MainStatsTable(Table):
    """Durations of iterations and of their actions.

    The numbers come from ``rally.task.results.durations``, as everywhere else.
    """

    columns = [
        "Action", "Min (sec)", "Median (sec)", "90%ile (sec)",
        "95%ile (sec)", "Max (sec)", "Avg (sec)", "Success", "Count",
    ]
    _DEPTH_OF_PROCESSING = 2

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        from rally.task.results import durations

        super().__init__(*args, **kwargs)
        self._table = durations.DurationsTable()
        self._block: list[Iteration] = []

    def add_iteration(self, iteration: t.Any) -> None:
        self._block.append(iteration)
        if len(self._block) >= _BLOCK:
            self._flush()

    def to_dict(self) -> dict[str, t.Any]:
        """Rally's statistics: ``{"total": row, "atomics": [row]}``."""
        self._flush()
        return self._table.to_dict()

    def get_rows(self) -> list[list[t.Any]]:
        return list(statistics_table(self.to_dict())["rows"])

    def render(self) -> t.Any:
        return statistics_table(self.to_dict())

    def _flush(self) -> None:
        from rally.task.results import chunk

        if self._block:
            self._table.add_chunk(chunk.Chunk.of_results(self._block))
            self._block = []


def statistics_table(durations: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The table of ``{"total": row, "atomics": [row]}``.

    Nested rows and totals have a style.
    """
    rows: list[tuple[list[t.Any], str]] = []
    for row in durations.get("atomics") or ():
        rows.extend(_nested_rows(row, 0, ""))
    if durations.get("total"):
        rows.extend(_nested_rows(durations["total"], 0, "rich"))
    return {
        "cols": MainStatsTable.columns,
        "rows": [cells for cells, _ in rows],
        "styles": {
            number: style for number, (_, style) in enumerate(rows) if style
        },
    }


def _nested_rows(
    row: t.Mapping[str, t.Any], depth: int, style: str
) -> t.Iterator[tuple[list[t.Any], str]]:
    prefix = " %s> " % ("-" * depth) if depth else ""
    data = row.get("data") or {}
    cells = [data.get(key, "n/a") for key in STATISTICS]
    yield [prefix + row["display_name"], *cells], style
    for child in row.get("children") or ():
        yield from _nested_rows(child, depth + 1, "oblique")


class OutputChart(Chart):
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

    .. code-block:: python

        self.add_output(additive={
            "title": "Memory", "chart_plugin": "StackedArea",
            "data": [["used", 310], ["cached", 120]], "label": "MiB",
        })
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

    .. code-block:: python

        self.add_output(complete={
            "title": "Queue", "chart_plugin": "Lines",
            "data": [["waiting", [[0, 4], [1, 9], [2, 3]]]],
            "label": "messages", "axis_label": "seconds",
        })
    """

    widget = "Lines"


@plugin.configure(name="Pie")
class OutputAvgChart(OutputChart, AvgChart):
    """Shares of a whole; of additive output, the means.

    Output is a list of [name, number].

    .. code-block:: python

        self.add_output(additive={
            "title": "Where the time went", "chart_plugin": "Pie",
            "data": [["network", 0.4], ["disk", 1.3]],
        })
    """

    widget = "Pie"


@plugin.configure(name="Table")
class OutputTable(OutputChart, Table):
    """A table as it stands; for complete output only.

    Output is {"cols": [title], "rows": [[value]]}.

    .. code-block:: python

        self.add_output(complete={
            "title": "Hosts", "chart_plugin": "Table",
            "data": {"cols": ["Host", "Guests"],
                     "rows": [["node1", 12], ["node2", 9]]},
        })
    """

    widget = "Table"


@plugin.configure(name="StatsTable")
class OutputStatsTable(OutputTable):
    """Statistics over the numbers that iterations output.

    Additive output is a list of [name, number].

    .. code-block:: python

        self.add_output(additive={
            "title": "Steps of the server", "chart_plugin": "StatsTable",
            "data": [["parse", 0.01], ["plan", 0.2]],
        })
    """

    columns = [
        "Action", "Min (sec)", "Median (sec)", "90%ile (sec)",
        "95%ile (sec)", "Max (sec)", "Avg (sec)", "Count",
    ]

    def _new_series(self) -> t.Any:
        return numbers.Numbers()

    def _process_row(self, name: str, values: t.Any) -> list[t.Any]:
        low, high = values.extremes()
        quantiles = values.percentiles(0.5, 0.9, 0.95)
        mean = values.total / values.count
        cells = (low, *quantiles, high, mean)
        return [name, *[round(cell, 3) for cell in cells], values.count]


@plugin.configure(name="TextArea")
class OutputTextArea(OutputChart):
    """Plain text, a list of paragraphs; for complete output only.

    .. code-block:: python

        self.add_output(complete={
            "title": "What the server said", "chart_plugin": "TextArea",
            "data": ["Welcome.", "Closed after 3 requests."],
        })
    """

    widget = "TextArea"


@plugin.configure(name="EmbeddedChart")
class OutputEmbeddedChart(OutputChart):
    """A page of HTML shown inside the report, cut off from it.

    Output is the HTML, as a list of parts; for complete output only.

    .. code-block:: python

        self.add_output(complete={
            "title": "Map", "chart_plugin": "EmbeddedChart",
            "data": ["<html><body>", "<svg>...</svg>", "</body></html>"],
        })
    """

    widget = "EmbedChart"

    @classmethod
    def render_complete_data(
        cls, pdata: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        return _embed(pdata, "embedded")


@plugin.configure(name="EmbeddedExternalChart")
class OutputEmbeddedExternalChart(OutputChart):
    """A page at another address, shown inside the report.

    Output is the address, as a list of parts; for complete output only.

    .. code-block:: python

        self.add_output(complete={
            "title": "Dashboard", "chart_plugin": "EmbeddedExternalChart",
            "data": ["https://grafana.example.org/d/load"],
        })
    """

    widget = "EmbedChart"

    @classmethod
    def render_complete_data(
        cls, pdata: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        return _embed(pdata, "source")


def _embed(item: dict[str, t.Any], place: str) -> dict[str, t.Any]:
    data = item["data"]
    # it is a list or a dict, so text comes as a list of parts
    is_parts = isinstance(data, (list, tuple))
    text = "".join(map(str, data)) if is_parts else str(data)
    return {
        "title": item["title"],
        "widget": "EmbedChart",
        "data": {"embedded": None, "source": None, place: text},
    }


#: key -> type or types that its value must have
_OUTPUT_SCHEMA: dict[str, t.Any] = {
    "kinds": ("additive", "complete"),
    "required": ("title", "chart_plugin", "data"),
    "types": {
        "title": str, "chart_plugin": str, "data": (list, dict),
        "description": str, "label": str, "axis_label": str,
    },
}


def add_output(
    output: t.Any,
    additive: dict[str, t.Any] | None,
    complete: dict[str, t.Any] | None,
) -> None:
    """Add charts to the *output* of an iteration or of a hook.

    :raises RallyException: a chart is not described as it must be
    """
    for kind, chart in (("additive", additive), ("complete", complete)):
        if chart:
            problem = validate_output(kind, chart)
            if problem:
                raise exceptions.RallyException(problem)
            output[kind].append(chart)


def validate_output(output_type: str, output: t.Any) -> str | None:
    """Say what is wrong with an output item of a scenario.

    :param output_type: ``additive`` or ``complete``
    :param output: the item
    :returns: a message, or None if it is fine
    """
    if output_type not in _OUTPUT_SCHEMA["kinds"]:
        return "output is of type %r, but it must be one of %s" % (
            output_type, ", ".join(_OUTPUT_SCHEMA["kinds"]),
        )
    if not isinstance(output, dict):
        return "%s output must be a dict, not %r" % (
            output_type, type(output).__name__,
        )
    types = _OUTPUT_SCHEMA["types"]
    for key in _OUTPUT_SCHEMA["required"]:
        if key not in output:
            return "%s output lacks the key %r" % (output_type, key)
    for key, value in output.items():
        if key not in types:
            return "%s output has the unknown key %r" % (output_type, key)
        if not isinstance(value, types[key]):
            wanted = "list or dict" if key == "data" else "str"
            return "%r of %s output must be %s, not %r" % (
                key, output_type, wanted, type(value).__name__,
            )
    return None
