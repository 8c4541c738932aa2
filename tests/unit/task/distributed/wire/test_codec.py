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

"""Messages survive the wire; nothing else is taken for one."""

from __future__ import annotations

import inspect
import re
import types
import typing as t

import hypothesis
import hypothesis.strategies as st
import msgspec

from rally.task.distributed.wire import codec, messages
from tests.unit import test

VALUES: dict[t.Any, t.Any] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    types.NoneType: st.none(),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=50),
    t.Any: st.none() | st.dictionaries(st.text(max_size=5), st.integers(0, 9)),
}


def _bounded(hint):
    """Values of an annotated type, within its bounds."""
    plain, bounds = hint.__origin__, hint.__metadata__[0]
    if bounds.pattern is not None:
        return st.from_regex(
            re.compile(bounds.pattern, re.ASCII), fullmatch=True
        )
    if plain is int:
        return st.integers(bounds.ge, bounds.le)
    if plain is float:
        return st.floats(bounds.ge, bounds.le)
    if bounds.min_length is not None:
        return st.text(
            min_size=bounds.min_length, max_size=bounds.max_length
        )
    return _values(plain)  # short enough for all bounds of lengths


def _values(hint):
    if t.get_origin(hint) is t.Annotated:
        return _bounded(hint)
    if hint in VALUES:
        return VALUES[hint]
    origin, args = t.get_origin(hint), t.get_args(hint)
    if origin is dict:
        plain = args[1] is t.Any
        return st.dictionaries(
            _values(args[0]), st.integers(0, 9) if plain else _values(args[1])
        )
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(_values(args[0]), max_size=4).map(tuple)
    if origin is tuple:
        return st.tuples(*map(_values, args))
    if isinstance(hint, types.UnionType):
        return st.one_of(map(_values, args))
    if issubclass(hint, msgspec.Struct):
        return _messages(hint)
    raise AssertionError("no values for %r" % (hint,))


def _messages(cls):
    hints = t.get_type_hints(cls, include_extras=True)
    return st.builds(
        cls, **{name: _values(hints[name]) for name in cls.__struct_fields__}
    )


ANY_MESSAGE = st.sampled_from(t.get_args(messages.Message)).flatmap(_messages)


class CodecTestCase(test.TestCase):
    @hypothesis.given(message=ANY_MESSAGE)
    def test_decode_is_the_inverse_of_encode(self, message):
        self.assertEqual(message, codec.decode(codec.encode(message)))

    @hypothesis.given(body=st.binary(max_size=60))
    def test_garbage_is_a_protocol_error(self, body):
        for garbage in body, messages.PROTOCOL_VERSION + b"\0\xc1" + body:
            self.assertRaises(codec.ProtocolError, codec.decode, garbage)

    @hypothesis.given(message=ANY_MESSAGE, data=st.data())
    def test_a_damaged_message_is_one_or_an_error(self, message, data):
        body = codec.encode(message)
        at = data.draw(st.integers(0, len(body) - 1))
        damaged = body[:at] + data.draw(st.binary(max_size=3)) + body[at + 1:]
        try:
            decoded = codec.decode(damaged)
        except codec.ProtocolError:
            return
        self.assertIsInstance(decoded, t.get_args(messages.Message))

    def test_another_version_is_named_in_the_error(self):
        body = codec.encode(messages.Done("r")).replace(
            messages.PROTOCOL_VERSION, b"rally/0"
        )

        error = self.assertRaises(codec.ProtocolError, codec.decode, body)

        self.assertIn(messages.PROTOCOL_VERSION.decode(), str(error))

    def test_every_message_of_the_module_is_known_to_a_decoder(self):
        declared = {
            cls
            for _, cls in inspect.getmembers(messages, inspect.isclass)
            if issubclass(cls, msgspec.Struct) and cls.__name__[0] != "_"
            and cls.__module__ == messages.__name__
        }
        known = {
            *t.get_args(messages.Message), *t.get_args(messages.LoadMessage),
        }
        parts = {
            messages.AgentInfo, messages.AgentRow, messages.Code,
            messages.CodeFile, messages.Content, messages.Difference,
            messages.LoadContent, messages.ShippedFile, messages.Shipment,
        }
        self.assertEqual(declared - parts, known)

    def test_every_message_says_what_becomes_of_a_lost_one(self):
        for cls in t.get_args(messages.Message):
            self.assertIsInstance(cls.ARRIVAL, messages.Arrival)
        cumulative = {
            cls.__name__ for cls in t.get_args(messages.Message)
            if cls.ARRIVAL is messages.Arrival.CUMULATIVE
        }
        self.assertEqual({"Snapshot", "Beat", "Heartbeat"}, cumulative)

    def test_whatever_a_peer_counts_or_measures_is_bounded(self):
        known = (*t.get_args(messages.Message),
                 *t.get_args(messages.LoadMessage))
        for cls in known:
            hints = t.get_type_hints(cls, include_extras=True)
            for name, hint in hints.items():
                self.assertNotIn(
                    hint, (int, float, tuple[int, ...]),
                    "%s.%s" % (cls.__name__, name),
                )

    def test_a_message_of_a_load_process_comes_back(self):
        ended = messages.LoadEnded(((1, 2, 3),), 4, 5, b"a", "why")

        self.assertEqual(ended, codec.decode_load(codec.encode_load(ended)))
        self.assertRaises(codec.ProtocolError, codec.decode_load, b"\xc1")
