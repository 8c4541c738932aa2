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

"""Output of the iterations of a workload, and of hooks, as charts."""

from __future__ import annotations

import collections
import contextlib
import typing as t

from rally import exceptions
from rally.task.processing import charts, records

#: iterations whose complete output is shown, and errors in output
SHOWN_ITERATIONS = 500
SHOWN_ERRORS = 100
#: charts of additive output
SHOWN_CHARTS = 100


class OutputData:
    """Additive charts over all iterations; complete ones of the first.

    A chart that cannot be drawn costs itself only, and is named.
    """

    def __init__(
        self, workload: records.Record,
        shown_iterations: int = SHOWN_ITERATIONS,
    ) -> None:
        """:param shown_iterations: whose complete output is kept"""
        self._workload = workload
        self._shown_iterations = shown_iterations
        self._additive: dict[tuple[str, str, int], charts.OutputChart] = {}
        self.complete: list[list[dict[str, t.Any]]] = []
        self.complete_numbers: list[int] = []
        self.complete_count = 0
        self.errors: list[list[t.Any]] = []

    def add(self, number: int, output: records.Record) -> None:
        """Take in the output of an iteration.

        :param number: its number in the order of starts, from 1
        :param output: ``additive`` and ``complete``
        """
        seen: collections.Counter[tuple[str, str]] = collections.Counter()
        for item in output.get("additive") or ():
            kind = (item.get("chart_plugin", ""), item.get("title", ""))
            seen[kind] += 1
            with self._noting_errors(number, item):
                self._add_additive(item, seen[kind])
        if output.get("complete"):
            self.complete_count += 1
            if len(self.complete) < self._shown_iterations:
                shown: list[dict[str, t.Any]] = []
                for item in output["complete"]:
                    with self._noting_errors(number, item):
                        shown.append(_rendered(item))
                self.complete.append(shown)
                self.complete_numbers.append(number)

    def additive(self) -> list[dict[str, t.Any]]:
        """The additive charts, rendered."""
        rendered: list[dict[str, t.Any]] = []
        for (_, title, _), chart in self._additive.items():
            with self._noting_errors(0, {"title": title}):
                rendered.append(chart.render())
            if chart.has_too_many_series:
                self._note(
                    0,
                    "Output %r has more than %d series; the first ones are "
                    "shown. Put ids into complete output, not into names of "
                    "series." % (title, charts.MAX_SERIES),
                )
        return rendered

    def _add_additive(self, item: records.Record, occurrence: int) -> None:
        key = (item["chart_plugin"], item["title"], occurrence)
        chart = self._additive.get(key)
        if chart is None:
            if len(self._additive) >= SHOWN_CHARTS:
                raise ValueError(
                    "a report has %d charts over all iterations of a "
                    "workload. Give those of all iterations the same titles"
                    % SHOWN_CHARTS
                )
            texts = {
                name: item[name]
                for name in ("description", "label", "axis_label")
                if name in item
            }
            plugin_cls = charts.OutputChart.get(item["chart_plugin"])
            chart = plugin_cls(self._workload, title=item["title"], **texts)
        chart.add_iteration(item["data"])
        self._additive[key] = chart

    @contextlib.contextmanager
    def _noting_errors(
        self, number: int, item: records.Record
    ) -> t.Iterator[None]:
        """Around code of a chart plugin, on what a scenario gave it."""
        try:
            yield
        except exceptions.PluginNotFound as error:
            self._note(number, str(error))
        except Exception as error:
            self._note(
                number,
                "Output %r cannot be shown: %s: %s"
                % (item.get("title"), type(error).__name__, error),
            )

    def _note(self, number: int, message: str) -> None:
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append([number, message])


def _rendered(item: records.Record) -> dict[str, t.Any]:
    plugin_cls = charts.OutputChart.get(item["chart_plugin"])
    data = plugin_cls.render_complete_data(dict(item))
    data.setdefault("widget", plugin_cls.widget)
    return data


def hook_charts(hook: records.Record) -> dict[str, t.Any]:
    """Results and charts of one hook of a workload."""
    config = records.hook_config(hook)
    results = hook.get("results") or ()
    output = OutputData({"total_iteration_count": len(results)})
    complete = []
    for number, result in enumerate(results, 1):
        output.complete = []
        output.add(number, result.get("output") or {})
        complete.append(
            {
                "triggered_by": "%(event_type)s: %(value)s"
                % result["triggered_by"],
                "started_at": result.get("started_at"),
                "finished_at": result["finished_at"],
                "status": result["status"],
                "error": _error_lines(result.get("error")),
                "charts": output.complete[0] if output.complete else [],
            }
        )
    return {
        "name": records.pair_of(config["action"])[0],
        "desc": config.get("description") or "",
        "additive": output.additive(),
        "complete": complete,
        "errors": output.errors,
    }


def _error_lines(error: t.Any) -> list[str]:
    """Lines of a hook's error in either of its forms."""
    if not error:
        return []
    if isinstance(error, dict):
        return [str(error.get(key, "")) for key in ("etype", "msg", "details")]
    return [str(line) for line in error]
