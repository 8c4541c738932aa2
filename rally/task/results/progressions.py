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

"""Arithmetic progressions: the form in which iteration numbers travel.

A lease, what a chunk delivers and what was lost are each a few of them,
however many numbers that is. Laws, tested as properties: the progressions of
a set of numbers are that set; what two have in common is the intersection.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

if t.TYPE_CHECKING:
    import numpy as np

Progression: t.TypeAlias = tuple[int, int, int]  # first, step, count
Array: t.TypeAlias = "np.ndarray[t.Any, t.Any]"


def progressions(
    numbers: t.Iterable[int] | Array,
) -> tuple[Progression, ...]:
    """*numbers*, taken as a set, as few progressions (greedy, exact)."""
    # numpy is recognized, not imported: the controller's decisions and
    # whoever imports them do without
    if hasattr(numbers, "__array_interface__"):
        return _of_array(t.cast("Array", numbers))
    ordered = sorted(set(numbers))
    steps = [b - a for a, b in zip(ordered, ordered[1:])]
    changes = [i for i in range(1, len(steps)) if steps[i] != steps[i - 1]]
    return _of_ordered(ordered, changes)


def _of_array(numbers: Array) -> tuple[Progression, ...]:
    ordered = numbers.copy()
    ordered.sort()
    steps = ordered[1:] - ordered[:-1]
    if not steps.all():  # duplicates
        return progressions(ordered.tolist())
    changes = (steps[1:] != steps[:-1]).nonzero()[0] + 1
    return _of_ordered(ordered.tolist(), changes.tolist())


def _of_ordered(
    ordered: t.Sequence[int], changes: t.Iterable[int]
) -> tuple[Progression, ...]:
    """:param changes: indices at which the step to the next one is new"""
    found: list[Progression] = []
    at, last = 0, len(ordered) - 1
    for end in (*changes, last):
        count = end - at + 1  # numbers at the same distance
        if count < 2:
            continue
        if count == 2 and end < last:  # two are no rhythm yet: start anew
            found.append((ordered[at], 1, 1))
            at = end
            continue
        found.append((ordered[at], ordered[at + 1] - ordered[at], count))
        at = end + 1
    if at == last:
        found.append((ordered[at], 1, 1))
    return tuple(found)


def numbers_of(parts: t.Iterable[Progression]) -> t.Iterator[int]:
    """All numbers of some progressions."""
    for first, step, count in parts:
        yield from range(first, first + step * count, step)


def count_of(parts: t.Iterable[Progression]) -> int:
    """How many numbers some progressions have."""
    return sum(count for _, _, count in parts)


def follows(numbers: Progression, others: Progression) -> bool:
    """Whether *numbers* go on where *others* end, in the same step."""
    first, step, count = others
    return numbers[:2] == (first + step * count, step)


def common(one: Progression, other: Progression) -> Progression | None:
    """Numbers that two progressions have in common; None if there are none.
    """
    (a, s, m), (b, t_, n) = one, other
    last = min(a + s * (m - 1), b + t_ * (n - 1))
    divisor = math.gcd(s, t_)
    distance, uneven = divmod(b - a, divisor)
    if uneven or last < max(a, b):
        return None
    # a + s * i is in both for this i, and for those that follow in this step
    stride = t_ // divisor
    i = distance * pow(s // divisor, -1, stride) % stride
    first, step = a + s * i, s * stride
    first += max(0, -(-(b - first) // step)) * step
    if first > last:
        return None
    return first, step, (last - first) // step + 1


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """Iterations that were drawn, and so may have run, without a result."""

    numbers: tuple[Progression, ...]
    reason: str
    agent: str = ""

    @property
    def count(self) -> int:
        return count_of(self.numbers)

    def to_dict(self) -> dict[str, t.Any]:
        """For ``load_info``: numbers as (first, last, step)."""
        return {
            "agent": self.agent,
            "count": self.count,
            "reason": self.reason,
            "numbers": [
                [first, first + step * (count - 1), step]
                for first, step, count in self.numbers
            ],
        }
