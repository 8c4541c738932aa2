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

"""Charts over the sequence of iterations, and shares of a whole."""

from __future__ import annotations

import typing as t

from rally.task.processing import chart


class MainStackedAreaChart(chart.Chart):
    """Duration of each iteration, idle time and failures apart."""

    widget = "StackedArea"

    def _map_iteration_values(self, iteration: t.Any) -> chart.Pairs:
        duration = iteration["duration"]
        idle = iteration["idle_duration"]
        if iteration["error"]:
            return (
                ("duration", 0),
                ("idle_duration", 0),
                ("failed_duration", duration + idle),
            )
        if self._workload.get("failed_iteration_count"):
            return (
                ("duration", duration),
                ("idle_duration", idle),
                ("failed_duration", 0),
            )
        return ("duration", duration), ("idle_duration", idle)


class AtomicStackedAreaChart(chart.Chart):
    """Seconds of each top-level action, iteration by iteration."""

    widget = "StackedArea"

    def _map_iteration_values(self, iteration: t.Any) -> chart.Pairs:
        seconds = self._fix_atomic_actions(iteration["atomic_actions"])
        if self._workload.get("failed_iteration_count"):
            rest = 0.0
            if iteration["error"]:
                spent = sum(seconds.values())
                total = iteration["duration"] + iteration["idle_duration"]
                rest = max(0.0, total - spent)
            seconds["failed_duration"] = rest
        return tuple(seconds.items())


class AvgChart(chart.Chart):
    """Mean of each name's values."""

    widget = "Pie"

    def add_iteration(self, iteration: t.Any) -> None:
        for name, value in self._map_iteration_values(iteration):
            if name not in self._data and not self._has_room():
                continue
            total, count = self._data.get(name, (0.0, 0))
            self._data[name] = (total + value, count + 1)

    def render(self) -> t.Any:
        return [
            (name, total / count)
            for name, (total, count) in self._data.items()
        ]


class AtomicAvgChart(AvgChart):
    """Mean seconds of each top-level action."""

    def _map_iteration_values(self, iteration: t.Any) -> chart.Pairs:
        return tuple(
            self._fix_atomic_actions(iteration["atomic_actions"]).items()
        )


class LoadProfileChart(chart.Chart):
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
        self._partial = [0.0] * (scale + 1)  # of steps covered in part
        self._changes = [0] * (scale + 2)  # of the count of whole steps

    def add_iteration(self, iteration: t.Any) -> None:
        if self._step_s <= 0:
            return
        begin = (iteration["timestamp"] - self._start) / self._step_s
        length = iteration["duration"] + iteration["idle_duration"]
        end = min(begin + length / self._step_s, float(self._steps))
        begin = max(0.0, begin)
        first, last = int(begin), int(end)
        if end <= begin:
            return
        if first == last:
            self._partial[first] += end - begin
            return
        self._partial[first] += first + 1 - begin
        self._partial[last] += end - last
        self._changes[first + 1] += 1
        self._changes[last] -= 1

    def render(self) -> t.Any:
        points: list[list[float]] = [[0.0, 0]]
        running = 0
        for step in range(self._steps):
            running += self._changes[step]
            mean = running + self._partial[step]
            points.append([(step + 1) * self._step_s, mean])
        return [(self._name, points)]
