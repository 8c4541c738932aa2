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

"""What the configuration of the distributed runner asks for.

Which runner is spread, over how many agents, who starts them, and how they
share the load.
"""

from __future__ import annotations

import typing as t

from rally.common.counting import counted
from rally.task import agent_provider, runner
from rally.task.work import selection as selection_module

if t.TYPE_CHECKING:
    from rally.task.distributed.controller import plan as plan_types


def problems(config: dict[str, t.Any]) -> list[str]:
    """Why it cannot be done, in sentences; none if it can."""
    found = [*_check_inner(config), *_check_provider(config)]
    return found or _check_weights(config)


def inner(config: t.Mapping[str, t.Any]) -> tuple[str, dict[str, t.Any]]:
    """Type and configuration of the inner runner."""
    ((inner_type, inner_config),) = config["runner"].items()
    return inner_type, inner_config


def _check_inner(config: dict[str, t.Any]) -> list[str]:
    """Whether the inner runner exists and can be split."""
    inner_type, inner_config = inner(config)
    if inner_type.partition("@")[0] == "distributed":
        return [
            "A distributed runner cannot run inside another one: agents run "
            "ordinary runners. Name for example constant or rps under "
            "`runner`."
        ]
    problems = runner.ScenarioRunner.validate(
        name=inner_type, context=None, config=None, plugin_cfg=inner_config,
    )
    if problems:
        return problems
    inner_cls = runner.ScenarioRunner.get(inner_type)
    try:
        inner_cls.load_plan(inner_config)
        inner_cls.split_config(inner_config, 2)
    except runner.NotDistributable as e:
        return [e.format_message()]
    return []


def provided(
    config: t.Mapping[str, t.Any]
) -> tuple[str, dict[str, t.Any]] | None:
    """Who is to start agents for the task, and how; None: nobody."""
    if "local_agents" in config:
        return "local", {"count": config["local_agents"]}
    if selection_module.count_of(config["agents"]) is not None:
        return None
    ((name, provider_config),) = config["agents"].items()
    return name, provider_config


def installs(config: t.Mapping[str, t.Any]) -> bool:
    """Whether agents are to have what this host has, plugins included."""
    name, provider_config = provided(config) or ("", {})
    return bool(name) and agent_provider.AgentProvider.get(name).installs(
        provider_config
    )


def is_of_this_host(config: t.Mapping[str, t.Any]) -> bool:
    """Whether agents are started that cannot be on another host."""
    name, _ = provided(config) or ("", {})
    return bool(name) and not (
        agent_provider.AgentProvider.get(name).OUTLIVES_CONTROLLER
    )


def _check_provider(config: t.Mapping[str, t.Any]) -> list[str]:
    """Whether there is such a provider, and takes its configuration."""
    found = provided(config)
    if found is None:
        return []
    name, provider_config = found
    return agent_provider.AgentProvider.validate(
        name=name, context=None, config=None, plugin_cfg=provider_config,
    )


def wanted(config: t.Mapping[str, t.Any]) -> tuple[str, int]:
    """Who starts agents (empty: nobody), and how many are waited for."""
    found = provided(config)
    if found is None:
        return "", selection_module.count_of(config["agents"]) or 0
    name, provider_config = found
    cls = agent_provider.AgentProvider.get(name)
    return name, cls.count(provider_config)


def _check_weights(config: dict[str, t.Any]) -> list[str]:
    """Whether the load can be shared out as ``weights`` says."""
    weights = selection_module.Selection.of_config(config).weights
    if not weights:
        return []
    provider, count = wanted(config)
    if provider == "local":
        return [
            "Agents of this host have no labels, so weights cannot tell them "
            "apart. Leave out `weights`, or use `agents`."
        ]
    if count < len(weights):
        return [
            "Weights name %s of agents, and %s asked for, so some group "
            "would have none. Ask for more `agents`." % (
                counted(len(weights), "group"),
                counted(count, "agent is", "agents are"),
            )
        ]
    inner_type, inner_config = inner(config)
    try:
        shares = runner.ScenarioRunner.get(inner_type).weigh_config(
            inner_config, list(weights.values())
        )
    except runner.NotWeighable as e:
        return [e.format_message()]
    empty = [group for group, share in zip(weights, shares) if not share]
    return [
        "The concurrency is too low to be shared out by weight: rounded to "
        "whole iterations, nothing is left for %s. Raise the concurrency, or "
        "the lowest weight." % ", ".join(empty)
    ] if empty else []


def sendable(share: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    """A share of the inner runner's configuration, as agents get it.

    :raises CannotBeSent: it would not arrive as it is
    """
    from rally.task.serialization import context_codec

    if share is None:
        return None
    plain = context_codec.check_round_trip(share, "runner")
    return t.cast("dict[str, t.Any]", plain)


def splitting(
    inner_cls: type[runner.ScenarioRunner],
    config: dict[str, t.Any],
    weights: t.Mapping[str, int],
) -> t.Callable[[t.Mapping[str, int]], list[plan_types.GroupShare]] | None:
    """How the load is split once it is known who is there; None: evenly."""
    from rally.task.distributed.controller import plan as plan_module

    if not weights:
        return None
    parts = inner_cls.weigh_config(config, list(weights.values()))

    def split(sizes: t.Mapping[str, int]) -> list[plan_types.GroupShare]:
        return [
            plan_module.GroupShare(
                group, sendable(share),
                inner_cls.load_plan(share).concurrency if share else 0,
            )
            for group, part in zip(weights, parts) if part
            for share in inner_cls.split_config(part, sizes[group])
        ]

    return split
