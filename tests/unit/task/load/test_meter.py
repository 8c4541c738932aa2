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

"""Tests of what is measured of a process that makes load."""

from __future__ import annotations

import threading
import time
import typing as t

from rally.task.load import meter
from rally.task.results import saturation
from tests.unit import test

MS = 1_000_000
S = 1_000_000_000


class Clocks:
    """What a meter looks at; all in ns."""

    def __init__(self) -> None:
        self.now_ns = self.cpu_ns = 0
        self.slots = 2
        self.waits: dict[str, int] = {}

    def pass_by(self, ns: int, cpu: int = 0) -> None:
        self.now_ns += ns
        self.cpu_ns += cpu

    def meter(self) -> meter.Meter:
        return meter.Meter(
            lambda: self.slots, lambda: self.now_ns, lambda: self.cpu_ns,
            lambda: dict(self.waits),
        )


class MeterTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clocks = Clocks()
        self.meter = self.clocks.meter()
        self.saturation = saturation.Saturation()

    def sums(self) -> dict[str, t.Any]:
        return {
            name: getattr(self.saturation, name) for name in saturation.SUMS
            if getattr(self.saturation, name)
        }

    def test_nothing_counts_before_the_start(self) -> None:
        self.clocks.pass_by(5 * S, cpu=5 * S)
        self.meter.read(self.saturation)
        self.meter.begin(6 * S)
        self.meter.read(self.saturation)
        self.assertEqual({}, self.sums())
        self.clocks.pass_by(3 * S, cpu=S)
        self.meter.read(self.saturation)
        self.assertEqual(
            {"worker_ns": 2 * S, "cpu_ns": S, "slot_ns": 4 * S}, self.sums()
        )

    def test_time_with_all_of_a_cpu_is_told_apart(self) -> None:
        self.meter.begin(0)
        for cpu in (100, 180, 199, 20):
            self.clocks.pass_by(200 * MS, cpu=cpu * MS)
            self.meter.read(self.saturation)
        self.assertEqual(400 * MS, self.saturation.saturated_ns)
        self.assertEqual(800 * MS, self.saturation.worker_ns)

    def test_threads_that_came_or_went_count_for_their_time(self) -> None:
        self.meter.begin(0)
        for slots in (5, 0, 0):
            self.clocks.slots = slots
            self.clocks.pass_by(S)
            self.meter.read(self.saturation)
        self.assertEqual(10 * S, self.saturation.slot_ns)

    def test_waits_for_a_cpu_are_read_once_a_second_and_at_the_end(
        self
    ) -> None:
        self.clocks.waits = {"1": 7 * S}
        self.meter.begin(0)
        self.clocks.waits = {"1": 7 * S + 10, "2": 5}
        self.clocks.pass_by(S // 2)
        self.meter.read(self.saturation)
        self.assertEqual(0, self.saturation.cpu_wait_ns)
        self.clocks.pass_by(S // 2)
        self.meter.read(self.saturation)
        self.assertEqual(15, self.saturation.cpu_wait_ns)
        self.clocks.waits = {"2": 6}  # thread 1 has ended
        self.clocks.pass_by(1)
        self.meter.read(self.saturation, is_last=True)
        self.assertEqual(16, self.saturation.cpu_wait_ns)

    def test_the_kernel_tells_how_long_threads_waited(self) -> None:
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                pass

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        told = meter.cpu_waits()
        ended.set()
        for thread in threads:
            thread.join()
        if not told:
            self.skipTest("this kernel keeps no account of run queues")
        for thread in threads:
            self.assertGreaterEqual(told[str(thread.native_id)], 0)
        self.assertNotIn(str(threading.get_native_id()), told)
