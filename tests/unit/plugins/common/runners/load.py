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

"""Runs real loads for the tests of the runners."""

from __future__ import annotations

import gc
import os
import signal
import time
import typing as t

import numpy as np
import psutil

from rally import plugins
from rally.common import clock
from rally.task import runner, scenario
from rally.task.results import progressions
from tests.unit import test


class Task(dict[str, t.Any]):
    """A task record as far as a runner knows it."""

    def result_has_valid_schema(self, result: t.Any) -> bool:
        return True


class Fault(scenario.Scenario):
    """Does what it is told to in iteration *at*."""

    def run(self, does: str = "", at: int = 0, sleep: float = 0.0) -> None:
        if sleep:
            time.sleep(sleep)
        if self.context["iteration"] != at:
            return
        if does == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif does == "exits":
            os._exit(7)
        elif does == "closes":
            os.closerange(3, 1024)
        elif does == "hangs":
            time.sleep(20)
        elif does == "leaves":
            raise SystemExit(0)
        elif does == "forks":  # a child that keeps all descriptors open
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)


class LoadTestCase(test.TestCase):
    """Makes loads; each test ends without a process left."""

    def setUp(self) -> None:
        super().setUp()
        plugins.load()
        scenario.configure(name="Test.fault")(Fault)
        self.addCleanup(Fault.unregister)
        process = psutil.Process()
        before = set(process.children())
        fds = process.num_fds()
        self.addCleanup(self._check_is_clean, process, before, fds)

    def _check_is_clean(
        self, process: psutil.Process, before: t.Any, fds: int
    ) -> None:
        self.assertEqual(set(), set(process.children()) - before)
        gc.collect()  # of the runners, with their sources
        self.assertLessEqual(process.num_fds(), fds)

    def make(self, kind: str, **config: t.Any) -> t.Any:
        """A runner with chunks of 100 and a criterion."""
        made = runner.ScenarioRunner.get(kind)(
            Task(uuid="task"), config, batch_size=100
        )
        made.configure_streams({"failure_rate": {"max": 0}}, 100, True)
        return made

    def load(self, kind: str, args: t.Any = None, **config: t.Any) -> t.Any:
        """A runner after its run."""
        made = self.make(kind, **config)
        made.run("Test.fault", {"task": {"uuid": "task"}}, args or {})
        return made

    def numbers(self, made: t.Any) -> list[int]:
        """Numbers of what was delivered, sorted."""
        parts = [chunk.numbers for chunk in made.result_queue]
        return sorted(np.concatenate(parts).tolist()) if parts else []

    def starts(self, made: t.Any) -> t.Any:
        """When what was delivered started, ns, in no order."""
        return np.concatenate(
            [chunk.started_ns for chunk in made.result_queue]
        )

    def lost(self, made: t.Any) -> list[int]:
        return [
            n for each in made.lost
            for n in progressions.numbers_of(each.numbers)
        ]

    def assert_accounted(self, made: t.Any, times: int) -> None:
        """Each number is stored or lost, none twice; aggregates agree."""
        stored = self.numbers(made)
        self.assertEqual(
            list(range(1, times + 1)), sorted(stored + self.lost(made))
        )
        self.assertEqual(len(stored), made.board.merged().iterations)

    def assert_stops_within(self, made: t.Any, abort_ns: int) -> None:
        """No start later than 2 s after the abort.

        Usually it takes milliseconds; the tests share their CPUs.
        """
        last = made.board.merged().last_started_ns
        if last is not None:
            self.assertLess(last - abort_ns, 2_000_000_000)

    @staticmethod
    def now_ns() -> int:
        return clock.now_ns()
