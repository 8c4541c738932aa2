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

"""Tests of JSON in pieces."""

from __future__ import annotations

import json

import hypothesis
import hypothesis.strategies as st

from rally.task.processing import jsontext
from tests.unit import test

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def dumps(value):
    return json.dumps(value, indent=4, ensure_ascii=False)


class PiecesTestCase(test.TestCase):
    @hypothesis.given(values)
    @hypothesis.settings(max_examples=150)
    def test_hold_the_value(self, value):
        text = "".join(jsontext.pieces(value))
        self.assertEqual(value, json.loads(text))

    @hypothesis.given(st.lists(values, max_size=5))
    @hypothesis.settings(max_examples=150)
    def test_write_iterators_as_lists(self, items):
        text = "".join(jsontext.pieces({"rows": iter(items)}))
        self.assertEqual({"rows": items}, json.loads(text))

    def test_are_laid_out_as_json_does(self):
        row = {"a": [1.5, {"b": "x\ny"}], "c": {}, "d": []}
        text = "".join(jsontext.pieces({"k": [iter([row] * 450), row, 1]}))
        self.assertEqual(dumps({"k": [[row] * 450, row, 1]}), text)

    def test_take_one_block_of_a_stream_at_a_time(self):
        taken = []

        def rows():
            for number in range(1000):
                taken.append(number)
                yield {"number": number}

        pieces = jsontext.pieces(rows())
        self.assertEqual("[", next(pieces))
        next(pieces)
        self.assertTrue(len(taken) < 300)

    def test_write_as_text_what_json_cannot_hold(self):
        self.assertEqual('"/tmp"', jsontext.text_of(__import__(
            "pathlib").Path("/tmp")))
