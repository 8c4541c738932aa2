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

"""Context and arguments as plain values that can travel, and back.

Only types with one obvious meaning on the other side travel; anything else
is refused with the path at which it stands. Nothing is pickled: whoever can
send a message must not be able to run code. Containers that msgpack lacks
are marked by a one-key dict whose key no context uses.
"""

from __future__ import annotations

import datetime
import typing as t

from rally import exceptions

_TUPLE, _SET, _FROZENSET, _TIME, _ESCAPED = (
    "\0tuple", "\0set", "\0frozenset", "\0datetime", "\0dict",
)
_MARKS: t.Mapping[str, t.Callable[[t.Any], t.Any]] = {
    _TUPLE: tuple,
    _SET: set,
    _FROZENSET: frozenset,
    _TIME: datetime.datetime.fromisoformat,
    _ESCAPED: dict,
}
_INT64 = range(-(1 << 63), 1 << 64)


class CannotBeSent(exceptions.RallyException):
    error_code = 143
    msg_fmt = (
        "%(path)s is of type %(type)s, which cannot be sent to an agent, so "
        "agents could not run what this host would. No load was generated. "
        "Let the context keep plain values there (text, numbers, lists, "
        "dicts), or run the workload without the distributed runner."
    )


def to_wire(value: t.Any, path: str) -> t.Any:
    """*value* as something msgpack carries.

    :param path: what to call *value* in an error, such as ``context``
    :raises CannotBeSent: naming the path inside *value*
    """
    if value is None or isinstance(value, (bool, float, str, bytes)):
        return _base(value)
    if isinstance(value, int) and value in _INT64:
        return int(value)
    if isinstance(value, dict):
        return _dict_to_wire(value, path)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [
            to_wire(item, "%s[%d]" % (path, i))
            for i, item in enumerate(value)
        ]
        for mark, cls in ((_TUPLE, tuple), (_SET, set),
                          (_FROZENSET, frozenset)):
            if isinstance(value, cls):
                return {mark: items}
        return items
    if isinstance(value, datetime.datetime):
        return {_TIME: value.isoformat()}
    raise CannotBeSent(path=path, type=_name(type(value)))


def _base(value: t.Any) -> t.Any:
    """A plain instance of the base type (of a str subclass, say)."""
    cls = next(
        (c for c in (bool, float, str, bytes) if isinstance(value, c)), None
    )
    return value if cls is None or type(value) is cls else cls(value)


def _dict_to_wire(
    value: dict[t.Any, t.Any], path: str
) -> dict[t.Any, t.Any]:
    wired = {}
    for key, item in value.items():
        if type(key) not in (str, int):
            raise CannotBeSent(
                path="the key %r of %s" % (key, path), type=_name(type(key))
            )
        wired[key] = to_wire(item, "%s[%r]" % (path, key))
    if len(wired) == 1 and next(iter(wired)) in _MARKS:
        return {_ESCAPED: list(wired.items())}
    return wired


def _name(cls: type) -> str:
    return "%s.%s" % (cls.__module__, cls.__qualname__)


def from_wire(value: t.Any) -> t.Any:
    """Inverse of ``to_wire``."""
    if isinstance(value, list):
        return [from_wire(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        key, content = next(iter(value.items()))
        if key in _MARKS:
            return _MARKS[key](from_wire(content))
    return {key: from_wire(item) for key, item in value.items()}


class TaskOfLoad:
    """What plugins on an agent see of the task: its uuid.

    Not a dict: each iteration gets a copy, and one of a subclass of dict
    costs ten times as much as one of a plain object.
    """

    def __init__(self, task: dict[str, t.Any]) -> None:
        self.task = task

    def __getitem__(self, key: str) -> t.Any:
        return self.task[key]

    def to_dict(self) -> dict[str, t.Any]:
        return dict(self.task)

    def result_has_valid_schema(self, result: t.Any) -> bool:
        return isinstance(result, dict)
