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

"""What a workload needs to be run: a context object, and its plugins.

The engine makes the context object to run a workload, and a recovery makes
it again to clean up after an engine that died.
"""

from __future__ import annotations

import copy
import typing as t

from rally.common import validation
from rally.common.plugin import discover, plugin
from rally.task import context, runner, scenario, service, sla


def context_object(
    task: t.Any,
    env_data: t.Mapping[str, t.Any],
    contexts: t.Mapping[str, t.Any],
    scenario_name: str,
    owner_id: str,
) -> dict[str, t.Any]:
    """What the contexts of a workload get, before anything is set up.

    :param task: record of the task
    :param env_data: what the environment is, with records of its platforms
    :param contexts: those of the task file; the scenario may bring more
    :param owner_id: uuid of the workload
    """
    scenario_cls = scenario.Scenario.get(scenario_name)
    wanted = copy.deepcopy(scenario_cls.get_default_context())
    wanted.update(copy.deepcopy(dict(contexts)))
    return {
        "task": task,
        "owner_id": owner_id,
        "scenario_name": scenario_name,
        "config": {
            context.Context.get(name, allow_hidden=True).get_fullname(): value
            for name, value in wanted.items()
        },
        "env": as_plugins_see(env_data),
    }


def as_plugins_see(env_data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An environment of whose platforms there is just their data, by name.

    The records of the database have more.
    """
    return {**env_data, "platforms": platforms_data(env_data)}


def platforms_data(env_data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What each platform's plugin has put into ``platform_data``, by name."""
    return {
        name: platform["platform_data"]
        for name, platform in env_data["platforms"].items()
    }


def plugin_modules(
    scenario_name: str,
    runner_type: str,
    criteria: t.Iterable[str],
    contexts: t.Iterable[str],
) -> list[str]:
    """Modules that the plugins of a workload are in.

    An agent's load process loads those of installed packages, and Rally's
    own, instead of all that is installed there.

    :param runner_type: of the runner that an agent runs
    :param criteria: names of SLA criteria
    :param contexts: full names of contexts
    """
    plugins: list[type[plugin.Plugin]] = [
        scenario.Scenario.get(scenario_name),
        runner.ScenarioRunner.get(runner_type),
        *(sla.SLA.get(name) for name in criteria),
        *(context.Context.get(name, allow_hidden=True) for name in contexts),
    ]
    classes: set[type] = set()
    for each in plugins:
        classes |= {each, *_validators_of(each)}
    # a service looks for what implements it when it is used
    classes.update(discover.itersubclasses(service.Service))
    classes.update(discover.itersubclasses(service.UnifiedService))
    return sorted({cls.__module__ for cls in classes})


def _validators_of(cls: type[plugin.Plugin]) -> set[type]:
    """What checks the configuration of *cls*, and what these need."""
    found: set[type] = set()
    todo = [cls]
    while todo:
        for name, _, _ in todo.pop()._meta_get("validators", default=[]):
            validator = validation.Validator.get(name, allow_hidden=True)
            if validator not in found:
                found.add(validator)
                todo.append(validator)
    return found
