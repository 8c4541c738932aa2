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

"""Intervals for what load tests measure: quantiles, shares, their change.

Iterations of a load test are not independent: a slow moment of the target
slows many of them. So nothing here treats them as a sample of independent
values. A run is cut into *batches*, parts that follow each other in time, and
what is known of the whole is judged by how much batches differ (the method
of batch means). Batches that still depend on their neighbours are joined
into longer ones.

Durations have heavy tails, in which means and variances mean little. So a
quantile is judged by the *share* of the iterations that are below it, which
is between 0 and 1 whatever the durations are: its interval leads from there
to the durations at the ends of it (Woodruff, 1952). The interval of a change
comes from those of its two sides (the square-and-add method of Newcombe,
1998, also called MOVER).
"""

from __future__ import annotations

import functools
import math
import typing as t

import numpy as np

if t.TYPE_CHECKING:
    from rally.task.results.distribution import Distribution

Counts: t.TypeAlias = np.ndarray[t.Any, np.dtype[np.int64]]

#: batches at first, at most; and when they are not joined any more
MAX_BATCHES = 64
MIN_BATCHES = 4
#: iterations below which nothing can be said: they make 8 batches
MIN_ITERATIONS = 16
#: correlation of neighbours from which on batches are joined, in standard
#: deviations of that of independent ones. Joining in vain costs little
#: power, and not joining makes false alarms
_CORRELATED = 0.4
#: half the width of a bucket of a ``Distribution``, relative
_BUCKET = 1 / 128


class Interval(t.NamedTuple):
    """An estimate, and between which values the truth is held to be.

    A limit that the data do not give is None.
    """

    low: float | None
    value: float
    high: float | None


def batch_count(iterations: int) -> int:
    """Into how many batches so many iterations are cut: a power of two.

    :returns: 0 if there are too few for any
    """
    if iterations < MIN_ITERATIONS:
        return 0
    return min(MAX_BATCHES, 1 << ((iterations // 2).bit_length() - 1))


@functools.lru_cache(maxsize=256)
def t_quantile(error_rate: float, degrees: int) -> float:
    """What a variable of Student's t exceeds, either way, so rarely.

    :param error_rate: probability of both tails together
    """
    low, high = 0.0, 1.0
    while _t_tails(high, degrees) > error_rate:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if _t_tails(middle, degrees) > error_rate:
            low = middle
        else:
            high = middle
    return high


def _t_tails(x: float, degrees: int) -> float:
    """Probability beyond -x and x (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    angle = math.atan2(x, math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = degrees % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for i in range(degrees // 2):
        total += term
        rank = 2 * i + 1 + is_odd
        term *= cosine * cosine * rank / (rank + 1)
    if is_odd:
        return 1 - (angle + sine * total) * 2 / math.pi
    return 1 - sine * total


class Spread(t.NamedTuple):
    """How far off a share may be: its deviation, from so many batches."""

    deviation: float
    batches: int

    def reach(self, error_rate: float) -> float:
        return self.deviation * t_quantile(error_rate, self.batches - 1)


def spread_of(hits: Counts, sizes: Counts) -> Spread:
    """How far off the share of hits may be.

    Never less than if each iteration were independent of all others.

    :param hits: in each batch
    :param sizes: of the batches, all in all more than 0
    """
    total = int(sizes.sum())
    share = int(hits.sum()) / total
    off = hits - share * sizes
    while len(off) > MIN_BATCHES and _is_correlated(off):
        off = off[::2] + off[1::2]
    batches = len(off)
    variance = float(off @ off) * batches / (batches - 1) / total**2
    independent = share * (1 - share) / total
    return Spread(math.sqrt(max(variance, independent)), batches)


def _is_correlated(off: np.ndarray[t.Any, t.Any]) -> bool:
    """Whether what batches are off goes on from one to the next."""
    power = float(off @ off)
    products = float(off[:-1] @ off[1:])
    return products * math.sqrt(len(off)) > _CORRELATED * power


def quantile(
    durations: Distribution, share: float, spread: Spread, error_rate: float
) -> Interval:
    """The quantile of durations, in nanoseconds.

    :param share: of the durations that are below it, 0 to 1
    :param spread: of that share
    """
    reach = spread.reach(error_rate)
    shares = (share, max(share - reach, 0.0), min(share + reach, 1.0))
    value, low, high = (x or 0.0 for x in durations.percentiles(shares))
    if not durations.is_exact:
        low, high = low * (1 - _BUCKET), high * (1 + _BUCKET)
    return Interval(
        low if share > reach else None, value,
        high if share + reach < 1 else None,
    )


def proportion(hits: Counts, sizes: Counts, error_rate: float) -> Interval:
    """The share of hits: Wilson's interval.

    As many iterations count as there would be if those that say the same as
    their neighbours were left out.
    """
    total = int(sizes.sum())
    found = int(hits.sum()) / total
    spread = spread_of(hits, sizes)
    reach = t_quantile(error_rate, spread.batches - 1)
    effective = float(total)
    if spread.deviation:
        effective = found * (1 - found) / spread.deviation**2
    widening = reach**2 / effective
    middle = (found + widening / 2) / (1 + widening)
    half = math.sqrt(
        found * (1 - found) * widening + widening**2 / 4
    ) / (1 + widening)
    return Interval(
        max(middle - half, 0.0), found, min(middle + half, 1.0)
    )


def difference(before: Interval, after: Interval) -> Interval:
    """By how much *after* is more than *before*."""
    value = after.value - before.value
    down = _square_and_add(after.value, after.low, before.value, before.high)
    up = _square_and_add(after.value, after.high, before.value, before.low)
    return Interval(
        None if down is None else value - down, value,
        None if up is None else value + up,
    )


def _square_and_add(
    after: float, after_limit: float | None, before: float,
    before_limit: float | None,
) -> float | None:
    if after_limit is None or before_limit is None:
        return None
    return math.hypot(after - after_limit, before - before_limit)


def ratio(before: Interval, after: Interval) -> Interval:
    """By which share *before* grew to become *after*: 0.5 is half as much."""
    found = difference(_logarithms(before), _logarithms(after))
    low, value, high = (
        None if x is None else math.expm1(x) for x in found
    )
    return Interval(low, t.cast(float, value), high)


def _logarithms(interval: Interval) -> Interval:
    """Of durations in nanoseconds; none is shorter than one of them."""
    low, value, high = (
        None if x is None else math.log(max(x, 1.0)) for x in interval
    )
    return Interval(low, t.cast(float, value), high)
