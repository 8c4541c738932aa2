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

"""State of an object as plain values, to be carried to another process.

What comes out of ``pack`` consists of None, booleans, 64-bit integers, finite
floats, strings, lists and objects with string keys, so JSON and msgpack
carry it unchanged, and nothing in it can name code to run.
"""

from __future__ import annotations

import collections.abc
import logging
import math
import re
import types
import typing as t

from rally import exceptions
from rally.common import utf8

#: set once by a constructor and never part of what an object has learnt
CONSTANTS = (
    type, types.FunctionType, types.BuiltinFunctionType, types.MethodType,
    types.ModuleType, re.Pattern, logging.Logger, logging.LoggerAdapter,
    collections.abc.KeysView, collections.abc.ValuesView,
    collections.abc.ItemsView,
)
_INT64 = range(-(2 ** 63), 2 ** 63)
_SCALARS = frozenset({type(None), bool, int, float, str})
_PLAIN = _SCALARS | {list, tuple, set, dict}
MAX_COUNT = 2 ** 53


class NotPortable(exceptions.RallyException):
    error_code = 150
    msg_fmt = (
        "Attribute '%(attribute)s' of %(owner)s holds %(value_type)s, which "
        "cannot be carried to another process, so results of several "
        "processes cannot be merged. Keep plain values or streaming "
        "algorithms in attributes, or override `to_state` and `from_state`."
    )


class MalformedState(exceptions.RallyException):
    error_code = 151
    msg_fmt = (
        "The state of %(owner)s cannot be read: %(problem)s. What the "
        "process it came from has counted is missing from the totals. Check "
        "that all hosts run the same versions of Rally and of its plugins."
    )


class Portable:
    """An object whose state can be packed.

    ``cls.from_state(x.to_state())`` equals ``x``. The default carries all
    attributes; the constructor must then work without arguments.
    """

    __slots__ = ()

    def to_state(self) -> t.Any:
        return pack_attributes(self)

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        self = cls()
        restore_attributes(self, state)
        return self


def json_problem(value: t.Any) -> str:
    """Why JSON cannot hold *value*, and where in it; empty if it can.

    Keys may be what JSON makes text of: numbers, booleans, None.
    """
    try:
        return _problem_in(value, "", {})
    except RecursionError:
        return "it is nested too deep"


def _problem_in(value: t.Any, where: str, is_known: dict[int, bool]) -> str:
    """:param is_known: by identity: False while we are inside of it"""
    if not isinstance(value, (dict, list, tuple)):
        what = _not_in_json(value)
        return "%s %s" % (where or "it", what) if what else ""
    if id(value) in is_known:
        return "" if is_known[id(value)] else where + " contains itself"
    is_known[id(value)] = False
    items: t.Iterable[tuple[t.Any, t.Any]] = enumerate(value)
    if isinstance(value, dict):
        items = value.items()
        for key in value:
            what = _not_in_json(key)
            if what:
                return "a key of %s %s" % (where or "it", what)
    for key, item in items:
        problem = _problem_in(item, "%s[%r]" % (where, key), is_known)
        if problem:
            return problem
    is_known[id(value)] = True
    return ""


def _not_in_json(value: t.Any) -> str:
    """What *value*, neither list nor dict, is that JSON has no form for."""
    if isinstance(value, str):
        if utf8.is_carried(value):
            return ""
        return "has half of a character (a lone surrogate)"
    if isinstance(value, float) and not math.isfinite(value):
        return "is %s, which is no number" % value
    if value is None or isinstance(value, (bool, int, float)):
        return ""
    return "is a value of type %s" % type(value).__name__


def pack_int(value: int) -> int | str:
    """An integer of any size; ``int`` of a string is its inverse."""
    return value if value in _INT64 else str(value)


def unpack_int(state: int | str) -> int:
    if type(state) is int:
        return state
    if isinstance(state, bool) or not isinstance(state, (int, str)):
        raise ValueError("%r is not an integer" % (state,))
    return int(state)


def unpack_count(state: int | str) -> int:
    """A number of things.

    :raises ValueError: *state* is none, or more than anybody counts
    """
    count = unpack_int(state)
    if not 0 <= count <= MAX_COUNT:
        raise ValueError("a count of %d" % count)
    return count


def unpack_moment(state: int | None) -> int | None:
    """Nanoseconds since the epoch, or nothing.

    :raises ValueError: *state* is neither, or takes more than 64 bits
    """
    if state is None or (type(state) is int and state in _INT64):
        return state
    raise ValueError("%r is not a moment" % (state,))


def pack_attributes(
    owner: object, skip: t.Container[str] = ()
) -> dict[str, t.Any]:
    """Attributes of *owner* as plain values.

    :raises NotPortable: naming the first attribute that has no plain form
    """
    state = {}
    for name, value in vars(owner).items():
        if name in skip or _is_constant(value):
            continue
        try:
            state[name] = pack(dict(value) if _is_dict(value) else value)
        except _NoPlainForm as e:
            raise NotPortable(
                attribute=name, owner=type(owner).__name__,
                value_type="a value of type %s" % e,
            ) from None
    return state


def restore_attributes(
    owner: object, state: t.Any, skip: t.Container[str] = ()
) -> None:
    """Give *owner*, a new object, the attributes of *state*.

    Mappings are filled in place: a ``defaultdict`` keeps its factory.

    :raises MalformedState: *state* cannot be of such an object
    """
    with reading(type(owner).__name__):
        learnt = {
            name: packed if type(packed) in _SCALARS else unpack(packed)
            for name, packed in state.items()
        }
        for name, present in vars(owner).items():
            if name in skip or _is_constant(present):
                continue
            if not _fits(learnt[name], present):
                raise ValueError("%s is %r" % (name, learnt[name]))
        for name, value in learnt.items():
            present = getattr(owner, name, None)
            if _is_dict(present):
                present.clear()
                present.update(value)
            else:
                setattr(owner, name, value)


def _is_constant(value: t.Any) -> bool:
    return type(value) not in _PLAIN and isinstance(value, CONSTANTS)


def _fits(value: t.Any, present: t.Any) -> bool:
    """May *value* replace *present*, which a constructor has set?"""
    if _is_dict(present):
        return _is_dict(value) and all(
            key not in value or _fits(value[key], part)
            for key, part in present.items()
        )
    if isinstance(present, (int, float)):
        return isinstance(value, (int, float))
    if isinstance(present, (Portable, list, tuple, set)):
        return isinstance(value, type(present))
    return True


class reading:
    """Context in which a state that makes no sense is ``MalformedState``."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if isinstance(
            error,
            (ValueError, TypeError, LookupError, AttributeError,
             OverflowError, RecursionError, MemoryError),
        ):
            raise MalformedState(
                owner=self.owner, problem=str(error) or type(error).__name__
            ) from error


class _NoPlainForm(Exception):
    pass


def _is_dict(value: object) -> t.TypeGuard[dict[t.Any, t.Any]]:
    return isinstance(value, dict)


def pack(value: t.Any) -> t.Any:
    """*value* as plain values; what JSON has no word for is tagged."""
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            value = int(value)
            return value if value in _INT64 else {"int": str(value)}
        case float():
            value = float(value)
            return value if math.isfinite(value) else {"float": repr(value)}
        case Portable():
            return {"object": [_name_of(type(value)), value.to_state()]}
    # of a subclass, what makes it one would be lost
    if type(value) is list:
        return [pack(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [pack(item) for item in value]}
    if type(value) is set:
        return {"set": sorted(map(pack, value), key=repr)}
    if type(value) is dict:
        return {"dict": [[pack(k), pack(v)] for k, v in value.items()]}
    raise _NoPlainForm(type(value).__name__)


def unpack(state: t.Any) -> t.Any:
    """Inverse of ``pack``.

    :raises ValueError: for what ``pack`` cannot have made
    """
    if type(state) in _SCALARS:
        return state
    if isinstance(state, list):
        return [unpack(item) for item in state]
    if not isinstance(state, dict):
        return state
    if len(state) == 1:
        [(tag, packed)] = state.items()
        kind, read = _READERS.get(tag, (None, None))
        if read is not None and isinstance(packed, kind):
            return read(packed)
    raise ValueError("a value with the keys %s" % sorted(map(str, state)))


def _object(state: list[t.Any]) -> t.Any:
    name, inner = state
    return _class_of(name).from_state(inner)


#: by tag: of what type its value is, and what that stands for
_READERS: t.Mapping[str, tuple[t.Any, t.Any]] = {
    "int": (str, int),
    "float": (str, float),
    "tuple": (list, lambda items: tuple(map(unpack, items))),
    "set": (list, lambda items: set(map(unpack, items))),
    "dict": (list, lambda items: {unpack(k): unpack(v) for k, v in items}),
    "object": (list, _object),
}


def _name_of(cls: type) -> str:
    return "%s.%s" % (cls.__module__, cls.__qualname__)


def _class_of(name: str) -> type[Portable]:
    """A loaded subclass of ``Portable``; nothing is ever imported here."""
    waiting: list[type[Portable]] = [Portable]
    while waiting:
        cls = waiting.pop()
        if _name_of(cls) == name:
            return cls
        waiting.extend(cls.__subclasses__())
    raise ValueError("there is no class %s here" % name)
