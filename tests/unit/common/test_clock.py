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

from unittest import mock

from rally.common import clock
from tests.unit import test

MS = 1_000_000


class WallBaseTestCase(test.TestCase):
    def test_a_process_that_is_held_up_reads_the_clocks_again(self) -> None:
        """The other clock goes on while it does not run."""
        base_ns = 10 ** 18
        holds_ns = [11 * MS, 0, 12 * MS, 3 * MS, 0, 0] * 3
        at = 0

        def read() -> int:
            nonlocal at
            at += 100 + (holds_ns.pop(0) if holds_ns else 0)
            return at

        with mock.patch.object(
            clock.time, "monotonic_ns", side_effect=read
        ), mock.patch.object(
            clock.time, "time_ns", side_effect=lambda: base_ns + read()
        ):
            found_ns = clock._wall_base_ns()

        self.assertAlmostEqual(base_ns, found_ns, delta=100)
