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

"""Charts by the name that plugins import, and the check of output."""

from __future__ import annotations

import typing as t

from rally.task.processing.chart import MAX_SERIES, Chart
from rally.task.processing.histograms import (
    AtomicHistogramChart,
    HistogramChart,
    MainHistogramChart,
)
from rally.task.processing.outputs import (
    OutputAvgChart,
    OutputChart,
    OutputEmbeddedChart,
    OutputEmbeddedExternalChart,
    OutputLinesChart,
    OutputStackedAreaChart,
    OutputStatsTable,
    OutputTable,
    OutputTextArea,
)
from rally.task.processing.series import (
    AtomicAvgChart,
    AtomicStackedAreaChart,
    AvgChart,
    LoadProfileChart,
    MainStackedAreaChart,
)
from rally.task.processing.tables import MainStatsTable, Table

__all__ = [
    "MAX_SERIES",
    "AtomicAvgChart", "AtomicHistogramChart", "AtomicStackedAreaChart",
    "AvgChart", "Chart", "HistogramChart", "LoadProfileChart",
    "MainHistogramChart", "MainStackedAreaChart", "MainStatsTable",
    "OutputAvgChart", "OutputChart", "OutputEmbeddedChart",
    "OutputEmbeddedExternalChart", "OutputLinesChart",
    "OutputStackedAreaChart", "OutputStatsTable", "OutputTable",
    "OutputTextArea", "Table", "validate_output",
]

_REQUIRED = {"title": str, "chart_plugin": str, "data": (list, dict)}
_OPTIONAL = {"description": str, "label": str, "axis_label": str}
#: key -> type or types that its value must have
_OUTPUT_SCHEMA: dict[str, t.Any] = {
    "kinds": ("additive", "complete"),
    "required": tuple(_REQUIRED),
    "types": {**_REQUIRED, **_OPTIONAL},
}


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
            return "%r of %s output must be %s, not %r" % (
                key, output_type, _names(types[key]), type(value).__name__,
            )
    return None


def _names(types: t.Any) -> str:
    if isinstance(types, tuple):
        return " or ".join(each.__name__ for each in types)
    return str(types.__name__)
