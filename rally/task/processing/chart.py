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

"""The base of charts, and what they read out of an iteration."""

from __future__ import annotations

import abc
import typing as t

from rally.common.plugin import plugin
from rally.task.processing import utils

Iteration: t.TypeAlias = dict[str, t.Any]
#: row of the statistics for failures outside of any action
NO_ACTION = "<no-name-action>"
Pairs: t.TypeAlias = t.Sequence[tuple[str, float]]


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
        self._atomic_names = atomic_names(workload)
        self.base_size = workload.get("total_iteration_count") or 0
        self.zipped_size = zipped_size

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            series = self._data.get(name)
            if series is None:
                series = utils.GraphZipper(self.base_size, self.zipped_size)
                self._data[name] = series
            series.add_point(value)

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

    def _get_atomic_names(self) -> list[str]:
        return self._atomic_names

    def _fix_atomic_actions(
        self, atomic_actions: t.Sequence[dict[str, t.Any]]
    ) -> dict[str, float]:
        """Seconds of each top-level action, 0 for those that did not run."""
        seconds = dict.fromkeys(self._atomic_names, 0.0)
        for name, value in seconds_of_actions(atomic_actions).items():
            if name in seconds:
                seconds[name] = value
        return seconds

    def _map_iteration_values(self, iteration: t.Any) -> Pairs:
        """(Name, value) pairs that an iteration adds to the chart."""
        return t.cast(Pairs, iteration)


def atomic_names(workload: t.Mapping[str, t.Any]) -> list[str]:
    """Display names of the top-level actions in a workload's statistics.

    What a failed iteration did outside of its actions has no duration, so
    it is no series.
    """
    durations = (workload.get("statistics") or {}).get("durations") or {}
    return [
        row["display_name"]
        for row in durations.get("atomics") or ()
        if row["name"] != NO_ACTION
    ]


def seconds_of_actions(
    actions: t.Sequence[dict[str, t.Any]]
) -> dict[str, float]:
    """Seconds by display name; n runs of an action are ``name (xn)``."""
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    for action in actions:
        name = action["name"]
        spent = action["finished_at"] - action["started_at"]
        if name in seconds:
            counts[name] = counts.get(name, 1) + 1
            seconds[name] += spent
        else:
            seconds[name] = spent
    if not counts:
        return seconds
    return {
        "%s (x%d)" % (name, counts[name]) if name in counts else name: value
        for name, value in seconds.items()
    }
