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

from __future__ import annotations

import re

from tests import run
from tests.unit import test


class PartsTestCase(test.TestCase):
    def test_every_cluster_test_is_in_one_part(self):
        together, alone = run.parts_of("cluster")
        pattern = alone[-1]
        self.assertEqual(pattern, together[-1])
        timed = "tests.cluster.test_rates.StallTestCase.test_x"
        other = "tests.cluster.test_cuts.OneWayCutTestCase.test_x"
        self.assertTrue(re.search(pattern, timed))
        self.assertFalse(re.search(pattern, other))

    def test_a_suite_without_timed_tests_has_one_part(self):
        self.assertEqual([["--serial"]], run.parts_of("functional"))
        self.assertEqual([[]], run.parts_of("unit"))
