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

"""Count, sum and sum of squares of durations, exactly."""

from __future__ import annotations

import typing as t

from rally.common import portable

if t.TYPE_CHECKING:
    import numpy as np

    Ints: t.TypeAlias = np.ndarray[t.Any, np.dtype[np.int64]]

_HALF_BITS = 24
_HALF_MASK = (1 << _HALF_BITS) - 1
#: below these, the sums of ``_small_sums`` fit into 64 bits
_SMALL_VALUE = 1 << (2 * _HALF_BITS)
_SMALL_COUNT = 1 << 13


class Moments(portable.Portable):
    """Moments of a set of durations, in integer nanoseconds.

    Merge law: what is held depends on the set alone, not on the order in
    which durations came or how they were dealt out before ``merge``. It
    holds exactly, because integers do not round.
    """

    __slots__ = ("count", "total_ns", "total_ns2")

    def __init__(self) -> None:
        self.count = 0
        self.total_ns = 0
        self.total_ns2 = 0  # sum of squares, ns**2

    def add(self, value_ns: int) -> None:
        self.count += 1
        self.total_ns += value_ns
        self.total_ns2 += value_ns * value_ns

    def add_array(self, values_ns: Ints) -> None:
        if len(values_ns):
            total, squares = sums(
                values_ns, int(values_ns.min()), int(values_ns.max())
            )
            self.count += len(values_ns)
            self.total_ns += total
            self.total_ns2 += squares

    def merge(self, other: t.Any) -> None:
        self.count += other.count
        self.total_ns += other.total_ns
        self.total_ns2 += other.total_ns2

    def mean(self) -> float | None:
        """Arithmetic mean (ns); None of an empty set."""
        return self.total_ns / self.count if self.count else None

    def mean_s(self) -> float:
        """Arithmetic mean in seconds; 0 of an empty set."""
        if not self.count:
            return 0.0
        return self.total_ns / (self.count * 1_000_000_000)

    def to_state(self) -> dict[str, t.Any]:
        return {
            "count": self.count,
            "total": portable.pack_int(self.total_ns),
            "total2": portable.pack_int(self.total_ns2),
        }

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        self = cls()
        with portable.reading(cls.__name__):
            self._restore(state)
        return self

    def _restore(self, state: t.Any) -> None:
        self.count = portable.unpack_count(state["count"])
        self.total_ns = portable.unpack_int(state["total"])
        self.total_ns2 = portable.unpack_int(state["total2"])
        # both inequalities hold for the sums of any 64-bit integers
        if not (
            self.total_ns2 <= self.count << 126
            and self.total_ns ** 2 <= self.count * self.total_ns2
        ):
            raise ValueError("these are not the sums of durations")


def sums(values: Ints, lowest: int, highest: int) -> tuple[int, int]:
    """Sum and sum of squares of *values*, whatever their size.

    :param lowest: the smallest of them
    :param highest: the largest of them
    """
    count = len(values)
    if lowest == highest:
        return count * lowest, count * lowest * lowest
    if not -_SMALL_VALUE < lowest <= highest < _SMALL_VALUE:
        numbers = values.tolist()
        return sum(numbers), sum(x * x for x in numbers)
    if count <= _SMALL_COUNT:
        return _small_sums(values, lowest, highest)
    parts = [
        _small_sums(values[i:i + _SMALL_COUNT], lowest, highest)
        for i in range(0, count, _SMALL_COUNT)
    ]
    return sum(p[0] for p in parts), sum(p[1] for p in parts)


def _small_sums(values: Ints, lowest: int, highest: int) -> tuple[int, int]:
    """The same where a square may need 96 bits: in halves of 24 bits."""
    total = int(values.sum())
    if 0 <= lowest and highest <= _HALF_MASK:
        return total, int(values.dot(values))
    high, low = values >> _HALF_BITS, values & _HALF_MASK
    squares = (
        (int(high.dot(high)) << (2 * _HALF_BITS))
        + (int(high.dot(low)) << (_HALF_BITS + 1))
        + int(low.dot(low))
    )
    return total, squares
