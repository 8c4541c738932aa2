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

"""Tests of iterations one after another."""

from __future__ import annotations

import threading

from rally.plugins.common.runners import serial
from tests.unit.plugins.common.runners import load


class SerialTestCase(load.LoadTestCase):
    def test_iterations_follow_one_another(self) -> None:
        made = self.load("serial", times=5, args={"sleep": 0.001})
        rows = [row for chunk in made.result_queue for row in chunk]
        ends = [row["timestamp"] + row["duration"] for row in rows]
        starts = [row["timestamp"] for row in rows]
        self.assertEqual([1, 2, 3, 4, 5], self.numbers(made))
        self.assertTrue(all(a <= b for a, b in zip(ends, starts[1:])))
        self.assertEqual(
            [1, 2, 3, 4, 5], [e["value"] for e in made.event_queue]
        )
        self.assertEqual(5, made.board.merged().iterations)
        self.assertEqual(5, made.asked)

    def test_one_iteration_is_the_default(self) -> None:
        self.assertEqual([1], self.numbers(self.load("serial", other="key")))

    def test_an_abort_ends_it(self) -> None:
        made = self.make("serial", times=10**6)
        threading.Timer(0.1, made.abort).start()
        made.run("Test.fault", {}, {"sleep": 0.001})
        stored = self.numbers(made)
        self.assertEqual(list(range(1, len(stored) + 1)), stored)

    def test_leaving_the_program_is_a_failed_iteration(self) -> None:
        made = self.load("serial", times=3, args={"does": "leaves", "at": 2})
        merged = made.board.merged()
        self.assertEqual((3, 1), (merged.iterations, merged.failed))

    def test_one_agent_gets_everything(self) -> None:
        self.assertEqual(
            [{"times": 5}, None, None],
            serial.SerialScenarioRunner.split_config({"times": 5}, 3),
        )
