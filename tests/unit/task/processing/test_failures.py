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

"""Tests of failures by their kind."""

from __future__ import annotations

import ddt

from rally.task.processing import failures
from tests.unit import test
from tests.unit.task.processing import fakes


@ddt.ddt
class FailuresTestCase(test.TestCase):
    def test_are_counted_by_kind(self):
        found = failures.Failures()
        for number, message in enumerate(["a", "b", "b"], 1):
            found.add(number, fakes.START, ["ValueError", message, ""])
        result = found.to_dict()
        self.assertEqual(
            [("b", 2, 2), ("a", 1, 1)],
            [
                (kind["message"], kind["count"], kind["iteration"])
                for kind in result["kinds"]
            ],
        )

    def test_are_bounded_however_many_there_are(self):
        found = failures.Failures()
        for number in range(2000):
            found.add(number, fakes.START, ["E" + "x" * number, "no", ""])
        result = found.to_dict()
        self.assertEqual(2000, result["count"])
        self.assertEqual(failures.SHOWN_FAILURES, len(found.first))
        self.assertEqual(failures.SHOWN_KINDS, len(result["kinds"]))
        self.assertEqual(
            2000 - failures.SHOWN_KINDS, result["other_kinds"]
        )

    def test_lose_the_middle_of_a_huge_text_only(self):
        found = failures.Failures()
        found.add(1, fakes.START, ["E", "<" + "x" * 100_000 + ">", ""])
        text = found.first[0]["message"]
        self.assertTrue(len(text) < 21_000)
        self.assertTrue(text.startswith("<x") and text.endswith("x>"))

    def test_what_differs_by_an_identifier_is_one_kind(self):
        found = failures.Failures()
        for number in range(1, 9):
            message = "Server %032x is gone after %d s" % (number, number)
            found.add(number, fakes.START, ["Gone", message, "trace"])
        (kind,) = found.kinds()
        self.assertEqual(
            "Server \u2026 is gone after \u2026 s", kind["pattern"]
        )
        self.assertEqual((8, 1), (kind["count"], kind["iteration"]))
        self.assertEqual(
            ["Server %032x is gone after %d s" % (i, i) for i in (1, 2, 3)],
            kind["examples"],
        )

    @ddt.data(
        ("timed out after 1.5 s", "timed out after \u2026 s"),
        ("no route to 10.0.0.1:5000", "no route to \u2026"),
        ("s_rally_1a2B3c4D_xYz99999 exists", "\u2026 exists"),
        ("0c5dd1b6-9f3a-4c60-8f6b-b6a3fd1e2a10 failed", "\u2026 failed"),
        ("at 0x7f3a", "at \u2026"), ("commit deadbee1", "commit \u2026"),
        ("the facade defaced it", "the facade defaced it"),
    )
    @ddt.unpack
    def test_identifiers_and_numbers_are_left_out(self, message, pattern):
        self.assertEqual(pattern, failures.pattern_of(message))
