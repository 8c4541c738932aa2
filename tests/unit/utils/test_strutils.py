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

"""Tests of small things about text."""

from __future__ import annotations

import typing as t
import uuid

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.utils import encodeutils, strutils
from tests.unit import test


@ddt.ddt
class StrutilsTestCase(test.TestCase):
    @ddt.data(
        ("2b0fd1b5-1dfc-4f0f-a1f8-000000000000", True),
        ("2B0FD1B51dfc4f0fa1f8000000000000", True),
        ("urn:uuid:2b0fd1b51dfc4f0fa1f8000000000000", True),
        (uuid.uuid4(), True),
        ("x", False),
        (None, False),
        (1, False),
    )
    @ddt.unpack
    def test_is_uuid_like(self, value: t.Any, expected: bool) -> None:
        self.assertEqual(expected, strutils.is_uuid_like(value))

    @ddt.data(
        ("1", True),
        (" YES ", True),
        (True, True),
        (1, True),
        ("off", False),
        (0, False),
        (False, False),
    )
    @ddt.unpack
    def test_bool_from_string(self, value: t.Any, expected: bool) -> None:
        for strict in (True, False):
            self.assertIs(expected, strutils.bool_from_string(value, strict))

    @ddt.data("zz", None, 2, "")
    def test_neither_yes_nor_no(self, value: t.Any) -> None:
        self.assertIs(True, strutils.bool_from_string(value, default=True))
        self.assertIs(False, strutils.bool_from_string(value))
        self.assertRaises(
            ValueError, strutils.bool_from_string, value, strict=True
        )

    @ddt.data(
        (1, "1.0"),
        (0.0, "0.0"),
        (10.10, "10.1"),
        (1.23456, "1.23456"),
        (100, "100.0"),
        (1e-7, "0.0"),
        (-0.5, "-0.5"),
    )
    @ddt.unpack
    def test_format_float(self, value: float, expected: str) -> None:
        self.assertEqual(expected, strutils.format_float_to_str(value))


class EncodeTestCase(test.TestCase):
    @hypothesis.given(st.text(), st.sampled_from(["utf-8", "utf-16"]))
    def test_decode_is_the_inverse_of_encode(
        self, text: str, encoding: str
    ) -> None:
        encoded = encodeutils.safe_encode(text, encoding=encoding)

        self.assertEqual(text, encodeutils.safe_decode(encoded, encoding))
        self.assertEqual(text, encodeutils.safe_decode(text))

    def test_bytes_are_encoded_anew(self) -> None:
        self.assertEqual(
            "\xe9".encode("latin1"),
            encodeutils.safe_encode(
                "\xe9".encode(), incoming="utf-8", encoding="latin1"
            ),
        )
        self.assertEqual(b"a", encodeutils.safe_encode(b"a", "utf-8"))

    def test_other_encoding_falls_back_to_utf8(self) -> None:
        self.assertEqual(
            "\xe9", encodeutils.safe_decode("\xe9".encode(), "ascii")
        )

    def test_other_types_are_refused(self) -> None:
        wrong: t.Any = 1

        self.assertRaises(TypeError, encodeutils.safe_decode, wrong)
        self.assertRaises(TypeError, encodeutils.safe_encode, wrong)
