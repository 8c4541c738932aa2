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

"""Tests of the open model."""

from __future__ import annotations

import threading
import time
import typing as t

import ddt
import numpy as np
import psutil

from rally.plugins.common.runners import rps
from rally.task import runner
from rally.task.load import source
from rally.task.results import saturation
from tests.unit.plugins.common.runners import load


@ddt.ddt
class RPSTestCase(load.LoadTestCase):
    def starts(self, made: t.Any) -> t.Any:
        """Moments of the starts, seconds after the first one was due."""
        started = np.concatenate([c.started_ns for c in made.result_queue])
        lags = np.concatenate([c.lag_ns for c in made.result_queue])
        return (started - (started - lags).min()) / 1e9

    def test_all_start_when_they_are_due(self) -> None:
        made = self.load("rps", times=200, rps=400)
        self.assertEqual(list(range(1, 201)), self.numbers(made))
        starts = self.starts(made)
        self.assertGreaterEqual(starts.max(), 199 / 400)
        self.assertLess(np.median(starts - np.arange(200) / 400), 0.05)
        self.assertEqual(400.0, made.offered_rate)

    def test_long_iterations_delay_nobody(self) -> None:
        made = self.load("rps", times=40, rps=100, args={"sleep": 0.5})
        lags = np.concatenate([c.lag_ns for c in made.result_queue]) / 1e9
        self.assertEqual(40, len(lags))
        self.assertLess(np.median(lags), 0.2)

    def test_with_few_at_once_lateness_is_recorded(self) -> None:
        made = self.load(
            "rps", times=10, rps=100, max_concurrency=1,
            args={"sleep": 0.05},
        )
        lags = np.concatenate([c.lag_ns for c in made.result_queue]) / 1e9
        self.assertGreater(lags[-1], 9 * 0.04 - 0.1)
        merged = made.board.merged()
        self.assertEqual(10, merged.lag.count)
        self.assertEqual(10, merged.response.count)
        self.assertEqual(
            merged.lag.total_ns + merged.durations.total_ns,
            merged.response.total_ns,
        )

    def test_starts_that_wait_for_a_slow_target_are_told_apart(self) -> None:
        made = self.load(
            "rps", times=24, rps=40, max_concurrency=2, args={"sleep": 0.2},
        )
        merged = made.board.merged()
        self.assertGreater(merged.lag.max_ns, 1_000_000_000)
        # the first two had a thread each
        self.assertGreaterEqual(merged.saturation.slot_wait.count, 20)
        late = saturation.late_starts(merged.saturation, merged.lag, 5e8)
        self.assertEqual(0, late)

    def test_starts_that_are_late_without_a_reason_count(self) -> None:
        made = self.make("rps", times=30, rps=100, max_concurrency=40)
        made.source = feed = source.LeaseFeed()

        def grant_late() -> None:
            feed.grant(1, 1, 30)
            feed.close()

        threading.Timer(1.0, grant_late).start()
        made.run("Test.fault", {}, {})
        merged = made.board.merged()
        self.assertGreaterEqual(
            saturation.late_starts(merged.saturation, merged.lag, 1e8), 25
        )

    def test_a_ramp_holds_for_the_run_not_for_a_process(self) -> None:
        made = self.load(
            "rps", times=24, rps={"start": 4, "end": 12, "step": 4}
        )
        counts, _ = np.histogram(self.starts(made), bins=[0, 1, 2, 3])
        self.assertLessEqual(abs(int(counts[0]) - 4), 1)
        self.assertLessEqual(abs(int(counts[1]) - 8), 2)
        self.assertEqual(24, counts.sum())

    def test_an_abort_wakes_who_waits(self) -> None:
        made = self.make("rps", times=1000, rps=0.5)
        aborted: list[int] = []

        def abort() -> None:
            aborted.append(self.now_ns())
            made.abort()

        threading.Timer(1.0, abort).start()
        started = time.monotonic()
        made.run("Test.fault", {}, {})
        self.assertLess(time.monotonic() - started, 15)
        self.assert_stops_within(made, aborted[0])
        self.assertEqual([1], self.numbers(made))
        self.assertEqual([], made.lost)

    def test_a_dead_worker_is_accounted(self) -> None:
        made = self.make("rps", times=300, rps=300)
        timer = threading.Timer(
            0.4, lambda: psutil.Process().children()[0].kill()
        )
        timer.start()
        made.run("Test.fault", {}, {"sleep": 0.02})
        self.assert_accounted(made, 300)
        self.assertLess(len(self.lost(made)), 100)

    def test_a_hanging_iteration_ends_at_its_timeout(self) -> None:
        started = time.monotonic()
        made = self.load(
            "rps", times=60, rps=200, timeout=2, max_concurrency=4,
            args={"does": "hangs", "at": 10},
        )
        self.assertLess(time.monotonic() - started, 15)
        self.assert_accounted(made, 60)
        self.assertEqual(1, made.board.merged().counters["timed_out"])

    def test_a_stride_of_numbers_keeps_the_schedule(self) -> None:
        made = self.make("rps", times=40, rps=100, max_concurrency=5)
        made.source = feed = source.LeaseFeed()
        feed.grant(2, 4, 10)
        feed.close()
        started_ns = self.now_ns()
        made.run("Test.fault", {}, {})
        self.assertEqual(list(range(2, 42, 4)), self.numbers(made))
        last = made.board.merged().last_started_ns
        self.assertGreaterEqual(last - started_ns, 370_000_000)

    def test_the_limit_is_shared_out_by_weight(self) -> None:
        weigh = rps.RPSScenarioRunner.weigh_config
        config = {"times": 10, "rps": 3}
        self.assertEqual(
            [8, 2], [s["max_concurrency"] for s in weigh(config, [3, 1]) if s]
        )

    def test_shares_sum_up_to_the_limit(self) -> None:
        split = rps.RPSScenarioRunner.split_config
        config = {"times": 10, "rps": 3}
        self.assertEqual(
            [4, 3, 3], [s["max_concurrency"] for s in split(config, 3) if s]
        )
        self.assertEqual(
            [{**config, "max_concurrency": 1}, None],
            split({**config, "max_concurrency": 1}, 2),
        )

    @ddt.data(
        ({"times": 1, "rps": 1}, 0),
        ({"times": 1, "rps": 0}, 1),
        ({"times": 1, "rps": {"start": 2, "end": 1, "step": 1}}, 1),
        ({"times": 1, "rps": {"start": 1, "end": 1, "step": 1}}, 0),
    )
    @ddt.unpack
    def test_a_ramp_goes_up(self, config: t.Any, problems: int) -> None:
        found = runner.ScenarioRunner.validate(
            name="rps", context=None, config=None, plugin_cfg=config
        )
        self.assertEqual(problems, len(found))
