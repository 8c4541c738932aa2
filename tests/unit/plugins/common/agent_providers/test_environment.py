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

"""The packages that agents elsewhere get, and those that they fetch."""

from __future__ import annotations

from rally.plugins.common.agent_providers import environment
from tests.unit import test


class EnvironmentTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.here = environment.of_this_host(["yaml", "hypothesis", "nobody"])
        self.names = {each.name for each in self.here.wheels}

    def test_has_rally_what_plugin_files_import_and_what_these_require(self):
        for name in ("rally", "msgspec", "hypothesis", "PyYAML",
                     "sortedcontainers"):  # of hypothesis
            self.assertIn(name, self.names)
        self.assertNotIn("stestr", self.names)  # is only here for tests

    def test_what_plugins_do_not_need_stays(self):
        without = environment.of_this_host([])
        self.assertNotIn("hypothesis", {x.name for x in without.wheels})
        self.assertNotEqual(without.digest, self.here.digest)
        self.assertEqual(
            without.digest, environment.of_this_host([]).digest
        )

    def test_the_same_interpreter_gets_all_of_it_and_needs_no_index(self):
        supply = self.here.for_interpreter(environment.interpreter())

        self.assertEqual(self.here.wheels, supply.wheels)
        self.assertEqual(((), (), ""), supply[1:])

    def test_another_one_fetches_the_same_versions(self):
        here = environment.of_this_host(["yaml", "ddt"])
        supply = here.for_interpreter("cpython-399 linux-z80")

        self.assertEqual(
            {"rally", "ddt"}, {each.name for each in supply.wheels}
        )
        versions = {each.name: each.version for each in here.wheels}
        self.assertEqual(("PyYAML==%s" % versions["PyYAML"],), supply.fetched)
        self.assertIn("msgspec==%s" % versions["msgspec"], supply.constraints)
        self.assertEqual(len(versions), len(supply.constraints))
        self.assertIn("its Python is cpython-399 linux-z80", supply.why)

    def test_what_cannot_be_sent_is_fetched(self):
        here = environment.Environment(
            self.here.wheels, ("lost==1.0",), self.here.roots
        )
        supply = here.for_interpreter(environment.interpreter())

        self.assertEqual(("lost==1.0",), supply.fetched)
        self.assertIn("no list of their files", supply.why)
        self.assertNotEqual(here.digest, self.here.digest)
