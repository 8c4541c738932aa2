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

"""Durations as a distribution: moments, extremes and quantiles.

Up to ``EXACT_LIMIT`` durations are kept as they are. Beyond that they are
counted in buckets: 64 to each power of two, so that the middle of a bucket is
within 1/128 (0.8 %) of anything in it. A bucket's index is read off the bits
of the integer, hence is the same on every host.
"""

from __future__ import annotations

import bisect
import typing as t

import numpy as np

from rally.common import portable
from rally.task.results import moments

if t.TYPE_CHECKING:
    from rally.task.results.moments import Ints

EXACT_LIMIT = 1000
_SUB_BITS = 6
_SUB_BUCKETS = 1 << _SUB_BITS
_MANTISSA_BITS = 52
_EXPONENT_BIAS = 1023
_EXACT_FLOAT = 1 << (_MANTISSA_BITS + 1)
_DROPPED_BITS = 63 - _MANTISSA_BITS
_NONE: t.Final = np.zeros(0, dtype=np.int64)
_OTHER_EXTREMES = "the extremes are not those of the durations"


class Distribution(moments.Moments):
    """A set of durations in integer nanoseconds.

    Merge law as for ``Moments``; it includes the quantiles, because whether
    values or buckets are kept is decided by the size of the set alone.
    """

    __slots__ = ("min_ns", "max_ns", "_values", "_first", "_counts")

    def __init__(self) -> None:
        super().__init__()
        self.min_ns: int | None = None
        self.max_ns: int | None = None
        self._values: Ints = _NONE  # any order; empty beyond the limit
        self._first = 0  # index of the bucket that _counts[0] counts
        self._counts: Ints = _NONE

    # ---- filling

    def add(self, value_ns: int) -> None:
        self.add_array(np.array([value_ns], dtype=np.int64))

    def add_all(self, values_ns: t.Sequence[int]) -> None:
        self.add_array(np.array(values_ns, dtype=np.int64))

    def add_array(self, values_ns: Ints) -> None:
        """Add every element of an ``int64`` array."""
        if not len(values_ns):
            return
        lowest, highest = int(values_ns.min()), int(values_ns.max())
        total, squares = moments.sums(values_ns, lowest, highest)
        was_exact = self.is_exact
        self.count += len(values_ns)
        self.total_ns += total
        self.total_ns2 += squares
        self._widen(lowest, highest)
        if self.is_exact:
            self._values = np.concatenate((self._values, values_ns))
            return
        if was_exact:
            self._count_values()
        self._count(values_ns, lowest, highest)

    def merge(self, other: Distribution) -> None:
        """Add everything in *other*, which stays as it is."""
        if not other.count:
            return
        lowest, highest = t.cast(int, other.min_ns), t.cast(int, other.max_ns)
        was_exact = self.is_exact
        super().merge(other)
        self._widen(lowest, highest)
        if self.is_exact:
            self._values = np.concatenate((self._values, other._values))
            return
        if was_exact:
            self._count_values()
        if other.is_exact:
            self._count(other._values, lowest, highest)
        else:
            last = other._first + len(other._counts) - 1
            self._window(other._first, last)[:] += other._counts

    def copy(self) -> Distribution:
        twin = Distribution()
        twin.merge(self)
        return twin

    @property
    def is_exact(self) -> bool:
        """Are quantiles those of the values themselves?"""
        return self.count <= EXACT_LIMIT

    def _widen(self, lowest: int, highest: int) -> None:
        if self.min_ns is None or lowest < self.min_ns:
            self.min_ns = lowest
        if self.max_ns is None or highest > self.max_ns:
            self.max_ns = highest

    def _count_values(self) -> None:
        values, self._values = self._values, _NONE
        if len(values):
            self._count(values, int(values.min()), int(values.max()))

    def _count(self, values: Ints, lowest: int, highest: int) -> None:
        first, last = bucket_of(lowest), bucket_of(highest)
        window = self._window(first, last)
        if first == last:
            window[0] += len(values)
        else:
            window += np.bincount(
                _buckets_of(values, lowest, highest) - first,
                minlength=last - first + 1,
            )

    def _window(self, first: int, last: int) -> Ints:
        """The counts of buckets *first* to *last*, there from now on."""
        end = self._first + len(self._counts)
        if not len(self._counts):
            self._first = end = first
        if first < self._first or last >= end:
            start = min(first, self._first)
            counts = np.zeros(max(last + 1, end) - start, dtype=np.int64)
            counts[self._first - start:end - start] = self._counts
            self._first, self._counts = start, counts
        return self._counts[first - self._first:last - self._first + 1]

    # ---- reading

    def percentile(self, share: float) -> float | None:
        """Quantile (ns), linear between the two nearest ranks.

        :param share: 0 to 1
        :returns: exact up to 1000 values, beyond that within 1/128 of the
            two ranks; None of an empty set
        """
        return self.percentiles([share])[0]

    def percentiles(
        self, shares: t.Sequence[float]
    ) -> list[float | None]:
        """``percentile`` of each of *shares*."""
        if not self.count:
            return [None for _ in shares]
        value_at = self._ranking()
        quantiles: list[float | None] = []
        for share in shares:
            position = (self.count - 1) * share
            rank = int(position)
            lower = value_at(rank)
            upper = value_at(min(rank + 1, self.count - 1))
            quantiles.append(lower + (upper - lower) * (position - rank))
        return quantiles

    def _ranking(self) -> t.Callable[[int], float]:
        """A function from a rank (0 is the smallest) to the value there."""
        lowest, highest = t.cast(int, self.min_ns), t.cast(int, self.max_ns)
        if self.is_exact:
            return sorted(self._values.tolist()).__getitem__
        cumulated = np.cumsum(self._counts)

        def value_at(rank: int) -> float:
            if rank == 0:
                return lowest
            if rank == self.count - 1:
                return highest
            i = int(np.searchsorted(cumulated, rank, side="right"))
            return min(max(middle_of(self._first + i), lowest), highest)

        return value_at

    def buckets(self) -> list[tuple[int, int, int]]:
        """First value, end and count of each bucket, ascending.

        Only beyond the limit up to which values are kept.
        """
        found = []
        for i in np.flatnonzero(self._counts).tolist():
            first, end = range_of(self._first + i)
            found.append((first, end, int(self._counts[i])))
        return found

    def bucket_counts(self) -> tuple[Ints, Ints]:
        """Index and count of each bucket that holds anything, ascending;
        whatever the number of values."""
        if not self.is_exact:
            used = np.flatnonzero(self._counts)
            return used + self._first, self._counts[used]
        if not self.count:
            return _NONE, _NONE
        lowest, highest = t.cast(int, self.min_ns), t.cast(int, self.max_ns)
        return np.unique(
            _buckets_of(self._values, lowest, highest), return_counts=True
        )

    def count_above(self, is_above: t.Callable[[float], bool]) -> int:
        """How many values satisfy a predicate that is monotone in them.

        :param is_above: false up to some value (ns), true beyond it
        """
        if not self.count:
            return 0
        value_at = self._ranking()
        return self.count - bisect.bisect_left(
            range(self.count), True, key=lambda rank: is_above(value_at(rank))
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Distribution)
            and self.to_state() == other.to_state()
        )

    __hash__ = None  # type: ignore[assignment]

    # ---- carrying

    def to_state(self) -> dict[str, t.Any]:
        state = super().to_state()
        state.update(min=self.min_ns, max=self.max_ns)
        if self.min_ns == self.max_ns:
            return state  # nothing at all, or one value again and again
        if self.is_exact:
            state["values"] = _gaps(np.sort(self._values))
        else:
            used = np.flatnonzero(self._counts)
            state["buckets"] = _gaps(used + self._first)
            state["counts"] = self._counts[used].tolist()
        return state

    def _restore(self, state: t.Any) -> None:
        super()._restore(state)
        if not self.count:
            return
        self.min_ns = portable.unpack_int(state["min"])
        self.max_ns = portable.unpack_int(state["max"])
        if not -_LIMIT <= self.min_ns <= self.max_ns < _LIMIT:
            raise ValueError("these are no extremes of durations")
        if self.min_ns == self.max_ns:
            self._restore_equal(self.min_ns)
            return
        gaps = np.array(
            state["values" if self.is_exact else "buckets"], dtype=np.int64
        )
        if self.is_exact:
            values = self._values = np.cumsum(gaps)
            if (
                gaps[1:].min(initial=0) < 0
                or (values[0], values[-1]) != (self.min_ns, self.max_ns)
            ):
                raise ValueError(_OTHER_EXTREMES)
            counted = len(values)
        else:
            counts = np.array(state["counts"], dtype=np.int64)
            self._restore_buckets(gaps, counts)
            counted = int(counts.sum())
        if counted != self.count:
            raise ValueError(
                "it claims %d durations and holds %d" % (self.count, counted)
            )

    def _restore_equal(self, value: int) -> None:
        if self.is_exact:
            self._values = np.full(self.count, value, dtype=np.int64)
        else:
            self._window(bucket_of(value), bucket_of(value))[0] = self.count

    def _restore_buckets(self, gaps: Ints, counts: Ints) -> None:
        if (
            gaps.shape != counts.shape
            or counts.min() < 1
            or counts.max() > self.count
            or gaps[1:].min(initial=1) < 1
        ):
            raise ValueError("these are not buckets and their counts")
        buckets = np.cumsum(gaps)
        first, last = int(buckets[0]), int(buckets[-1])
        if (first, last) != (
            bucket_of(t.cast(int, self.min_ns)),
            bucket_of(t.cast(int, self.max_ns)),
        ):
            raise ValueError(_OTHER_EXTREMES)
        self._window(first, last)[buckets - first] = counts


def _gaps(ascending: Ints) -> list[int]:
    """The first number and the differences: shorter than the numbers."""
    gaps = ascending.copy()
    gaps[1:] -= ascending[:-1]
    return gaps.tolist()


def bucket_of(value: int) -> int:
    """Index of the bucket of *value*; grows with it, and 0 is for 0."""
    if value <= 0:
        return -bucket_of(-value) if value else 0
    bits = value.bit_length()
    excess = bits - 1 - _SUB_BITS
    leading = value >> excess if excess > 0 else value << -excess
    return (bits - 2) * _SUB_BUCKETS + leading + 1


_LIMIT = 1 << 63


def range_of(bucket: int) -> tuple[int, int]:
    """The smallest value that a bucket holds, and one more than its largest.
    """
    if bucket < 0:
        first, end = range_of(-bucket)
        return 1 - end, 1 - first
    if not bucket:
        return 0, 1
    exponent, sub_bucket = divmod(bucket - 1, _SUB_BUCKETS)
    leading, excess = sub_bucket + _SUB_BUCKETS, exponent - _SUB_BITS
    if excess <= 0:
        return leading >> -excess, (leading >> -excess) + 1
    return leading << excess, (leading + 1) << excess


def middle_of(bucket: int) -> float:
    """The middle of the values that a bucket holds."""
    first, end = range_of(bucket)
    return first + (end - 1 - first) / 2


def _buckets_of(values: Ints, lowest: int, highest: int) -> Ints:
    """``bucket_of`` each of *values*.

    A float of an integer holds its exponent and leading bits side by side,
    which is the index wanted; it is exact below 2**53.
    """
    if lowest < 0:
        magnitudes = np.abs(values)
        return np.sign(values) * _buckets_of(
            magnitudes, 0, max(-lowest, highest)
        )
    if highest >= _EXACT_FLOAT:
        values = np.where(
            values >= _EXACT_FLOAT,
            values >> _DROPPED_BITS << _DROPPED_BITS, values,
        )
    leading = values.astype(np.float64).view(np.int64)
    leading >>= _MANTISSA_BITS - _SUB_BITS
    leading -= _EXPONENT_BIAS * _SUB_BUCKETS - 1
    return np.maximum(leading, 0, out=leading)
