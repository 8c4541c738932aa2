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

"""Contexts travel as plain values, or are refused with their path."""

from __future__ import annotations

import collections
import datetime

import hypothesis
import hypothesis.strategies as st
import msgspec

from rally.task.distributed import wire_context
from tests.unit import test

leaves = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.binary(max_size=8) | st.datetimes()
)
hashable = st.integers(0, 9) | st.text(max_size=3)
contexts = st.recursive(
    leaves | st.sets(hashable) | st.frozensets(hashable),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner, inner)
    | st.dictionaries(
        st.text(max_size=4) | st.integers(0, 99)
        | st.sampled_from(["\0tuple", "\0dict", "\0set"]),
        inner, max_size=3,
    ),
    max_leaves=12,
)


def _over_the_wire(value):
    body = msgspec.msgpack.encode(wire_context.to_wire(value, "context"))
    return wire_context.from_wire(msgspec.msgpack.decode(body))


class WireContextTestCase(test.TestCase):
    @hypothesis.given(value=contexts)
    def test_what_arrives_is_what_was_sent(self, value):
        self.assertEqual(value, _over_the_wire(value))

    def test_subclasses_of_dict_and_str_arrive_as_their_base(self):
        class Name(str):
            pass

        sent = collections.OrderedDict(name=Name("x"))

        arrived = _over_the_wire(sent)

        self.assertEqual({"name": "x"}, arrived)
        self.assertIs(dict, type(arrived))
        self.assertIs(str, type(arrived["name"]))

    def test_what_cannot_be_sent_is_named_with_its_path(self):
        for value, path in (
            ({"users": [{"client": object()}]},
             "context['users'][0]['client']"),
            ({"a": (1, {2: open})}, "context['a'][1][2]"),
            ({"big": 2**64}, "context['big']"),
            ({"days": datetime.date(2026, 1, 1)}, "context['days']"),
            ({(1, 2): 3}, "the key (1, 2) of context"),
        ):
            error = self.assertRaises(
                wire_context.CannotBeSent, wire_context.to_wire, value,
                "context",
            )
            self.assertIn(path, str(error))
