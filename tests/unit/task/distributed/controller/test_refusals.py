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

from rally.task.distributed.controller import failures, refusals
from rally.task.distributed.wire import messages
from tests.unit import test

FILE = messages.Difference(False, "probe.py", "a" * 64, "b" * 64)
ABSENT = messages.Difference(False, "helper.py", "c" * 64)
PACKAGE = messages.Difference(True, "rally-openstack", "3.0.0", "2.9.1")


class RefusalsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.found = refusals.Refusals()

    def refuse(self, agents, *differences, reason="why"):
        for agent in agents:
            self.found.add(agent, reason, differences, 0)

    @property
    def text(self):
        return str(self.found.failure())

    def test_each_difference_is_a_line_with_both_sides(self):
        self.refuse(["n1"], FILE, ABSENT, PACKAGE)

        self.assertIsInstance(
            self.found.failure(), failures.PluginsDiffer
        )
        for line in (
            "file probe.py: aaaaaaaaaaaa here, bbbbbbbbbbbb on n1",
            "file helper.py: cccccccccccc here, none on n1",
            "package rally-openstack: 3.0.0 here, 2.9.1 on n1",
        ):
            self.assertIn("\n  %s\n" % line, self.text)
        self.assertIn("--ship-plugins", self.text)
        self.assertIn("same version of the packages", self.text)

    def test_five_hundred_agents_with_one_difference_are_one_line(self):
        self.refuse(["n%03d" % i for i in range(500)], FILE)

        self.assertIn("on n000, n001, n002 and 497 more\n", self.text)
        self.assertEqual(3, len(self.text.splitlines()))

    def test_it_is_short_whatever_differs(self):
        for i in range(500):
            self.refuse(["n%03d" % i], *(
                messages.Difference(False, "x%d.py" % j, "a" * 64, str(i))
                for j in range(50)
            ))

        self.assertIn("24980 other differences", self.text)
        self.assertLess(len(self.text), 4000)

    def test_what_most_agents_have_comes_first(self):
        self.refuse(["n1"], FILE)
        self.refuse(["n2", "n3"], PACKAGE)

        lines = self.text.splitlines()
        self.assertIn("rally-openstack", lines[1])
        self.assertNotIn("other", self.text.split("\n  ")[-1])

    def test_other_reasons_name_all_their_agents(self):
        self.refuse(["n1", "n2"], reason="it lacks a plugin")
        error = self.found.failure()
        self.assertIsInstance(error, failures.AgentCannotRun)
        self.assertIn("n1, n2 cannot", str(error))

        self.refuse(["n3"], reason="x" * 10**6)
        self.refuse(["n4"], FILE)
        self.assertTrue("it lacks a plugin (n1, n2); " in self.text)
        self.assertLess(len(self.text), 6000)

    def test_others_get_a_moment_to_refuse_as_well(self):
        self.assertFalse(self.found)
        self.found.add("n1", "why", (), 5)
        self.found.add("n2", "why", (), 6)
        self.assertTrue(self.found)
        self.assertFalse(self.found.is_late(4 + refusals.GRACE_NS))
        self.assertTrue(self.found.is_late(5 + refusals.GRACE_NS))
