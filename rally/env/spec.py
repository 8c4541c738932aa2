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

"""What a user writes about an environment."""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import typing as t

import jsonschema

from rally import exceptions, plugins
from rally.common import masking, portable
from rally.env import answers, platform

SPEC_SCHEMA = {
    "type": "object",
    "patternProperties": {
        "!version": {"enum": [1], "description": "Version of this format"},
        "!description": {
            "type": "string",
            "description": "What the environment is",
        },
        "!extras": {
            "type": "object",
            "description": "Anything; Rally keeps it and leaves it alone",
        },
        "!config": {
            "type": "object",
            "description": "Options of rally.conf for this environment: an "
            "object of options for each section",
            "additionalProperties": {"type": "object"},
        },
        "^[^!@]+(@[^!@]+)?$": {
            "type": "object",
            "description": "Specification of a platform. The key is a "
            "platform plugin as name@platform, or a platform, which means "
            "existing@platform",
        },
    },
    "additionalProperties": False,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """A specification that has been checked."""

    platforms: dict[str, t.Any]  # specification by name@platform
    description: str | None
    extras: dict[str, t.Any] | None
    config: dict[str, t.Any] | None


@plugins.ensure_plugins_are_loaded
def parse(spec: t.Any) -> Spec:
    """Check a specification and take it apart.

    :raises ManagerInvalidSpec: tells all that is wrong with it
    """
    errors = _schema_errors(spec)
    if not errors:
        platforms = {
            name if "@" in name else "existing@" + name: value
            for name, value in spec.items()
            if not name.startswith("!")
        }
        errors = _conflicts(spec) or _platform_errors(platforms)
    if errors:
        secrets = masking.secrets_of(spec)
        raise exceptions.ManagerInvalidSpec(
            mgr="Env",
            spec=spec,
            errors=[masking.masked_text(e, secrets) for e in errors],
        )
    return Spec(
        platforms=platforms,
        description=spec.get("!description"),
        extras=spec.get("!extras"),
        config=spec.get("!config"),
    )


@plugins.ensure_plugins_are_loaded
def from_sys_environ(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Ask each platform plugin what the environment variables tell.

    :param given: further keys of the specification; empty ones are left out
    :returns: ``spec``, and ``discovery_details``: what each plugin answered
    """
    found = {key: value for key, value in given.items() if value}
    details = {}
    for plugin_cls in platform.Platform.get_all():
        name = plugin_cls.get_fullname()
        answer = answers.ask(
            "%s.create_spec_from_sys_environ()" % name,
            functools.partial(
                plugin_cls.create_spec_from_sys_environ, dict(os.environ)
            ),
            answers.FROM_SYS_ENV_FORMAT,
        )
        if isinstance(answer, answers.PluginProblem):
            answer = {"available": False, **answer.to_dict("message")}
        details[name] = answer
        if answer["available"]:
            found[name] = answer.get("spec", {})
    return {"spec": found, "discovery_details": details}


def _schema_errors(spec: t.Any) -> list[str]:
    problem = portable.json_problem(spec)
    if problem:
        return ["%s, so it could not be stored" % problem]
    validator = jsonschema.Draft7Validator(SPEC_SCHEMA)
    return [
        "%s: %s" % ("/".join(map(str, e.absolute_path)) or "spec", e.message)
        for e in validator.iter_errors(spec)
    ]


def _conflicts(spec: t.Mapping[str, t.Any]) -> list[str]:
    """Platforms that several plugins claim."""
    claims = collections.defaultdict(list)
    for name in spec:
        if not name.startswith("!"):
            claims[name.rpartition("@")[2]].append(name)
    return [
        "an environment cannot have several plugins for one platform, but "
        "%s are all for '%s'" % (", ".join(sorted(names)), name)
        for name, names in claims.items()
        if len(names) > 1
    ]


def _platform_errors(platforms: t.Mapping[str, t.Any]) -> list[str]:
    errors: list[str] = []
    for name, value in platforms.items():
        errors += platform.Platform.validate(name, {}, None, value)
    return errors
