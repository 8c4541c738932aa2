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

from rally.common import logging, masking

LOG = logging.getLogger(__name__)
Answer: t.TypeAlias = dict[str, t.Any]

#: message of a method that raised, or answered nonsense
BROKEN = "Plugin %s method is broken"

Schema: t.TypeAlias = dict[str, t.Any]

_TEXT = {"type": "string"}
_COUNTS = dict.fromkeys(
    ("discovered", "deleted", "failed"), {"type": "integer"}
)


def _record(required: t.Iterable[str], **properties: Schema) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


HEALTH_FORMAT = _record(
    ["available"],
    available={"type": "boolean"}, message=_TEXT, traceback=_TEXT,
)
FROM_SYS_ENV_FORMAT = _record(
    ["available"],
    spec={"type": "object", "additionalProperties": True},
    **HEALTH_FORMAT["properties"],
)
INFO_FORMAT = _record(["info"], info={}, error=_TEXT, traceback=_TEXT)
CLEANUP_FORMAT = _record(
    [*_COUNTS, "resources", "errors"],
    **_COUNTS,
    message=_TEXT,
    resources={
        "type": "object",
        "additionalProperties": _record(_COUNTS, **_COUNTS),
    },
    errors={
        "type": "array",
        "items": _record(
            ["message"],
            resource_id=_TEXT, resource_type=_TEXT, message=_TEXT,
            traceback=_TEXT,
        ),
    },
)


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
    what: str, call: t.Callable[[], t.Any], form: t.Mapping[str, t.Any],
    secrets: t.Collection[str] = (),
) -> Answer | PluginProblem:
    """Let a plugin answer.

    :param what: plugin and method, for messages
    :param call: calls the method
    :param form: JSON schema of a right answer
    :param secrets: what messages and tracebacks must not show
    """
    try:
        answer = call()
    except NotImplementedError:
        return _problem(
            "Plugin %s is not implemented" % what, secrets, is_missing=True
        )
    except Exception:  # a plugin's code
        return _problem(BROKEN % what, secrets)
    try:
        jsonschema.validate(answer, form)
    except jsonschema.ValidationError as e:
        message = BROKEN % what
        # not the answer itself: it may hold credentials
        LOG.warning(
            "%s: its answer breaks the rule `%s: %s` at '%s'",
            message, e.validator, e.validator_value,
            "/".join(map(str, e.absolute_path)),
        )
        return PluginProblem(message, None, False)
    return {
        key: _without(secrets, key, value) for key, value in answer.items()
    }


def _without(secrets: t.Collection[str], key: str, value: t.Any) -> t.Any:
    """*value* of an answer, without secrets if a person is to read it."""
    if key in ("message", "error", "traceback"):
        return masking.masked_text(value, secrets)
    if key != "errors":
        return value
    return [
        {name: _without(secrets, name, each) for name, each in error.items()}
        for error in value
    ]


def _problem(
    message: str, secrets: t.Collection[str], is_missing: bool = False
) -> PluginProblem:
    """Describe the exception being handled.

    It is no warning: whoever asked is told, and says what it means there.
    """
    text = masking.masked_text(traceback.format_exc(), secrets)
    LOG.debug("%s: %s", message, text)
    return PluginProblem(message, text, is_missing)
