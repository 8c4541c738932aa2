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

"""Tests of aggregates and the board of snapshots."""

from __future__ import annotations

import importlib
import itertools
import random
import threading
import typing as t
from unittest import mock

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results import aggregate, chunk
from rally.task.results import board as board_module
from rally.task.results.traffic import Traffic
from tests.unit import test
from tests.unit.task import iterations

SLA = {
    "failure_rate": {"max": 40}, "outliers": {"max": 1},
    "max_avg_duration_per_atomic": {"foo": 3},
    "max_percentile_duration": {"percentile": 95, "max": 3},
}
MODULES = (
    "failure_rate", "outliers", "max_average_duration_per_atomic",
    "max_percentile_duration",
)


def of(
    chunks: t.Iterable[chunk.Chunk], sla: t.Mapping[str, t.Any] = SLA
) -> aggregate.Aggregate:
    made = aggregate.Aggregate(sla)
    for part in chunks:
        made.add_chunk(part)
    return made


def carried(value: aggregate.Aggregate) -> aggregate.Aggregate:
    return aggregate.Aggregate.from_state(
        value.sla_config, iterations.over_the_wire(value.to_state())
    )


def one(
    number: int = 1, failed: bool = False, lag_ns: int = 0
) -> chunk.Chunk:
    row = chunk.Row(
        0, 0, 10 ** 9, 5, lag_ns, (), (),
        iterations.ERROR if failed else None, None,
    )
    return iterations.chunk_of([row], number)


class TestCase(test.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for module in MODULES:
            importlib.import_module("rally.plugins.common.sla." + module)


@ddt.ddt
class AggregateTestCase(TestCase):
    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(
        sides=iterations.shares(max_repeats=50), seed=st.integers(0, 99)
    )
    def test_shares_together_are_the_whole(
        self, sides: list[list[chunk.Chunk]], seed: int
    ) -> None:
        alone = of(itertools.chain(*sides))

        shares = [of(side) for side in sides]
        for i, share in enumerate(shares):
            alone.counters["dropped"] += i
            share.counters["dropped"] += i
            share.traffic = Traffic(i, 10 * i, seed)
            alone.traffic = alone.traffic.merge(share.traffic)
            for measured in (alone.saturation, share.saturation):
                measured.scheduler_lag.add(1000 * i + seed)
                measured.cpu_ns += i
        random.Random(seed).shuffle(shares)
        merged = of([])
        for share in shares:
            verdict = merged.merge(carried(share))
            self.assertIs(merged.is_passing, verdict)

        self.assertEqual(alone.is_passing, merged.is_passing)
        self.assertEqual(alone.checker.results(), merged.checker.results())
        self.assertEqual(alone.table.to_dict(), merged.table.to_dict())
        self.assertEqual(
            without_counters(alone), without_counters(merged)
        )
        self.assertEqual(alone.counters, merged.counters)
        at_once = merged.blank()
        at_once.merge_all(shares)
        self.assertEqual(merged.to_state(), at_once.to_state())
        self.assertEqual(merged.is_passing, at_once.is_passing)

    def test_what_is_known_can_be_read(self) -> None:
        seen = of([one(1), one(2, failed=True, lag_ns=3)])
        self.assertEqual((2, 1), (seen.iterations, seen.failed))
        self.assertEqual(iterations.START_NS + 1, seen.first_started_ns)
        self.assertEqual(iterations.START_NS + 2, seen.last_started_ns)
        self.assertEqual(
            iterations.START_NS + 2 + 10 ** 9 + 5, seen.last_finished_ns
        )
        self.assertEqual(2 * 10 ** 9, seen.durations.total_ns)
        self.assertEqual(3, seen.lag.max_ns)
        self.assertFalse(seen.is_passing)

    def test_a_response_begins_when_the_iteration_was_due(self) -> None:
        seen = of([one(1, lag_ns=7), one(2)])
        self.assertEqual(1, seen.response.count)
        self.assertEqual(10 ** 9 + 7, seen.response.max_ns)

    def test_a_closed_model_has_no_response_times(self) -> None:
        self.assertEqual(0, of([one(1), one(2)]).response.count)

    def test_shifting_moves_times_and_leaves_the_original_alone(self) -> None:
        seen = of([one(1)])
        before = seen.to_state()

        moved = seen.shifted(100)
        moved.add_chunk(one(2))

        self.assertEqual(iterations.START_NS + 1 - 100, moved.first_started_ns)
        self.assertEqual(2, moved.iterations)
        self.assertEqual(before, seen.to_state())
        self.assertIsNone(of([]).shifted(5).first_started_ns)

    def test_what_is_restored_from_another_leaves_that_alone(self) -> None:
        seen, other = of([one(1)]), of([one(2, failed=True)])
        before = other.to_state()

        restored = other.restored(iterations.over_the_wire(seen.to_state()))

        self.assertEqual(seen.to_state(), restored.to_state())
        self.assertEqual(before, other.to_state())
        self.assertEqual(of([]).to_state(), other.blank().to_state())

    def test_an_empty_chunk_changes_nothing(self) -> None:
        seen = of([iterations.chunk_of([])])
        self.assertEqual(of([]).to_state(), seen.to_state())

    def test_aggregates_of_other_criteria_are_not_merged(self) -> None:
        self.assertRaises(TypeError, of([]).merge, of([], {}))

    @ddt.data(None, [], {}, {"times": [1]}, {"times": [None] * 3})
    def test_nonsense_is_refused(self, state: t.Any) -> None:
        self.assertRaises(
            portable.MalformedState, aggregate.Aggregate.from_state, SLA,
            state,
        )

    def test_a_damaged_state_is_refused(self) -> None:
        good = of([one()]).to_state()
        for key in good:
            for value in (None, "x", [["x"]], {"x": "y"}):
                self.assertRaises(
                    portable.MalformedState, aggregate.Aggregate.from_state,
                    SLA, {**good, key: value},
                )

    def test_states_are_small(self) -> None:
        numbers = random.Random(1)
        row = chunk.Row(0, 0, 0, 0, 0, (), (), None, None)
        seen = of([], {})
        for first in range(1, 50000, 500):
            seen.add_chunk(iterations.chunk_of((
                row._replace(duration_ns=int(numbers.lognormvariate(16, 1)))
                for _ in range(500)
            ), first))
        self.assertLess(len(repr(seen.to_state())), 8000)


def without_counters(value: aggregate.Aggregate) -> dict[str, t.Any]:
    return {**value.to_state(), "counters": None}


@ddt.ddt
class SnapshotBoardTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.board = board_module.SnapshotBoard(SLA)
        self.addCleanup(self.board.close)

    def test_newest_snapshots_of_all_sources_are_merged(self) -> None:
        self.assertTrue(self.board.put("a", 1, of([one(1)])))
        self.assertTrue(self.board.put("b", 7, of([one(2)])))
        self.assertTrue(self.board.put("a", 2, of([one(1), one(3)])))
        self.assertEqual(3, self.board.merged().iterations)
        self.assertEqual(["a", "b"], sorted(self.board.sources()))

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(
        arrivals=st.lists(
            st.tuples(st.sampled_from("abc"), st.integers(1, 4)), max_size=20
        )
    )
    def test_repeated_and_late_snapshots_cost_nothing(
        self, arrivals: list[tuple[str, int]]
    ) -> None:
        board, newest = board_module.SnapshotBoard(SLA), dict[str, int]()
        for source, number in arrivals:
            is_newer = number > newest.get(source, 0)
            newest[source] = max(number, newest.get(source, 0))
            self.assertIs(is_newer, board.put(
                source, number, of(one(i) for i in range(number))
            ))
            self.assertEqual(
                sum(newest.values()), board.merged().iterations
            )

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(
        arrivals=st.lists(
            st.tuples(
                st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 4),
                st.booleans(),
            ),
            max_size=20,
        )
    )
    def test_what_a_source_counted_before_it_began_anew_stays(
        self, arrivals: list[tuple[str, int, int, bool]]
    ) -> None:
        board = board_module.SnapshotBoard(SLA)
        newest = dict[str, tuple[int, int]]()
        kept = dict[tuple[str, int], int]()  # by source and epoch
        for source, epoch, number, is_read in arrivals:
            is_newer = (epoch, number) > newest.get(source, (0, 0))
            if is_newer:
                newest[source] = epoch, number
                kept[source, epoch] = number
            state = of(one(i) for i in range(number)).to_bytes()
            packed = board_module.PackedAggregate(state, 0)
            self.assertIs(
                is_newer, board.put(source, number, packed, False, epoch)
            )
            if is_read:
                self.assertEqual(
                    sum(kept.values()), board.merged().iterations
                )
        self.assertEqual(sum(kept.values()), board.merged().iterations)
        for source, settled in board.settled().items():
            self.assertEqual(settled, sum(
                count for (name, epoch), count in kept.items()
                if name == source and epoch < newest[source][0]
            ))

    def test_merging_leaves_the_sources_alone(self) -> None:
        self.board.put("a", 1, of([one(1)]))
        self.board.put("b", 1, of([one(2)]))
        merged = self.board.merged()
        self.assertIs(merged, self.board.merged())
        self.assertEqual(
            [1, 1], [part.iterations for part in self.board.sources().values()]
        )

    def test_a_dropped_source_is_forgotten(self) -> None:
        self.board.put("a", 1, of([one(1)]))
        self.assertEqual(1, self.board.merged().iterations)
        self.board.drop("a")
        self.board.drop("never heard of")
        self.assertEqual(0, self.board.merged().iterations)

    def test_waiting_ends_with_a_new_version(self) -> None:
        self.assertEqual(0, self.board.wait(0, timeout_s=0))
        thread = threading.Thread(
            target=self.board.put, args=("a", 1, of([one(1)]))
        )
        thread.start()
        self.assertEqual(1, self.board.wait(0, timeout_s=20))
        thread.join(20)
        self.assertEqual(1, self.board.wait(0, timeout_s=20))

    def test_waiting_for_urgent_snapshots_ignores_others(self) -> None:
        self.board.put("a", 1, of([one(1)]))
        self.assertFalse(self.board.wait_urgent(timeout_s=0))
        self.board.put("a", 2, of([one(1)]), urgent=True)
        self.assertTrue(self.board.wait_urgent(timeout_s=20))
        self.assertFalse(self.board.wait_urgent(timeout_s=0))
        self.board.put("a", 2, of([one(1)]), urgent=True)
        self.assertFalse(self.board.wait_urgent(timeout_s=0))

    def test_whoever_waits_for_what_is_urgent_sleeps_through_others(
        self,
    ) -> None:
        wake = mock.Mock(wraps=self.board._turned.notify_all)
        with mock.patch.object(self.board._turned, "notify_all", wake):
            for number in range(1, 4):
                self.board.put("a", number, of([one(number)]))
            wake.assert_not_called()
            self.board.put("a", 4, of([one(4)]), urgent=True)
            wake.assert_called_once_with()

    def test_what_says_nothing_new_is_not_restored_again(self) -> None:
        known = of([one(1)])
        restored = mock.Mock(wraps=known.restored_from)
        more = of([one(1), one(2)])
        with mock.patch.object(
            aggregate.Aggregate, "restored_from", restored
        ):
            for number, counted in enumerate((known, known, more, more), 1):
                self.put_packed(number, counted)
                merged = self.board.merged()
                self.assertEqual(counted.iterations, merged.iterations)
                self.assertIs(merged, self.board.merged())
            self.assertEqual(2, restored.call_count)
            self.put_packed(5, more, epoch=1)
            self.assertEqual(4, self.board.merged().iterations)
            self.board.replace("a", known)
            self.put_packed(7, more, epoch=1)
            self.assertEqual(2, self.board.merged().iterations)

    def test_a_source_that_begins_anew_while_it_is_read_counts_once(
        self,
    ) -> None:
        way = mock.Mock()
        board = board_module.SnapshotBoard(SLA, way)
        before, anew = of([one(1)]).to_bytes(), of([]).to_bytes()
        board.put("a", 1, board_module.PackedAggregate(before, 0))
        way.give_way.side_effect = lambda: board.put(
            "a", 1, board_module.PackedAggregate(anew, 0), epoch=1
        )

        seen = [board.look(0).iterations for _ in range(3)]

        self.assertEqual([1, 1, 1], seen)

    @ddt.data(
        lambda test, newer: test.put_packed(2, newer),
        lambda test, newer: test.board.replace("a", newer),
    )
    def test_what_is_read_late_replaces_nothing_newer(
        self,
        tell: t.Callable[[SnapshotBoardTestCase, aggregate.Aggregate], None],
    ) -> None:
        """Two threads read, and the first one takes longer."""
        newer, unpacked = of([one(1), one(2)]), self.board._unpacked

        def slowly(
            packed: board_module.PackedAggregate
        ) -> aggregate.Aggregate:
            self.board._unpacked = unpacked  # type: ignore[method-assign]
            tell(self, newer)
            self.assertEqual(2, self.board.merged().iterations)
            return unpacked(packed)

        self.put_packed(1, of([one(1)]))
        self.board._unpacked = slowly  # type: ignore[method-assign]

        self.assertEqual(2, self.board.merged().iterations)

    def put_packed(
        self, number: int, counted: aggregate.Aggregate, epoch: int = 0
    ) -> None:
        packed = board_module.PackedAggregate(counted.to_bytes(), number)
        self.board.put("a", number, packed, epoch=epoch)

    def test_a_look_ends_with_what_is_urgent(self) -> None:
        for source in "abc":
            state = of([one(1)]).to_bytes()
            packed = board_module.PackedAggregate(state, 0)
            self.board.put(source, 1, packed, urgent=source == "b")

        self.assertEqual(1, self.board.look(60).iterations)
        self.assertEqual(["b"], list(self.board.sources()))
        self.assertEqual(3, self.board.look(60).iterations)

    def test_closing_ends_all_waiting(self) -> None:
        ended: list[object] = []
        threads = [
            threading.Thread(target=lambda: ended.append(
                self.board.wait(0, timeout_s=None))),
            threading.Thread(target=lambda: ended.append(
                self.board.wait_urgent(timeout_s=None))),
        ]
        for thread in threads:
            thread.start()
        self.board.close()
        for thread in threads:
            thread.join(20)
        self.assertEqual([0, False], sorted(ended, key=repr))
        self.assertTrue(self.board.is_closed)
