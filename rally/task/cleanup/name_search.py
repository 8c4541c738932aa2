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

"""What a task left on the platforms of its environment, found by its names.

Names of resources begin with the owner's id (``rally.common.names``), so
they are found although nothing was recorded of them. Who can do that is the
platform: its plugin's ``cleanup``, or a module of Rally's for a platform
whose plugin, known to be so, does nothing yet.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import typing as t

from rally.common import db
from rally.common.counting import counted
from rally.env import answers, reasons, rows
from rally.task.cleanup import openstack_names

#: by full name of the platform plugin: the package it is of, and what answers
#: in its place
SUBSTITUTES: t.Mapping[str, tuple[str, t.Callable[..., t.Any] | None]] = {
    "existing@openstack": ("rally_openstack", openstack_names.delete_left),
}


@dataclasses.dataclass(frozen=True)
class Found:
    """What became of one platform.

    :param is_certain: nothing with a name of the task is there any more;
        False also if the plugin cannot tell
    :param sentence: what a person should know; empty: nothing was found
    """

    plugin: str
    has_failed: bool
    is_certain: bool
    sentence: str

    @property
    def platform(self) -> str:
        return self.plugin.partition("@")[2]


def delete_left(env_uuid: str, owners: t.Sequence[str]) -> list[Found]:
    """Delete what the owners left on each platform of an environment.

    :param owners: uuid of a task, and those of its workloads
    """
    return [_ask(row, owners) for row in db.platforms_list(env_uuid)]


def _ask(row: dict[str, t.Any], owners: t.Sequence[str]) -> Found:
    name = row["plugin_name"]
    package, substitute = SUBSTITUTES.get(name, ("", None))

    def search(owner: str) -> t.Any:
        return rows.plugin_of(row).cleanup(task_uuid=owner)

    # a name has one owner, and a plugin asks for one at a time
    calls = [functools.partial(search, owner) for owner in owners]
    if substitute and importlib.util.find_spec(package):
        calls = [functools.partial(substitute, row["platform_data"], owners)]
    answer: answers.Answer = {}
    for call in calls:
        part = answers.ask(
            "%s.cleanup()" % name, call, answers.CLEANUP_FORMAT,
            rows.secrets_of(row),
        )
        if isinstance(part, answers.PluginProblem):
            return _unsearched(name, part)
        answer = _both(answer, part) if answer else part
    has_failed = bool(answer["failed"] or answer["errors"])
    return Found(
        name, has_failed, not has_failed and bool(package),
        _sentence(name, answer),
    )


def _unsearched(name: str, problem: answers.PluginProblem) -> Found:
    if problem.is_missing:
        return Found(name, False, False, "")
    return Found(
        name, True, False, "Platform %s cannot be searched: %s"
        % (name, reasons.in_answer(problem.to_dict("message"))),
    )


def _both(one: answers.Answer, other: answers.Answer) -> answers.Answer:
    """Two answers as one."""
    resources = dict(one["resources"])
    for kind, counts in other["resources"].items():
        resources[kind] = _sum(resources.get(kind, {}), counts)
    return {
        **_sum(one, other), "resources": resources,
        "errors": [*one["errors"], *other["errors"]],
    }


def _sum(
    one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]
) -> dict[str, int]:
    return {
        key: one.get(key, 0) + other[key]
        for key in ("discovered", "deleted", "failed")
    }


def _sentence(name: str, answer: answers.Answer) -> str:
    if not answer["discovered"] and not answer["errors"]:
        return ""
    kinds = ", ".join(
        "%d of %s" % (counts["discovered"], kind)
        for kind, counts in answer["resources"].items()
    )
    parts = [
        "Platform %s: %s with names of the task, %d deleted" % (
            name, counted(answer["discovered"], "resource"),
            answer["deleted"],
        )
    ]
    if kinds:
        parts.append(" (%s)" % kinds)
    for error in answer["errors"]:
        parts.append("; %s" % error["message"])
    return "".join(parts)
