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
from unittest import mock

import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results import chunk, durations, names
from rally.task.results.distribution import Distribution
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
        rows = seen.to_dict()["atomics"]
        for name in "bcd":
            self.assertEqual([name], [row["name"] for row in rows])
            rows = rows[0]["children"]
        self.assertEqual([], rows)

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
        self.check_merge_law(sides, seed)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        sides=iterations.shares(shapes=iterations.shapes_of_many_names),
        seed=st.integers(0, 99), limit=st.integers(1, 12),
    )
    def test_they_do_beyond_the_most_rows(
        self, sides: list[list[chunk.Chunk]], seed: int, limit: int
    ) -> None:
        with mock.patch.object(durations, "MAX_ROWS", limit):
            self.check_merge_law(sides, seed)

    def check_merge_law(
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


class ManyNamesTestCase(test.TestCase):
    """A scenario that makes a name up in each iteration."""

    @staticmethod
    def iteration(number: int) -> dict[str, t.Any]:
        return result(3.0, [
            action("boot", 0.0, 1.0, [action("port-%d" % number, 0.0, 1.0)]),
            action("volume-%d" % number, 1.0, 3.0, failed=number % 2 == 0),
        ])

    def test_rows_are_bounded_and_the_others_summed_exactly(self) -> None:
        seen = durations.DurationsTable()
        for first in range(0, 5000, 500):
            seen.add_chunk(chunk.Chunk.of_results(
                map(self.iteration, range(first, first + 500)), first + 1
            ))

        boot, *volumes, others = seen.to_dict()["atomics"]
        *ports, other_ports = boot["children"]

        self.assertEqual(
            durations.MAX_ROWS, 1 + len(ports) + len(volumes)
        )
        self.assertEqual(("boot", 5000, 1.0, "100.0%"), brief([boot])[0][:4])
        self.assertEqual(
            [(names.OTHER_ACTIONS, 5000 - len(ports), 1.0, "100.0%")],
            brief([other_ports]),
        )
        failed = 2500 - sum(
            row["data"]["success"] == "0.0%" for row in volumes
        )
        count = 5000 - len(volumes)
        self.assertEqual(
            [(names.OTHER_ACTIONS, count, 2.0,
              "%.1f%%" % (100 * (count - failed) / count))],
            brief([others]),
        )
        self.assertTrue(8100 < seen.folded.count < 9900, seen.folded.count)

    def test_a_state_stays_small(self) -> None:
        seen = durations.DurationsTable()
        for first in range(0, 20_000, 500):
            seen.add_chunk(chunk.Chunk.of_results(
                map(self.iteration, range(first, first + 500)), first + 1
            ))
        self.assertTrue(len(str(seen.to_state())) < 300_000)

    def test_failures_outside_of_actions_keep_their_row(self) -> None:
        with mock.patch.object(durations, "MAX_ROWS", 1):
            seen = table(
                result(1.0, [action("a", 0.0, 1.0)], ERROR),
                result(1.0, [action("b", 0.0, 1.0)]),
            )
        self.assertEqual(
            [(names.NO_NAME, 1, 0.0, "0.0%"),
             (names.OTHER_ACTIONS, 2, 1.0, "100.0%")],
            brief(seen.to_dict()["atomics"]),
        )

    def test_more_rows_than_any_table_has_are_refused(self) -> None:
        good = table(result(1.0, [action("a", 0.0, 1.0)])).to_state()
        row = [1, 1, 0, 0, Distribution().to_state()]
        below: list[t.Any] = []
        for _ in range(durations.MAX_DEPTH + 2):
            below = [["deep", *row, below]]
        many = [
            ["a%d" % i, *row, []] for i in range(durations.MAX_ROWS + 1)
        ]
        for atomics in below, many, [["a", *row, many]]:
            self.assertRaises(
                portable.MalformedState, durations.DurationsTable.from_state,
                {**good, "atomics": atomics},
            )

    def test_a_state_from_before_the_limit_is_read(self) -> None:
        seen = table(result(1.0, [action("a", 0.0, 1.0)]))
        state = seen.to_state()
        del state["folded"]
        restored = durations.DurationsTable.from_state(state)
        self.assertEqual(seen.to_dict(), restored.to_dict())
