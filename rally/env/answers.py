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

"""What platform plugins answer, checked.

A plugin may raise, or answer nonsense. Either is told in the place of an
answer, so that one broken platform does not hide the others.
"""

from __future__ import annotations

import traceback
import typing as t

import jsonschema

from rally.common import logging

LOG = logging.getLogger(__name__)
Answer: t.TypeAlias = dict[str, t.Any]

_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}

FROM_SYS_ENV_FORMAT = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "additionalProperties": True},
        "available": {"type": "boolean"},
        "message": _TEXT,
        "traceback": _TEXT,
    },
    "required": ["available"],
    "additionalProperties": False,
}

HEALTH_FORMAT = {
    "type": "object",
    "properties": {
        "available": {"type": "boolean"},
        "message": _TEXT,
        "traceback": _TEXT,
    },
    "required": ["available"],
    "additionalProperties": False,
}

INFO_FORMAT = {
    "type": "object",
    "properties": {"info": {}, "error": _TEXT, "traceback": _TEXT},
    "required": ["info"],
    "additionalProperties": False,
}

CLEANUP_FORMAT = {
    "type": "object",
    "properties": {
        "message": _TEXT,
        "discovered": _COUNT,
        "deleted": _COUNT,
        "failed": _COUNT,
        "resources": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "discovered": _COUNT,
                    "deleted": _COUNT,
                    "failed": _COUNT,
                },
                "required": ["discovered", "deleted", "failed"],
                "additionalProperties": False,
            },
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "resource_id": _TEXT,
                    "resource_type": _TEXT,
                    "message": _TEXT,
                    "traceback": _TEXT,
                },
                "required": ["message"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["discovered", "deleted", "failed", "resources", "errors"],
    "additionalProperties": False,
}


class PluginProblem(t.NamedTuple):
    """Why a plugin gave no answer."""

    message: str
    traceback: str | None  # None: it answered, but in a wrong form
    is_missing: bool  # the plugin has no such method

    def to_dict(self, key: str) -> Answer:
        """The problem under *key*, as answers carry it."""
        told = {key: self.message}
        if self.traceback is not None:
            told["traceback"] = self.traceback
        return told


def ask(
    what: str, call: t.Callable[[], t.Any], form: t.Mapping[str, t.Any]
) -> Answer | PluginProblem:
    """Let a plugin answer.

    :param what: plugin and method, for messages
    :param call: calls the method
    :param form: JSON schema of a right answer
    """
    try:
        answer = call()
    except NotImplementedError:
        return _problem(
            "Plugin %s is not implemented" % what, is_missing=True
        )
    except Exception:  # a plugin's code
        return _problem("Plugin %s method is broken" % what)
    try:
        jsonschema.validate(answer, form)
    except jsonschema.ValidationError as e:
        message = "Plugin %s method is broken" % what
        # not the answer itself: it may hold credentials
        LOG.warning(
            "%s: its answer breaks the rule `%s: %s` at '%s'",
            message, e.validator, e.validator_value,
            "/".join(map(str, e.absolute_path)),
        )
        return PluginProblem(message, None, False)
    return dict(answer)


def _problem(message: str, is_missing: bool = False) -> PluginProblem:
    """Describe the exception being handled."""
    text = traceback.format_exc()
    LOG.warning("%s: %s", message, text.strip().splitlines()[-1])
    LOG.debug("%s", text)
    return PluginProblem(message, text, is_missing)
