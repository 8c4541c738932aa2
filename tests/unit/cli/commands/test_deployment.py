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

"""Commands about deployments."""

from __future__ import annotations

import json

from tests.unit.cli import base


class DeploymentCommandsTestCase(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.rally("db", "create")

    def test_create_lists_and_uses_it(self):
        outcome = self.rally("deployment", "create", "--name", "old")
        self.assertEqual(0, outcome.code)
        self.assertIn(" old ", outcome.out)
        self.assertIn("deploy->finished", outcome.out)
        self.assertIn("RALLY_DEPLOYMENT=", self.read(".rally/globals"))
        listed = self.rally("deployment", "list").out.splitlines()
        self.assertEqual("*", listed[3].split("|")[-2].strip())

    def test_warns_that_it_is_deprecated(self):
        self.assertIn(
            "`rally deployment` commands are deprecated; use `rally env list` "
            "instead of this one.", self.rally("deployment", "list").err,
        )

    def test_a_shell_that_describes_nothing_is_noticed(self):
        outcome = self.rally("deployment", "create", "--name", "x",
                             "--fromenv")
        self.assertEqual(0, outcome.code)
        self.assertIn("describe no platform", outcome.err)

    def test_config_is_json(self):
        path = self.write("d.json", "{}")
        self.rally("deployment", "create", "--name", "x", "--filename", path)
        outcome = self.rally("deployment", "config", "x")
        self.assertEqual({}, json.loads(outcome.out))

    def test_a_file_that_is_not_there_is_named(self):
        outcome = self.rally(
            "deployment", "create", "--name", "x", "--filename", "/nope"
        )
        self.assertEqual(1, outcome.code)
        self.assertIn("/nope cannot be read: No such file", outcome.out)

    def test_config_without_credentials_is_refused(self):
        path = self.write("d.json", '{"type": "ExistingCloud"}')
        outcome = self.rally(
            "deployment", "create", "--name", "x", "--filename", path
        )
        self.assertEqual(112, outcome.code)
        self.assertIn("creds", outcome.out)

    def test_show_check_and_destroy(self):
        self.rally("deployment", "create", "--name", "x")
        self.assertIn("auth_url", self.rally("deployment", "show").out)
        self.assertEqual(0, self.rally("deployment", "check").code)
        self.assertEqual(0, self.rally("deployment", "destroy").code)
        self.assertEqual(203, self.rally("deployment", "show", "x").code)

    def test_what_is_destroyed_is_in_use_no_more(self):
        self.rally("deployment", "create", "--name", "x")
        self.rally("deployment", "destroy", "x")
        self.assertEqual(2, self.rally("deployment", "show").code)

    def test_cannot_be_recreated(self):
        self.rally("deployment", "create", "--name", "x")
        self.assertEqual(100, self.rally("deployment", "recreate", "x").code)

    def test_use_changes_the_default(self):
        self.rally("deployment", "create", "--name", "x", "--no-use")
        self.assertEqual(0, self.rally("deployment", "use", "x").code)
        self.assertIn("RALLY_ENV=", self.read(".rally/globals"))
        self.assertEqual(1, self.rally("deployment", "use", "nope").code)

    def test_without_any_says_how_to_create_one(self):
        self.assertIn(
            "rally deployment create", self.rally("deployment", "list").out
        )
