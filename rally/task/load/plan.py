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

"""How much load a runner makes: a value, the same for all its workers."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.task.work import schedule as schedule_module


@dataclasses.dataclass(frozen=True, slots=True)
class LoadPlan:
    """The load of one runner, as its configuration asks for it."""

    times: int | None  # iterations; None: until the duration has passed
    concurrency: int  # iterations that may run at once
    duration_s: float | None = None  # after it nothing is started
    schedule: schedule_module.Schedule | None = None  # open model if set
    timeout_s: float | None = None  # of one iteration; None: no limit
    max_processes: int | None = None  # None: as many as there are CPUs

    @property
    def is_open(self) -> bool:
        """Iterations start when they are due, whatever runs already."""
        return self.schedule is not None

    def ends_at_s(self, zero_ns: int) -> float | None:
        """When the duration is over, seconds of the monotonic clock.

        :param zero_ns: the start of the run, same clock; 0: not known yet
        """
        # with a duration of 0 each thread runs once
        if not self.duration_s or not zero_ns:
            return None
        return zero_ns / 1e9 + self.duration_s

    def process_count(self, cpus: int) -> int:
        """How many worker processes carry the load."""
        limits = [cpus, self.concurrency]
        if self.times is not None:
            limits.append(self.times)
        if self.max_processes is not None:
            limits.append(self.max_processes)
        return max(1, min(limits))


def split_evenly(whole: int, parts: int) -> list[int]:
    """*parts* shares that differ by one at most; their sum is *whole*.

    The larger shares come first.
    """
    share, rest = divmod(whole, parts)
    return [share + (i < rest) for i in range(parts)]


def split_by_weight(whole: int, weights: t.Sequence[int]) -> list[int]:
    """Shares in proportion to *weights*; their sum is *whole*.

    Each is its exact part, rounded down. What is left then goes, one each,
    to those that lost most by that; of equals, to those that come first.
    """
    total = sum(weights)
    shares = [whole * weight // total for weight in weights]
    by_loss = sorted(
        range(len(weights)), key=lambda i: -(whole * weights[i] % total)
    )
    for i in by_loss[:whole - sum(shares)]:
        shares[i] += 1
    return shares
