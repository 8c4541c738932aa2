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

"""Tests of a constant number of iterations at a time, with faults."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import typing as t

import ddt
import hypothesis
import psutil
import testtools
from hypothesis import strategies as st

from rally.common import clock
from rally.common.http import tallies
from rally.plugins.common.runners import constant
from rally.task import runner, scenario
from rally.task.load import gate, source
from rally.task.results import traffic
from tests.functional.sandbox import wait_until
from tests.unit.plugins.common.runners import load


@ddt.ddt
class ConstantTestCase(load.LoadTestCase):
    @ddt.data((1, 1), (7, 3), (2000, 8))
    @ddt.unpack
    def test_it_runs_exactly_so_many(
        self, times: int, concurrency: int
    ) -> None:
        made = self.load("constant", times=times, concurrency=concurrency)
        self.assertEqual(list(range(1, times + 1)), self.numbers(made))
        self.assert_accounted(made, times)
        self.assertEqual([], made.lost)
        self.assertEqual(
            list(range(1, times + 1)),
            sorted(event["value"] for event in made.event_queue),
        )

    def test_no_more_than_concurrency_run_at_once(self) -> None:
        made = self.load(
            "constant", times=60, concurrency=5, args={"sleep": 0.01}
        )
        rows = [row for chunk in made.result_queue for row in chunk]
        moments = sorted(
            [(row["timestamp"], 1) for row in rows]
            + [(row["timestamp"] + row["duration"], -1) for row in rows]
        )
        running = peak = 0
        for _, change in moments:
            running += change
            peak = max(peak, running)
        self.assertEqual(5, peak)

    def test_slow_iterations_are_not_hoarded(self) -> None:
        made = self.load(
            "constant", times=8, concurrency=8, args={"sleep": 1.0}
        )
        merged = made.board.merged()
        spread_ns = merged.last_started_ns - merged.first_started_ns
        self.assertLess(spread_ns, 1_000_000_000)  # none waited for another

    def test_chunks_are_full_and_in_order(self) -> None:
        made = self.load(
            "constant", times=450, concurrency=4, args={"sleep": 0.0005}
        )
        chunks = list(made.result_queue)
        self.assertEqual([100, 100, 100, 100, 50], list(map(len, chunks)))
        starts = [s for c in chunks for s in c.started_ns.tolist()]
        self.assertEqual(sorted(starts), starts)

    @ddt.data(
        ("killed", "was killed by SIGKILL"),
        ("exits", "ended with exit status 7"),
        # it may notice first, and end itself
        ("closes", "closed the pipe of its results|exit status 1"),
        ("forks", "was killed by SIGKILL"),
    )
    @ddt.unpack
    def test_a_dead_worker_is_named_replaced_and_accounted(
        self, does: str, cause: str
    ) -> None:
        made = self.load(
            "constant", times=300, concurrency=4,
            args={"does": does, "at": 50, "sleep": 0.002},
        )
        self.assert_accounted(made, 300)
        self.assertIn(50, self.lost(made))
        self.assertLess(len(self.lost(made)), 150)
        self.assertEqual(1, made.counters["replaced_workers"])
        self.assertEqual(1, len(made.problems_so_far()))
        self.assertRegex(made.lost[0].reason, "worker-.*(%s)" % cause)
        for child in psutil.Process().children(recursive=True):
            child.kill()

    def test_kills_at_random_moments_are_accounted(self) -> None:
        made = self.make("constant", times=20_000, concurrency=4)

        def kill() -> None:
            for _ in range(3):
                time.sleep(random.uniform(0.05, 0.1))
                victims = psutil.Process().children()
                if victims:
                    random.choice(victims).kill()

        killer = threading.Thread(target=kill)
        killer.start()
        made.run("Test.fault", {}, {})
        killer.join()
        self.assert_accounted(made, 20_000)

    def test_workers_that_keep_dying_end_the_load(self) -> None:
        made = self.make("constant", times=5000, concurrency=2)
        over = threading.Event()

        def kill() -> None:
            while not over.wait(0.01):
                for victim in psutil.Process().children():
                    victim.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            with testtools.ExpectedException(
                runner.WorkersKeepDying, ".*SIGKILL.*"
            ):
                made.run("Test.fault", {}, {"sleep": 0.01})
        finally:
            over.set()
            killer.join()
        self.assertEqual(10, made.counters["replaced_workers"])
        drawn = made.source.drawn_count
        self.assertEqual(
            drawn, len(self.numbers(made)) + len(self.lost(made))
        )

    def test_a_criterion_that_fails_is_urgent_once_per_worker(self) -> None:
        made = self.make("constant", times=400, concurrency=4)
        put, urgent, count = made.board.put, [], []

        def note(source, number, aggregate, is_urgent=False):
            count.append(source)
            if is_urgent:
                urgent.append(source)
            return put(source, number, aggregate, is_urgent)

        made.board.put = note
        began = time.monotonic()
        made.run("Test.fault", {}, {"does": "leaves", "at": 8, "sleep": 0.01})
        took_s = time.monotonic() - began
        self.assertEqual(1, len(urgent))  # the worker of iteration 8
        for worker in set(count):  # and one at the end
            self.assertLessEqual(count.count(worker), 5 * took_s + 2)
        self.assert_accounted(made, 400)

    def test_a_hanging_iteration_ends_at_its_timeout(self) -> None:
        started = time.monotonic()
        made = self.load(
            "constant", times=100, concurrency=2, timeout=2,
            args={"does": "hangs", "at": 5},
        )
        self.assertLess(time.monotonic() - started, 15)
        self.assert_accounted(made, 100)
        merged = made.board.merged()
        self.assertEqual(1, merged.failed)
        self.assertEqual(1, merged.counters["timed_out"])
        self.assertEqual(1, merged.counters["abandoned_threads"])
        error = next(
            error for chunk in made.result_queue
            for error in chunk.errors.values()
        )
        self.assertEqual("ThreadTimeoutException", error[0])
        self.assertIn("time.sleep(20)", error[2])

    def test_an_iteration_that_can_be_interrupted_is(self) -> None:
        made = self.load(
            "constant", times=12, concurrency=3, timeout=0.05,
            args={"sleep": 0.1},
        )
        merged = made.board.merged()
        self.assertEqual((12, 12), (merged.iterations, merged.failed))
        self.assert_accounted(made, 12)

    def test_workers_end_with_the_process_that_made_them(self) -> None:
        controller = os.fork()
        if controller == 0:
            try:
                self.load(
                    "constant", times=10**6, concurrency=4,
                    args={"sleep": 0.005},
                )
            finally:
                os._exit(1)
        workers = wait_until(
            psutil.Process(controller).children, 60, "there are workers"
        )
        os.kill(controller, signal.SIGKILL)
        os.waitpid(controller, 0)
        _, alive = psutil.wait_procs(workers, timeout=60)
        self.assertEqual([], alive)

    def test_an_abort_stops_the_starts(self) -> None:
        for sleep in (0, 0.02):
            made = self.make("constant", times=10**7, concurrency=4)
            aborted: list[int] = []

            def abort(made: t.Any = made, at: list[int] = aborted) -> None:
                at.append(self.now_ns())
                made.abort()

            threading.Timer(0.3, abort).start()
            made.run("Test.fault", {}, {"sleep": sleep})
            self.assert_stops_within(made, aborted[0])
            self.assertEqual([], made.lost)
            self.assertFalse(made.board.merged().failed)

    def test_aborted_before_the_start_it_runs_nothing(self) -> None:
        made = self.make("constant", times=100, concurrency=4)
        made.abort()
        made.run("Test.fault", {}, {})
        self.assertEqual([], self.numbers(made))
        self.assertEqual([], made.lost)

    def test_it_runs_from_a_thread_too(self) -> None:
        made = self.make("constant", times=50, concurrency=2)
        thread = threading.Thread(
            target=made.run, args=("Test.fault", {}, {})
        )
        thread.start()
        thread.join(20)
        self.assert_accounted(made, 50)

    def test_numbers_come_from_leases(self) -> None:
        made = self.make("constant", times=1, concurrency=3)
        made.source = feed = source.LeaseFeed()
        feed.grant(5, 2, 10)
        threading.Timer(0.1, feed.grant, (100, 1, 10)).start()
        threading.Timer(0.2, feed.close).start()
        made.run("Test.fault", {}, {})
        self.assertEqual(
            [*range(5, 25, 2), *range(100, 110)], self.numbers(made)
        )
        self.assertEqual([], feed.returned())

    def test_a_stop_returns_what_was_not_started(self) -> None:
        made = self.make("constant", times=1, concurrency=3)
        made.source = feed = source.LeaseFeed()
        feed.grant(1, 1, 5000)

        def stop_soon() -> None:
            version = 0
            while not made.board.merged().iterations:
                version = made.board.wait(version, 60)
            feed.stop()

        threading.Thread(target=stop_soon).start()
        made.run("Test.fault", {}, {"sleep": 0.01})
        stored = self.numbers(made)
        returned = [
            number for first, step, count in feed.returned()
            for number in range(first, first + step * count, step)
        ]
        self.assertEqual(list(range(1, 5001)), sorted(stored + returned))
        self.assertTrue(stored)

    def test_what_it_asked_of_the_host_is_measured(self) -> None:
        made = self.load(
            "constant", times=40, concurrency=4, args={"sleep": 0.05}
        )
        measured = made.board.merged().saturation
        processes = min(4, len(os.sched_getaffinity(0)))
        self.assertGreaterEqual(measured.worker_ns, processes * 400_000_000)
        self.assertGreaterEqual(measured.slot_ns, 4 * 400_000_000)
        self.assertGreater(measured.cpu_ns, 0)
        self.assertGreater(measured.scheduler_lag.count, 0)

    def test_whoever_waits_for_the_start_says_so_itself(self) -> None:
        class Own(constant.ConstantScenarioRunner):
            def _run_scenario(self, *args: t.Any) -> None:
                """Might make iterations at once."""

        class Same(constant.ConstantScenarioRunner):
            """Changes nothing of how it runs."""

        self.assertTrue(Same.stands_ready())
        self.assertFalse(Own.stands_ready())
        serial = runner.ScenarioRunner.get("serial")
        self.assertFalse(serial.stands_ready())

    def test_workers_stand_ready_and_wait_for_the_start(self) -> None:
        made = self.make("constant", times=10, concurrency=2)
        ready_ns: list[int] = []

        def open_gate() -> None:
            ready_ns.append(time.monotonic_ns())
            made.gate.open(ready_ns[0] + 300_000_000)

        made.gate = gate.StartGate(open_gate)
        before = self.now_ns() - time.monotonic_ns()
        made.run("Test.fault", {}, {})
        first = made.board.merged().first_started_ns
        self.assertGreaterEqual(first, before + ready_ns[0] + 300_000_000)
        self.assert_accounted(made, 10)

    def test_a_duration_begins_when_the_gate_opens(self) -> None:
        made = self.make("constant_for_duration", duration=0.5, concurrency=1)
        made.source = feed = source.LeaseFeed()  # nothing is granted

        def open_later() -> None:
            threading.Timer(
                0.2, lambda: made.gate.open(time.monotonic_ns())
            ).start()

        made.gate = gate.StartGate(open_later)
        before = time.monotonic()
        made.run("Test.fault", {}, {})
        self.assertGreaterEqual(time.monotonic() - before, 0.7)
        self.assertTrue(feed.is_stopped)

    @ddt.data(True, False)
    def test_a_stop_before_the_start_ends_it(self, is_early: bool) -> None:
        made = self.make("constant", times=10, concurrency=2)
        made.gate = gate.StartGate(lambda: None if is_early else made.abort())
        if is_early:
            made.abort()
        made.run("Test.fault", {}, {})
        self.assertEqual([], self.numbers(made))
        made.gate.open(time.monotonic_ns())  # too late: nothing happens

    def test_a_failing_criterion_is_told_at_once(self) -> None:
        made = self.make("constant", times=10**6, concurrency=2)
        waited: list[float] = []

        def watch() -> None:
            started = time.monotonic()
            made.board.wait_urgent(20)
            waited.append(time.monotonic() - started)
            self.assertFalse(made.board.merged().is_passing)
            made.abort()

        watcher = threading.Thread(target=watch)
        watcher.start()
        made.run("Test.fault", {}, {"does": "leaves", "at": 1, "sleep": 0.01})
        watcher.join()
        self.assertLess(waited[0], 15)

    def test_criteria_that_cannot_travel_are_judged_here(self) -> None:
        made = self.make("constant", times=300, concurrency=3)
        made._carriable_sla = lambda: None
        made.run("Test.fault", {}, {"does": "leaves", "at": 7})
        self.assert_accounted(made, 300)
        self.assertFalse(made.board.merged().is_passing)

    @ddt.data(True, False)
    def test_traffic_is_counted_whoever_judges(self, is_here: bool) -> None:
        @scenario.configure(name="Test.traffic")
        class Traffic(scenario.Scenario):
            def run(self) -> None:
                tally = tallies.take()
                tally.requests += 1
                tally.sent_bytes += self.context["iteration"]
                tally.received_bytes += 1000
                tallies.give_back(tally)

        self.addCleanup(Traffic.unregister)
        made = self.make("constant", times=30, concurrency=3)
        if is_here:
            made._carriable_sla = lambda: None
        made.run("Test.traffic", {}, {})
        self.assertEqual(
            traffic.Traffic(30, 30 * 31 // 2, 30_000),
            made.board.merged().traffic,
        )

    @hypothesis.given(st.integers(1, 500), st.integers(1, 20))
    def test_shares_of_concurrency_are_exactly_the_whole(
        self, concurrency: int, parts: int
    ) -> None:
        config = {"times": 1000, "concurrency": concurrency, "timeout": 3}
        shares = constant.ConstantScenarioRunner.split_config(config, parts)
        given = [share for share in shares if share]
        self.assertEqual(parts, len(shares))
        self.assertEqual(
            concurrency, sum(share["concurrency"] for share in given)
        )
        self.assertTrue(all(
            {**share, "concurrency": concurrency} == config
            for share in given
        ))

    def test_concurrency_is_shared_out_by_weight(self) -> None:
        config = {"times": 100, "concurrency": 8, "timeout": 3}
        weigh = constant.ConstantScenarioRunner.weigh_config
        self.assertEqual(
            [{**config, "concurrency": 6}, {**config, "concurrency": 2}],
            weigh(config, [3, 1]),
        )
        self.assertEqual(
            [config, None], weigh(config, [100, 1])
        )

    @ddt.data(
        ({"times": 4, "concurrency": 4}, 0),
        ({"times": 3, "concurrency": 4}, 1),
        ({"concurrency": 2}, 1),
        ({}, 0),
    )
    @ddt.unpack
    def test_concurrency_must_not_exceed_times(
        self, config: t.Any, problems: int
    ) -> None:
        found = runner.ScenarioRunner.validate(
            name="constant", context=None, config=None, plugin_cfg=config
        )
        self.assertEqual(problems, len(found))


class ConstantForDurationTestCase(load.LoadTestCase):
    def test_it_ends_after_the_duration(self) -> None:
        started = time.monotonic()
        made = self.load(
            "constant_for_duration", duration=0.4, concurrency=4,
            args={"sleep": 0.01},
        )
        self.assertLess(time.monotonic() - started, 15)
        starts = self.starts(made)
        late = starts > starts.min() + 400_000_000
        # a thread may be held up between its look at the clock and the start
        self.assertLessEqual(late.sum(), 4)
        self.assertGreater(len(starts), 8)
        self.assertEqual([], made.lost)
        self.assertIsNone(made.asked)

    def test_without_duration_each_slot_runs_once(self) -> None:
        made = self.load("constant_for_duration", duration=0, concurrency=5)
        self.assertEqual([1, 2, 3, 4, 5], self.numbers(made))

    def takeover(self, late_s: float) -> tuple[t.Any, int]:
        """A load that begins *late_s* after its zero, which lasts 3 s.

        :returns: the runner, and the zero
        """
        made = self.make(
            "constant_for_duration", duration=3.0, concurrency=2
        )
        zero_ns = time.monotonic_ns() - int(late_s * 1e9)
        made.gate = gate.StartGate(lambda: None)
        made.gate.open(zero_ns, is_takeover=True)
        made.run("Test.fault", {}, {"sleep": 0.01})
        return made, clock.WALL_BASE_NS + zero_ns

    def test_who_takes_over_after_the_end_runs_nothing(self) -> None:
        self.assertEqual([], self.numbers(self.takeover(3.1)[0]))

    def test_who_takes_over_ends_with_the_others(self) -> None:
        made, zero_ns = self.takeover(2.0)
        starts = self.starts(made)
        self.assertGreater(len(starts), 4)
        late = starts > zero_ns + 3_000_000_000
        self.assertLessEqual(late.sum(), 2)  # as above: one for each thread

    def test_waiting_for_a_lease_ends_with_the_duration(self) -> None:
        made = self.make(
            "constant_for_duration", duration=0.2, concurrency=2
        )
        made.source = feed = source.LeaseFeed()
        feed.grant(1, 1, 3)
        started = time.monotonic()
        made.run("Test.fault", {}, {})
        self.assertLess(time.monotonic() - started, 15)
        self.assertEqual([1, 2, 3], self.numbers(made))
