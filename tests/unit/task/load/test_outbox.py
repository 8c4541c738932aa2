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

"""Tests of how rows leave a process."""

from __future__ import annotations

import threading
import typing as t

from rally.common import clock
from rally.common.http import tallies
from rally.task.load import meter, outbox
from rally.task.results import aggregate, chunk, saturation, traffic
from rally.task.results import row as row_module
from tests.unit import test


def row(number: int) -> row_module.Row:
    return row_module.Row(
        number, clock.now_ns(), 5, 0, 0, (), (), None, None
    )


class Sink:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.blocks: list[int] = []
        self.snapshots: list[tuple[int, int, bool]] = []
        self.failures: list[BaseException] = []
        self.changed = threading.Condition()
        self.counters: dict[str, int] = {}
        self.saturation: dict[str, t.Any] = {}
        self.traffic = traffic.Traffic()
        self.gate = threading.Event()
        self.gate.set()

    def send_block(self, block: chunk.Chunk, watermark_ns: int) -> None:
        self.gate.wait(10)
        with self.changed:
            self.numbers += block.numbers.tolist()
            self.blocks.append(len(block))
            self.changed.notify_all()

    def send_snapshot(
        self, number: int, learnt: aggregate.Aggregate, urgent: bool
    ) -> None:
        with self.changed:
            self.counters = dict(learnt.counters)
            self.traffic = learnt.traffic
            state = learnt.saturation.to_state()
            sums = zip(saturation.SUMS, state["sums"], strict=True)
            self.saturation = {**state, "sums": dict(sums)}
            self.snapshots.append((number, learnt.iterations, urgent))
            self.changed.notify_all()

    def send_failure(self, exc: BaseException) -> None:
        with self.changed:
            self.failures.append(exc)
            self.changed.notify_all()

    def wait_for(self, predicate: t.Callable[[], t.Any]) -> None:
        with self.changed:
            assert self.changed.wait_for(predicate, 10)


class OutboxTestCase(test.TestCase):
    def make(self, sla_config: t.Any = None) -> tuple[Sink, outbox.Outbox]:
        sink = Sink()
        box = outbox.Outbox(
            sink, {} if sla_config is None else sla_config, clock.now_ns
        )
        box.start()
        return sink, box

    def test_a_single_row_leaves_soon(self) -> None:
        sink, box = self.make()
        box.put(row(1))
        # nothing more comes, nor is it closed
        sink.wait_for(lambda: sink.numbers and sink.snapshots)
        box.close()

    def test_many_rows_leave_at_once(self) -> None:
        sink, box = self.make()
        for number in range(outbox.BLOCK_ROWS):
            box.put(row(number))
        box.close()
        self.assertEqual(list(range(outbox.BLOCK_ROWS)), sink.numbers)
        self.assertEqual(1, len(sink.blocks))

    def test_threads_lose_nothing(self) -> None:
        sink, box = self.make()

        def put(first: int) -> None:
            for number in range(first, first + 5000):
                box.put(row(number))

        threads = [
            threading.Thread(target=put, args=(5000 * i,)) for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        box.close()
        self.assertEqual(list(range(20_000)), sorted(sink.numbers))
        self.assertEqual(20_000, sink.snapshots[-1][1])
        numbers = [number for number, _, _ in sink.snapshots]
        self.assertEqual(sorted(set(numbers)), numbers)

    def test_rows_wait_for_a_slow_reader(self) -> None:
        sink, box = self.make()
        sink.gate.clear()

        def put() -> None:
            for number in range(3 * outbox.MAX_ROWS):
                box.put(row(number))

        thread = threading.Thread(target=put)
        thread.start()
        thread.join(0.5)
        self.assertTrue(thread.is_alive())
        self.assertLessEqual(len(box._rows), outbox.MAX_ROWS + 1)
        sink.gate.set()
        thread.join(20)
        box.close()
        self.assertEqual(3 * outbox.MAX_ROWS, len(sink.numbers))
        sums = sink.saturation["sums"]
        self.assertGreaterEqual(sums["held"], 1)
        self.assertGreaterEqual(sums["held_ns"], 100_000_000)

    def test_a_loop_that_offers_rows_never_waits(self) -> None:
        sink, box = self.make()
        sink.gate.clear()
        told = threading.Event()
        self.assertTrue(box.has_room(told.set))
        count = 2 * outbox.MAX_ROWS + outbox.BLOCK_ROWS
        for number in range(count):
            box.offer(row(number))  # else this would never end
        self.assertFalse(box.has_room(told.set))
        self.assertFalse(told.is_set())
        sink.gate.set()
        self.assertTrue(told.wait(20))
        box.close()
        self.assertEqual(list(range(count)), sorted(sink.numbers))

    def test_it_tells_of_room_once_for_each_time_it_is_asked(self) -> None:
        sink, box = self.make()
        sink.gate.clear()
        told: list[int] = []
        both = threading.Semaphore(0)

        def tell() -> None:
            told.append(1)
            both.release()

        for _ in range(2):
            number = 0
            while box.has_room(tell):
                box.offer(row(number))
                number += 1
            sink.gate.set()
            self.assertTrue(both.acquire(timeout=20))
            sink.gate.clear()
        sink.gate.set()
        box.close()
        self.assertEqual([1, 1], told)

    def test_counters_travel_with_the_aggregate(self) -> None:
        sink, box = self.make()
        box.count("timed_out")
        box.close()
        self.assertEqual({"timed_out": 1}, sink.counters)

    def test_how_late_its_thread_runs_travels_with_the_aggregate(
        self
    ) -> None:
        sink, box = self.make()
        box.put(row(1))
        sink.wait_for(lambda: sink.numbers)  # after a timed wait
        for number in range(outbox.BLOCK_ROWS):
            box.put(row(number))
        sink.wait_for(lambda: len(sink.numbers) > outbox.BLOCK_ROWS)
        box.close()
        self.assertGreaterEqual(sink.saturation["scheduler_lag"]["count"], 2)

    def test_traffic_since_it_was_made_travels_with_the_aggregate(
        self
    ) -> None:
        tally = tallies.take()
        self.addCleanup(tallies.give_back, tally)
        tally.requests += 1
        sink, box = self.make()
        tally.requests += 2
        tally.sent_bytes += 70
        tally.received_bytes += 900
        box.close()
        self.assertEqual(traffic.Traffic(2, 70, 900), sink.traffic)

    def test_waits_for_a_slot_and_a_meter_are_read(self) -> None:
        sink = Sink()
        moments = iter((10, 30, 60, 100))
        gauge = meter.Meter(lambda: 3, lambda: next(moments), lambda: 0, dict)
        gauge.begin(0)
        box = outbox.Outbox(sink, {}, clock.now_ns, gauge)
        box.start()
        box.late_for_a_slot(5)
        box.close()
        self.assertEqual(1, sink.saturation["seat_wait"]["count"])
        self.assertEqual(10, sink.saturation["sums"]["worker_ns"])
        self.assertEqual(30, sink.saturation["sums"]["slot_ns"])

    def test_an_error_in_judging_is_told(self) -> None:
        sink, box = self.make()
        assert box._aggregate is not None
        box._aggregate.checker = None  # type: ignore[assignment]
        box.put(row(1))
        sink.wait_for(lambda: sink.failures)
        box.close()
