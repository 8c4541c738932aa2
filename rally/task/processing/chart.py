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
from rally.task.results import names

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
        self._atomic_names = atomic_names(workload)
        self.has_too_many_series = False
        self.base_size = workload.get("total_iteration_count") or 0
        self.zipped_size = zipped_size

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            series = self._data.get(name)
            if series is None:
                if not self._has_room():
                    continue
                series = utils.GraphZipper(self.base_size, self.zipped_size)
                self._data[name] = series
            series.add_point(value)

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
            elif names.OTHER_ACTIONS in seconds:
                seconds[names.OTHER_ACTIONS] += value
        return seconds

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
