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

"""What of a late start is due to the machine."""

from __future__ import annotations

import json

import numpy as np

from tests.benchmarks import pauses
from tests.unit import test


def net(seen, due, lag):
    found = pauses.Pauses(seen, 1000).net(np.array(due), np.array(lag))
    return found.tolist()


class PausesTestCase(test.TestCase):
    def test_a_pause_between_due_moment_and_start_is_taken_off(self):
        self.assertEqual([2], net([[(110, 150)]], [109], [42]))

    def test_of_a_pause_that_had_begun_the_rest_counts(self):
        self.assertEqual([5], net([[(100, 150)]], [120], [35]))

    def test_a_pause_before_or_after_excuses_nothing(self):
        seen = [[(10, 20), (200, 300)]]
        self.assertEqual([30, 30], net(seen, [100, 20], [30, 30]))

    def test_several_pauses_add_up(self):
        self.assertEqual([80], net([[(100, 110), (120, 130)]], [100], [100]))

    def test_the_pauses_of_two_cpus_do_not_add_up(self):
        seen = [[(100, 110)], [(120, 150)]]
        self.assertEqual([70], net(seen, [100], [100]))

    def test_without_pauses_nothing_changes(self):
        self.assertEqual([7, 0], net([[], []], [5, 6], [7, 0]))

    def test_the_share_is_the_mean_of_the_cpus(self):
        found = pauses.Pauses([[(0, 100)], [(0, 300)]], 1000)
        self.assertAlmostEqual(0.2, found.share)

    def test_the_part_of_some_time_in_which_a_cpu_stood_still(self):
        found = pauses.Pauses([[(100, 150), (160, 200)], [(0, 120)]], 1000)
        for begin, end, expected in (
            (140, 170, 20), (0, 100, 100), (150, 160, 0), (300, 400, 0),
        ):
            self.assertEqual(expected, found.within(begin, end))

    def test_another_one_can_be_made_of_it(self):
        seen = [[(100, 150), (160, 200)], []]
        plain = json.loads(json.dumps(pauses.Pauses(seen, 1000).plain()))
        self.assertEqual(70, pauses.Pauses(*plain).within(120, 200))
