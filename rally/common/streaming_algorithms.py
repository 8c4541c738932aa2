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

"""Statistics that see each value once, and can be merged.

Law of each class: however values are dealt out to instances that are merged
afterwards, in any order and through ``to_state`` and ``from_state``, the
result is the same. Sums are kept without rounding.
"""

from __future__ import annotations

import abc
import math
import tempfile
import typing as t

from rally.common import portable

_NOT_A_NUMBER = "%r is not a number that statistics can be made of."


class StreamingAlgorithm(portable.Portable, metaclass=abc.ABCMeta):
    """Base of algorithms that compute something over a stream of values."""

    @abc.abstractmethod
    def add(self, value: t.Any) -> None:
        """Take one value into account."""

    @abc.abstractmethod
    def merge(self, other: t.Any) -> None:
        """Take into account all values that *other* has seen."""

    @abc.abstractmethod
    def result(self) -> t.Any:
        """What has been computed so far; None if that needs a value."""

    def _cast_to_float(self, value: t.Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TypeError(_NOT_A_NUMBER % (value,)) from None


class _ExactSum:
    """Sum of floats without rounding: ``mantissa * 2**-exponent``.

    The exponent is the largest any summand needs, so the form, too, depends
    on the set of summands alone.
    """

    __slots__ = ("mantissa", "exponent")

    def __init__(self, mantissa: int = 0, exponent: int = 0) -> None:
        self.mantissa = mantissa
        self.exponent = exponent

    def add(self, mantissa: int, exponent: int) -> None:
        if exponent > self.exponent:
            self.mantissa <<= exponent - self.exponent
            self.exponent = exponent
        self.mantissa += mantissa << (self.exponent - exponent)

    def to_state(self) -> list[int | str]:
        return [portable.pack_int(self.mantissa), self.exponent]

    @classmethod
    def from_state(cls, state: t.Any) -> _ExactSum:
        mantissa, exponent = map(portable.unpack_int, state)
        if not 0 <= exponent < 4096:  # twice what a subnormal float needs
            raise ValueError("%d is not the exponent of a sum" % exponent)
        return cls(mantissa, exponent)


def _exact(value: t.Any) -> tuple[int, int]:
    """Integers m, e such that value is ``m * 2**-e``.

    :raises TypeError: *value* is not a finite number
    """
    try:
        numerator, denominator = float(0 + value).as_integer_ratio()
    except (TypeError, ValueError, OverflowError):
        raise TypeError(_NOT_A_NUMBER % (value,)) from None
    return numerator, denominator.bit_length() - 1


class MeanComputation(StreamingAlgorithm):
    """Arithmetic mean."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = _ExactSum()

    @property
    def total(self) -> float:
        return self._sum.mantissa / (1 << self._sum.exponent)

    def add(self, value: float) -> None:
        self._sum.add(*_exact(value))
        self.count += 1

    def merge(self, other: MeanComputation) -> None:
        self.count += other.count
        self._sum.add(other._sum.mantissa, other._sum.exponent)

    def result(self) -> float | None:
        if not self.count:
            return None
        return self._sum.mantissa / (self.count << self._sum.exponent)

    def to_state(self) -> dict[str, t.Any]:
        return {"count": self.count, "sum": self._sum.to_state()}

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        self = cls()
        with portable.reading(cls.__name__):
            self.count = portable.unpack_int(state["count"])
            self._sum = _ExactSum.from_state(state["sum"])
        return self


class StdDevComputation(StreamingAlgorithm):
    """Standard deviation of a sample; None of less than two values.

    Nearly equal values far from zero lose nothing: the sums are exact.
    """

    def __init__(self) -> None:
        self.mean_computation = MeanComputation()
        self._squares = _ExactSum()

    @property
    def count(self) -> int:
        return self.mean_computation.count

    @property
    def mean(self) -> float | None:
        return self.mean_computation.result()

    def add(self, value: float) -> None:
        mantissa, exponent = _exact(value)
        self.mean_computation.add(value)
        self._squares.add(mantissa * mantissa, 2 * exponent)

    def merge(self, other: StdDevComputation) -> None:
        self.mean_computation.merge(other.mean_computation)
        self._squares.add(other._squares.mantissa, other._squares.exponent)

    def result(self) -> float | None:
        count = self.count
        if count < 2:
            return None
        total = self.mean_computation._sum
        squares = self._squares.mantissa << (
            2 * total.exponent - self._squares.exponent
        )
        variance = count * squares - total.mantissa * total.mantissa
        return math.sqrt(
            variance / ((count * (count - 1)) << (2 * total.exponent))
        )

    def to_state(self) -> dict[str, t.Any]:
        state = self.mean_computation.to_state()
        state["squares"] = self._squares.to_state()
        return state

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        self = cls()
        with portable.reading(cls.__name__):
            self.mean_computation = MeanComputation.from_state(state)
            self._squares = _ExactSum.from_state(state["squares"])
            if self._squares.exponent != (
                2 * self.mean_computation._sum.exponent
            ):
                raise ValueError("sums of different sets")
        return self


class _Extreme(StreamingAlgorithm):
    """One of the values seen."""

    #: a function that says which of two values is kept
    _choose: t.ClassVar[t.Any]

    def __init__(self) -> None:
        self._value: float | None = None

    def add(self, value: t.Any) -> None:
        number = self._cast_to_float(value)
        if self._value is not None:
            number = self._choose(self._value, number)
        self._value = number

    def merge(self, other: _Extreme) -> None:
        if other._value is not None:
            self.add(other._value)

    def result(self) -> float | None:
        return self._value


class MinComputation(_Extreme):
    """Smallest value."""

    _choose = min


class MaxComputation(_Extreme):
    """Largest value."""

    _choose = max


class IncrementComputation(StreamingAlgorithm):
    """Number of values, whatever they are."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, *args: t.Any) -> None:
        self._count += 1

    def merge(self, other: IncrementComputation) -> None:
        self._count += other._count

    def result(self) -> int:
        return self._count


class DegradationComputation(StreamingAlgorithm):
    """By how many percents the largest value exceeds the smallest.

    Infinite if the smallest is zero and not all are.
    """

    def __init__(self) -> None:
        self.min_value = MinComputation()
        self.max_value = MaxComputation()

    def add(self, value: float) -> None:
        if value < 0:
            raise ValueError("A duration of %s is below zero." % value)
        self.min_value.add(value)
        self.max_value.add(value)

    def merge(self, other: DegradationComputation) -> None:
        self.min_value.merge(other.min_value)
        self.max_value.merge(other.max_value)

    def result(self) -> float:
        smallest, largest = self.min_value.result(), self.max_value.result()
        if smallest is None or largest is None or smallest == largest:
            return 0.0
        if not smallest:
            return math.inf
        return (largest / smallest - 1) * 100.0


class PointsSaver(StreamingAlgorithm):
    """All values, kept in a temporary file but for the last few.

    :param chunk_size: how many values are kept in memory
    :param sep: what stands between two values in the file
    """

    def __init__(self, chunk_size: int = 10000, sep: str = " ") -> None:
        self.chunk_size = chunk_size
        self._sep = sep
        self._points: list[t.Any] = []
        self._file: t.IO[str] | None = None
        self._is_deleted = False

    def add(self, value: t.Any) -> None:
        if self._is_deleted:
            raise TypeError("No points can be added after a reset.")
        self._points.append(value)
        if len(self._points) >= self.chunk_size:
            self._dump_chunk()

    def _dump_chunk(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115
                mode="w+", encoding="utf-8"
            )
        self._file.write(
            self._sep.join([*map(repr, map(float, self._points)), ""])
        )
        self._points = []

    def merge(self, other: PointsSaver) -> None:
        for point in other.result():
            self.add(point)

    def result(self) -> list[t.Any]:
        if self._is_deleted:
            raise TypeError("No points can be fetched after a reset.")
        if self._file is None:
            return list(self._points)
        self._file.seek(0)
        dumped = self._file.read().split(self._sep)[:-1]
        return [*map(float, dumped), *self._points]

    def reset(self) -> None:
        """Give up all values; the object is of no use afterwards."""
        self._is_deleted = True
        self._points = []
        if self._file is not None:
            self._file.close()
            self._file = None

    def to_state(self) -> dict[str, t.Any]:
        return {
            "chunk_size": self.chunk_size,
            "points": portable.pack(self.result()),
        }

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        with portable.reading(cls.__name__):
            self = cls(chunk_size=portable.unpack_int(state["chunk_size"]))
            for point in portable.unpack(state["points"]):
                self.add(point)
        return self
