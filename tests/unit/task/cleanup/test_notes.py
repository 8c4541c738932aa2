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

import pathlib
import stat
import typing as t

import ddt

from rally import exceptions
from rally.task.cleanup import notes
from tests.unit import test

UUID = "6fd74a5b-c1b3-4d52-a4d4-b1834d9bcaa7"


def result(name: str, cleaned_up_at: float | None = None, **more: t.Any
           ) -> dict[str, t.Any]:
    phase = {"started_at": cleaned_up_at, "finished_at": cleaned_up_at,
             "atomic_actions": [], "error": []}
    return {"plugin_name": name, "setup": {"finished_at": 1.0},
            "cleanup": phase, **more}


class Home(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.make_home())

    @property
    def files(self) -> list[pathlib.Path]:
        return [path for path in self.home.rglob("*") if path.is_file()]


@ddt.ddt
class NotesTestCase(Home):
    def test_a_note_says_what_is_cleaned_up_and_keeps_no_secret(self) -> None:
        before = [result("a", state="canary"), result("b", state="canary")]

        notes.keep(
            UUID, [result("a", state="canary"), result("b", 7.5)]
        )

        self.assertEqual(
            [before[0], result("b", 7.5)],
            notes.applied(UUID, before),
        )
        [path] = self.files
        self.assertNotIn("canary", path.read_text())
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))

    def test_it_is_of_one_workload(self) -> None:
        notes.keep(UUID, [result("a", 7.5)])

        self.assertEqual(
            [result("a")], notes.applied("other", [result("a")])
        )

    def test_what_is_forgotten_is_not_applied(self) -> None:
        notes.keep(UUID, [result("a", 7.5)])
        notes.forget(UUID)
        notes.forget(UUID)

        self.assertEqual(
            [result("a")], notes.applied(UUID, [result("a")])
        )
        self.assertEqual([], self.files)

    @ddt.data(
        b"", b"{}", b"[1]", b"[[]]", b'[["a", {}]]', b'[["a", 1]]',
        b'[["b", {"finished_at": 1}]]', b"\xff",
        b'[["a", {"finished_at": 1}], ["b", {"finished_at": 1}]]',
    )
    def test_what_cannot_be_read_counts_as_no_note(self, text) -> None:
        notes.keep(UUID, [result("a", 7.5)]).write_bytes(text)

        self.assertEqual(
            [result("a")], notes.applied(UUID, [result("a")])
        )


class RecorderTestCase(Home):
    def setUp(self) -> None:
        super().setUp()
        self.stored: list[list[dict[str, t.Any]]] = []
        self.is_gone = True
        self.record = notes.CleanupRecorder(UUID, self.store)

    def store(self, results: list[dict[str, t.Any]]) -> None:
        if self.is_gone:
            raise exceptions.DBException("it is gone")
        self.stored.append(results)

    def test_a_database_that_can_be_told_is(self) -> None:
        self.is_gone = False
        self.record([result("a", 7.5)])

        self.assertEqual([[result("a", 7.5)]], self.stored)
        self.assertEqual([], self.files)

    def test_a_context_that_is_not_cleaned_up_yet_is_not_noted(self) -> None:
        self.assertRaises(
            exceptions.DBException, self.record, [result("a")]
        )
        self.assertEqual([], self.files)

    def test_what_the_database_cannot_be_told_is_noted(self) -> None:
        self.record([result("a"), result("b", 7.5)])

        self.assertEqual(
            [result("a"), result("b", 7.5)],
            notes.applied(UUID, [result("a"), result("b")]),
        )

    def test_once_the_database_knows_the_note_is_gone(self) -> None:
        self.record([result("a"), result("b", 7.5)])
        self.is_gone = False
        self.record([result("a", 8.5), result("b", 7.5)])

        self.assertEqual([], self.files)

    def test_the_failure_is_told_if_it_cannot_be_noted(self) -> None:
        (self.home / ".rally").write_text("no folder")

        self.assertRaises(
            exceptions.DBException, self.record, [result("a", 7.5)]
        )
