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

import os
from unittest import mock

from rally.task.load import cpus
from tests.unit import test


class CpusTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.given("")
        patched = mock.patch("os.sched_getaffinity", return_value={0, 2, 5})
        patched.start()
        self.addCleanup(patched.stop)

    def given(self, text: str) -> None:
        patched = mock.patch.dict(os.environ, {cpus.VARIABLE: text})
        patched.start()
        self.addCleanup(patched.stop)

    def test_without_a_choice_all_are_used(self) -> None:
        self.assertEqual([0, 2, 5], cpus.usable())

    def test_a_choice_among_those_allowed_holds(self) -> None:
        self.given("2,5,7")
        self.assertEqual([2, 5], cpus.usable())

    def test_a_choice_that_leaves_none_does_not(self) -> None:
        self.given("7,x")
        self.assertEqual([0, 2, 5], cpus.usable())

    def test_agents_of_one_host_share_them_out(self) -> None:
        self.assertEqual([[0, 5], [2]], cpus.shares(2))
        self.assertEqual([[0], [2], [5], [0]], cpus.shares(4))

    def bound(self, slots: int) -> list[set[int]]:
        with mock.patch("os.sched_setaffinity") as bound:
            for index in range(4):
                cpus.bind(index, slots)
        return [call.args[1] for call in bound.mock_calls]

    def test_workers_spread_over_them(self) -> None:
        self.assertEqual([{0}, {2}, {5}, {0}], self.bound(slots=2))

    def test_a_worker_with_one_slot_may_run_on_any(self) -> None:
        self.assertEqual([{0, 2, 5}] * 4, self.bound(slots=1))
        self.given("2,5")
        self.assertEqual([{2, 5}] * 4, self.bound(slots=1))
