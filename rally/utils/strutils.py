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

"""Small things about text."""

from __future__ import annotations

import typing as t
import uuid

TRUE_STRINGS = ["1", "t", "true", "on", "y", "yes"]
FALSE_STRINGS = ["0", "f", "false", "off", "n", "no"]


def is_uuid_like(val: t.Any) -> bool:
    """Whether this is the text of a UUID, with dashes or without."""
    try:
        found = uuid.UUID(str(val))
    except (ValueError, TypeError, AttributeError):
        return False
    text = str(val).lower()
    for noise in ("urn:", "uuid:", "{", "}", "-"):
        text = text.replace(noise, "")
    return found.hex == text


def bool_from_string(
    subject: t.Any, strict: bool = False, default: bool = False
) -> bool:
    """Read a text as yes or no.

    :param subject: a text in any case; other things by their text
    :param strict: raise for what is neither
    :param default: what to return for what is neither
    :raises ValueError: it is neither, and *strict* is set
    """
    if isinstance(subject, bool):
        return subject
    text = str(subject).strip().lower()
    if text in TRUE_STRINGS:
        return True
    if text in FALSE_STRINGS:
        return False
    if strict:
        known = ", ".join(sorted(TRUE_STRINGS + FALSE_STRINGS))
        raise ValueError(f"{subject!r} is neither yes nor no: use {known}")
    return default


def format_float_to_str(num: float) -> str:
    """A number with at least one and at most six decimals."""
    text = f"{num:f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
