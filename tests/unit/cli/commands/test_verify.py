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

"""Tests of the commands about verifiers and verifications."""

from __future__ import annotations

import io
import json
import os
import re
import typing as t

import ddt
import subunit

from rally import plugins
from rally.cli import envutils
from rally.common import db
from tests import screens
from tests.unit.cli import base
from tests.unit.verification import tools
from tests.unit.verification.tools import test_of

FAILING = {
    "a.T.y": test_of("a.T.y", "success"),
    "a.T.x[id-1]": test_of("a.T.x", "fail", traceback="boom", tags=["id-1"]),
    "a.T.s": test_of("a.T.s", "fail"),
}
PASSING = {"a.T.y": test_of("a.T.y", "success")}


class VerifyTestCase(base.CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        plugins.load()
        self.script = tools.Script()
        self.addCleanup(tools.register(self.script))
        self.env = self.make_env("lab")

    def must(self, *words: str) -> str:
        """What a command of ``rally verify`` prints that succeeds."""
        outcome = self.rally("verify", *words)
        self.assertEqual(0, outcome.code, outcome.out + outcome.err)
        return outcome.out

    def refused(self, code: int, *words: str) -> str:
        outcome = self.rally("verify", *words)
        self.assertEqual(code, outcome.code, outcome.out + outcome.err)
        self.assertNotIn("Traceback", outcome.out + outcome.err)
        text = (outcome.out + outcome.err).replace("\u2502", " ")
        return " ".join(text.split())

    def create(self, name: str = "v", *words: str) -> str:
        """Uuid of a new verifier."""
        out = self.must("create-verifier", "--name", name, "--type",
                        "scripted", *words)
        found = re.search(r"Using verifier '%s' \(UUID=(.*?)\)" % name, out)
        assert found is not None
        return found[1]

    def remembered(self, key: str) -> str | None:
        """What later commands will take."""
        lines = self.read(".rally/globals").splitlines()
        return dict(x.split("=") for x in lines).get(key) or None

    def start(
        self, tests: dict[str, t.Any], code: int, *words: str
    ) -> base.Outcome:
        self.script.outcome = tests
        outcome = self.rally("verify", "start", *words)
        self.assertEqual(code, outcome.code, outcome.out + outcome.err)
        return outcome

    def uuid_in(self, out: str) -> str:
        return re.findall(r"\(UUID=(.*)\)", out)[-1]


class VerifierCommandsTestCase(VerifyTestCase):
    def test_without_a_command_or_an_id(self):
        self.refused(2, )
        self.assertIn("rally verify create-verifier",
                      self.refused(2, "show-verifier"))
        self.assertIn("`rally verify list`", self.refused(2, "show"))

    def test_from_creation_to_deletion(self):
        self.assertIn("There are no verifiers", self.must("list-verifiers"))
        uuid = self.create("v", "--extra-settings", "{a: 1}", "--version",
                           "1.0")
        row = self.must("list-verifiers").splitlines()[3]
        self.assertEqual(
            [uuid, "v", "scripted", "lab"],
            [cell.strip() for cell in row.split("|")[1:5]],
        )
        self.assertIn(":-)", row)
        self.assertEqual(uuid, self.remembered(envutils.ENV_VERIFIER))
        labels = [
            line.split("|")[1].strip()
            for line in self.must("show-verifier").splitlines()
            if line.count("|") == 3
        ]
        self.assertEqual(
            ["UUID", "Status", "Created at", "Updated at", "Active", "Name",
             "Description", "Type", "Platform", "Source", "Version",
             "System-wide", "Extra settings", "Location", "Venv location"],
            [x for x in labels if x],
        )
        self.assertIn('"a": 1', self.must("show-verifier", "--id", "v"))
        self.assertIn("no verifiers with status 'failed'",
                      self.must("list-verifiers", "--status", "failed"))
        self.assertEqual("a.T.x[id-1]\na.T.y\n",
                         self.must("list-verifier-tests", "--pattern", "T"))
        self.assertEqual("No tests found.\n",
                         self.must("list-verifier-tests", "--pattern", "zz"))
        self.assertEqual("", self.must("delete-verifier", "v"))
        self.assertIsNone(self.remembered(envutils.ENV_VERIFIER))
        self.refused(203, "delete-verifier", "--id", "v", "--force")

    def test_the_default_is_changed_if_wanted(self):
        first = self.create("v")
        self.assertEqual("", self.must(
            "create-verifier", "--name", "w", "--type", "scripted",
            "--no-use"))
        self.assertEqual(first, self.remembered(envutils.ENV_VERIFIER))
        self.assertIn("Using verifier 'w' (UUID=",
                      self.must("use-verifier", "w"))
        self.assertNotEqual(first, self.remembered(envutils.ENV_VERIFIER))

    def test_what_cannot_be_made(self):
        self.create()
        make = ("create-verifier", "--name", "v", "--type")
        self.refused(211, *make, "no-such")
        self.refused(100, *make, "scripted")
        self.refused(110, *make, "scripted", "--extra-settings", "[1]")

    def test_what_cannot_be_updated(self):
        self.create()
        self.refused(1, "update-verifier")
        self.refused(1, "update-verifier", "--system-wide", "--update-venv")
        self.refused(1, "update-verifier", "--system-wide",
                     "--no-system-wide")

    def test_configuration(self):
        self.create()
        self.assertEqual("", self.must("configure-verifier"))
        self.assertEqual("\n\n\n", self.must("configure-verifier", "--show"))
        path = self.write("x.conf", "[A]\nB = 1\n")
        for words in (
            ("--override", path, "--reconfigure"),
            ("--override", path, "--extend", "{}"), ("--override", "/no/zzz"),
        ):
            self.refused(1, "configure-verifier", *words)
        for text in ("just words", "{a: 1}", "[a"):
            self.refused(110, "configure-verifier", "--extend", text)
        for words in (("--extend", path), ("--override", path),
                      ("--reconfigure",)):
            self.assertIn("don't support configuration",
                          self.refused(1, "configure-verifier", *words))

    def test_extensions(self):
        self.create()
        self.assertIn("add-verifier-ext", self.must("list-verifier-exts"))
        for words in (("add-verifier-ext", "--source", "/x"),
                      ("delete-verifier-ext", "--name", "x")):
            self.assertIn("don't support extensions", self.refused(1, *words))

    def test_kinds(self):
        out = self.must("list-plugins", "--platform", "LAB")
        self.assertIn("| scripted    | lab", out)
        self.assertNotIn("Location", out)
        out = self.must("list-plugins", "--platform", "x")
        self.assertIn("Plugin name", out)
        self.assertNotIn("scripted", out)


@ddt.ddt
class RunCommandsTestCase(VerifyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.create()

    def test_totals_and_the_use_line(self):
        outcome = self.start(FAILING, 3, "--tag", "a", "b")
        uuid = self.uuid_in(outcome.out)
        self.assertEqual(uuid, self.remembered(envutils.ENV_VERIFICATION))
        self.assertIn(
            "======\nTotals\n======\n\nRan: 3 tests in 0.5 sec.\n"
            " - Success: 1\n - Skipped: 0\n - Expected failures: 0\n"
            " - Unexpected success: 0\n - Failures: 2\n", outcome.out,
        )

    @ddt.data(
        ("success", 0, "Congratulations"), ("fail", 3, "Failed 1 test - out"),
        ("uxsuccess", 2, "expected to fail"), ("init", 3, "died: a.T.x"),
    )
    @ddt.unpack
    def test_the_exit_status_tells_how_it_was(self, status, code, said):
        tests = {"a.T.x": test_of("a.T.x", status)}
        out = self.start(tests, code, "--detailed", "--no-use").out
        self.assertIn(said, out)
        self.assertEqual(code == 0, "Congratulations" in out)
        uuid = re.search(r"Verification UUID: (\S+)\.\n", out)[1]
        self.assertIsNone(self.remembered(envutils.ENV_VERIFICATION))
        self.assertEqual(
            code, self.rally("verify", "rerun", uuid).code
        )

    def test_details_of_failures_with_and_without_a_traceback(self):
        out = self.start(FAILING, 3, "--detailed").out
        self.assertIn("Failed 2 tests - output below:\n", out)
        self.assertIn("a.T.x\n-----\nboom\n", out)
        self.assertIn("a.T.s\n-----\nno details\n", out)

    def test_files_with_lists(self):
        words = (
            "--load-list", self.write("l", "a.T.y\n\n a.T.x[id-1] \n"),
            "--skip-list", self.write("s", "a.T.x: why"),
            "--xfail-list", self.write("x", '{"a.T.y": "bug"}'),
        )
        self.start(PASSING, 0, *words, "--concurrency", "2")
        self.assertEqual(
            {"load_list": ["a.T.y", "a.T.x[id-1]"],
             "skip_list": {"a.T.x": "why"}, "xfail_list": {"a.T.y": "bug"},
             "concurrency": 2},
            self.script.asked[0]["run_args"],
        )

    def test_what_cannot_be_started(self):
        path = self.write("l", "a.T.y")
        for words in (("--pattern", "x", "--load-list", path),
                      ("--load-list", "/no/zzz"), ("--skip-list", "/no/zzz")):
            self.refused(1, "start", *words)
        self.refused(110, "start", "--xfail-list",
                     self.write("x", "- a list"))
        db.env_set_status(self.env, "READY", "DESTROYING")
        self.refused(1, "start")

    def test_show(self):
        self.start(FAILING, 3, "--pattern", "x", "--tag", "b", "a")
        out = self.must("show")
        pairs = [
            [cell.strip() for cell in line.split("|")[1:3]]
            for line in out.splitlines() if line.count("|") == 3
        ]
        self.assertEqual(
            ["UUID", "Status", "Started at", "Finished at", "Duration",
             "Run arguments", "Tags", "Verifier name", "Verifier type",
             "Environment", "Tests count", "Tests duration, sec", "Success",
             "Skipped", "Expected failures", "Unexpected success",
             "Failures"], [name for name, _ in pairs],
        )
        shown = dict(t.cast(t.Any, pairs))
        self.assertEqual(
            ("a, b", "pattern: x", "scripted (platform: lab)", "3"),
            (shown["Tags"], shown["Run arguments"], shown["Verifier type"],
             shown["Tests count"]),
        )
        self.assertLess(out.index("a.T.s"), out.index("a.T.x"))
        self.assertNotIn("boom", out)
        self.assertIn("boom", self.must("show", "--detailed"))
        by_status = self.must("show", "--sort-by", "status")
        self.assertLess(by_status.index("a.T.x"), by_status.index("a.T.y"))

    def test_show_why_it_crashed(self):
        self.script.outcome = ValueError("no luck")
        self.refused(1, "start")
        uuid = db.verification_list()[0]["uuid"]
        self.assertIn("ValueError: no luck", self.must("show", uuid))

    def test_tables_fit_into_a_terminal(self):
        self.start(FAILING, 3, "--tag", "a-tag-of-some-length", "b")
        for command in "list", "show", "list-verifiers", "show-verifier":
            for columns in 120, 80, 40:
                done = self.rally("verify", command, columns=columns)
                self.assertEqual(0, done.code, done.out + done.err)
                found = [
                    each for each in screens.offences(done.out, columns)
                    if "broken" in each or "|" in each
                ]
                self.assertEqual([], found, done.out)

    def test_list_use_and_delete(self):
        self.assertIn("rally verify start", self.must("list"))
        uuids = [
            self.uuid_in(self.start(PASSING, 0, "--tag", x).out)
            for x in ("a", "b")
        ]
        self.assertEqual(
            uuids, re.findall(r"^\| (\S{36}) ", self.must("list"), re.M)
        )
        self.assertNotIn(uuids[0], self.must("list", "--tag", "b"))
        self.assertIn("no verifications that meet",
                      self.must("list", "--status", "crashed"))
        self.assertIn("Using verification (UUID=%s)" % uuids[0],
                      self.must("use", uuids[0]))
        self.assertEqual("", self.must("delete", "--uuid", *uuids))
        self.assertIsNone(self.remembered(envutils.ENV_VERIFICATION))
        self.refused(203, "delete", uuids[0])

    def test_reports(self):
        uuids = [self.uuid_in(self.start(PASSING, 0).out) for _ in range(2)]
        data = json.loads(self.must("report", *uuids))
        self.assertEqual(uuids, list(data["verifications"]))
        path = self.path("new", "folder", "x.html")
        out = self.must("report", "--type", "HTML", "--to", path)
        self.assertEqual(2, len(out.splitlines()))
        self.assertTrue(os.path.getsize(path))
        self.refused(211, "report", "--type", "no-such")
        self.refused(1, "report", "--open")

    def test_results_of_others(self):
        stream = io.BytesIO()
        writer = subunit.StreamResultToBytes(stream)
        writer.status(test_id="a.T.x", test_status="exists")
        writer.status(test_id="a.T.x", test_status="fail")
        with open(self.path("stream"), "wb") as f:
            f.write(stream.getvalue())
        out = self.must("import", "--file", self.path("stream"),
                        "--run-args", "{pattern: x}")
        self.assertIn(" - Failures: 1\n", out)
        self.assertIn("pattern: x", self.must("show", self.uuid_in(out)))
        self.refused(110, "import", "--file", self.path("stream"),
                     "--run-args", "{pattern: 1}")
        self.refused(1, "import", "--file", "/no/zzz")
