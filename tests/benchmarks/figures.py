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

"""From what was measured to what holds: values and arithmetic, no I/O."""

from __future__ import annotations

import dataclasses
import statistics
import typing as t


@dataclasses.dataclass(frozen=True)
class Budget:
    """A bound of one figure, and how it is written."""

    limit: float
    is_upper: bool
    text: str
    is_strict: bool = False

    @classmethod
    def at_least(cls, limit: float, text: str = "") -> Budget:
        return cls(limit, False, text or "at least %g" % limit)

    @classmethod
    def at_most(cls, limit: float, text: str = "") -> Budget:
        return cls(limit, True, text or "at most %g" % limit)

    @classmethod
    def below(cls, limit: float, text: str = "") -> Budget:
        return cls(limit, True, text or "below %g" % limit, is_strict=True)

    def allows(self, value: float) -> bool:
        if value == self.limit:
            return not self.is_strict
        return value < self.limit if self.is_upper else value > self.limit


@dataclasses.dataclass(frozen=True)
class Result:
    """One row of the table.

    ``holds`` is None where there is no budget, or nothing was measured.
    """

    what: str
    measured: str
    budget: str = ""
    holds: bool | None = None
    values: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    is_measured: bool = True

    @classmethod
    def missing(cls, what: str, why: str) -> Result:
        """A row that could not be measured."""
        text = "not measured: %s" % " ".join(why.split())[:200]
        return cls(what, text, "-", is_measured=False)

    @classmethod
    def judged(
        cls, what: str, measured: str, value: float, budget: Budget,
        **values: t.Any,
    ) -> Result:
        """A row whose *value* is held against *budget*."""
        return cls(
            what, measured, budget.text, budget.allows(value),
            {"value": value, "limit": budget.limit, **values},
        )


@dataclasses.dataclass(frozen=True)
class Cost:
    """CPU seconds of a short and of a long run of the same task.

    What they share, above all start-up, goes away in the difference.
    """

    few: int
    few_cpu_s: float
    many: int
    many_cpu_s: float

    @property
    def per_iteration_s(self) -> float:
        """CPU seconds of one iteration.

        :raises ValueError: the long run did not cost more than the short one
        """
        spent = self.many_cpu_s - self.few_cpu_s
        if self.many <= self.few or spent <= 0:
            raise ValueError(
                "%d iterations took %.2f s of CPU and %d took %.2f s: the "
                "difference says nothing. Ask for more iterations."
                % (self.few, self.few_cpu_s, self.many, self.many_cpu_s)
            )
        return spent / (self.many - self.few)


def iterations_per_cpu_second(costs: t.Sequence[Cost]) -> float:
    """The median over *costs*."""
    return statistics.median(1 / cost.per_iteration_s for cost in costs)


def share_of_rate(
    iterations: int, elapsed_s: float, ideal_per_s: float
) -> float:
    """Which share of the ideal rate was reached: 1 is all of it."""
    return iterations / elapsed_s / ideal_per_s if elapsed_s > 0 else 0.0


def growth(
    small: t.Mapping[str, int], large: t.Mapping[str, int]
) -> dict[str, float]:
    """How many times the small run's memory the large one took, per role."""
    return {
        role: large[role] / small[role]
        for role in small
        if role in large and small[role]
    }


def stop_delay_s(
    rows: t.Sequence[t.Mapping[str, t.Any]],
    is_violating: t.Callable[[t.Mapping[str, t.Any]], bool],
) -> float | None:
    """From the end of the first violating iteration to the last start.

    :param rows: iterations as a JSON report has them, in any order, of all
        agents, in the controller's time
    :returns: seconds, 0 if nothing started after the violation; None if
        nothing violated
    """
    ends = [
        row["timestamp"] + row["duration"] + row["idle_duration"]
        for row in rows
        if is_violating(row)
    ]
    if not ends:
        return None
    last_start: float = max(row["timestamp"] for row in rows)
    return max(0.0, last_start - min(ends))
