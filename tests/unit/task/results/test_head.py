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

"""A packed chunk is trusted only as far as its bytes say the same."""

from __future__ import annotations

import ddt
import hypothesis
import hypothesis.strategies as st
import msgspec
import numpy as np

from rally.task.results.chunk import Chunk, ChunkError
from rally.task.results.head import PackedChunk
from tests.fuzz import seeds
from tests.unit import test
from tests.unit.task.results import test_chunk

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PackedChunk).decode


@ddt.ddt
class CheckTestCase(test.TestCase):
    @hypothesis.given(given=test_chunk.row_lists.filter(bool))
    def test_whatever_was_packed_passes_after_its_way(self, given):
        chunk = Chunk.of_rows(given)

        received = _decode(_encode(chunk.packed()))

        received.check()
        self.assertEqual(chunk.packed(), received)
        self.assertEqual(chunk.head(), received.head)
        self.assertEqual(len(given), received.head.count)

    @ddt.data(
        ("count", 8), ("count", 0), ("failed", 0), ("first_ns", 1),
        ("last_ns", 1), ("finished_ns", 1), ("numbers", ((1, 1, 10),)),
        ("numbers", ((2, 1, 9),)), ("numbers", ()),
        ("numbers", ((1, 1, 2**53),)),
    )
    @ddt.unpack
    def test_a_head_that_tells_lies_is_refused(self, field, value):
        honest = seeds.rows(9).packed()
        lie = msgspec.structs.replace(honest.head, **{field: value})

        error = self.assertRaises(
            ChunkError, PackedChunk(lie, honest.payload).check
        )

        self.assertIn("it is not what its head says", str(error))

    def test_numbers_may_be_told_in_any_progressions(self):
        honest = seeds.rows(9).packed()
        head = msgspec.structs.replace(
            honest.head, numbers=((9, 1, 1), (1, 1, 8))
        )

        PackedChunk(head, honest.payload).check()

    def test_a_number_that_came_twice_is_told_once(self):
        chunk = Chunk.concatenate([seeds.rows(3), seeds.rows(3)])

        self.assertEqual(((1, 1, 3),), chunk.head().numbers)
        _decode(_encode(chunk.packed())).check()

    def test_iterations_out_of_order_are_refused(self):
        chunk = seeds.rows(9)
        turned = chunk._take(np.arange(len(chunk))[::-1])

        error = self.assertRaises(ChunkError, turned.packed().check)

        self.assertIn("not in order", str(error))

    def test_bytes_that_are_none_of_a_chunk_are_refused(self):
        honest = seeds.rows(9).packed()
        for payload in (b"", b"rows", Chunk.of_rows([]).to_bytes()):
            self.assertRaises(
                ChunkError, PackedChunk(honest.head, payload).check
            )


class PackLawTestCase(test.TestCase):
    #: what a plugin may leave in an output
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text()
        | st.characters(categories=["Cs"]) | st.dates() | st.binary(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.text(max_size=3) | st.integers() | st.none()
            | st.tuples(st.integers()), inner, max_size=3
        ),
        max_leaves=8,
    )

    @hypothesis.settings(max_examples=300)
    @hypothesis.given(
        output=st.dictionaries(
            st.text(max_size=3) | st.integers(), values, max_size=3
        ),
        message=st.text(alphabet=st.characters(), max_size=5),
        depths=st.lists(st.integers(-1, 3), max_size=4),
    )
    def test_what_is_packed_is_read_back_or_cannot_be_packed(
        self, output, message, depths
    ):
        row = test_chunk._row(5)._replace(
            output=output, error=("E", message, ""),
            shape=tuple(
                test_chunk.Node("a", depth, False) for depth in depths
            ),
            times=(1, 2) * len(depths),
        )
        chunk = Chunk.of_rows([row])
        try:
            data = chunk.pack()
        except ChunkError:
            return

        self.assertEqual(chunk, Chunk.unpack(data))

    def test_what_is_nested_too_deeply_is_read_back_or_refused(self):
        for depth in (10, 100, 300, 900, 2000, 10**5):
            nested: list = []
            for _ in range(depth):
                nested = [nested]
            chunk = Chunk.of_rows(
                [test_chunk._row(5)._replace(output={"additive": nested})]
            )
            try:
                data = chunk.pack()
            except ChunkError:
                continue
            self.assertEqual(data, Chunk.unpack(data).pack())

    def test_more_values_than_are_read_are_not_packed(self):
        def many(count, actions):
            ones = np.ones(count, dtype=np.int64)
            shape = (test_chunk.Node("a", 0, False),) * actions
            return Chunk(
                [ones] * 5, ones.astype(np.int32) * 0, (shape,),
                (np.zeros((count, 2 * actions), dtype=np.int64),), {}, {},
            )

        for chunk in (many(3_000_001, 0), many(17, 500_000)):
            error = self.assertRaises(ChunkError, chunk.pack)
            self.assertIn("it claims", str(error))
