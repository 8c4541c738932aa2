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

from __future__ import annotations

import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results.traffic import Traffic
from tests.unit import test
from tests.unit.task import iterations

sums = st.integers(0, 2 ** 70)
traffics = st.builds(Traffic, sums, sums, sums)


def carried(value: Traffic) -> Traffic:
    return Traffic.from_state(iterations.over_the_wire(value.to_state()))


@ddt.ddt
class TrafficTestCase(test.TestCase):
    @hypothesis.given(traffics, traffics, traffics)
    def test_shares_may_be_merged_in_any_order_and_grouping(
        self, a: Traffic, b: Traffic, c: Traffic
    ) -> None:
        whole = a.merge(b).merge(c)
        self.assertEqual(whole, carried(c).merge(carried(b).merge(a)))
        self.assertEqual(a, a.merge(Traffic()))
        self.assertEqual(
            a.sent_bytes + b.sent_bytes + c.sent_bytes, whole.sent_bytes
        )

    def test_no_request_is_not_the_same_as_no_bytes(self) -> None:
        self.assertFalse(Traffic())
        self.assertTrue(Traffic(1))

    @ddt.data(None, 3, [1, 2], [1, 2, 3, 4], [1, 2, -3], [1, True, 3],
              [1.5, 2, 3], ["x", 2, 3])
    def test_what_it_cannot_have_sent_is_refused(self, state: t.Any) -> None:
        self.assertRaises(
            portable.MalformedState, Traffic.from_state, state
        )
