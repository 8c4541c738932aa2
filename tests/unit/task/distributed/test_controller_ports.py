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

from rally.task.distributed import controller_ports
from tests.unit import test

MS = 1_000_000
#: 2026-11-30T00:00:00 UTC
ZERO_NS = 1_795_996_800_000 * MS


class HellosTestCase(test.TestCase):
    def test_those_said_before_are_handed_out_in_parts(self) -> None:
        end = mock.Mock()
        end.receive.return_value = []
        ports = controller_ports.ControllerPorts(
            end, mock.Mock(), list(range(40)), now_ns=lambda: 0
        )

        parts = [list(ports.wait(60)) for _ in range(4)]

        self.assertEqual(
            [list(range(16)), list(range(16, 32)), list(range(32, 40)), []],
            parts,
        )
        self.assertEqual(
            [0, 0, 0, 60], [args[0] for args, _ in end.receive.call_args_list]
        )


class HeldUpTestCase(test.TestCase):
    def test_time_without_leases_does_not_count(self) -> None:
        now, end, sink = 0, mock.Mock(), mock.Mock()
        end.receive.side_effect = lambda timeout_s: ["one"]
        ports = controller_ports.ControllerPorts(end, sink, [], lambda: now)
        for has_leases, held_ms in (
            (False, 500), (False, 300), (True, 20), (True, 80), (False, 400),
        ):
            sink.has_leases = has_leases
            for _ in ports.wait(0):
                pass
            now += held_ms * MS

        self.assertEqual("300 ms", str(ports.holds).partition(" (")[0])


class HoldsTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.holds = controller_ports.Holds()

    def test_the_longest_is_told(self) -> None:
        for length_ms in 3, 12, 7:
            self.holds.note(length_ms * MS, ZERO_NS)

        self.assertEqual(12 * MS, self.holds.longest_ns)
        self.assertEqual("12 ms", str(self.holds))

    def test_nothing_came_too_late(self) -> None:
        self.holds.note(-5 * MS, ZERO_NS)

        self.assertEqual("0 ms", str(self.holds))

    def test_when_it_took_too_long_is_told(self) -> None:
        self.holds.note(61 * MS, ZERO_NS + 250 * MS)
        self.holds.note(49 * MS, ZERO_NS)
        self.holds.note(70 * MS, ZERO_NS + 900 * MS)

        self.assertEqual(
            "70 ms (70 ms until 2026-11-30T00:00:00.900+00:00, "
            "61 ms until 2026-11-30T00:00:00.250+00:00)", str(self.holds)
        )

    def test_only_the_worst_are_remembered(self) -> None:
        for length_ms in range(50, 500):
            self.holds.note(length_ms * MS, ZERO_NS)

        told = str(self.holds)
        self.assertEqual(controller_ports.MOST_HOLDS, told.count("until"))
        self.assertIn("(499 ms until", told)
        self.assertIn(" 492 ms until", told)
