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

"""When the iterations of an open model are due."""

from __future__ import annotations

import dataclasses
import fractions
import math
import typing as t

NS = 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """Due times of iterations 0, 1, 2 ... after the zero of the run.

    The offered rate is ``start`` and grows by ``step`` after every
    ``step_ns`` until it reaches ``end``, for the run as a whole: whoever
    runs iteration *k*, it is due at ``due_ns(k)``. Rates are integers in
    units of ``1 / scale`` per second, so nothing rounds but the last
    division.

    Laws: ``due_ns`` is monotone; ``count_before(due_ns(k)) <= k``;
    ``due_ns(k) < ns`` if and only if ``k < count_before(ns)``.
    """

    start: int
    end: int
    step: int
    step_ns: int
    scale: int

    @classmethod
    def constant(cls, per_second: float) -> Schedule:
        """The same rate all the time."""
        return cls.ramp(per_second, per_second, 0, 1)

    @classmethod
    def ramp(
        cls,
        start: float,
        end: float,
        step: float,
        step_duration_s: float = 1,
    ) -> Schedule:
        """From *start* per second to *end*, *step* more at a time."""
        rates = [_exact(rate) for rate in (start, end, step)]
        if rates[0] <= 0:
            raise ValueError("a rate of %s never starts anything" % start)
        scale = math.lcm(*(rate.denominator for rate in rates))
        first, last, more = (int(rate * scale) for rate in rates)
        step_ns = max(1, round(_exact(step_duration_s) * NS))
        return cls(first, last, more, step_ns, scale)

    @classmethod
    def of_config(cls, rps: float | t.Mapping[str, float]) -> Schedule:
        """The schedule of the option ``rps`` of the runner of that name."""
        if isinstance(rps, t.Mapping):
            return cls.ramp(
                rps["start"], rps["end"], rps["step"], rps.get("duration", 1)
            )
        return cls.constant(rps)

    @property
    def _steps(self) -> int:
        """Number of steps below the final rate."""
        if self.step <= 0 or self.end <= self.start:
            return 0
        return -((self.start - self.end) // self.step)

    def _work(self, steps: int) -> int:
        """Iterations due in the first *steps* steps, times scale * NS."""
        pairs = steps * (steps - 1) // 2
        return self.step_ns * (steps * self.start + pairs * self.step)

    def _rate(self, step: int) -> int:
        if step >= self._steps:
            return max(self.start, self.end) if self._steps else self.start
        return self.start + step * self.step

    def due_ns(self, k: int) -> int:
        """When iteration *k* (from 0) is due, ns after the zero."""
        work = k * self.scale * NS
        low, high = 0, self._steps
        while low < high:  # last step that begins with no more work done
            middle = (low + high + 1) // 2
            if self._work(middle) <= work:
                low = middle
            else:
                high = middle - 1
        left = work - self._work(low)
        return low * self.step_ns + left // self._rate(low)

    def count_before(self, ns: int) -> int:
        """How many iterations are due in the first *ns* nanoseconds."""
        if ns <= 0:
            return 0
        step = min(ns // self.step_ns, self._steps)
        work = self._work(step) + (ns - step * self.step_ns) * self._rate(
            step
        )
        return -(-work // (self.scale * NS))

    def mean_rate(self, count: int) -> float | None:
        """Offered iterations per second over the first *count* of them."""
        if count < 1:
            return None
        if not self._steps:
            return self.start / self.scale
        return count * NS / max(1, self.due_ns(count))


def _exact(number: float) -> fractions.Fraction:
    """What the person who wrote *number* meant: 0.1 is a tenth."""
    return fractions.Fraction(repr(number))
