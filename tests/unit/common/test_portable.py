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

"""Tests of carrying the state of objects."""

from __future__ import annotations

import collections
import math
import operator
import os
import threading
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.common import streaming_algorithms as algorithms
from tests.unit import test
from tests.unit.task import iterations

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.lists(inner, max_size=3).map(tuple)
    | st.sets(st.integers(), max_size=3)
    | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


class Learner:
    def __init__(self) -> None:
        self.better = operator.lt
        self.means: dict[str, algorithms.MeanComputation] = (
            collections.defaultdict(algorithms.MeanComputation)
        )
        self.names = self.means.keys()
        self.best: float | None = None


@ddt.ddt
class PortableTestCase(test.TestCase):
    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(value=plain)
    def test_plain_values_survive_the_wire(self, value: t.Any) -> None:
        arrived = portable.unpack(
            iterations.over_the_wire(portable.pack(value))
        )
        self.assertEqual(value, arrived)
        self.assertEqual(repr(type(value)), repr(type(arrived)))

    def test_infinity_survives_the_wire(self) -> None:
        state = iterations.over_the_wire(portable.pack([math.inf, -math.inf]))
        self.assertEqual([math.inf, -math.inf], portable.unpack(state))

    def test_attributes_are_restored_in_a_new_object(self) -> None:
        learner, twin = Learner(), Learner()
        learner.means["a"].add(3)
        learner.best = 1.5

        portable.restore_attributes(twin, iterations.over_the_wire(
            portable.pack_attributes(learner)
        ))

        self.assertEqual(3.0, twin.means["a"].result())
        self.assertEqual(1.5, twin.best)
        self.assertIsNone(twin.means["new"].result())
        self.assertEqual(["a", "new"], list(twin.names))

    @ddt.data(threading.Lock(), object(), iter([]), b"bytes", 1j,
              os.stat_result(range(10)))
    def test_what_cannot_be_carried_is_named(self, value: t.Any) -> None:
        learner = Learner()
        learner.best = value
        error = self.assertRaises(
            portable.NotPortable, portable.pack_attributes, learner
        )
        self.assertIn("'best' of Learner", error.format_message())

    @ddt.data(
        None, [], 7, {}, {"means": 3}, {"means": {"dict": 3}},
        {"best": 1}, {"best": {"what": 1}}, {"best": {"int": "x"}},
        {"best": {"object": ["os.system", "true"]}},
        {"best": {"object": [
            "rally.common.streaming_algorithms.MeanComputation", None,
        ]}},
    )
    def test_nonsense_is_refused(self, state: t.Any) -> None:
        if isinstance(state, dict) and "best" in state and state["best"] != 1:
            state = {"means": {"dict": []}, **state}
        self.assertRaises(
            portable.MalformedState, portable.restore_attributes, Learner(),
            state,
        )
