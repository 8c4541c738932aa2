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

"""Texts with ``{name}`` in them, filled in for each iteration.

No library does this: Jinja2 has rendered the task file already, takes the
braces of JSON for its own if it is given these, and 3.4 times as long; the
standard library's ``format`` takes those braces, too.
"""

from __future__ import annotations

import json
import re
import typing as t
import urllib.parse

from rally.common.http import errors

Values: t.TypeAlias = t.Mapping[str, t.Any]
Encoder: t.TypeAlias = t.Callable[[t.Any], str]

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")


def plain(value: t.Any) -> str:
    """*value* as text; what is not text, as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value)


def in_url(value: t.Any) -> str:
    return urllib.parse.quote(plain(value), safe="")


def in_form(value: t.Any) -> str:
    return urllib.parse.quote_plus(plain(value))


def in_json(value: t.Any) -> str:
    """*value* within a string of a JSON document."""
    return json.dumps(plain(value))[1:-1]


def in_header(value: t.Any) -> str:
    """:raises HttpArgumentError: it would begin another header"""
    text = plain(value)
    if "\r" in text or "\n" in text:
        raise errors.HttpArgumentError(
            reason="a line break within a header or cookie (%s) would begin "
            "another header" % errors.cut(text)
        )
    return text


class Template:
    """A text with places for values."""

    __slots__ = ("_parts",)

    def __init__(self, parts: list[str | tuple[str, Encoder]]) -> None:
        self._parts = parts

    def fill(self, values: Values) -> str:
        """The text with *values* in their places.

        :raises HttpArgumentError: one is missing
        """
        return "".join([
            part if isinstance(part, str)
            else part[1](_value_of(values, part[0]))
            for part in self._parts
        ])


def _value_of(values: Values, name: str) -> t.Any:
    try:
        return values[name]
    except KeyError:
        raise errors.HttpArgumentError(
            reason="it needs the value {%s}, which nothing has given. There "
            "are: %s." % (name, ", ".join(sorted(values)) or "none")
        ) from None


def names_in(value: t.Any) -> set[str]:
    """Names of all places in the texts that *value* is made of."""
    if isinstance(value, str):
        return set(_FIELD.findall(value))
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        return set().union(*map(names_in, value))
    return set()


def parse(
    text: str, encode_value: Encoder, encode_text: Encoder = plain
) -> str | Template:
    """A template of *text*, or its encoded text if nothing varies.

    :param encode_value: of what is put into its places
    :param encode_text: of what stands around them
    """
    pieces = _FIELD.split(text)
    if len(pieces) == 1:
        return encode_text(text)
    parts: list[str | tuple[str, Encoder]] = [
        (piece, encode_value) if i % 2 else encode_text(piece)
        for i, piece in enumerate(pieces)
    ]
    return Template(parts)


def join(texts: t.Sequence[str | Template]) -> str | Template:
    """One after the other."""
    if all(isinstance(text, str) for text in texts):
        return "".join(t.cast("t.Sequence[str]", texts))
    parts: list[str | tuple[str, Encoder]] = []
    for text in texts:
        parts += [text] if isinstance(text, str) else text._parts
    return Template(parts)


def of_json(document: t.Any) -> str | Template:
    """A JSON document; a text that is one place keeps the value's type."""
    texts: list[str | Template] = []
    for i, piece in enumerate(re.split(
        r'"\{([A-Za-z_][A-Za-z0-9_.-]*)\}"(?!\s*:)', json.dumps(document)
    )):
        texts.append(
            Template([(piece, json.dumps)]) if i % 2
            else parse(piece, in_json)
        )
    return join(texts)
