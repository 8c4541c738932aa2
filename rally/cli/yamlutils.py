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

"""YAML as task files are written: each key once, in order."""

from __future__ import annotations

import collections
import json
import typing as t

import yaml
from yaml import constructor, nodes

from rally import exceptions

ParserError = yaml.parser.ParserError

# libyaml parses ten times faster; not every PyYAML is built with it
_Base: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
                f"key {key_node.value!r} is there for the second time; one "
                "of its values would be ignored",
            )
        seen.add((key_node.tag, key_node.value))


def _refuse(node: t.Any, key_node: t.Any, problem: str) -> t.NoReturn:
    raise constructor.ConstructorError(
        "while reading a mapping",
        node.start_mark,
        problem,
        key_node.start_mark,
    )


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def safe_load(stream: t.Any) -> t.Any:
    """Read YAML (JSON too, which is a part of it).

    :param stream: a text, bytes, or an open file
    :raises yaml.YAMLError: it is not YAML, asks for a Python object, or has
        a key twice in one mapping
    """
    return yaml.load(stream, _Loader)  # noqa: S506 (a safe loader)


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
