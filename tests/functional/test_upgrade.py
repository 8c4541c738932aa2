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

"""What the released Rally left is read, reported and ended by this one."""

from __future__ import annotations

import json
import pathlib
import shutil
import typing as t
import xml.etree.ElementTree as xml

import testtools

from tests import venvs
from tests.functional import pages, released
from tests.functional.sandbox import ENV, Done, Sandbox

TASKS = {
    "first": "finished", "second": "finished", "again": "finished",
    "broken": "finished", "refused": "crashed",
    "invalid": "validation_failed", "aborted": "aborted",
    "stuck": "running (controller gone)",
}
VERIFICATIONS = {
    "failed": "failed", "passed": "finished", "killed": "crashed",
}
PLAIN = "checks.test_plain.PlainTestCase."
#: digits of seconds in which reports of both agree: the release keeps floats
#: of a clock, and we whole nanoseconds
DIGITS = 6


def rounded(value: t.Any) -> t.Any:
    """*value* with numbers that a nanosecond does not change."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return value


def rows(table: str) -> list[list[str]]:
    """Cells of a table, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines[1:]
    ]


class ReleasedTestCase(testtools.TestCase):
    """With a home of the released Rally, whose database, a file, was upgraded.
    """

    def setUp(self) -> None:
        super().setUp()
        self.box = Sandbox(with_database=False, server="")
        self.addCleanup(self.box.close)
        try:
            self.found = released.unpack(self.box)
        except venvs.CannotInstall as e:
            self.skipTest("no released Rally: %s" % e)
        self.box.must("db", "upgrade")

    def all_of(self, *commands: t.Sequence[t.Any]) -> list[str]:
        """What commands print; none may fail."""
        done = self.box.rally_many(commands)
        for words, each in zip(commands, done):
            self.assertEqual(0, each.code, "%s: %s" % (words, each.out))
        return [each.out for each in done]

    def statuses(self, of: str) -> dict[str, str]:
        """Status by uuid, of tasks or verifications."""
        found = rows(self.box.must(of, "list").out)
        return {row[0]: row[4 if of == "task" else -1] for row in found}


class ReadingTestCase(ReleasedTestCase):
    """What does not change anything, in one process where it can be."""

    def test_records_are_listed_as_they_were(self) -> None:
        self.assertEqual(
            {self.found[name]: status for name, status in TASKS.items()},
            self.statuses("task"),
        )
        self.assertEqual(
            {self.found[x]: status for x, status in VERIFICATIONS.items()},
            self.statuses("verify"),
        )
        envs, shown, spec, old = self.all_of(
            ("env", "list"), ("env", "show", "depot", "--json"),
            ("env", "show", "depot", "--only-spec"),
            ("deployment", "config", "deployed"),
        )
        self.assertEqual(
            {ENV: "READY", "gone": "DESTROYED", "deployed": "READY",
             "depot": "READY"},
            {row[1]: row[2] for row in rows(envs)},
        )
        self.assertEqual("D\u00e9p\u00f4t", json.loads(shown)["description"])
        self.assertIn("open-sesame", json.dumps(json.loads(spec)))
        self.assertIn("open-sesame", json.dumps(json.loads(old)))

    def test_reports_have_what_those_of_the_release_have(self) -> None:
        first = self.found["first"]
        [report, results] = self.all_of(
            ("task", "report", first, "--json"), ("task", "results", first),
        )
        before = json.loads((self.box.folder / "report.json").read_text())
        self.assertEqual(
            rounded(before["tasks"]), rounded(json.loads(report)["tasks"])
        )
        old = json.loads((self.box.folder / "old-results.json").read_text())
        new = json.loads(results)
        for each in old, new:
            for workload in each:
                workload.pop("created_at")  # 5.1 swaps day and month
        self.assertEqual(rounded(old), rounded(new))

    def test_each_task_is_shown_whatever_became_of_it(self) -> None:
        names = list(TASKS)
        pages_of = {
            name: self.box.folder / ("%s.html" % name) for name in names
        }
        shown = dict(zip(names, self.all_of(*(
            ("task", "detailed", self.found[name]) for name in names
        ))))
        self.all_of(*(
            ("task", "report", self.found[name], "--out", path)
            for name, path in pages_of.items()
        ))
        self.assertIn("did not pass SLA criteria", shown["first"])
        self.assertIn("Dummy.dummy_random_action", shown["second"])
        self.assertIn("the cloud said no", shown["broken"])
        for name in "refused", "invalid":
            self.assertIn("no Scenario plugin `Dummy.none`", shown[name])
        self.assertIn("aborted due to abort signal", shown["aborted"])
        self.assertIn("partial", shown["stuck"])
        self.assertIn(str(released.MANY), shown["second"])
        for name, path in pages_of.items():
            self.assertIn("</html>", path.read_text(), name)

    def test_tasks_are_compared_exported_and_imported(self) -> None:
        second, again = self.found["second"], self.found["again"]
        first, report = self.found["first"], self.box.folder / "report.json"
        trends = self.box.folder / "trends.html"
        junit, *_, imported, old = self.all_of(
            ("task", "export", first, "--type", "junit-xml"),
            ("task", "trends", second, again, "--out", trends),
            ("task", "import", "--file", report),
            ("task", "import", "--file",
             self.box.folder / "old-results.json"),
        )
        self.assertEqual(1, len(xml.fromstring(junit).findall(".//failure")))
        self.assertIn("</html>", trends.read_text())
        self.assertIn("Task UUID: ", imported + old)
        [tasks, stored, sla] = self.box.rally_many((
            ("task", "compare", second, again),
            ("task", "compare", report, first),
            ("task", "sla-check", first),
        ))
        # 2: for some there are too few iterations to say anything
        self.assertIn(tasks.code, (0, 1, 2), tasks.out)
        self.assertIn("Numbered.sleep (position 0)", tasks.out)
        self.assertIn("Judged: 0 worse, 0 better", stored.out)
        self.assertEqual(1, sla.code, sla.out)

    def test_verifications_are_shown_and_reported(self) -> None:
        failed, passed, killed = (
            self.found[name] for name in ("failed", "passed", "killed")
        )
        page = self.box.folder / "page.html"
        shown, report, junit, verifier, _, _ = self.all_of(
            ("verify", "show", failed, "--detailed"),
            ("verify", "report", failed, passed),
            ("verify", "report", failed, "--type", "junit-xml"),
            ("verify", "show-verifier"),
            ("verify", "show", killed),
            ("verify", "report", failed, passed, killed, "--type", "html",
             "--to", page),
        )
        self.assertIn("one is not two", shown)
        self.assertIn("| checks ", verifier)
        self.assertIn("2.0", verifier)
        self.assertEqual(1, len(xml.fromstring(junit)))
        self.assertIn("test_plain", page.read_text())
        tests = json.loads(report)["tests"]
        self.assertEqual(
            {"fail": [failed], "success": [failed, passed]},
            {
                status: [
                    uuid for uuid in (failed, passed)
                    for name, test in tests.items()
                    if name.startswith(PLAIN + wanted)
                    and test["by_verification"].get(uuid, {}).get("status")
                    == status
                ]
                for status, wanted in (
                    ("fail", "test_fails_in"), ("success", "test_passes"),
                )
            },
        )


class EndingTestCase(ReleasedTestCase):
    def abort(self, name: str) -> Done:
        return self.box.rally("task", "abort", self.found[name])

    def test_what_was_stuck_is_ended_and_the_rest_goes_on(self) -> None:
        status = self.box.must("task", "status", self.found["stuck"])
        self.assertIn(
            "Dummy.dummy (position 0): 2 iterations, 0 failed, 2 stored",
            status.out,
        )
        self.assertEqual(0, self.abort("stuck").code)
        for name in "invalid", "refused", "first":
            self.assertEqual(100, self.abort(name).code)
        after = {**TASKS, "stuck": "aborted"}
        self.assertEqual(
            {self.found[name]: each for name, each in after.items()},
            self.statuses("task"),
        )
        self.box.must("task", "recover", self.found["stuck"])
        self.box.must("task", "restart", self.found["first"], "--scenario",
                      "Dummy.dummy")
        self.box.must("task", "delete", self.found["stuck"], "--force")
        # it can be copied: the log was written back
        self.assertEqual(
            [self.box.database], list(self.box.folder.glob("rally.sqlite*"))
        )
        self.box.must("env", "delete", "gone")

    def test_the_verifier_goes_on_working(self) -> None:
        start = self.box.rally("verify", "start", "--pattern", PLAIN)
        self.assertEqual(3, start.code, start.out + start.err)
        self.assertIn(" - Failures: 2\n", start.out)
        rerun = self.box.rally(
            "verify", "rerun", self.found["failed"], "--failed"
        )
        self.assertEqual(3, rerun.code, rerun.out + rerun.err)
        self.box.must("verify", "delete", self.found["killed"])


class UpgradingPageTestCase(pages.PageTestCase):
    """In a home where the released Rally kept its database by default."""

    def setUp(self) -> None:
        super().setUp()
        try:
            self.found = released.unpack(self.sandbox)
        except venvs.CannotInstall as e:
            self.skipTest("no released Rally: %s" % e)
        self.earlier = self.sandbox.temporary / "rally.sqlite"
        self.addCleanup(self._remove)
        shutil.move(self.sandbox.database, self.earlier)

    def _remove(self) -> None:
        for path in self.sandbox.temporary.glob("rally.sqlite*"):
            path.unlink()

    def released(self, *words: t.Any) -> Done:
        """Run the released Rally with the database of its default place."""
        rally = released.command()
        box = Sandbox(with_database=False, rally=rally)
        self.addCleanup(box.close)
        box.conf.write_text(
            "[database]\nconnection = sqlite:///%s\n" % self.earlier
        )
        return box.rally(*words, env={"HOME": str(self.sandbox.home)})

    def test_it_leads_to_this_release_and_back(self) -> None:
        self.play("upgrading.rst")
        upgraded = self.sandbox.home / ".rally" / "rally.db"
        self.assertEqual(0o600, upgraded.stat().st_mode & 0o777)
        imported = self.released(
            "task", "import", "--file", self.here / "new.json"
        )
        self.assertEqual(0, imported.code, imported.out + imported.err)
        listed = self.released("task", "list")
        self.assertIn(self.found["stuck"], listed.out)
        self.assertEqual(len(TASKS) + 1, len(rows(listed.out)))
        _copy(upgraded, self.earlier)
        for words in (("task", "list"), ("db", "upgrade"), ("env", "list")):
            self.assertIn(self.released(*words).code, (1, 2))
        _copy(self.earlier, upgraded)
        self.sandbox.conf.write_text(
            "[database]\nconnection = sqlite:///%s\n" % upgraded
        )
        self.assertIn(
            self.found["stuck"], self.sandbox.must("task", "list").out
        )


def _copy(before: pathlib.Path, after: pathlib.Path) -> None:
    """Copy a database, with its log."""
    for suffix in ("", "-wal", "-shm"):
        path, to = (
            each.with_name(each.name + suffix) for each in (before, after)
        )
        to.unlink(missing_ok=True)
        if path.exists():
            shutil.copy(path, to)
