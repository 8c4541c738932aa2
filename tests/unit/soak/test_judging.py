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

"""Tests of what says whether something grew in a soak."""

from __future__ import annotations

import random

import ddt

from tests.soak import books, table, trend, unrest, vitals
from tests.unit import test

MIB = table.MIB


def series(value_at, count=200, noise=0.0, outliers=0):
    chance = random.Random(7)
    points = [
        (float(at), value_at(at) + chance.uniform(-noise, noise))
        for at in range(count)
    ]
    for i in chance.sample(range(count), outliers):
        points[i] = points[i][0], points[i][1] * 10
    return points


class TrendTestCase(test.TestCase):
    LIMIT = trend.Limit(0.1, 2.0)

    def test_what_stays_is_flat_however_noisy(self):
        points = series(lambda at: 100.0, noise=20, outliers=15)

        found = trend.of_medians(points, self.LIMIT)

        self.assertTrue(found.is_flat, found)

    def test_what_warms_up_first_is_flat(self):
        points = series(lambda at: min(at, 40) * 3.0)

        self.assertTrue(trend.of_medians(points, self.LIMIT).is_flat)

    def test_what_grows_all_the_time_is_not(self):
        points = series(lambda at: 100 + at * 0.3, noise=10, outliers=15)

        found = trend.of_medians(points, self.LIMIT)

        self.assertFalse(found.is_flat, found)
        self.assertAlmostEqual(
            0.3 * trend.HOUR_S, found.slope_per_hour, delta=300
        )

    def test_peaks_may_come_again_but_not_rise(self):
        sawtooth = series(lambda at: at % 10)
        rising = series(lambda at: at % 10 + at // 50 * 3)

        self.assertTrue(trend.of_peaks(sawtooth, self.LIMIT).is_flat)
        self.assertFalse(trend.of_peaks(rising, self.LIMIT).is_flat)

    def test_a_table_names_what_grew(self):
        lines, problems = table.judged({
            ("agent", table.MEMORY): series(lambda at: 50.0 * MIB),
            ("worker", table.MEMORY): series(lambda at: (50 + at) * MIB),
            ("worker", table.THREADS): series(lambda at: 3),
        })

        self.assertEqual(4, len(lines))
        [problem] = problems
        self.assertIn("memory of the worker grew from 124.5 MiB", problem)


class VitalsTestCase(test.TestCase):
    def test_numbers_are_read_from_a_status(self):
        status = "Name:\tx y\nRssAnon:\t  12 kB\nThreads:\t3\nSeccomp:\t\n"

        self.assertEqual(
            {"RssAnon": 12, "Threads": 3}, vitals.of_status(status)
        )

    def test_this_process_has_some_of_each(self):
        held = vitals.vitals_of(vitals.os.getpid())

        self.assertGreater(held.memory_bytes, MIB)
        self.assertGreater(held.descriptors, 2)
        self.assertGreaterEqual(held.threads, 1)

    def test_a_process_that_is_gone_holds_nothing(self):
        self.assertIsNone(vitals.vitals_of(2**22 + 1))


class UnrestTestCase(test.TestCase):
    def test_is_the_same_for_a_seed(self):
        first, second, other = (
            unrest.events(seed, ["a", "b"], ["b"], 300) for seed in (1, 1, 2)
        )

        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_late_comers_come_first_and_the_end_is_quiet(self):
        events = unrest.events(3, ["a", "b", "c"], ["b", "c"], 300)

        self.assertGreater(len(events), 20)
        self.assertEqual(["b", "c"], [each.agent for each in events[:2]])
        self.assertEqual(sorted(events, key=lambda each: each.at_s), events)
        self.assertLess(events[-1].at_s, 300 - unrest.LAST_S)


@ddt.ddt
class BooksTestCase(test.TestCase):
    FINE = {
        "granted": 110, "returned": 10, "stored": 95, "lost": 5,
        "repeated": 0, "missing": 4, "counted": 95,
    }

    def test_an_account_that_adds_up_has_no_problem(self):
        self.assertEqual([], books.Account(**self.FINE).problems())

    @ddt.data(
        ("repeated", 1), ("lost", 4), ("missing", 11), ("counted", 94),
    )
    @ddt.unpack
    def test_whatever_does_not_add_up_is_named(self, name, value):
        account = books.Account(**{**self.FINE, name: value})

        self.assertEqual(1, len(account.problems()), account.problems())
