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

"""How many there are of something, in words."""

from __future__ import annotations

from rally.common import counting
from tests.unit import test


class CountedTestCase(test.TestCase):
    def test_one_is_not_many(self):
        self.assertEqual("1 agent", counting.counted(1, "agent"))
        self.assertEqual("0 agents", counting.counted(0, "agent"))
        self.assertEqual(
            "2 processes", counting.counted(2, "process", "processes")
        )

    def test_of_many_names_the_first_are_listed(self):
        names = ["n%d" % i for i in range(25)]
        self.assertEqual("", counting.listed([]))
        self.assertEqual("n0, n1", counting.listed(names[:2], 2))
        self.assertEqual("n0, n1 and 1 more", counting.listed(names[:3], 2))
        self.assertTrue(
            counting.listed(names).endswith(", n19 and 5 more")
        )
