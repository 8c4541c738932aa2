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

import typing as t

from rally.task.distributed import controller_ports
from tests.benchmarks import pauses
from tests.soak import many
from tests.unit import test

MS = many.MS
#: 2026-11-30T00:00:00 UTC
ZERO_NS = 1_795_996_800_000 * MS


class HoldsTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.holds = controller_ports.Holds()
        self.figures = many.Figures(1000, 1000, "failure_rate")

    def note(self, seen: t.Sequence[pauses.Pause] | None) -> None:
        """:param seen: of the only CPU, ms since ``ZERO_NS``"""
        found = None if seen is None else pauses.Pauses(
            [[(ZERO_NS + a * MS, ZERO_NS + b * MS) for a, b in seen]], 1
        )
        self.figures.note_holds(
            "... was held up for at most %s\n" % self.holds, found
        )

    def test_what_was_short_needs_no_excuse(self) -> None:
        self.holds.note(49 * MS, ZERO_NS)
        self.note([(0, 1000)])
        self.assertEqual((49, 0, 49), self.found())

    def found(self) -> tuple[float, float, float]:
        figures = self.figures
        return figures.hold_ms, figures.paused_ms, figures.net_hold_ms

    def test_pauses_of_the_machine_are_taken_off(self) -> None:
        self.holds.note(80 * MS, ZERO_NS + 1000 * MS)
        self.holds.note(60 * MS, ZERO_NS + 2000 * MS)
        self.note([(900, 950), (1990, 2010)])
        self.assertEqual((80, 30, 50), self.found())

    def test_nobody_could_look(self) -> None:
        self.holds.note(80 * MS, ZERO_NS)
        self.note(None)
        self.assertEqual((80, 0, 80), self.found())

    def test_those_that_were_not_told_have_no_excuse(self) -> None:
        for i in range(controller_ports.MOST_HOLDS + 1):
            self.holds.note((60 + i) * MS, ZERO_NS)
        self.note([(-1000, 0)])
        self.assertEqual((68, 68, 61), self.found())
