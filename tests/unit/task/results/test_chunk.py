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

"""Laws of chunks: bytes and back, cutting, joining, merging in order."""

from __future__ import annotations

import contextlib
import itertools

import ddt
import hypothesis
import hypothesis.strategies as st
import msgspec
import numpy as np

from rally.task.results import ordered, packed, row
from rally.task.results.chunk import Chunk, ChunkError, Node, Row
from tests.unit import test

START_NS = 1_790_000_000_000_000_000
ns = st.integers(0, 10**10)
names = st.sampled_from(["nova.boot", "foo", "bar", "été"])


@st.composite
def shapes(draw):
    """A tree of actions in preorder: depth grows by one at the most."""
    nodes, depth = [], -1
    for _ in range(draw(st.integers(0, 4))):
        depth = draw(st.integers(0, depth + 1))
        nodes.append(Node(draw(names), depth, draw(st.booleans())))
    return tuple(nodes)


@st.composite
def rows(draw):
    shape = draw(shapes())
    times = draw(
        st.lists(ns, min_size=2 * len(shape), max_size=2 * len(shape))
    )
    started_ns = START_NS + draw(ns)
    if draw(st.booleans()):  # as plugins have them: seconds since the epoch
        times = [(started_ns + each) / 1e9 for each in times]
    return Row(
        number=draw(st.integers(1, 10**6)),
        started_ns=started_ns,
        duration_ns=draw(ns),
        idle_ns=draw(st.just(0) | ns),
        lag_ns=draw(st.just(0) | ns),
        shape=shape,
        times=tuple(times),
        error=draw(st.none() | st.just(("E", "message", "trace"))),
        output=draw(
            st.none()
            | st.just({"additive": [{"title": "t", "data": [["a", 1]]}],
                       "complete": []})
        ),
    )


row_lists = st.lists(
    rows(), max_size=25, unique_by=lambda row: row.number
)


def _key(row):
    return row.started_ns, row.number


class ChunkTestCase(test.TestCase):
    @hypothesis.given(given=row_lists)
    def test_rows_come_back_sorted_and_unchanged(self, given):
        chunk = Chunk.of_rows(given)

        ordered = sorted(given, key=_key)
        self.assertEqual([r.number for r in ordered], chunk.numbers.tolist())
        self.assertEqual([r.lag_ns for r in ordered], chunk.lag_ns.tolist())
        expected = [
            row.result_of(
                r.started_ns, r.duration_ns, r.idle_ns, r.shape,
                row.times_of(r.times, r.started_ns), r.error, r.output,
            )
            for r in ordered
        ]
        self.assertEqual(expected, list(chunk))
        self.assertEqual(
            sum(r.error is not None for r in given), chunk.failed_count
        )
        self.assertEqual(
            [r.error is not None for r in ordered], chunk.is_failed.tolist()
        )

    @hypothesis.given(given=row_lists)
    def test_bytes_are_read_back_exactly(self, given):
        chunk = Chunk.of_rows(given)

        self.assertEqual(chunk, Chunk.from_bytes(chunk.to_bytes()))
        self.assertEqual(chunk, Chunk.unpack(chunk.pack()))

    @hypothesis.given(given=row_lists, data=st.data())
    def test_however_rows_are_dealt_the_whole_is_the_same(self, given, data):
        parts = data.draw(
            st.lists(
                st.integers(0, 3), min_size=len(given), max_size=len(given)
            )
        )
        chunks = [
            Chunk.of_rows(
                r for r, part in zip(given, parts, strict=True) if part == i
            )
            for i in range(4)
        ]

        whole = list(Chunk.of_rows(given))

        self.assertEqual(whole, list(Chunk.concatenate(chunks)))
        loaders = sorted(
            ((c.first_ns, (lambda c=c: c)) for c in chunks if len(c)),
            key=lambda pair: pair[0],
        )
        merged = list(
            itertools.chain.from_iterable(ordered.merge_ordered(loaders))
        )
        self.assertEqual(whole, merged)

    @hypothesis.given(given=row_lists, data=st.data())
    def test_a_cut_loses_nothing(self, given, data):
        chunk = Chunk.of_rows(given)
        at = data.draw(st.integers(0, len(chunk)))

        first, rest = chunk.part(0, at), chunk.part(at, len(chunk))

        self.assertEqual(list(chunk), list(first) + list(rest))
        joined = Chunk.concatenate([rest, first])
        self.assertEqual(list(chunk), list(joined))

    def test_merging_opens_a_chunk_only_when_its_turn_comes(self):
        opened = []

        def loader(i):
            def load():
                opened.append(i)
                return Chunk.of_rows([_row(i * 10 + 1), _row(i * 10 + 2)])
            return load

        merged = ordered.merge_ordered(
            (START_NS + i * 10 + 1, loader(i)) for i in range(5)
        )
        next(merged)

        self.assertEqual([0], opened)
        self.assertEqual(8, sum(map(len, merged)))

    def test_merging_holds_twice_what_overlaps_and_no_more(self):
        loaded = []

        def loader(chunk):
            def load():
                loaded.append(len(chunk))
                return chunk
            return load

        # one of ten agents has a chunk that lasts as long as the load
        straggler = Chunk.of_rows([_row(i * 1000) for i in range(100)])
        others = [
            Chunk.of_rows([_row(start + i) for i in range(100)])
            for start in range(5, 99_000, 20)
        ]
        merged = ordered.merge_ordered(
            (chunk.first_ns, loader(chunk)) for chunk in [straggler, *others]
        )
        given, most = 0, 0
        for chunk in merged:
            most = max(most, sum(loaded) - given)
            given += len(chunk)

        self.assertEqual(100 * (len(others) + 1), given)
        # at any time 5 of the others overlap
        self.assertLess(most, 2 * 700)

    def test_times_are_shifted_to_the_controller(self):
        chunk = Chunk.of_rows([_row(5)])

        self.assertEqual(START_NS, chunk.shifted(5).first_ns)
        self.assertEqual(START_NS + 5, chunk.first_ns)

    def test_a_result_keeps_every_bit_of_its_timestamp(self):
        result = {
            "timestamp": 1541671217.1234567, "duration": 0.1,
            "idle_duration": 0.0, "error": [],
            "output": {"additive": [], "complete": []},
            "atomic_actions": [
                {"name": "a", "children": [], "failed": True,
                 "started_at": 1541671217.1234567,
                 "finished_at": 1541671217.2234566},
            ],
        }

        self.assertEqual([result], list(Chunk.of_results([result])))

    def test_text_that_is_no_unicode_can_be_stored(self):
        chunk = Chunk.of_results([{
            "timestamp": 1.0, "duration": 1.0, "idle_duration": 0.0,
            "error": ["E", "bad \ud800 text", ""], "atomic_actions": [],
        }])

        stored = Chunk.from_bytes(chunk.to_bytes())

        self.assertEqual("bad \\ud800 text", stored[0]["error"][1])

    def test_a_chunk_reads_like_a_list_of_results(self):
        chunk = Chunk.of_rows([_row(i) for i in range(5)])

        self.assertEqual(list(chunk)[1:3], chunk[1:3])
        self.assertEqual(list(chunk)[-1], chunk[-1])
        self.assertRaises(IndexError, chunk.__getitem__, 5)


class GarbageTestCase(test.TestCase):
    @hypothesis.given(data=st.binary(max_size=80))
    def test_garbage_is_a_chunk_error(self, data):
        self.assertRaises(ChunkError, Chunk.from_bytes, data)
        self.assertRaises(ChunkError, Chunk.unpack, data)

    @hypothesis.settings(max_examples=300)
    @hypothesis.given(
        given=row_lists, at=st.floats(0, 1), patch=st.binary(max_size=4)
    )
    def test_a_damaged_chunk_is_a_chunk_or_an_error(self, given, at, patch):
        packed = Chunk.of_rows(given).pack()
        i = int(at * (len(packed) - 1))
        with contextlib.suppress(ChunkError):
            list(Chunk.unpack(packed[:i] + patch + packed[i + 1:]))

    def test_a_bomb_is_refused_before_it_is_unpacked(self):
        bomb = packed.compress(bytes(600 * 1024 * 1024))

        error = self.assertRaises(ChunkError, Chunk.from_bytes, bomb)

        self.assertIn("it claims a size of", str(error))

    def test_a_bomb_is_refused_although_it_claims_to_be_small(self):
        frame = packed.compress(bytes(1000))
        large = packed.compress(bytes(64 * 1024 * 1024))
        self.assertEqual(0x80, large[4], "bytes 6 to 9 are not its size")
        bomb = large[:6] + (300).to_bytes(4, "little") + large[10:]

        for damaged in (bomb, frame[:-1], frame + b"x"):
            self.assertRaises(ChunkError, packed.decompress, damaged)

    def test_a_few_bytes_cannot_stand_for_any_number_of_values(self):
        column = packed.pack_column(np.array([1, 1]))
        for count, actions in ((packed.MAX_ROWS + 1, 0), (10**6, 10**4)):
            bomb = packed.compress(
                msgspec.msgpack.encode(
                    packed.Packed(
                        packed.VERSION, count, [column] * 5,
                        packed.pack_column(np.array([0, 0])),
                        [[("a", 0, False)] * actions], [column], [], {}, {},
                    )
                )
            )
            self.assertLess(len(bomb), 10**4)
            error = self.assertRaises(ChunkError, Chunk.from_bytes, bomb)
            self.assertIn("it claims", str(error))


@ddt.ddt
class ColumnsTestCase(test.TestCase):
    @hypothesis.given(
        values=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40)
        | st.lists(st.integers(-100, 100), max_size=40)
        | st.lists(st.integers(START_NS, START_NS + 10**6), max_size=40)
    )
    def test_a_column_comes_back_exactly(self, values):
        data = packed.pack_column(np.array(values, dtype=np.int64))

        self.assertEqual(
            values, packed.unpack_column(data, len(values)).tolist()
        )

    @hypothesis.given(data=st.binary(max_size=40), count=st.integers(-2, 20))
    def test_garbage_is_a_value_error_or_a_column(self, data, count):
        with contextlib.suppress(ValueError):
            self.assertEqual(count, len(packed.unpack_column(data, count)))


def _row(after_ns):
    return Row(after_ns, START_NS + after_ns, 7, 0, 0, (), (), None, None)
