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

"""Tests of the table of durations."""

from __future__ import annotations

import random
import typing as t

import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results import chunk, durations
from tests.unit import test
from tests.unit.task import iterations

ERROR = ["ValueError", "no", "Traceback"]


def action(
    name: str,
    start: float,
    finish: float,
    children: t.Sequence[dict[str, t.Any]] = (),
    failed: bool = False,
) -> dict[str, t.Any]:
    made = {
        "name": name, "started_at": start, "finished_at": finish,
        "children": list(children),
    }
    return {**made, "failed": True} if failed else made


def result(
    duration: float,
    actions: t.Sequence[dict[str, t.Any]] = (),
    error: t.Sequence[str] = (),
    idle: float = 0.0,
    timestamp: float = 0.0,
) -> dict[str, t.Any]:
    return {
        "duration": duration, "timestamp": timestamp, "idle_duration": idle,
        "error": list(error), "output": {"additive": [], "complete": []},
        "atomic_actions": list(actions),
    }


def table(*results: dict[str, t.Any]) -> durations.DurationsTable:
    made = durations.DurationsTable()
    made.add_chunk(chunk.Chunk.of_results(results))
    return made


def brief(rows: list[dict[str, t.Any]]) -> list[t.Any]:
    """Name, number of iterations, average, success, children."""
    return [
        (
            row["display_name"], row["data"]["iteration_count"],
            row["data"]["avg"], row["data"]["success"],
            *([brief(row["children"])] if row["children"] else []),
        )
        for row in rows
    ]


class DurationsTableTestCase(test.TestCase):
    """Expected values were read off Rally 5.1.1 with the same results."""

    def test_rows_have_the_form_of_rally(self) -> None:
        seen = table(
            result(2.0, [action("b", 0.0, 1.0)]),
            result(2.0, [action("b", 0.0, 1.2345678)]),
        )
        self.assertEqual(
            {
                "name": "b", "display_name": "b", "count_per_iteration": 1,
                "data": {
                    "iteration_count": 2, "min": 1.0, "median": 1.117,
                    "90%ile": 1.211, "95%ile": 1.223, "max": 1.235,
                    "avg": 1.117, "success": "100.0%",
                },
                "children": [],
            },
            seen.to_dict()["atomics"][0],
        )

    def test_total_is_duration_and_idle_duration(self) -> None:
        seen = table(result(3.0, idle=1.0), result(2.0, error=ERROR))

        total = seen.to_dict()["total"]

        self.assertEqual(
            [(
                "total", 2, 3.0, "50.0%",
                [("duration", 2, 2.5, "50.0%"),
                 ("idle_duration", 2, 0.5, "50.0%")],
            )],
            brief([total]),
        )

    def test_nothing_seen_is_not_available(self) -> None:
        self.assertEqual(
            {
                "total": {
                    "name": "total", "display_name": "total",
                    "count_per_iteration": 1,
                    "data": {
                        "iteration_count": 0, "min": "n/a", "median": "n/a",
                        "90%ile": "n/a", "95%ile": "n/a", "max": "n/a",
                        "avg": "n/a", "success": "n/a",
                    },
                    "children": [],
                },
                "atomics": [],
            },
            durations.DurationsTable().to_dict(),
        )

    def test_repeated_actions_are_summed_in_a_row_of_their_own(self) -> None:
        seen = table(
            result(3.0, [
                action("a", 0.0, 1.0, [action("b", 0.0, 0.5)]),
                action("a", 1.0, 2.0, [
                    action("c", 1.0, 1.5),
                    action("b", 1.5, 2.0, failed=True),
                ]),
            ]),
            result(3.0, [action("a", 0.0, 1.0)]),
        )
        self.assertEqual(
            [
                ("a (x2)", 1, 2.0, "100.0%",
                 [("b (x2)", 1, 1.0, "0.0%"), ("c", 1, 0.5, "100.0%")]),
                ("a", 1, 1.0, "100.0%"),
            ],
            brief(seen.to_dict()["atomics"]),
        )

    def test_two_levels_of_children_are_shown(self) -> None:
        deep = action("d", 0.0, 1.0, [action("e", 0.0, 1.0)])
        seen = table(result(3.0, [
            action("b", 0.0, 1.0, [action("c", 0.0, 1.0, [deep])]),
        ]))
        self.assertEqual(
            ["b", " -> c", " --> d", "total", " -> duration",
             " -> idle_duration"],
            [line[0] for line in seen.rows()],
        )

    def test_failure_outside_of_actions_has_a_row(self) -> None:
        seen = table(result(3.0, [action("a", 0.0, 1.0)], ERROR))
        self.assertEqual(
            [("a", 1, 1.0, "100.0%"), ("<no-name-action>", 1, 0.0, "0.0%")],
            brief(seen.to_dict()["atomics"]),
        )

    def test_failure_of_the_last_action_has_no_row_of_its_own(self) -> None:
        seen = table(
            result(3.0, [
                action("b", 0.0, 1.0), action("a", 1.0, 2.0, failed=True),
                action("b", 2.0, 3.0),
            ], ERROR),
            result(3.0, [], ERROR),
        )
        self.assertEqual(
            [("b (x2)", 1, 2.0, "100.0%"), ("a", 1, 1.0, "0.0%")],
            brief(seen.to_dict()["atomics"]),
        )

    def test_rows_stand_in_the_order_of_iteration_numbers(self) -> None:
        late = table(result(1.0, [action("late", 0.0, 1.0)]))
        whole = durations.DurationsTable()
        whole.add_chunk(chunk.Chunk.of_results(
            [result(1.0, [action("late", 0.0, 1.0)])], first_number=2
        ))
        whole.add_chunk(chunk.Chunk.of_results(
            [result(1.0, [action("early", 0.0, 1.0)])], first_number=1
        ))
        self.assertEqual(1, len(late.to_dict()["atomics"]))
        self.assertEqual(
            ["early", "late"],
            [row["name"] for row in whole.to_dict()["atomics"]],
        )

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(
        sides=iterations.shares(max_repeats=150), seed=st.integers(0, 99)
    )
    def test_sides_together_make_the_table_of_one_process(
        self, sides: list[list[chunk.Chunk]], seed: int
    ) -> None:
        alone = durations.DurationsTable()
        for side in sides:
            for part in side:
                alone.add_chunk(part)

        shares = []
        for side in sides:
            share = durations.DurationsTable()
            for part in side:
                share.add_chunk(part)
            shares.append(share)
        random.Random(seed).shuffle(shares)
        merged = durations.DurationsTable()
        for share in shares:
            merged.merge(durations.DurationsTable.from_state(
                iterations.over_the_wire(share.to_state())
            ))

        self.assertEqual(alone.to_state(), merged.to_state())
        self.assertEqual(alone.to_dict(), merged.to_dict())
        self.assertEqual(alone.rows(), merged.rows())

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(rows=st.lists(iterations.rows(), max_size=12))
    def test_how_iterations_are_cut_into_chunks_plays_no_part(
        self, rows: list[chunk.Row]
    ) -> None:
        whole, pieces = durations.DurationsTable(), durations.DurationsTable()
        whole.add_chunk(iterations.chunk_of(rows))
        for number, row in enumerate(rows, 1):
            pieces.add_chunk(iterations.chunk_of([row], number))
        self.assertEqual(whole.to_state(), pieces.to_state())

    def test_nonsense_is_refused(self) -> None:
        good = table(result(1.0, [action("a", 0.0, 1.0)])).to_state()
        nonsense: list[t.Any] = [
            None, [], {}, {**good, "atomics": [[1]]},
            {**good, "failed": None},
        ]
        for state in nonsense:
            self.assertRaises(
                portable.MalformedState, durations.DurationsTable.from_state,
                state,
            )
