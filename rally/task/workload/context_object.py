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

"""The context object of a workload, as it is before anything is set up.

The engine makes it to run a workload, and a recovery makes it again to clean
up after an engine that died.
"""

from __future__ import annotations

import copy
import typing as t

from rally.task import context, scenario


def prepare(
    task: t.Any,
    env_data: t.Mapping[str, t.Any],
    contexts: t.Mapping[str, t.Any],
    scenario_name: str,
    owner_id: str,
) -> dict[str, t.Any]:
    """What the contexts of a workload get.

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
    """An environment whose platforms are their data, by name of the platform.

    That is all that scenarios and contexts get to see of a platform; the
    records of the database have more.
    """
    return {**env_data, "platforms": platforms_data(env_data)}


def platforms_data(env_data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What each platform's plugin has put into ``platform_data``, by name."""
    return {
        name: platform["platform_data"]
        for name, platform in env_data["platforms"].items()
    }
