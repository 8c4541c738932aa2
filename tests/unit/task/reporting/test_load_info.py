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

"""Tests of what reports show beyond Rally's columns."""

from __future__ import annotations

import typing as t

import ddt

from rally.task.reporting import load_info
from rally.task.results import chunk, durations
from tests.unit import test


def agent(
    name: str, spread_s: float | None = None, error_s: float | None = 0.0,
    limited_by: t.Sequence[str] = (),
) -> dict[str, t.Any]:
    return {
        "name": name, "start_spread_s": spread_s, "clock_error_s": error_s,
        "generator": {"limited_by": list(limited_by)},
    }


@ddt.ddt
class StartTestCase(test.TestCase):
    def test_the_spread_is_that_of_the_last_agent(self) -> None:
        found = load_info.start_of(
            [agent("a", 0.004), agent("b", 0.0), agent("c")]
        )
        self.assertEqual(
            {"start_spread_s": 0.004, "late_agents": []}, found
        )

    @ddt.data((0.0, 0.0, ["b"]), (0.002, 0.0, []), (0.0, 0.002, []),
              (None, None, ["b"]))
    @ddt.unpack
    def test_an_agent_is_late_if_its_clock_cannot_explain_it(
        self, first_error_s: float | None, error_s: float | None,
        late: list[str],
    ) -> None:
        found = load_info.start_of(
            [agent("a", 0.0, first_error_s), agent("b", 0.021, error_s)]
        )
        self.assertEqual(late, found["late_agents"])

    def test_without_agents_there_is_no_spread(self) -> None:
        self.assertEqual(
            {"start_spread_s": None, "late_agents": []},
            load_info.start_of([]),
        )


class GeneratorsTestCase(test.TestCase):
    def test_agents_that_limited_the_load_are_named(self) -> None:
        found = load_info.generators_of(
            [agent("a"), agent("b", limited_by=["x"]), {"name": "spare"}],
            {"limited_by": ["y"]},
        )
        self.assertEqual(
            {"generator": None, "generator_limited": ["b"]}, found
        )

    def test_a_run_without_agents_is_its_own_generator(self) -> None:
        facts: dict[str, t.Any] = {"limited_by": ["y"]}
        found = load_info.generators_of([], facts)
        self.assertEqual(
            {"generator": facts, "generator_limited": ["local"]}, found
        )


class OtherActionsTestCase(test.TestCase):
    def table(self, count: int) -> durations.DurationsTable:
        made = durations.DurationsTable()
        for first in range(1, count + 1, 1000):
            made.add_chunk(chunk.Chunk.of_rows(
                chunk.Row(
                    number, number, 1, 0, 0,
                    (chunk.Node("port-%d-%s" % (number, "x" * 99), 0, False),),
                    (0, 1), None, None,
                )
                for number in range(first, min(count, first + 999) + 1)
            ))
        return made

    def test_there_are_none_as_long_as_each_has_a_row(self) -> None:
        seen = self.table(1000)
        self.assertIsNone(load_info.other_actions(seen))
        self.assertEqual([], load_info.problems_of(seen))

    def test_their_number_and_examples_are_told(self) -> None:
        (text,) = load_info.problems_of(self.table(1010))
        self.assertTrue(text.startswith("10 names of atomic actions"), text)
        self.assertIn("'port-", text)
        self.assertLess(len(text), 600)
        (text,) = load_info.problems_of(self.table(5000))
        self.assertTrue(text.startswith("About "), text)


class FiguresTestCase(test.TestCase):
    def test_an_agent_that_has_run_nothing_has_zeros(self) -> None:
        (found,) = load_info.agent_figures(
            [{"name": "spare", "position": 0}], {}, None
        )
        self.assertEqual(
            {"name": "spare", "position": 0, "iterations": 0, "failed": 0,
             "p50": None, "p95": None, "p99": None},
            found,
        )
