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

"""Which modules the plugins of a workload come from.

An agent's load process loads these instead of all that is installed there.
"""

from __future__ import annotations

import typing as t

from rally.common import validation
from rally.common.plugin import discover, importing, plugin
from rally.task import context, runner, scenario, service, sla


def modules_of(
    scenario_name: str,
    runner_type: str,
    criteria: t.Iterable[str],
    contexts: t.Iterable[str],
) -> tuple[str, ...]:
    """Modules of installed packages, sorted; Rally's own are always loaded.

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
    packages = importing.plugin_packages()
    return tuple(sorted(
        name for name in {cls.__module__ for cls in classes}
        if importing.is_in(name, packages)
    ))


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
