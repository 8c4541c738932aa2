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

"""Runner: iterations start at given moments, however long they take."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import validation
from rally.task import runner
from rally.task.load import plan as plan_module
from rally.task.work import schedule

Config = runner.Config


@validation.configure("check_rps")
class CheckPRSValidator(validation.Validator):
    """A ramp goes up: ``end`` is not below ``start``.

    Runner ``rps`` has it.

    .. code-block:: python

        @validation.add("check_rps")
    """

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        """Check the configuration of an rps runner."""
        rps = plugin_cfg["rps"]
        if isinstance(rps, dict) and rps["end"] < rps["start"]:
            self.fail(
                "Parameter 'end' of 'rps' (%s) must not be below 'start' "
                "(%s): a ramp only goes up. Swap them, or give a number for "
                "a constant rate." % (rps["end"], rps["start"])
            )


def _limit(config: Config) -> int:
    """How many iterations may run at a time."""
    return int(config.get("max_concurrency", config["times"]))


def _with_limits(
    config: Config, shares: t.Iterable[int]
) -> list[dict[str, t.Any] | None]:
    return [
        {**config, "max_concurrency": share} if share else None
        for share in shares
    ]


@validation.add("check_rps")
@runner.configure(name="rps")
class RPSScenarioRunner(runner.ScenarioRunner):
    """Start iterations at a given rate, however long they take.

    Iteration k is due at a moment that only the configuration tells. How
    late it really started is recorded, so a target that stalls shows.
    """

    STANDS_READY = True
    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "times": {
                "type": "integer",
                "minimum": 1,
                "description": "How many iterations run in all.",
            },
            "rps": {
                "description": "A rate, or a ramp of rates.",
                "anyOf": [
                    {
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "minimum": 0,
                        "description": "Iterations started per second.",
                    },
                    {
                        "type": "object",
                        "description": "A rate that grows step by step.",
                        "properties": {
                            "start": {
                                "type": "number",
                                "minimum": 1,
                                "description": "The first rate, per second.",
                            },
                            "end": {
                                "type": "number",
                                "minimum": 1,
                                "description": "The last and highest rate.",
                            },
                            "step": {
                                "type": "number",
                                "minimum": 1,
                                "description": "How much each step adds.",
                            },
                            "duration": {
                                "type": "number",
                                "minimum": 1,
                                "description": "Seconds that a step lasts "
                                               "(1 by default).",
                            },
                        },
                        "additionalProperties": False,
                        "required": ["start", "end", "step"],
                    },
                ]
            },
            "timeout": {
                "type": "number",
                "description": "Seconds after which an iteration is ended "
                               "and counts as failed (0 or absent: never).",
            },
            "max_concurrency": {
                "type": "integer",
                "minimum": 1,
                "description": "How many iterations may run at a time "
                               "(no limit by default).",
            },
            "max_cpu_count": {
                "type": "integer",
                "minimum": 1,
                "description": "The largest number of processes that make "
                               "load (all CPUs by default).",
            },
        },
        "required": ["times", "rps"],
        "additionalProperties": False,
    }

    @classmethod
    def load_plan(cls, config: Config) -> plan_module.LoadPlan:
        """An open model: iteration numbers have due moments."""
        return plan_module.LoadPlan(
            times=config["times"],
            concurrency=_limit(config),
            schedule=schedule.Schedule.of_config(config["rps"]),
            timeout_s=config.get("timeout") or None,
            max_processes=config.get("max_cpu_count"),
        )

    @classmethod
    def split_config(
        cls, config: Config, parts: int
    ) -> list[dict[str, t.Any] | None]:
        """Split the concurrency; the schedule stays whole.

        Each agent gets every n-th iteration number, so agents interleave.
        """
        return _with_limits(
            config, plan_module.split_evenly(_limit(config), parts)
        )

    @classmethod
    def weigh_config(
        cls, config: Config, weights: t.Sequence[int]
    ) -> list[dict[str, t.Any] | None]:
        """Split the concurrency by weight; the schedule is dealt by it."""
        return _with_limits(
            config, plan_module.split_by_weight(_limit(config), weights)
        )

    def _run_scenario(
        self,
        cls: t.Any,
        method_name: str,
        context: dict[str, t.Any],
        args: dict[str, t.Any],
    ) -> None:
        plan = self.load_plan(self.config)
        self._log_debug_info(
            times=plan.times, rps=self.config["rps"],
            max_concurrency=plan.concurrency, timeout=plan.timeout_s,
        )
        self._run_plan(plan, cls, method_name, context, args)
