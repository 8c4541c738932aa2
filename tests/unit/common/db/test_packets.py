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


"""Statements that do not fit into a packet of MySQL."""

from __future__ import annotations

import hypothesis
import pymysql.converters
from hypothesis import strategies as st

from rally.common.db import packets
from tests.unit import test

VALUES = st.lists(
    st.one_of(
        st.text(max_size=50), st.binary(max_size=50), st.integers(), st.none()
    ),
    max_size=5,
)


def written(statement: str, values: list[object]) -> bytes:
    """What PyMySQL sends."""
    words = [pymysql.converters.escape_item(x, "utf8mb4") for x in values]
    text = statement % tuple(words)
    return text.encode("utf-8", "surrogateescape")


class SizeTestCase(test.TestCase):
    @hypothesis.given(VALUES, st.integers(0, 2000))
    def test_a_size_is_told_if_it_may_be_too_much(self, values, limit):
        statement = ", ".join(["%s"] * len(values))
        strings = [x for x in values if isinstance(x, (str, bytes))]

        size = packets.size_bytes(statement, values, limit)

        sent = len(written(statement, values))
        numbers = sum(len(str(x)) for x in values if x not in strings)
        if size:
            around = 20 * len(values) + numbers
            self.assertLessEqual(abs(size - sent), around)
        else:
            self.assertLess(sent - numbers - 4 * len(values), max(limit, 1))

    def test_parameters_may_have_names(self):
        self.assertEqual(
            packets.size_bytes("x", {"a": b"y" * 100}, 0),
            packets.size_bytes("x", [b"y" * 100], 0),
        )
