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

"""JSON written piece by piece, in the layout of ``json.dump(indent=4)``."""

from __future__ import annotations

import collections.abc
import itertools
import typing as t

import msgspec

_INDENT = 4
#: items of a stream that are encoded at once
_BLOCK = 200


def pieces(value: t.Any, depth: int = 0) -> t.Iterator[str]:
    """Text of *value* in pieces of bounded size.

    Dicts and lists are walked; an iterator is a list whose items come one
    by one and are not kept.

    :param value: what JSON can hold, and iterators in place of lists
    :param depth: how deep the text stands
    """
    if isinstance(value, dict):
        members = (
            (text_of(str(key)) + ": ", member)
            for key, member in value.items()
        )
        yield from _container("{", members, "}", depth)
    elif isinstance(value, (list, tuple)):
        yield from _container("[", (("", item) for item in value), "]", depth)
    elif isinstance(value, collections.abc.Iterator):
        yield from _stream(value, depth)
    else:
        yield text_of(value)


def text_of(value: t.Any) -> str:
    """JSON of *value* on one line; what JSON cannot hold becomes text."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def _container(
    opening: str,
    members: t.Iterable[tuple[str, t.Any]],
    closing: str,
    depth: int,
) -> t.Iterator[str]:
    yield opening
    separator = ""
    for prefix, member in members:
        yield separator + _new_line(depth + 1) + prefix
        yield from pieces(member, depth + 1)
        separator = ","
    yield (_new_line(depth) if separator else "") + closing


def _stream(items: t.Iterator[t.Any], depth: int) -> t.Iterator[str]:
    """A list of *items*, encoded in blocks: many times faster than walked.

    No string of JSON holds a raw line break, so indenting is a replacement.
    """
    yield "["
    separator = ""
    new_line = _new_line(depth)
    while block := list(itertools.islice(items, _BLOCK)):
        raw = msgspec.json.encode(block, enc_hook=str)
        text = msgspec.json.format(raw, indent=_INDENT).decode()
        inner = text[1:].rpartition("\n")[0]
        yield separator + inner.replace("\n", new_line)
        separator = ","
    yield (new_line if separator else "") + "]"


def _new_line(depth: int) -> str:
    return "\n" + " " * (_INDENT * depth)
