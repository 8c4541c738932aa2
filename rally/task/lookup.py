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

"""Finding the one resource that a task file means, by name or by id."""

from __future__ import annotations

import re
import typing as t

from rally import exceptions


def obj_from_name(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
) -> t.Any:
    """Find the resource that a name or a regular expression means.

    :param resource_config: ``{"name": ...}``: an equal name, else a regular
        expression; or ``{"regex": ...}``
    :param resources: objects with ``id`` and ``name``
    :param typename: what they are, for messages
    :raises InvalidScenarioArgument: none or several match
    """
    title = typename.title()
    if "name" not in resource_config and "regex" not in resource_config:
        raise exceptions.InvalidScenarioArgument(
            f"{title} 'id', 'name', or 'regex' not found in "
            f"'{resource_config}'"
        )
    by_name = "name" in resource_config
    pattern = resource_config["name" if by_name else "regex"]
    candidates = list(resources)
    matches = []
    if by_name:
        matches = [r for r in candidates if r.name == pattern]
    if not matches:
        matches = _matching(pattern, candidates)
    if not matches:
        raise exceptions.InvalidScenarioArgument(
            f"{title} with pattern '{pattern}' not found"
        )
    if len(matches) > 1:
        ids = ", ".join(str(r.id) for r in matches)
        raise exceptions.InvalidScenarioArgument(
            f"{title} with name '{pattern}' is ambiguous, possible matches "
            f"by id: {ids}"
        )
    return matches[0]


def _matching(pattern: str, resources: list[t.Any]) -> list[t.Any]:
    try:
        expression = re.compile(pattern)
    except re.error:  # a name that only looks like an expression
        return []
    return [r for r in resources if expression.search(r.name or "")]


def obj_from_id(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
) -> t.Any:
    """Find the resource with an id.

    :param resource_config: ``{"id": ...}``
    :param resources: objects with ``id``
    :param typename: what they are, for messages
    :raises InvalidScenarioArgument: there is none
    """
    title = typename.title()
    if "id" not in resource_config:
        raise exceptions.InvalidScenarioArgument(
            f"{title} 'id' not found in '{resource_config}'"
        )
    wanted = resource_config["id"]
    for resource in resources:
        if resource.id == wanted:
            return resource
    raise exceptions.InvalidScenarioArgument(
        f"{title} with id '{wanted}' not found"
    )


def id_from_name(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
    id_attr: str = "id",
) -> t.Any:
    try:
        found = obj_from_name(resource_config, resources, typename)
        return getattr(found, id_attr)
    except AttributeError:
        raise exceptions.InvalidScenarioArgument(
            f"{typename.title()} found by {resource_config} has no "
            f"attribute '{id_attr}'"
        ) from None


def name_from_id(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
) -> t.Any:
    return obj_from_id(resource_config, resources, typename).name
