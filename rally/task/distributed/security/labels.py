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
"""Labels of agents: what they are asked for by, such as ``zone=a``."""

from __future__ import annotations

import re
import typing as t

from rally import exceptions
from rally.task.distributed.wire import messages

Labels: t.TypeAlias = t.Mapping[str, str]

#: begins the names of labels in key files
PREFIX = "label."
_PART = re.compile(messages.LABEL)


def parsed(words: t.Iterable[str]) -> dict[str, str]:
    """Labels that a person wrote, each as ``KEY=VALUE``.

    :raises InvalidArgumentsException: one of them is none, or two contradict
    """
    labels: dict[str, str] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or labels.setdefault(key, value) != value:
            raise exceptions.InvalidArgumentsException(
                "%r cannot be a label%s, so agents could not be chosen by "
                "it. Write each label once, for example --label zone=a."
                % (word, " beside the others" if separator else "")
            )
    return checked(labels)


def checked(labels: Labels) -> dict[str, str]:
    """*labels*, if agents can have them.

    :raises InvalidArgumentsException: they cannot
    """
    for key, value in labels.items():
        if not (_PART.fullmatch(key) and _PART.fullmatch(value)):
            raise exceptions.InvalidArgumentsException(
                "%r cannot be a label, because labels are part of files and "
                "of reports. Use 1 to 63 letters, digits, dots, dashes and "
                "underscores on each side of the equals sign."
                % ("%s=%s" % (key, value))
            )
    if len(labels) > messages.MAX_LABELS:
        raise exceptions.InvalidArgumentsException(
            "%d labels are too many for one agent, because each message in "
            "which it introduces itself has them all. Use %d at most."
            % (len(labels), messages.MAX_LABELS)
        )
    return dict(labels)


def text(labels: Labels) -> str:
    """For people: ``rack=7 zone=a``."""
    return " ".join("%s=%s" % item for item in sorted(labels.items()))


def values(labels: Labels) -> dict[str, str]:
    """What a key file has of *labels*."""
    return {PREFIX + key: value for key, value in sorted(labels.items())}


def of_values(found: t.Mapping[str, str]) -> dict[str, str]:
    """Inverse of ``values``, among others; what is no label is left out."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in found.items()
        if name.startswith(PREFIX)
        and _PART.fullmatch(name.removeprefix(PREFIX))
        and _PART.fullmatch(value)
    }


def together(given: Labels, own: Labels) -> dict[str, str]:
    """Labels of an agent: what it says of itself replaces nothing.

    :param given: by whoever let it join
    """
    return {**own, **given}


def have(labels: Labels, wanted: Labels) -> bool:
    """Whether *labels* has all that are *wanted*."""
    return all(labels.get(key) == value for key, value in wanted.items())
