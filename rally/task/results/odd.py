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

"""Which of several sources measures otherwise than the rest, beyond chance.

Durations have heavy tails, so means and variances say little about them. What
is compared are ranks: each duration's place among those of all sources, from
0 to 1. If a source measures like the others the mean of its places is 1/2,
with a variance that is known whatever the distribution (Wilcoxon, 1945;
Kruskal and Wallis, 1952), because the places are those of a random sample.
Durations in one bucket of the histograms, which differ by 1.6 % at the most,
are ties and have their mean place.

A source is odd if all of this holds:

* its mean place is further from the median of the sources' mean places than
  chance explains: a test in both directions for each source, at ``ALPHA``
  divided by the number of sources (Bonferroni), so the chance that *any*
  source is named though all measure alike is at most ``ALPHA``;
* iterations of one source are alike for reasons of their own (a burst, a slow
  minute), hence sources differ by more than independent samples do: with
  ``ENOUGH`` sources or more, what counts as chance is no less than the spread
  of the other sources, by Student's distribution. Several odd ones do not
  hide each other: the most deviating one is set aside, then the next, and all
  up to the last one that deviates too far are odd (generalized extreme
  Studentized deviate; Rosner, 1983);
* the difference matters: one of its durations is longer than one of a typical
  source with a probability of less than ``1/2 - EFFECT`` or more than ``1/2 +
  EFFECT``. With millions of iterations any difference is beyond chance.

The median, not 1/2, is what sources are compared with: one that is very odd
shifts the places of all others. With fewer than ``ENOUGH`` sources a burst of
one cannot be told from a source that is odd for good. The cost is that of a
pass over the buckets of each source; no source is compared with each other
one.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import typing as t

import numpy as np

if t.TYPE_CHECKING:
    from rally.task.results.distribution import Distribution
    from rally.task.results.moments import Ints

#: probability that any source is named, if all measure alike
ALPHA = 0.01
#: see above; 0.1 is a normal distribution shifted by a third of its deviation,
#: so by 4 % where durations deviate by a tenth
EFFECT = 0.1
#: durations below which a source is not compared: the mean of fewer places is
#: not normal enough in its tails
LEAST = 30
#: sources below which there is no saying who of them is odd
FEWEST = 3
#: sources from which on their own spread can be measured
ENOUGH = 8
#: part of the sources that may be odd, once there are ``ENOUGH``, and how
#: many of them are looked for
ODD_PART = 4
MOST = 20
#: sources that are looked at between two pauses, about a millisecond
AT_ONCE = 50

Item = t.TypeVar("Item")


@dataclasses.dataclass(frozen=True, slots=True)
class Odd:
    """A source that measures otherwise."""

    name: str
    #: probability that one of its durations is longer than one of a typical
    #: source, less 1/2: positive, it is slower
    effect: float
    deviations: float  # how many standard deviations that is


Floats: t.TypeAlias = "np.ndarray[t.Any, np.dtype[np.float64]]"


class _Places(t.NamedTuple):
    names: list[str]
    counts: Floats
    means: Floats
    variance: float  # of one place


def odd(
    parts: t.Mapping[str, Distribution],
    pause: t.Callable[[], None] | None = None,
) -> list[Odd]:
    """Those of *parts* that are odd, the most deviating one first.

    :param pause: called now and then: others may have more urgent work
    """
    places = _places({
        name: part.bucket_counts()
        for name, part in in_parts(parts.items(), pause)
        if part.count >= LEAST
    }, pause)
    count = len(places.names)
    if count < FEWEST or not places.variance:
        return []
    shifts = places.means - np.median(places.means)
    # of a mean, and of the median of such means (asymptotic, rounded up)
    variances = places.variance / places.counts
    chance = np.sqrt(variances + math.pi / 2 * variances.mean() / count)
    scores = shifts / chance
    limit = _normal_limit(count)
    beyond = np.flatnonzero(np.abs(scores) > limit).tolist()
    if count >= ENOUGH:
        outlying = _outlying(scores)
        beyond = [i for i in beyond if i in outlying]
    found = [
        Odd(places.names[i], float(shifts[i]), float(scores[i]))
        for i in beyond if abs(shifts[i]) > EFFECT
    ]
    return sorted(found, key=lambda each: -abs(each.deviations))


def _outlying(scores: Floats) -> set[int]:
    """Indices of those that deviate from the rest by more than its spread.

    :param scores: whose deviation is 1 if there is nothing but chance
    """
    left = list(range(len(scores)))
    aside: list[int] = []
    outlying = 0
    for _ in range(min(MOST, len(scores) // ODD_PART)):
        rest = scores[left]
        left_out = left.pop(int(np.abs(rest - rest.mean()).argmax()))
        aside.append(left_out)
        rest = scores[left]
        spread = max(1.0, float(rest.std(ddof=1)))
        spread *= math.sqrt(1 + 1 / len(left))
        distance = abs(float(scores[left_out] - rest.mean()))
        if distance > spread * _student_limit(len(left) + 1):
            outlying = len(aside)
    return set(aside[:outlying])


def _normal_limit(count: int) -> float:
    """Deviations that one of *count* exceeds with probability ``ALPHA``."""
    return statistics.NormalDist().inv_cdf(1 - ALPHA / (2 * count))


def _student_limit(count: int) -> float:
    """The same, where the deviation is that of the *count* - 1 others.

    Its expansion in the degrees of freedom (Abramowitz and Stegun, 26.7.5):
    2 % too low with 6 of them, 0.1 % with 20.
    """
    x, freedom = _normal_limit(count), count - 2
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
    )
    return x + sum(
        term / freedom**power for power, term in enumerate(terms, start=1)
    )


def in_parts(
    items: t.Iterable[Item], pause: t.Callable[[], None] | None
) -> t.Iterator[Item]:
    """*items*, with a pause after each few of them."""
    for position, item in enumerate(items, start=1):
        yield item
        if pause is not None and not position % AT_ONCE:
            pause()


def _places(
    parts: t.Mapping[str, tuple[Ints, Ints]],
    pause: t.Callable[[], None] | None,
) -> _Places:
    """Mean place of each part among all values, 0 to 1."""
    if not parts:
        return _Places([], np.zeros(0), np.zeros(0), 0.0)
    first = min(int(buckets[0]) for buckets, _ in parts.values())
    last = max(int(buckets[-1]) for buckets, _ in parts.values())
    together = np.zeros(last - first + 1)
    for buckets, counts in in_parts(parts.values(), pause):
        together[buckets - first] += counts
    total = together.sum()
    # values in one bucket are tied: all have the middle of their places
    middles = (np.cumsum(together) - together / 2) / total
    variance = float((together * (middles - 0.5) ** 2).sum() / total)
    sizes, means = [], []
    for buckets, counts in in_parts(parts.values(), pause):
        size = float(counts.sum())
        sizes.append(size)
        means.append(float((counts * middles[buckets - first]).sum()) / size)
    return _Places(list(parts), np.array(sizes), np.array(means), variance)
