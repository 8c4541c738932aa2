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

"""Checking one workload with all plugins it names."""

from __future__ import annotations

import typing as t

from rally.task import context, hook, runner, scenario, sla


def problems(
    workload: dict[str, t.Any],
    vcontext: dict[str, t.Any] | None,
    vtype: str | tuple[str, ...] | None,
) -> t.Iterator[str]:
    """What is wrong with a workload, as sentences.

    :param vtype: which kinds of validators are asked; None: all
    """
    name = workload["name"]
    scenario_cls = scenario.Scenario.get(name)
    yield from scenario.Scenario.validate(
        name=name, context=vcontext, config=workload, plugin_cfg=None,
        vtype=vtype,
    )

    def check(
        base: t.Any, plugin: str, plugin_cfg: t.Any, hidden: bool = False
    ) -> list[str]:
        return base.validate(
            name=plugin, context=vcontext, config=None,
            plugin_cfg=plugin_cfg, allow_hidden=hidden, vtype=vtype,
        )

    found = check(
        runner.ScenarioRunner, workload["runner_type"], workload["runner"]
    )
    yield from found
    if not found and vtype == "syntax":
        runner_cls = runner.ScenarioRunner.get(workload["runner_type"])
        yield from runner_cls.check_workload(workload)
    for ctx_name, ctx_cfg in scenario_cls.get_default_context().items():
        yield from check(context.Context, ctx_name, ctx_cfg, hidden=True)
    for ctx_name, ctx_cfg in workload["contexts"].items():
        yield from check(context.Context, ctx_name, ctx_cfg)
    for criterion, value in workload["sla"].items():
        yield from check(sla.SLA, criterion, value)
    for hook_cfg in workload["hooks"]:
        yield from check(hook.HookAction, *hook_cfg["action"])
        yield from check(hook.HookTrigger, *hook_cfg["trigger"])
