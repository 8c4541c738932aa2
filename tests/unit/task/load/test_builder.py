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

"""Tests of how blocks of several workers become chunks."""

from __future__ import annotations

import typing as t

import hypothesis
from hypothesis import strategies as st

from rally.task.load import builder
from rally.task.results import chunk
from rally.task.results import row as row_module
from tests.unit import test


def row(number: int, started_ns: int) -> row_module.Row:
    return row_module.Row(number, started_ns, 5, 0, 0, (), (), None, None)


def block(*starts: int) -> chunk.Chunk:
    return chunk.Chunk.of_rows(row(start, start) for start in starts)


class ChunkBuilderTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.chunks: list[list[int]] = []

    def make(self, size: int, window: int | None = None) -> t.Any:
        return builder.ChunkBuilder(
            size, lambda c: self.chunks.append(c.started_ns.tolist()), window
        )

    def test_nothing_goes_out_above_the_lowest_watermark(self) -> None:
        made = self.make(2)
        made.join("a")
        made.join("b")
        made.add("a", block(1, 2, 3, 4), 5)
        self.assertEqual([], self.chunks)
        made.add("b", block(0, 6), 7)
        self.assertEqual([[0, 1], [2, 3]], self.chunks)
        made.leave("a")
        made.leave("b")
        self.assertEqual([[0, 1], [2, 3], [4, 6]], self.chunks)

    def test_who_has_left_holds_nobody_up(self) -> None:
        made = self.make(2)
        made.join("a")
        made.join("b")
        made.add("a", block(1, 2), 5)
        made.leave("b")
        self.assertEqual([[1, 2]], self.chunks)

    def test_a_straggler_goes_into_a_later_chunk(self) -> None:
        made = self.make(2, window=4)
        made.join("a")
        made.join("b")
        made.add("a", block(*range(10, 20)), 20)
        self.assertLessEqual(made.rows, 5)
        made.add("b", block(1), 30)
        made.flush()
        self.assertEqual(
            [1, *range(10, 20)], sorted(sum(self.chunks, []))
        )
        self.assertEqual(1, made.late_rows)

    def test_what_is_complete_can_go_out_early(self) -> None:
        made = self.make(100)
        made.join("a")
        made.add("a", block(1, 2, 8), 5)
        made.flush_complete()
        self.assertEqual([[1, 2]], self.chunks)
        made.flush()
        self.assertEqual([[1, 2], [8]], self.chunks)

    def test_a_later_worker_takes_back_nothing_that_is_complete(self) -> None:
        made = self.make(3)
        made.join("a")
        made.add("a", block(1, 2), 5)
        made.join("b")  # in place of another: it starts later than all that
        made.add("a", block(6), 7)
        made.flush_complete()
        self.assertEqual([[1, 2]], self.chunks)

    def test_who_comes_after_all_others_have_left_still_counts(self) -> None:
        made = self.make(2)
        made.join("a")
        made.add("a", block(1, 2), 5)
        made.leave("a")
        made.join("b")
        made.join("c")
        made.add("b", block(7, 8), 9)
        self.assertEqual([[1, 2]], self.chunks)
        made.add("c", block(6, 9), 10)
        self.assertEqual([[1, 2], [6, 7]], self.chunks)

    def test_what_hangs_costs_nothing_for_each_block(self) -> None:
        looks: list[str] = []

        class Watched(chunk.Chunk):
            """Notes each look at its rows."""

            __slots__ = ()

            def __getattribute__(self, name: str) -> t.Any:
                if name in ("started_ns", "first_ns", "last_ns"):
                    looks.append(name)
                return super().__getattribute__(name)

        made = self.make(100, window=10**6)
        made.join("hangs")
        made.join("goes on")
        for start in range(3000):
            rows = Watched.of_rows([row(start, start)])
            made.add("goes on", rows, start + 1)
        self.assertEqual([], self.chunks)
        self.assertLess(len(looks), 10 * 3000)
        made.leave("hangs")
        self.assertEqual([*range(3000)], sum(self.chunks, []))
        self.assertLess(len(looks), 3000 * 3000 // 100)

    def test_what_hangs_beyond_the_window_costs_little(self) -> None:
        made = self.make(50, window=500)
        made.join("hangs")
        made.join("goes on")
        for start in range(5000):
            made.add("goes on", block(start), start + 1)
        self.assertEqual([*range(4500)], sum(self.chunks, []))
        self.assertLessEqual(len(made._held), 550)
        self.assertLessEqual(len(made._incomplete), 550)

    @hypothesis.settings(max_examples=100)
    @hypothesis.given(
        st.lists(
            st.lists(st.integers(0, 30), max_size=8), min_size=1, max_size=4
        ),
        st.integers(1, 7), st.randoms(use_true_random=False),
    )
    def test_chunks_follow_one_another_in_time(
        self, workers: list[list[int]], size: int, order: t.Any
    ) -> None:
        self.chunks = []
        made = self.make(size, 4 * 8)  # none is too many to wait for
        left = {}
        for i, starts in enumerate(workers):
            made.join(str(i))
            left[str(i)] = sorted(starts)
        while left:
            name = order.choice(sorted(left))
            starts = left[name]
            if not starts:
                made.leave(name)
                del left[name]
                continue
            cut = order.randint(1, len(starts))
            rest = starts[cut:]
            mark = rest[0] if rest else builder.DONE_NS
            made.add(name, block(*starts[:cut]), mark)
            left[name] = rest
        made.flush()

        self.assertEqual(sorted(sum(workers, [])), sum(self.chunks, []))
        self.assertTrue(all(len(c) == size for c in self.chunks[:-1]))
        self.assertEqual(0, made.late_rows)
