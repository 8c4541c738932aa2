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

import io
import re
from unittest import mock

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
        self.assertEqual(
            [["--concurrency", "3"]], run.parts_of("functional")
        )
        self.assertEqual([[]], run.parts_of("unit"))


class ShowTestCase(test.TestCase):
    LINES = (
        "{0} tests.unit.a.test_b [0.1s] ... ok\n",
        "Dropped a message\n",
        "{1} tests.unit.a.test_c [0.1s] ... FAILED\n",
        "Failed 1 tests - output below:\n",
        "AssertionError: 1 != 2\n",
    )

    def test_what_failed_is_shown_and_all_is_kept(self):
        log, out = io.StringIO(), io.StringIO()
        run.show(self.LINES, log, out)
        self.assertEqual("".join(self.LINES), log.getvalue())
        self.assertEqual("".join(self.LINES[2:]), out.getvalue())

    def test_it_says_how_far_it_is(self):
        out = io.StringIO()
        with mock.patch("time.monotonic", side_effect=[0, 1, 62, 63, 64, 65]):
            run.show(self.LINES, io.StringIO(), out)
        self.assertTrue(out.getvalue().startswith("1 tests in 62 s\n"))
