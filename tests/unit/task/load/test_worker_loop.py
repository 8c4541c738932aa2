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

"""Tests of loads whose iterations are coroutines, in real processes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import signal
import threading
import time
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import clock
from rally.task import atomic, runner, scenario
from rally.task.load import source
from tests.unit.plugins.common.runners import load

REMEMBERED: contextvars.ContextVar[int] = contextvars.ContextVar(
    "remembered", default=0
)


class AsyncFault(scenario.Scenario):
    """Does what it is told to in iteration *at*, or in every one (0)."""

    async def run(
        self, does: str = "", at: int = 0, sleep: float = 0.0
    ) -> None:
        async with atomic.ActionTimer(self, "sleep"):
            if sleep:
                await asyncio.sleep(sleep)
        if at and self.context["iteration"] != at:
            return
        if does == "hangs":
            await self.hang()
        elif does == "swallows":
            for _ in range(3):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(20)
        elif does == "blocks":
            time.sleep(1)
        elif does == "hogs":
            time.sleep(30)
        elif does == "leaves":
            raise SystemExit(0)
        elif does == "task leaves":
            await asyncio.create_task(self.leave())
        elif does == "remembers":
            assert REMEMBERED.get() == 0, "what another one remembers"
            REMEMBERED.set(self.context["iteration"])
        elif does == "leaves late":
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(20)
            await asyncio.sleep(0.3)
            await asyncio.create_task(self.leave())
        elif does == "idles":
            await self.async_sleep_between(0.05)
            await self.async_sleep_between(0.01, 0.02)
        elif does == "cancels itself":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        elif does == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif does == "forks":
            os.fork()
        elif does == "at once":
            await asyncio.gather(*map(self.step, "abc"))

    async def hang(self) -> None:
        await asyncio.sleep(20)

    async def leave(self) -> None:
        raise SystemExit(0)

    async def step(self, name: str) -> None:
        async with atomic.ActionTimer(self, name):
            await asyncio.sleep(0.001)


class Returns(scenario.Scenario):
    """Its coroutine is awaited by nobody."""

    def run(self) -> t.Any:
        return self.work()

    async def work(self) -> None:
        pass


class WorkerLoopTestCase(load.LoadTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name, cls in (
            ("Test.async_fault", AsyncFault), ("Test.returns", Returns),
        ):
            scenario.configure(name=name)(cls)
            self.addCleanup(cls.unregister)

    def load(
        self, kind: str, args: t.Any = None, scenario: str = "async_fault",
        **config: t.Any,
    ) -> t.Any:
        """A runner after its run."""
        made = self.make(kind, **config)
        context = {"task": {"uuid": "task"}}
        made.run("Test." + scenario, context, args or {})
        return made

    def errors(self, made: t.Any) -> list[t.Any]:
        return [
            error for chunk in made.result_queue
            for error in chunk.errors.values()
        ]


@ddt.ddt
class ClosedLoadTestCase(WorkerLoopTestCase):
    @ddt.data((1, 1), (7, 3), (2000, 8), (3000, 3000))
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

    @hypothesis.settings(max_examples=8)
    @hypothesis.given(
        times=st.integers(1, 300), share=st.floats(0, 1),
        sleep=st.sampled_from([0, 0.001]), timeout=st.sampled_from([0, 9]),
    )
    def test_any_load_is_accounted(
        self, times: int, share: float, sleep: float, timeout: int
    ) -> None:
        concurrency = max(1, int(times * share))
        made = self.load(
            "constant", times=times, concurrency=concurrency,
            timeout=timeout, args={"sleep": sleep},
        )
        self.assertEqual(list(range(1, times + 1)), self.numbers(made))
        self.assertEqual(0, made.counters["late"])

    def test_as_many_run_at_once_as_asked_for(self) -> None:
        made = self.load(
            "constant", times=60, concurrency=5, args={"sleep": 0.02}
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

    def test_chunks_are_full_and_in_order(self) -> None:
        made = self.load(
            "constant", times=450, concurrency=40, args={"sleep": 0.0005}
        )
        chunks = list(made.result_queue)
        self.assertEqual([100, 100, 100, 100, 50], list(map(len, chunks)))
        starts = [s for c in chunks for s in c.started_ns.tolist()]
        self.assertEqual(sorted(starts), starts)

    def test_without_a_duration_each_slot_runs_once(self) -> None:
        made = self.load("constant_for_duration", duration=0, concurrency=30)
        self.assertEqual(30, len(self.numbers(made)))

    def test_nothing_starts_after_the_duration(self) -> None:
        made = self.load(
            "constant_for_duration", duration=0.3, concurrency=30,
            args={"sleep": 0.01},
        )
        starts = self.starts(made)
        self.assertLessEqual(starts.max() - starts.min(), 320_000_000)
        self.assertEqual([], made.lost)
        self.assertEqual(len(starts), made.board.merged().iterations)

    def test_actions_side_by_side_are_not_nested(self) -> None:
        made = self.load(
            "constant", times=20, concurrency=10, args={"does": "at once"}
        )
        for chunk in made.result_queue:
            for row in chunk:
                names = [a["name"] for a in row["atomic_actions"]]
                self.assertEqual(["sleep", "a", "b", "c"], names)

    @ddt.data("leaves", "task leaves", "cancels itself")
    def test_what_it_raises_costs_one_iteration_at_most(
        self, does: str
    ) -> None:
        made = self.load(
            "constant", times=50, concurrency=10,
            args={"does": does, "at": 5, "sleep": 0.001},
        )
        self.assertEqual(list(range(1, 51)), self.numbers(made))
        failed = 0 if does == "cancels itself" else 1
        self.assertEqual(failed, made.board.merged().failed)

    def test_context_variables_are_those_of_one_iteration(self) -> None:
        made = self.load(
            "constant", times=40, concurrency=4,
            args={"does": "remembers", "sleep": 0.001},
        )
        self.assertEqual([], self.errors(made))

    def test_who_ends_the_program_late_costs_no_results(self) -> None:
        made = self.load(
            "constant", times=20, concurrency=20, timeout=0.3,
            args={"does": "leaves late", "at": 5},
        )
        self.assertEqual(list(range(1, 21)), self.numbers(made))
        self.assertEqual([], made.problems_so_far())

    def test_what_it_sleeps_between_is_idle(self) -> None:
        made = self.load(
            "constant", times=10, concurrency=10, args={"does": "idles"}
        )
        for chunk in made.result_queue:
            for row in chunk:
                self.assertGreaterEqual(row["idle_duration"], 0.06)
                self.assertLess(row["duration"], row["idle_duration"])

    @ddt.data("hangs", "swallows")
    def test_an_iteration_is_cancelled_at_its_timeout(
        self, does: str
    ) -> None:
        began = time.monotonic()
        made = self.load(
            "constant", times=100, concurrency=20, timeout=2,
            args={"does": does, "at": 5, "sleep": 0.001},
        )
        self.assertLess(time.monotonic() - began, 15)
        self.assert_accounted(made, 100)
        merged = made.board.merged()
        self.assertEqual(1, merged.failed)
        self.assertEqual(1, merged.counters["timed_out"])
        self.assertEqual(
            int(does == "swallows"), merged.counters["abandoned_coroutines"]
        )
        (error,) = self.errors(made)
        self.assertEqual("ThreadTimeoutException", error[0])
        self.assertIn("await asyncio.sleep(20)", error[2])

    def test_all_are_cancelled_if_all_take_too_long(self) -> None:
        made = self.load(
            "constant", times=100, concurrency=25, timeout=0.1,
            args={"sleep": 10},
        )
        merged = made.board.merged()
        self.assertEqual((100, 100), (merged.iterations, merged.failed))
        self.assert_accounted(made, 100)

    def test_a_coroutine_that_holds_up_the_loop_is_named(self) -> None:
        made = self.load(
            "constant", times=40, concurrency=10,
            args={"does": "blocks", "at": 7, "sleep": 0.1},
        )
        (problem,) = made.problems_so_far()
        self.assertIn("held up the event loop", problem)
        self.assertIn("time.sleep(1)", problem)

    def test_a_loop_held_up_beyond_the_timeout_is_ended(self) -> None:
        made = self.load(
            "constant", times=20, concurrency=2, timeout=0.5,
            args={"does": "hogs", "at": 5, "sleep": 0.01},
        )
        self.assert_accounted(made, 20)
        self.assertIn(5, self.lost(made))
        self.assertIn("it hung", made.lost[0].reason)

    @ddt.data("killed", "forks")
    def test_deaths_and_copies_are_handled_as_with_threads(
        self, does: str
    ) -> None:
        made = self.load(
            "constant", times=300, concurrency=20,
            args={"does": does, "at": 50, "sleep": 0.002},
        )
        self.assert_accounted(made, 300)
        self.assertEqual(
            [50] if does == "killed" else [],
            [n for n in self.lost(made) if n == 50],
        )
        self.assertEqual(does == "forks", made.counters["forked_copies"])

    def test_a_coroutine_that_nobody_awaits_is_no_success(self) -> None:
        made = self.load("constant", scenario="returns", times=3)
        self.assertEqual(
            ["CoroutineNotAwaited"] * 3, [e[0] for e in self.errors(made)]
        )

    def test_a_stop_lets_what_runs_end(self) -> None:
        made = self.make("constant", times=10**6, concurrency=50)
        stopped = []

        def stop() -> None:
            time.sleep(0.5)
            stopped.append(clock.now_ns())
            made.abort()

        stopper = threading.Thread(target=stop)
        stopper.start()
        made.run("Test.async_fault", {}, {"sleep": 0.02})
        stopper.join()
        self.assert_stops_within(made, stopped[0])
        self.assertEqual([], made.lost)
        self.assertLessEqual(
            len(self.numbers(made)), made.source.drawn_count
        )
        self.assertEqual(0, made.board.merged().failed)


class FedLoadTestCase(WorkerLoopTestCase):
    """Numbers come bit by bit, and behind a fence."""

    @hypothesis.settings(max_examples=6)
    @hypothesis.given(
        grants=st.lists(st.integers(1, 60), min_size=1, max_size=6)
    )
    def test_each_granted_number_is_run_once(self, grants: t.Any) -> None:
        made = self.make("constant", times=1, concurrency=20)
        feed = made.source = source.LeaseFeed(fence_ns=0)

        def feed_it() -> None:
            first = 1
            for count in grants:
                feed.grant(first, 1, count)
                first += count
                feed.renew(time.monotonic_ns() + 5_000_000_000)
                time.sleep(0.02)
                feed.renew(0)  # nothing starts until the next renewal
            feed.renew(1 << 62)
            feed.close()

        feeder = threading.Thread(target=feed_it)
        feeder.start()
        made.run("Test.async_fault", {}, {"sleep": 0.001})
        feeder.join()
        self.assert_accounted(made, sum(grants))
        self.assertEqual([], made.lost)

    def test_a_stop_ends_the_wait_for_numbers(self) -> None:
        made = self.make("constant", times=1, concurrency=20)
        feed = made.source = source.LeaseFeed()
        feed.grant(1, 1, 10)
        threading.Timer(0.4, feed.stop).start()
        made.run("Test.async_fault", {}, {})
        self.assertEqual(list(range(1, 11)), self.numbers(made))


class OpenLoadTestCase(WorkerLoopTestCase):
    def test_iterations_start_as_they_are_due(self) -> None:
        made = self.load(
            "rps", times=400, rps=1000, args={"sleep": 0.05}
        )
        self.assertEqual(list(range(1, 401)), self.numbers(made))
        starts = sorted(self.starts(made).tolist())
        self.assertGreaterEqual(starts[-1] - starts[0], 390_000_000)

    def test_no_more_run_than_allowed_and_the_wait_is_counted(self) -> None:
        made = self.load(
            "rps", times=60, rps=1000, max_concurrency=4, max_cpu_count=1,
            args={"sleep": 0.01},
        )
        merged = made.board.merged()
        self.assertEqual(60, merged.iterations)
        self.assertGreater(merged.saturation.slot_wait.count, 40)

    def test_a_stop_does_not_wait_for_what_is_due_later(self) -> None:
        made = self.make("rps", times=3, rps=0.01)
        threading.Timer(0.4, made.abort).start()
        began = time.monotonic()
        made.run("Test.async_fault", {}, {})
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual([1], self.numbers(made))


class OneAtATimeTestCase(WorkerLoopTestCase):
    def test_serial_runs_coroutines(self) -> None:
        made = self.load("serial", times=5, args={"does": "at once"})
        self.assertEqual(list(range(1, 6)), self.numbers(made))
        self.assertEqual(0, made.board.merged().failed)

    def test_runners_of_plugins_get_a_result(self) -> None:
        result = runner._run_scenario_once(
            AsyncFault, "run", {"iteration": 3}, {}, _Events()
        )
        self.assertEqual(
            ["sleep"], [a["name"] for a in result["atomic_actions"]]
        )
        self.assertEqual([], result["error"])


class _Events:
    def put(self, event: t.Any) -> None:
        """Nobody listens."""
