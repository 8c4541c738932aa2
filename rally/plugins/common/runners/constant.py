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

"""Runners: a constant number of iterations at a time."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import validation
from rally.task import runner
from rally.task.load import plan as plan_module

Config = runner.Config


@validation.configure("check_constant")
class CheckConstantValidator(validation.Validator):
    """There are not more iterations at a time than in all.

    Runner ``constant`` has it.

    .. code-block:: python

        @validation.add("check_constant")
    """

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        """Check the configuration of a constant runner."""
        concurrency = plugin_cfg.get("concurrency", 1)
        times = plugin_cfg.get("times", 1)
        if concurrency > times:
            self.fail(
                "Parameter 'concurrency' (%s) means a number of iterations "
                "that run at once, so it must not exceed 'times' (%s), the "
                "number of all iterations. Lower the one or raise the "
                "other." % (concurrency, times)
            )


def split_by_concurrency(
    config: Config, parts: int
) -> list[dict[str, t.Any] | None]:
    """Shares with the concurrency split; all else is whole in each.

    Iteration numbers come from whoever splits, so ``times`` is no share.
    """
    return _with_concurrencies(
        config,
        plan_module.split_evenly(config.get("concurrency", 1), parts),
    )


def _with_concurrencies(
    config: Config, shares: t.Iterable[int]
) -> list[dict[str, t.Any] | None]:
    return [
        {**config, "concurrency": share} if share else None
        for share in shares
    ]


class _ConstantBase(runner.ScenarioRunner):
    """What the runners of a closed model have in common."""

    STANDS_READY = True

    @classmethod
    def split_config(
        cls, config: Config, parts: int
    ) -> list[dict[str, t.Any] | None]:
        """Split the concurrency."""
        return split_by_concurrency(config, parts)

    @classmethod
    def weigh_config(
        cls, config: Config, weights: t.Sequence[int]
    ) -> list[dict[str, t.Any] | None]:
        """Split the concurrency by weight, rounded to whole iterations."""
        return _with_concurrencies(
            config,
            plan_module.split_by_weight(
                config.get("concurrency", 1), weights
            ),
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
            times=plan.times, concurrency=plan.concurrency,
            duration=plan.duration_s, timeout=plan.timeout_s,
        )
        self._run_plan(plan, cls, method_name, context, args)


@validation.add("check_constant")
@runner.configure(name="constant")
class ConstantScenarioRunner(_ConstantBase):
    """Run a number of iterations, a constant number of them at a time.

    As soon as one ends, the next one starts, until ``times`` have run.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "concurrency": {
                "type": "integer",
                "minimum": 1,
                "description": "How many iterations run at a time (1 by "
                               "default).",
            },
            "times": {
                "type": "integer",
                "minimum": 1,
                "description": "How many iterations run in all (1 by "
                               "default).",
            },
            "timeout": {
                "type": "number",
                "description": "Seconds after which an iteration is ended "
                               "and counts as failed (0 or absent: never).",
            },
            "max_cpu_count": {
                "type": "integer",
                "minimum": 1,
                "description": "The largest number of processes that make "
                               "load (all CPUs by default).",
            },
        },
        "additionalProperties": False,
    }

    @classmethod
    def load_plan(cls, config: Config) -> plan_module.LoadPlan:
        """A closed model with an end."""
        return plan_module.LoadPlan(
            times=config.get("times", 1),
            concurrency=config.get("concurrency", 1),
            timeout_s=config.get("timeout") or None,
            max_processes=config.get("max_cpu_count"),
        )


@runner.configure(name="constant_for_duration")
class ConstantForDurationScenarioRunner(_ConstantBase):
    """Run a constant number of iterations at a time for some time.

    As soon as one ends, the next one starts, until ``duration`` seconds
    have passed; those that run then may finish.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "concurrency": {
                "type": "integer",
                "minimum": 1,
                "description": "How many iterations run at a time (1 by "
                               "default).",
            },
            "duration": {
                "type": "number",
                "minimum": 0.0,
                "description": "Seconds after which nothing is started.",
            },
            "timeout": {
                "type": "number",
                "minimum": 1,
                "description": "Seconds after which an iteration is ended "
                               "and counts as failed (600 by default).",
            },
        },
        "required": ["duration"],
        "additionalProperties": False,
    }

    @classmethod
    def load_plan(cls, config: Config) -> plan_module.LoadPlan:
        """A closed model without a number of iterations."""
        return plan_module.LoadPlan(
            times=None,
            concurrency=config.get("concurrency", 1),
            duration_s=config["duration"],
            timeout_s=config.get("timeout", 600),
        )
