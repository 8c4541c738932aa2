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


"""What texts can be stored by any database."""

from __future__ import annotations

import ddt

from rally.common import texts
from tests.unit import test


@ddt.ddt
class TextsTestCase(test.TestCase):
    @ddt.data(
        ("x" * 255, 255, ""),
        ("x" * 256, 255, "It has 256 characters, but may have 255: 'xxx"),
        ("\U0001f600" * 255, 255, ""),
        ("x" * 10 ** 6, None, ""),
        ("a\0b", None, "It has a null character"),
        ("a\udcffb", None, "It has half of a character"),
        ("\udcff" * 300, 255, "'\\udcff\\udcff"),
    )
    @ddt.unpack
    def test_a_problem_names_text_length_and_limit(self, text, limit, told):
        problem = texts.problem_of("It", text, limit)

        self.assertIn(told, problem)
        self.assertEqual(bool(told), bool(problem))
        self.assertLess(len(problem), 400)

    def test_of_several_the_first_problem_is_told(self):
        found = [("A", None, 1), ("B", "x", 1), ("C", "xx", 1), ("D", "\0", 1)]

        self.assertIn("C has 2", texts.problem_in(found))
        self.assertEqual("", texts.problem_in(found[:2]))
