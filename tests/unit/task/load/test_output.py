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

"""Tests of what a runner tells whoever watches."""

from __future__ import annotations

from rally.task.load import output
from tests.unit import test


class ProblemsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.output = output.RunnerOutput(10)

    def test_a_problem_is_told_once(self):
        for text in ("one", "two", "one"):
            self.output.problem(text)

        self.assertEqual(["one", "two"], self.output.problems_so_far())

    def test_too_many_take_no_more_memory(self):
        for i in range(3 * output.MAX_PROBLEMS):
            self.output.problem("agent %d was lost" % i)

        told = self.output.problems_so_far()
        self.assertEqual(output.MAX_PROBLEMS + 1, len(told))
        self.assertIn("the log has them all", told[-1])
