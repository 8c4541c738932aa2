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

"""Tests of what launches tests by stestr."""

from __future__ import annotations

import os
import pathlib
import types
import typing as t

import ddt

from rally.plugins.verification import testr
from rally.verification import context
from tests.unit import test


class Launcher(testr.TestrLauncher):
    """One whose tests are known without asking."""

    tests = ("a.T.x[id-1]", "a.T.y", "b.U.z(one)")

    def list_tests(self, pattern: str = "") -> list[str]:
        return [x for x in self.tests if pattern in x]


@ddt.ddt
class CommandTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_home()
        self.verifier = types.SimpleNamespace(
            uuid="u", name="v", system_wide=True
        )
        self.verifier.manager = Launcher(t.cast(t.Any, self.verifier))

    def made(self, **run_args: t.Any) -> tuple[list[str], dict[str, t.Any]]:
        """Command and context of a run."""
        context_obj: dict[str, t.Any] = {
            "config": {}, "run_args": run_args,
            "verifier": self.verifier, "verification": {"uuid": "w"},
        }
        made = testr.TestrContext(context_obj)
        made.setup()
        self.files = [
            pathlib.Path(x) for x in context_obj["testr_cmd"]
            if x.startswith("/")
        ]
        context_obj["loaded"] = [x.read_text() for x in self.files]
        made.cleanup()
        return context_obj["testr_cmd"], context_obj

    def use_testr(self) -> None:
        os.makedirs(self.verifier.manager.repo_dir)
        path = os.path.join(self.verifier.manager.repo_dir, ".testr.conf")
        pathlib.Path(path).touch()

    @ddt.data(
        ({}, []), ({"concurrency": 0}, []), ({"concurrency": 1}, ["--serial"]),
        ({"concurrency": 3}, ["--concurrency", "3"]),
        ({"failed": True}, ["--failing"]),
        ({"pattern": "--help"}, ["--", "--help"]),
    )
    @ddt.unpack
    def test_of_stestr(self, run_args, words):
        self.assertEqual(
            ["stestr", "run", "--subunit", *words], self.made(**run_args)[0]
        )

    @ddt.data(
        ({}, ["--parallel"]), ({"concurrency": 1}, ["--concurrency", "1"]),
        ({"concurrency": 3}, ["--parallel", "--concurrency", "3"]),
        ({"pattern": "x"}, ["--parallel", "x"]),
        ({"pattern": "-x"}, ["--parallel", "(?:-x)"]),
    )
    @ddt.unpack
    def test_of_testr(self, run_args, words):
        self.use_testr()
        self.assertEqual(
            ["testr", "run", "--subunit", *words], self.made(**run_args)[0]
        )

    def test_a_list_is_a_file_for_as_long_as_it_is_needed(self):
        words, context_obj = self.made(load_list=["a.T.y", "a.T.x[id-1]"])
        self.assertEqual(["--load-list", str(self.files[0])], words[-2:])
        self.assertEqual(["a.T.y\na.T.x[id-1]\n"], context_obj["loaded"])
        self.assertFalse(self.files[0].exists())

    def test_what_is_skipped_is_not_loaded(self):
        _, context_obj = self.made(skip_list={"a.T": "no"})
        self.assertEqual(["b.U.z(one)\n"], context_obj["loaded"])
        _, context_obj = self.made(skip_list={"a.T.x": "no"}, pattern="a")
        self.assertEqual(["a.T.y\n"], context_obj["loaded"])

    def test_nothing_runs_if_all_is_skipped(self):
        _, context_obj = self.made(skip_list={"": "no"})
        context_obj["testr_cmd"] = ["/no/such/zzz"]
        results = self.verifier.manager.run(context_obj)
        self.assertEqual((3, 3), (results.totals["tests_count"],
                                  results.totals["skipped"]))

    def run_words(self, *words: str) -> t.Any:
        os.makedirs(self.verifier.manager.repo_dir)
        return self.verifier.manager.run({"testr_cmd": list(words)})

    def test_a_launcher_that_fails_is_no_run(self):
        error = self.assertRaises(
            testr.LauncherFailed, self.run_words,
            "sh", "-c", "echo No module zzz; exit 100",
        )
        self.assertIn("exit status 100", str(error))
        self.assertIn("No module zzz", str(error))
        self.assertEqual({}, error.results.tests)

    def test_nor_is_one_without_a_test(self):
        error = self.assertRaises(
            testr.LauncherFailed, self.run_words, "true"
        )
        self.assertIn("no test matched", str(error))


@ddt.ddt
class TestNameTestCase(test.TestCase):
    @ddt.data("a.b.T.x", "a.T.x[id-1,smoke]", "a.T.x(one,two)[id-1]")
    def test_is_one(self, line):
        self.assertIsNotNone(testr.TEST_NAME_RE.match(line))

    @ddt.data("", "a b", "running=x", "warning: x", "x[a b]", "(a)")
    def test_is_none(self, line):
        self.assertIsNone(testr.TEST_NAME_RE.match(line))


class SkipListTestCase(test.TestCase):
    def test_an_id_or_name_is_no_expression(self):
        tests = ["a.T.x[smoke]", "a.T.xs", "a1T.x"]
        self.assertEqual(
            {"a.T.x[smoke]": "1"},
            context._expand_skip_list({"a.T.x[smoke]": "1"}, tests),
        )
        self.assertEqual(
            {"a.T.x[smoke]": "1"},
            context._expand_skip_list({"a.T.x": "1"}, tests),
        )
        self.assertEqual(
            {"a.T.x[smoke]": "1", "a.T.xs": "1", "a1T.x": "1"},
            context._expand_skip_list({"a.T.x.*": "1", "(": "2"}, tests)
            | context._expand_skip_list({"a.T.x.?": "1"}, tests),
        )
