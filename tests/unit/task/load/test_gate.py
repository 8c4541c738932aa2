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

"""Tests of the gate before the start of a load."""

from __future__ import annotations

import typing as t

from rally.task.load import gate
from tests.unit import test


class StartGateTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.seen: list[t.Any] = []
        self.gate = gate.StartGate(lambda: self.seen.append("ready"))

    def go(self, at_ns: int, is_takeover: bool) -> None:
        self.seen.append((at_ns, is_takeover))

    def test_who_stands_ready_goes_when_it_opens(self) -> None:
        self.gate.arrive(self.go)
        self.assertEqual(["ready"], self.seen)
        self.gate.open(5)
        self.assertEqual(["ready", (5, False)], self.seen)

    def test_who_comes_to_an_open_gate_goes_at_once(self) -> None:
        self.gate.open(5)
        self.gate.arrive(self.go)
        self.assertEqual(["ready", (5, False)], self.seen)
