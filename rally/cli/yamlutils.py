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

"""YAML and JSON as task files are written: each key once, in order.

What is JSON is read as JSON, which differs from YAML in its escapes and its
numbers. What YAML has and JSON cannot hold is refused, since whatever is read
here is stored, sent and reported as JSON.
"""

from __future__ import annotations

import collections
import json
import math
import typing as t

import yaml
from yaml import constructor, nodes

from rally import exceptions
from rally.common import utf8

ParserError = yaml.parser.ParserError

# libyaml parses ten times faster; not every PyYAML is built with it
_Base: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_TAG = "tag:yaml.org,2002:"
#: kinds of values of YAML that JSON has no form for
_NOT_IN_JSON = ("binary", "omap", "pairs", "set", "timestamp")
#: what JSON can begin with, if it is more than a single word
_OPENS_JSON = ("{", "[", '"')


class OrderedDict(collections.OrderedDict[t.Any, t.Any]):
    """An ordered dict that is shown as JSON."""

    def __str__(self) -> str:
        return json.dumps(self)

    __repr__ = __str__


class _Loader(_Base):
    """Refuses a key that is there twice: one of the two would be lost."""


def _construct_mapping(loader: t.Any, node: t.Any) -> t.Iterator[OrderedDict]:
    mapping = OrderedDict()
    yield mapping  # what the node holds may refer to the node
    _refuse_repeated_keys(node)
    loader.flatten_mapping(node)  # puts merged keys (<<) before own ones
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, collections.abc.Hashable):
            _refuse(node, key_node, "a key cannot be a list or a mapping")
        mapping[key] = loader.construct_object(value_node, deep=True)


def _refuse_repeated_keys(node: t.Any) -> None:
    seen = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, nodes.ScalarNode):
            continue
        if (key_node.tag, key_node.value) in seen:
            _refuse(
                node,
                key_node,
                _repeated(key_node.value),
            )
        seen.add((key_node.tag, key_node.value))


def _repeated(key: str) -> str:
    return (
        f"key {key!r} is given twice; one of its values would be ignored"
    )


def _construct_float(loader: t.Any, node: t.Any) -> float:
    number: float = loader.construct_yaml_float(node)
    if not math.isfinite(number):
        _refuse(node, node, _no_number(node.value))
    return number


def _no_number(word: str) -> str:
    return f"{word} is not a number that can be stored; leave it out"


def _refuse_kind(loader: t.Any, node: t.Any) -> t.NoReturn:
    kind = node.tag.removeprefix(_TAG)
    _refuse(
        node, node,
        f"a value of kind !!{kind} could be neither stored nor sent to an "
        "agent; write it as text, or as a list or mapping",
    )


def _refuse(node: t.Any, key_node: t.Any, problem: str) -> t.NoReturn:
    raise constructor.ConstructorError(
        "while reading a value",
        node.start_mark,
        problem,
        key_node.start_mark,
    )


_Loader.add_constructor(_TAG + "map", _construct_mapping)
_Loader.add_constructor(_TAG + "float", _construct_float)
for _kind in _NOT_IN_JSON:
    _Loader.add_constructor(_TAG + _kind, _refuse_kind)
# a date is the text that is written there, as in YAML 1.2
_Loader.yaml_implicit_resolvers = {
    first: [each for each in known if each[0] != _TAG + "timestamp"]
    for first, known in _Base.yaml_implicit_resolvers.items()
}


def safe_load(stream: t.Any) -> t.Any:
    """Read JSON or YAML.

    :param stream: a text, bytes, or an open file
    :raises yaml.YAMLError: it is neither, asks for a Python object, holds
        what cannot be stored, or has a key twice in one mapping
    """
    text = stream.read() if hasattr(stream, "read") else stream
    if isinstance(text, bytes):
        text = _decoded(text)
    if isinstance(text, str) and text.lstrip().startswith(_OPENS_JSON):
        try:
            return _load_json(text)
        except (RecursionError, ValueError):
            pass  # YAML, or wrong; YAML's reader says where
    return _load_yaml(text)


def _decoded(text: bytes) -> str | bytes:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:  # UTF-16, or wrong
        return text


def _load_json(text: str) -> t.Any:
    loaded = json.loads(
        text, object_pairs_hook=_of_pairs, parse_constant=_refuse_constant
    )
    # only an escape can write half of a character
    if "\\u" in text and utf8.json_of(text) != text:
        raise constructor.ConstructorError(
            problem="a text holds half of a character (a lone surrogate, as "
            "\\ud83d), which could be neither stored nor shown"
        )
    return loaded


def _of_pairs(pairs: list[tuple[str, t.Any]]) -> OrderedDict:
    mapping = OrderedDict(pairs)
    if len(mapping) < len(pairs):
        seen = collections.Counter(key for key, _ in pairs)
        raise constructor.ConstructorError(
            problem=_repeated(seen.most_common(1)[0][0])
        )
    return mapping


def _refuse_constant(word: str) -> t.NoReturn:
    raise constructor.ConstructorError(problem=_no_number(word))


def _load_yaml(text: str | bytes) -> t.Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)
    except yaml.MarkedYAMLError as e:
        # the line that it points to may hold a password
        for mark in (e.context_mark, e.problem_mark):
            if mark is not None and getattr(mark, "buffer", None):
                mark.buffer = None
        raise
    except (
        ArithmeticError, AttributeError, LookupError, RecursionError,
        TypeError, ValueError,
    ):
        raise constructor.ConstructorError(
            problem="a value does not have the form that its tag (as !!int) "
            "promises, or values are nested too deep"
        ) from None


def parse(
    text: str | bytes, what: str, error: type[exceptions.RallyException]
) -> t.Any:
    """Read YAML or JSON that a user has written.

    :param what: where it comes from
    :param error: raised if it is neither
    """
    try:
        return safe_load(text)
    except yaml.YAMLError as e:
        raise error(
            "%s has to be YAML or JSON, and it is neither: %s" % (what, e)
        ) from None
