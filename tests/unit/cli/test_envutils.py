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

"""What `use` remembers."""

from __future__ import annotations

import io
import os
import pathlib
from unittest import mock

from rally import exceptions
from rally.cli import envutils
from tests.unit.cli import base


class GlobalsTestCase(base.HomeTestCase):
    def globals_file(self) -> str:
        return self.read(".rally/globals")

    def test_a_name_is_written_once(self):
        envutils.update_globals_file("RALLY_ENV", "one")
        envutils.update_globals_file("RALLY_TASK", "task")
        envutils.update_globals_file("RALLY_ENV", "two")
        self.assertEqual(
            "RALLY_TASK=task\nRALLY_ENV=two\n", self.globals_file()
        )
        self.assertEqual(["globals"], os.listdir(self.path(".rally")))

    def test_load_fills_the_environment(self):
        self.write(".rally/globals", "RALLY_ENV=e\nRALLY_TASK=\nPATH=/x\n")
        path = os.environ["PATH"]
        envutils.load_globals()
        self.assertEqual("e", os.environ["RALLY_ENV"])
        self.assertNotIn("RALLY_TASK", os.environ)
        self.assertEqual(path, os.environ["PATH"])

    def test_real_variables_win(self):
        self.write(".rally/globals", "RALLY_ENV=e\n")
        os.environ["RALLY_ENV"] = "real"
        envutils.load_globals()
        self.assertEqual("real", os.environ["RALLY_ENV"])

    def test_deployment_stands_in_for_env(self):
        os.environ["RALLY_DEPLOYMENT"] = "d"
        self.write(".rally/globals", "RALLY_ENV=e\n")
        envutils.load_globals()
        self.assertEqual("d", os.environ["RALLY_ENV"])

    def test_without_a_file_nothing_is_known(self):
        envutils.load_globals()
        self.assertIsNone(envutils.get_global("RALLY_ENV"))

    def test_a_missing_name_can_be_an_error(self):
        self.assertRaises(
            exceptions.InvalidArgumentsException,
            envutils.get_global, "RALLY_ENV", do_raise=True,
        )

    def test_clear_env_forgets_all_names(self):
        os.environ["RALLY_ENV"] = "e"
        envutils.clear_env()
        self.assertNotIn("RALLY_ENV", os.environ)
        lines = self.globals_file().splitlines()
        self.assertEqual(["%s=" % x for x in envutils.ENVVARS], lines)

    def test_only_known_names_are_cleared(self):
        self.assertRaises(
            exceptions.InvalidArgumentsException,
            envutils.clear_global, "PATH",
        )

    def test_a_file_that_cannot_be_read_is_told_of_once(self):
        os.makedirs(self.path(".rally/globals"))
        with mock.patch("sys.stderr", io.StringIO()) as err:
            envutils.load_globals()
            self.assertIsNone(envutils.get_global("RALLY_ENV"))
            envutils.forget("RALLY_ENV", "e")
        self.assertRegex(
            err.getvalue(), r"^\S+/globals cannot be read: Is a directory\. "
        )
        self.assertEqual(1, err.getvalue().count("cannot be read"))

    def test_what_cannot_be_written_says_what_it_was(self):
        self.write(".rally", "")
        error = self.assertRaises(
            exceptions.CannotKeepDefault,
            envutils.update_globals_file, "RALLY_TASK", "42",
        )
        self.assertIn("or set RALLY_TASK=42 in", str(error))

    def test_a_file_that_is_no_text_is_not_overwritten(self):
        path = pathlib.Path(self.path(".rally/globals"))
        path.parent.mkdir()
        path.write_bytes(b"\xff")
        self.assertRaises(
            exceptions.CannotKeepDefault,
            envutils.update_globals_file, "RALLY_TASK", "42",
        )
        self.assertEqual(b"\xff", path.read_bytes())
