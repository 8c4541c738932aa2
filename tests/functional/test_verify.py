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

"""Verifiers as a user has them: real clones, launchers and signals."""

from __future__ import annotations

import json
import pathlib
import re
import signal
import subprocess
import typing as t
import xml.etree.ElementTree as xml

import ddt

from tests import verifier_project
from tests.functional import cluster
from tests.functional.sandbox import Done, wait_until

PLAIN = "checks.test_plain.PlainTestCase."
#: what comes out of the tests of the project that end by themselves
STATUSES = {
    PLAIN + "test_passes[id-1,smoke]": "success",
    PLAIN + "test_fails": "fail",
    PLAIN + "test_fails_in_subtests": "fail",
    PLAIN + "test_is_skipped": "skip",
    "checks.test_plain.NoSetUpTestCase.test_never_gets_there": "fail",
    "checks.test_plain.SkippedTestCase.test_never_gets_there": "skip",
    "checks.test_plain.NoTearDownTestCase.test_passes": "success",
    "tearDownClass (checks.test_plain.NoTearDownTestCase)": "fail",
}


def uuid_in(done: Done) -> str:
    return re.findall(r"\(UUID=(.*)\)", done.out)[-1]


class VerifyTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.project = verifier_project.make(self.sandbox.folder)
        self.told = self.sandbox.folder / "told"
        self.told.mkdir()
        self.must(
            "verify", "create-verifier", "--name", "v", "--type", "checks",
            "--source", self.project, "--system-wide", "--extra-settings",
            json.dumps({"folder": str(self.told)}),
        )

    def verify(self, code: int, *words: t.Any) -> Done:
        done = self.rally("verify", *words)
        self.assertEqual(code, done.code, done.out + done.err)
        self.assertNotIn('Traceback (most recent call last):\n  File "'
                         + str(cluster.sandbox_module.TREE / "rally"),
                         done.out + done.err)
        return done

    def report(self, *uuids: str) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(
            self.must("verify", "report", *uuids).out
        ))

    def statuses(self, uuid: str) -> dict[str, str]:
        return {
            test_id: test["by_verification"][uuid]["status"]
            for test_id, test in self.report(uuid)["tests"].items()
        }

    def status(self) -> str:
        """That of the only verification."""
        [row] = [
            x for x in self.must("verify", "list").out.splitlines()
            if re.match(r"\| [0-9a-f-]{36} ", x)
        ]
        return row.split("|")[-2].strip()


class ResultsTestCase(VerifyTestCase):
    def test_run_rerun_import_and_compare(self):
        start = ("start", "--pattern", "test_plain")
        first = self.verify(3, *start)
        self.assertRegex(first.err, r"\{\d\} %stest_passes \.\.\. success "
                         % re.escape(PLAIN))
        self.assertRegex(first.err, r"test_is_skipped \.\.\. skip ")
        self.assertEqual(STATUSES, self.statuses(uuid_in(first)))

        xfail = self.sandbox.write("xfail", json.dumps({
            name.partition("[")[0]: "bug" for name, status in STATUSES.items()
            if status == "fail"
        }))
        skip = self.sandbox.write("skip", "NoTearDown: not now")
        second = self.verify(
            3, "rerun", "--failed", "--concurrency", "1", "--detailed",
        )
        self.assertIn("Failed 4 tests - output below:", second.out)
        third = self.verify(3, *start, "--skip-list", skip)
        self.assertEqual(
            "skip", self.statuses(uuid_in(third))[
                "checks.test_plain.NoTearDownTestCase.test_passes"],
        )
        fourth = self.verify(
            0, *start, "--xfail-list", xfail, "--skip-list", skip
        )
        found = self.statuses(uuid_in(fourth))
        self.assertEqual("xfail", found[PLAIN + "test_fails"])

        stream = self.sandbox.folder / "stream"
        repo = next(self.sandbox.home.glob(".rally/verification/*/repo"))
        with open(stream, "wb") as f:
            subprocess.run(
                [cluster.sandbox_module.RALLY.with_name("stestr"), "last",
                 "--subunit"],
                cwd=repo, stdout=f, check=True,
            )
        fifth = self.verify(0, "import", "--file", stream)
        # what was expected is known to Rally alone, not to the launcher
        self.assertIn(" - Failures: 3\n", fifth.out)

        uuids = [uuid_in(x) for x in (first, second, fourth)]
        together = self.report(*uuids)
        self.assertEqual(uuids, list(together["verifications"]))
        junit = self.must("verify", "report", *uuids, "--type", "junit-xml")
        self.assertEqual(3, len(xml.fromstring(junit.out)))
        page = self.sandbox.folder / "x.html"
        self.must("verify", "report", *uuids, "--type", "html", "--to", page)
        self.assertIn("PlainTestCase", page.read_text())

    def test_no_verdict_without_tests(self):
        for words in (("--pattern", "matches-nothing"),
                      ("--pattern", "--help")):
            self.verify(226, "start", *words)
        verifier_project.commit(
            self.project, {"checks/test_bad.py": "import zzz_missing\n"}
        )
        self.must("verify", "update-verifier", "--version", "main")
        done = self.verify(226, "start")
        self.assertIn("zzz_missing", done.out)

    def test_an_update_that_fails_is_taken_back(self):
        verifier_project.commit(
            self.project, {"requirements.txt": "zzz-missing\n"}, "2.0"
        )
        self.verify(1, "update-verifier", "--version", "no-such")
        done = self.verify(224, "update-verifier", "--version", "2.0")
        self.assertIn("zzz-missing", done.out)
        shown = self.must("verify", "show-verifier").out
        self.assertRegex(shown, r"\| Status +\| installed ")
        self.assertRegex(shown, r"\| Version +\| main ")
        repo = next(self.sandbox.home.glob(".rally/verification/*/repo"))
        self.assertIn("stestr", (repo / "requirements.txt").read_text())
        self.must("verify", "update-verifier", "--version", "1.0")


@ddt.ddt
class EndedTestCase(VerifyTestCase):
    def started(self) -> tuple[t.Any, list[int]]:
        """A run of a test that waits, and its processes."""
        path = self.told / "waits"
        process = self.sandbox.start(
            "verify", "start", "--pattern", "test_waits"
        )
        wait_until(
            lambda: path.exists() and path.read_text(), 60, "the test waits"
        )
        return process, [int(x) for x in path.read_text().split()]

    def check_all_ended(self) -> None:
        wait_until(lambda: not self.sandbox.processes(), 60,
                   "no process of the run is left")

    @ddt.data(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    def test_by_a_signal(self, number):
        process, _ = self.started()
        process.signal(number)
        done = process.wait()
        self.assertEqual(130, done.code, done.out + done.err)
        self.check_all_ended()
        self.assertEqual("crashed", self.status())
        self.assertIn("interrupted",
                      self.must("verify", "show", self.only()).out)

    def only(self) -> str:
        found = re.search(r"^\| ([0-9a-f-]{36}) ",
                          self.must("verify", "list").out, re.M)
        assert found is not None
        return found[1]

    def test_by_kill(self):
        process, _ = self.started()
        self.assertEqual("running", self.status())
        process.signal(signal.SIGKILL)
        process.wait()
        self.check_all_ended()
        self.assertEqual("crashed", self.status())
        self.assertIn("rally verify rerun",
                      self.must("verify", "show", self.only()).out)

    def test_a_worker_that_dies_is_no_success(self):
        done = self.verify(3, "start", "--pattern", "test_dies")
        self.assertNotIn("Congratulations", done.out)
        self.assertEqual("failed", self.status())


class FolderTestCase(VerifyTestCase):
    def test_others_cannot_read_what_belongs_to_a_verifier(self):
        [folder] = [
            x for x in self.sandbox.home.glob(".rally/verification/*")
            if x.is_dir()
        ]
        self.assertEqual(0o700, pathlib.Path(folder).stat().st_mode & 0o777)
        self.must("verify", "delete-verifier", "--id", "v")
        self.assertEqual(
            [], list(self.sandbox.home.glob(".rally/verification/*"))
        )
