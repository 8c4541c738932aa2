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

"""Commands about plugins."""

from __future__ import annotations

import unittest.mock

import ddt

from rally import plugins
from rally.cli.commands import plugin as commands
from tests.unit.cli import base

ODD = '''
from rally.task import scenario


@scenario.configure(name="Odd.x")
class Odd(scenario.Scenario):

    def run(self, size: "int["):
        """Do something odd.

        :param size: of what
        """
'''


@ddt.ddt
class PluginCommandsTestCase(base.CommandTestCase):
    def test_list_shows_all_in_a_table(self):
        outcome = self.rally("plugin", "list")
        self.assertEqual(0, outcome.code)
        head = outcome.out.splitlines()[1]
        self.assertEqual(
            ["Plugin base", "Name", "Platform", "Title"],
            [cell.strip() for cell in head.split("|")[1:-1]],
        )
        self.assertIn("| Dummy.dummy ", outcome.out)

    @ddt.data("dummy.DUMMY", "Dummy.dummy")
    def test_names_match_by_part_whatever_the_case(self, name):
        out = self.rally("plugin", "list", name).out
        self.assertIn("| Dummy.dummy_exception ", out)
        self.assertNotIn("serial", out)

    @ddt.data(
        (["nope"], "Plugin nope not found\n"),
        (["--platform", "nope"], "Platform nope not found\n"),
        (["--plugin-base", "Nope"], "Plugin Nope not found\n"),
        (["--plugin-base", "Runner"],
         "Plugin Runner not found. Did you mean ScenarioRunner?\n"),
        (["Dumy.output"],
         "Plugin Dumy.output not found. Did you mean Dummy.dummy_output?\n"),
    )
    @ddt.unpack
    def test_finding_nothing_is_no_failure(self, words, out):
        outcome = self.rally("plugin", "list", *words)
        self.assertEqual((0, out), (outcome.code, outcome.out))

    def test_base_restricts_the_list(self):
        out = self.rally("plugin", "list", "--plugin-base", "HookAction").out
        self.assertIn("sys_call", out)
        self.assertNotIn("Dummy", out)

    def test_show_describes_one_with_annotations_that_are_none(self):
        path = self.write("extra/odd.py", ODD)
        outcome = self.rally("--plugin-paths", path, "plugin", "show", "Odd.x")
        self.assertEqual(0, outcome.code, outcome)
        self.assertIn("cannot be resolved", outcome.err)
        self.assertIn("| size | Any ", outcome.out)

    def test_what_a_refused_file_had_offered_is_not_there(self):
        path = self.write("extra/refused.py", ODD.replace("Odd.x", "Half.x")
                          + "raise ValueError('the rest is missing')\n")
        # in a process of its own a command has loaded none before
        with unittest.mock.patch.object(plugins, "PLUGINS_LOADED", False):
            outcome = self.rally("--plugin-paths", path, "plugin", "show",
                                 "Half.x")
        self.assertEqual(211, outcome.code, outcome)
        self.assertIn("the rest is missing", outcome.err)

    @ddt.data("Dummy.dummy", "dummy.dummy", "Dummy.dummy@default")
    def test_show_describes_one(self, name):
        outcome = self.rally("plugin", "show", name)
        self.assertEqual(0, outcome.code)
        self.assertIn(
            "NAME\n\tDummy.dummy\nPLATFORM\n\tdefault\n", outcome.out
        )
        self.assertIn("| sleep ", outcome.out)
        self.assertIn("| float ", outcome.out)

    @ddt.data(
        (["nope"], 211, "Plugin nope not found at any platform\n"),
        (["nope", "--platform", "x"], 211, "Plugin nope@x not found\n"),
        (["constnt"], 211, "Plugin constnt not found at any platform. "
                           "Did you mean constant or check_constant?\n"),
    )
    @ddt.unpack
    def test_show_of_an_unknown_one(self, words, code, out):
        outcome = self.rally("plugin", "show", *words)
        self.assertEqual((code, out), (outcome.code, outcome.out))

    def test_show_has_what_alternatives_take(self):
        out = self.rally("plugin", "show", "event").out
        self.assertIn("| unit | 'time' | 'iteration' | What the", out)
        self.assertIn("| at   | list ", out)
        self.assertNotIn("VALUE", out)

    def test_show_has_what_is_no_object(self):
        out = self.rally("plugin", "show", "sys_call").out
        self.assertIn("VALUE\n\tstr: The command and its", out)
        self.assertNotIn("PARAMETERS", out)
        out = self.rally("plugin", "show", "max_percentile_duration").out
        self.assertIn("VALUE\n\tdict\n\tlist: Or a list of these", out)
        self.assertIn("| percentile | float ", out)

    def test_show_of_several_lists_them(self):
        outcome = self.rally("plugin", "show", "dummy_exc")
        self.assertEqual(213, outcome.code)
        self.assertIn("Multiple plugins found:", outcome.out)
        self.assertIn("| Dummy.dummy_exception ", outcome.out)

    @ddt.data(
        ({"type": "number"}, "float"),
        ({"type": ["string", "null"]}, "str | null"),
        ({"anyOf": [{"type": "number"}, {"type": "object"}]}, "float | dict"),
        ({"enum": ["time", 1]}, "'time' | 1"),
        ({}, "Any"),
        (True, "Any"),
    )
    @ddt.unpack
    def test_types_are_named_as_in_python(self, schema, name):
        self.assertEqual(name, commands._type_of(schema))
