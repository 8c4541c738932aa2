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

"""Paths into JSON documents: ``user.names[0]``, ``["a.b"].c``, ``[-1]``.

Keys with dots between, indices in brackets, keys in quotes in brackets; a
``$`` in front is allowed. These are the *singular queries* of JSONPath (RFC
9535), which lead to one value at most. For such a path jsonpath-ng takes 22
us, jsonpath-rfc9535 33 and python-jsonpath 51, and this module 0.7, where a
whole request takes 50; and their import takes 40 to 350 ms.
"""

from __future__ import annotations

import json
import re
import typing as t

from rally.common.http import errors

Steps: t.TypeAlias = "tuple[str | int, ...]"

_STEP = re.compile(
    r"\.?([^.\[\]\"]+)"
    r"|\[(-?\d+|\"(?:[^\"\\]|\\.)*\")\]"
    r"|\['((?:[^'\\]|\\.)*)'\]"
)
#: what is written otherwise between single quotes than between double ones
_REQUOTED = {"\\'": "'", '"': '\\"'}


class NotThere(Exception):
    """A document has no value at the end of a path."""


def parse(path: str) -> Steps:
    """The steps of *path*.

    :raises HttpArgumentError: it is none
    """
    text = path.removeprefix("$")
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        try:
            if not found:
                raise ValueError()
            steps.append(_step(*found.groups()))
        except ValueError:
            raise errors.HttpArgumentError(
                reason="%r is no path into a JSON document: write keys with "
                'dots between, indices like [0], other keys like ["a b"]'
                % path
            ) from None
        at = found.end()
    return tuple(steps)


def _step(
    key: str | None, literal: str | None, single_quoted: str | None
) -> str | int:
    """:raises ValueError: it has an escape that JSON does not know"""
    if key is not None:
        return key
    if literal is None:
        literal = '"%s"' % re.sub(
            r"\\'|\"", lambda found: _REQUOTED[found[0]], single_quoted or ""
        )
    return t.cast("str | int", json.loads(literal))


def follow(document: t.Any, steps: Steps) -> t.Any:
    """The value at the end.

    :raises NotThere: there is none
    """
    for step in steps:
        kind = list if isinstance(step, int) else dict
        try:
            if not isinstance(document, kind):
                raise NotThere()
            document = document[t.cast(t.Any, step)]
        except LookupError:
            raise NotThere() from None
    return document
