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

"""Error rate and power of the test for odd sources, by simulation.

Seeds are fixed. Durations have the tails that services have: log-normal, and
Pareto with an infinite variance.
"""

from __future__ import annotations

import math

import ddt
import numpy as np

from rally.task.results import distribution, odd
from tests.unit import test

SHAPES = {
    "lognormal": lambda chance, size: chance.lognormal(0, 1, size),
    "pareto": lambda chance, size: 1 + chance.pareto(1.5, size),
    # most take the same time: ties
    "coarse": lambda chance, size: chance.integers(1, 4, size).astype(float),
}
RUNS = 400


def summed(seconds):
    made = distribution.Distribution()
    made.add_array((seconds * 1e8).astype(np.int64))
    return made


def samples(shape, seed, sources, size):
    chance = np.random.default_rng(seed)
    return [SHAPES[shape](chance, size) for _ in range(sources)]


def named(parts):
    return [
        each.name for each in odd.odd({
            "a%d" % i: summed(part) for i, part in enumerate(parts)
        })
    ]


@ddt.ddt
class ErrorRateTestCase(test.TestCase):
    def alarms(self, shape, sources, size, runs=RUNS):
        """In how many runs any source is named though all are alike."""
        return sum(
            bool(named(samples(shape, seed, sources, size)))
            for seed in range(runs)
        )

    @ddt.data(
        ("lognormal", 3), ("lognormal", 12), ("pareto", 5), ("coarse", 9),
    )
    @ddt.unpack
    def test_seldom_is_any_source_named_if_all_are_alike(
        self, shape, sources
    ):
        # at 1 %: 4 of 400 are expected at the most, and 13 or more have a
        # probability of 0.0003
        with self.effect(0.0):
            self.assertLess(self.alarms(shape, sources, 40), 13)

    def test_differences_that_do_not_matter_are_not_named(self):
        parts = samples("lognormal", 1, 5, 200_000)
        parts[2] = parts[2] * 1.1

        self.assertEqual([], named(parts))
        with self.effect(0.0):
            self.assertEqual(["a2"], named(parts))

    def test_bursts_of_each_source_name_nobody(self):
        """Iterations of a source are alike for reasons of their own."""
        alarms = 0
        for seed in range(RUNS):
            chance = np.random.default_rng(seed)
            parts = [
                part * chance.lognormal(0, 0.3)
                for part in samples("lognormal", seed, 12, 1000)
            ]
            alarms += bool(named(parts))
        self.assertLess(alarms, 13)

    def effect(self, value):
        return self.patched(odd, "EFFECT", value)

    def patched(self, module, name, value):
        before = getattr(module, name)

        class Patch:
            def __enter__(self):
                setattr(module, name, value)

            def __exit__(self, *exc_info):
                setattr(module, name, before)

        return Patch()


@ddt.ddt
class PowerTestCase(test.TestCase):
    @ddt.data(
        ("lognormal", 3, 2.0), ("lognormal", 12, 2.0), ("pareto", 12, 1.3),
        ("lognormal", 40, 0.5),
    )
    @ddt.unpack
    def test_one_that_is_slower_is_named_and_nobody_else(
        self, shape, sources, factor
    ):
        """One of 100 may be missed, or another be named."""
        right = 0
        for seed in range(100):
            parts = samples(shape, seed, sources, 300)
            parts[1] = parts[1] * factor
            right += named(parts) == ["a1"]
        self.assertGreaterEqual(right, 98)

    def test_several_odd_ones_are_named_the_worst_first(self):
        parts = samples("lognormal", 3, 20, 500)
        parts[4] = parts[4] * 8
        parts[7] = parts[7] * 2
        parts[9] = parts[9] / 3

        found = odd.odd({str(i): summed(p) for i, p in enumerate(parts)})

        self.assertEqual(["4", "9", "7"], [each.name for each in found])
        self.assertEqual([1, -1, 1], [
            math.copysign(1, each.effect) for each in found
        ])


class BoundsTestCase(test.TestCase):
    def test_two_sources_and_few_durations_say_nothing(self):
        parts = samples("lognormal", 0, 3, 100)
        self.assertEqual([], named([parts[0], parts[1] * 100]))
        few = [parts[0], parts[1], parts[2][:29] * 100]
        self.assertEqual([], named(few))
        self.assertEqual([], odd.odd({}))

    def test_equal_durations_name_nobody(self):
        self.assertEqual([], named([np.full(100, 2.0)] * 5))

    def test_buckets_count_all_values_exact_or_not(self):
        for size in (0, 1, 900, 5000):
            made = summed(samples("lognormal", 0, 1, size)[0])
            buckets, counts = made.bucket_counts()
            self.assertEqual(size, counts.sum())
            self.assertEqual(
                sorted(set(buckets.tolist())), buckets.tolist()
            )
