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

"""Laws of cutting: bounds, order, and nothing lost without a mark."""

from __future__ import annotations

import ddt
import hypothesis
import hypothesis.strategies as st

from rally.task.results import cutting, packed
from rally.task.results.chunk import Chunk, Node
from tests.unit import test
from tests.unit.task.results import test_chunk

LIMITS = cutting.Limits(chunk_bytes=8 * 1024, row_bytes=32 * 1024)
sizes = st.sampled_from([0, 0, 10, 3000, 9000, 40_000])


@st.composite
def large_rows(draw):
    """Some with texts, outputs or actions of kilobytes."""
    row = draw(test_chunk.rows())
    text = "é" * (draw(sizes) // 2) + "x" * draw(sizes)
    output = "y" * draw(sizes)
    count = draw(st.sampled_from([0, 0, 0, 300, 3000]))
    return row._replace(
        error=("E", text, text[::-1]) if text else row.error,
        output={"additive": [], "complete": [output]} if output else None,
        shape=row.shape + (Node("z", 0, False),) * count,
        times=row.times + (1, 2) * count,
    )


@ddt.ddt
class CuttingTestCase(test.TestCase):
    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        given=st.lists(
            large_rows(), max_size=8, unique_by=lambda row: row.number
        )
    )
    def test_parts_are_bounded_and_together_the_whole(self, given):
        chunk = Chunk.of_rows(given)

        parts = list(cutting.parts(chunk, LIMITS))

        for part in parts:
            self.assertEqual(part.rows, Chunk.unpack(part.data))
            self.assertLessEqual(
                len(part.data),
                LIMITS.row_bytes if len(part.rows) == 1
                else LIMITS.chunk_bytes,
            )
            part.packed().check()
        self.assertEqual(
            chunk.numbers.tolist(),
            [n for part in parts for n in part.rows.numbers.tolist()],
        )
        i = 0
        for part in parts:
            if not part.cut_rows:
                self.assertEqual(
                    list(chunk.part(i, i + len(part.rows))), list(part.rows)
                )
            i += len(part.rows)
        too_large = [
            len(chunk.part(i, i + 1).pack()) > LIMITS.row_bytes
            for i in range(len(chunk))
        ]
        self.assertEqual(
            sum(too_large), sum(part.cut_rows for part in parts)
        )

    def test_a_chunk_as_usual_is_one_part_and_stays_as_it_is(self):
        chunk = Chunk.of_rows([test_chunk._row(i) for i in range(5000)])

        [part] = cutting.parts(chunk)

        self.assertIs(chunk, part.rows)
        self.assertEqual(chunk.packed(), part.packed())

    def test_a_mark_says_how_much_of_a_text_is_missing(self):
        row = test_chunk._row(1)._replace(
            error=("E", "é" * 30_000, "trace")
        )
        [part] = cutting.parts(Chunk.of_rows([row]), LIMITS)

        kind, message, trace = part.rows[0]["error"]

        kept, _, mark = message.partition("[")
        self.assertEqual(("E", "trace"), (kind, trace))
        self.assertEqual("é" * len(kept), kept)
        self.assertEqual(
            "cut by Rally: %d of 60000 bytes]" % (60_000 - 2 * len(kept)),
            mark,
        )
        self.assertGreater(len(kept), 1000)
        self.assertEqual(1, part.cut_rows)

    def test_an_output_gives_way_to_a_text_that_a_report_can_show(self):
        from rally.task.processing import charts

        row = test_chunk._row(1)._replace(
            output={"additive": [], "complete": ["y" * 40_000]},
            error=("E", "m", "t"),
        )
        [part] = cutting.parts(Chunk.of_rows([row]), LIMITS)

        [output] = part.rows[0]["output"]["complete"]

        self.assertIn("[cut by Rally: 40", output["data"][0])
        self.assertIsNone(charts.validate_output("complete", output))
        self.assertEqual(["E", "m", "t"], part.rows[0]["error"])

    def test_actions_without_end_are_cut_to_the_first_ones(self):
        shape = tuple(Node("n%d" % i, 0, False) for i in range(9000))
        row = test_chunk._row(1)._replace(
            shape=shape, times=tuple(range(18_000))
        )
        [part] = cutting.parts(Chunk.of_rows([row]), LIMITS)

        actions = part.rows[0]["atomic_actions"]

        self.assertEqual("n0", actions[0]["name"])
        self.assertEqual(
            "[cut by Rally: %d of 9000 actions]" % (9001 - len(actions)),
            actions[-1]["name"],
        )

    def test_an_output_that_cannot_be_packed_harms_no_other_row(self):
        chunk = Chunk.of_rows([
            test_chunk._row(1),
            test_chunk._row(2)._replace(output={"additive": [object()]}),
            test_chunk._row(3),
        ])

        parts = list(cutting.parts(chunk))

        rows = [row for part in parts for row in part.rows]
        self.assertEqual(3, len(rows))
        self.assertEqual(1, sum(part.cut_rows for part in parts))
        self.assertIn("cannot be stored", str(rows[1]["output"]))

    def test_nothing_has_no_parts(self):
        self.assertEqual([], list(cutting.parts(Chunk.of_rows([]))))

    def test_the_limits_are_those_that_are_promised(self):
        self.assertEqual(4 << 20, cutting.LIMITS.chunk_bytes)
        self.assertEqual(16 << 20, cutting.LIMITS.row_bytes)
        self.assertLess(packed.MAX_ROW_BYTES, packed.MAX_UNPACKED_BYTES)
