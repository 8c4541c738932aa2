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

"""Runner: iterations one after another, in the engine's own process."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.task import runner
from rally.task.load import coroutines, forks, iteration, shared
from rally.task.load import plan as plan_module


@runner.configure(name="serial")
class SerialScenarioRunner(runner.ScenarioRunner):
    """Run iterations one after another in the engine's own process.

    A run is repeated ``times`` times; the next begins when the one before
    has ended.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "times": {
                "type": "integer",
                "minimum": 1,
                "description": "How many iterations to run (1 by default).",
            }
        },
        "additionalProperties": True,
    }

    @classmethod
    def load_plan(cls, config: runner.Config) -> plan_module.LoadPlan:
        """One iteration at a time, on one agent."""
        return plan_module.LoadPlan(
            times=config.get("times", 1), concurrency=1, max_processes=1,
        )

    @classmethod
    def split_config(
        cls, config: runner.Config, parts: int
    ) -> list[dict[str, t.Any] | None]:
        """Everything to the first agent."""
        rest: list[dict[str, t.Any] | None] = [None] * (parts - 1)
        return [dict(config), *rest]

    def _run_scenario(
        self,
        cls: t.Any,
        method_name: str,
        context: dict[str, t.Any],
        args: dict[str, t.Any],
    ) -> None:
        source = self._claim_source(self.load_plan(self.config))
        source.on_change(source.wake)
        copies = shared.Counter()
        one = iteration.IterationRunner(
            cls, method_name, context, args, forks.ForkGuard(copies)
        )
        slot = iteration.Slot()
        unstarted: list[int] = []
        with coroutines.one_at_a_time(one) as run:
            while not unstarted:
                numbers = source.draw_many(1)
                if not numbers:
                    break
                if not source.may_start(numbers[0]):
                    unstarted.extend(numbers)
                    break
                self.send_event("iteration", numbers[0])
                self._send_row(run(numbers[0], slot))
        source.give_back([*unstarted, *source.held()])
        self.count("forked_copies", copies.value)
        if copies.value:
            self.problem(forks.problem_of(copies.value))
