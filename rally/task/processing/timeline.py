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

"""Durations, rate and failures along the time of a load, in one pass."""

from __future__ import annotations

import typing as t

import numpy as np

from rally.task.processing import numbers

if t.TYPE_CHECKING:
    from rally.task.processing import columns

#: shortest step; longer ones are this times a power of two
_FIRST_STEP_S = 0.001
_MAX_STEPS = 240
#: few iterations make few steps: so many each, on average
_MIN_PER_STEP = 4
_MIN_STEPS = 24


class Timeline:
    """Iterations by the step of time in which they started.

    It need not know how long the load lasts: whenever there are more than
    *max_steps* steps, two neighbours become one. So a load of any length
    ends with more than half of *max_steps*, unless it is very short.
    """

    def __init__(self, max_steps: int = _MAX_STEPS) -> None:
        self.step_s = _FIRST_STEP_S
        self._max_steps = max_steps
        self._origin: float | None = None
        self._first = 0  # numbers of the outer steps
        self._last = 0
        self._steps: dict[int, _Step] = {}

    def add_columns(self, columns: columns.Columns) -> None:
        """Take in the iterations of a chunk, in the order of their start."""
        if not len(columns):
            return
        if self._origin is None:
            self._origin = float(columns.started[0])
        since = (columns.started - self._origin) / self.step_s
        numbers = np.floor(since).astype(np.int64)
        doubled = self._make_room_for(int(numbers[0]), int(numbers[-1]))
        numbers >>= doubled
        ends = np.flatnonzero(np.diff(numbers, append=numbers[-1] + 1)) + 1
        start = 0
        for end in ends.tolist():
            step = self._steps.setdefault(int(numbers[start]), _Step())
            step.count += end - start
            step.failed += int(columns.is_failed[start:end].sum())
            step.durations.add_array(columns.duration[start:end])
            start = end

    def to_dict(self) -> dict[str, t.Any]:
        """Columns; a row is a step, ``at`` seconds after the first start."""
        self._coarsen()
        steps = [
            ((number - self._first) * self.step_s, step)
            for number, step in sorted(self._steps.items())
        ]
        quantiles = [
            step.durations.percentiles(0.5, 0.95, 0.99, 1.0)
            for _, step in steps
        ]
        return {
            "step_s": self.step_s,
            "started_at": self._origin,
            "at": [at for at, _ in steps],
            "count": [step.count for _, step in steps],
            "failed": [step.failed for _, step in steps],
            **{
                name: [row[i] for row in quantiles]
                for i, name in enumerate(("p50", "p95", "p99", "max"))
            },
        }

    def _coarsen(self) -> None:
        count = sum(step.count for step in self._steps.values())
        while (
            self._last - self._first + 1 > _MIN_STEPS
            and count < _MIN_PER_STEP * (self._last - self._first + 1)
        ):
            self._double_step()

    def _make_room_for(self, first: int, last: int) -> int:
        """How often steps were doubled so that these two are among them."""
        doubled = 0
        while (
            max(self._last, last >> doubled)
            - min(self._first, first >> doubled) >= self._max_steps
        ):
            doubled += 1
            self._double_step()
        self._first = min(self._first, first >> doubled)
        self._last = max(self._last, last >> doubled)
        return doubled

    def _double_step(self) -> None:
        halves, self._steps = self._steps, {}
        for number, half in halves.items():
            step = self._steps.setdefault(number // 2, half)
            if step is not half:
                step.take_in(half)
        self.step_s *= 2
        self._first //= 2
        self._last //= 2


class _Step:
    __slots__ = ("count", "failed", "durations")

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0
        self.durations = numbers.Numbers(numbers.NANOSECONDS)

    def take_in(self, other: _Step) -> None:
        self.count += other.count
        self.failed += other.failed
        self.durations.merge(other.durations)
