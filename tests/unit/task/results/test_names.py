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

"""Tests of sets of names."""

from __future__ import annotations

import typing as t
from unittest import mock

import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results import names
from tests.unit import test
from tests.unit.task import iterations


def holding(found: t.Iterable[str]) -> names.NameSet:
    made = names.NameSet()
    made.add_all(found)
    return made


class NameSetTestCase(test.TestCase):
    def test_few_names_are_counted_exactly(self) -> None:
        seen = holding(["a", "b", "a"])
        self.assertEqual((2, True), (seen.count, seen.is_exact))
        self.assertEqual(["a", "b"], seen.examples)

    def test_many_names_are_counted_within_ten_percent(self) -> None:
        seen = holding("volume-%d" % i for i in range(100_000))
        self.assertFalse(seen.is_exact)
        self.assertTrue(90_000 < seen.count < 110_000, seen.count)
        self.assertEqual(names.EXAMPLES, len(seen.examples))

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(
        sides=st.lists(st.lists(st.text(max_size=3), max_size=20), max_size=5)
    )
    def test_sides_together_are_the_set_of_one_process(
        self, sides: list[list[str]]
    ) -> None:
        with mock.patch.object(names, "HELD", 6):
            merged = names.NameSet()
            for side in sides:
                merged.merge(names.NameSet.from_state(
                    iterations.over_the_wire(holding(side).to_state())
                ))
            alone = holding(sum(sides, []))
            self.assertEqual(alone.to_state(), merged.to_state())
            self.assertEqual(alone.count, merged.count)

    def test_nonsense_is_refused(self) -> None:
        good = holding(["a", "b"]).to_state()
        nonsense: list[t.Any] = [
            None, {}, {**good, "examples": ["c", "d"]},
            {**good, "hashes": good["hashes"][::-1]},
            {**good, "hashes": list(range(names.HELD + 1))},
        ]
        for state in nonsense:
            self.assertRaises(
                portable.MalformedState, names.NameSet.from_state, state
            )


class RankTestCase(test.TestCase):
    def test_ids_come_after_what_a_scenario_always_runs(self) -> None:
        ranked = sorted(
            [("volume-%d" % i, 1) for i in range(50)]
            + [("nova.boot_server", 1), ("nova.boot_server", 20)],
            key=lambda row: names.rank_of(*row),
        )
        self.assertEqual(("nova.boot_server", 1), ranked[0])
        self.assertEqual(
            {"volume-%d" % i for i in range(10)},
            {name for name, _ in ranked[1:11]},
        )
