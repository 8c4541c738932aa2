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

"""Tests of reading leases from shared memory."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st

from rally.task.load import source
from tests.unit import test

LEASES = st.lists(
    st.tuples(
        st.integers(1, 10**12), st.integers(1, 500), st.integers(1, 10**6)
    ),
    max_size=20,
)


class LeaseLogTestCase(test.TestCase):
    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(leases=LEASES, start=st.integers(0, 22))
    def test_what_was_granted_is_read_back(self, leases, start):
        feed = source.LeaseFeed()
        for lease in leases:
            feed.grant(*lease)

        self.assertEqual(leases, list(feed.granted()))
        self.assertEqual(leases[start:], feed.granted()[start:])
        self.assertEqual(len(leases), len(feed.granted()))
