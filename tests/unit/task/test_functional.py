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

"""Tests of the assertions of scenarios."""

from __future__ import annotations

import typing as t

import ddt

from rally import exceptions
from rally.task import functional
from tests.unit import test

# assertion, arguments for which it holds, arguments for which it does not
CASES: list[tuple[str, tuple[t.Any, ...], tuple[t.Any, ...]]] = [
    ("assertEqual", (1, 1.0), (1, 2)),
    ("assertNotEqual", (1, 2), (1, 1)),
    ("assertTrue", ("x",), (0,)),
    ("assertFalse", ([],), (1,)),
    ("assertIs", (None, None), ([], [])),
    ("assertIsNot", ([], []), (None, None)),
    ("assertIsNone", (None,), (0,)),
    ("assertIsNotNone", (0,), (None,)),
    ("assertIn", (1, [1]), (2, [1])),
    ("assertNotIn", (2, [1]), (1, [1])),
    ("assertIsInstance", (1, int), ("1", int)),
    ("assertIsNotInstance", ("1", int), (1, int)),
    ("assertIsSubset", ([1, 2], [2, 1, 3]), ([1, 4], [1, 2])),
    ("assertIsNotSubset", ([1, 4], [1, 2]), ([1, 2], [2, 1])),
    ("assertLess", (1, 2), (2, 2)),
    ("assertLessEqual", (2, 2), (3, 2)),
    ("assertGreater", (3, 2), (2, 2)),
    ("assertGreaterEqual", (2, 2), (1, 2)),
]


@ddt.ddt
class FunctionalMixinTestCase(test.TestCase):
    @ddt.data(*CASES)
    @ddt.unpack
    def test_an_assertion_raises_only_if_it_does_not_hold(
        self, name: str, good: t.Any, bad: t.Any
    ) -> None:
        check = getattr(functional.FunctionalMixin(), name)
        check(*good)
        error = self.assertRaises(
            exceptions.RallyAssertionError, check, *bad, err_msg="as asked"
        )
        self.assertIn(str(bad[0]), str(error))
        self.assertTrue(str(error).endswith(". As asked"), str(error))

    def test_the_own_message_may_be_left_out(self) -> None:
        error = self.assertRaises(
            exceptions.RallyAssertionError,
            functional.FunctionalMixin().assertEqual,
            1,
            2,
        )
        self.assertIn("1 != 2", str(error))

    def test_no_text_is_made_while_all_is_well(self) -> None:
        class Unprintable(list[int]):
            def __repr__(self) -> str:
                raise AssertionError("a text was made of it")

        functional.FunctionalMixin().assertIn(1, Unprintable([1]))
