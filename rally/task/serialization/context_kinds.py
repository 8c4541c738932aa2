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

"""Which values of which classes ``context_codec`` carries, and how.

Three tables: values of the standard library that are made of a few parts,
builtin types that other classes derive from, and classes by name. The wire
names entries of these tables and classes of plugins, and nothing else.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import importlib
import ipaddress
import pathlib
import sys
import types
import typing as t
import uuid
import zoneinfo

from rally.common.plugin import discover


@dataclasses.dataclass(frozen=True)
class Value:
    """How a value of exactly *cls* is taken apart and made again.

    :param takes: types of the parts, so that no constructor is called with
        what it would understand in another way
    """

    cls: type
    parts: t.Callable[[t.Any], tuple[t.Any, ...]]
    takes: tuple[t.Any, ...]
    make: t.Callable[..., t.Any] | None = None

    def made_of(self, parts: t.Sequence[t.Any]) -> t.Any:
        """:raises ValueError: these are not its parts"""
        if len(parts) != len(self.takes) or not all(
            map(isinstance, parts, self.takes)
        ):
            raise ValueError("parts that no %s has" % self.cls.__name__)
        return (self.make or self.cls)(*parts)


def _time_parts(value: t.Any) -> tuple[t.Any, ...]:
    return (value.hour, value.minute, value.second, value.microsecond,
            value.fold, value.tzinfo)


def _date_parts(value: t.Any) -> tuple[t.Any, ...]:
    return value.year, value.month, value.day


def _time(*parts: t.Any) -> datetime.time:
    hour, minute, second, microsecond, fold, zone = parts
    return datetime.time(
        hour, minute, second, microsecond, tzinfo=zone, fold=fold
    )


def _datetime(year: int, month: int, day: int, *time: t.Any) -> t.Any:
    return datetime.datetime.combine(
        datetime.date(year, month, day), _time(*time)
    )


def _zone(offset: datetime.timedelta, name: str | None) -> t.Any:
    if name is None:
        return datetime.timezone(offset)  # the one UTC, if it is UTC
    return datetime.timezone(offset, name)


def _zone_parts(value: t.Any) -> tuple[t.Any, ...]:
    # a name of its own, if it has one: `tzname` makes one up if not
    offset, *name = value.__getinitargs__()
    return offset, *(name or [None])


def _zone_info(key: str) -> zoneinfo.ZoneInfo:
    # what is not in the folders of the system is looked for in a package
    if not all(part.isascii() and part.isprintable() and part[:1] not in "._"
               for part in key.split("/")):
        raise ValueError("no time zone has the key %r" % key)
    return zoneinfo.ZoneInfo(key)


def _written(cls: type) -> Value:
    """A class whose instances are what is written."""
    return Value(cls, lambda value: (str(value),), (str,))


_ZONE = datetime.tzinfo | None

VALUES: t.Mapping[str, Value] = {
    each.cls.__name__: each
    for each in (
        Value(complex, lambda v: (v.real, v.imag), (float, float)),
        Value(bytearray, lambda v: (bytes(v),), (bytes,)),
        Value(datetime.date, _date_parts, (int,) * 3),
        Value(datetime.time, _time_parts, (*(int,) * 5, _ZONE), _time),
        Value(
            datetime.datetime,
            lambda v: (*_date_parts(v), *_time_parts(v)),
            (*(int,) * 8, _ZONE), _datetime,
        ),
        Value(
            datetime.timedelta,
            lambda v: (v.days, v.seconds, v.microseconds), (int,) * 3,
        ),
        Value(
            datetime.timezone, _zone_parts,
            (datetime.timedelta, str | None), _zone,
        ),
        Value(zoneinfo.ZoneInfo, lambda v: (v.key,), (str,), _zone_info),
        _written(decimal.Decimal),
        Value(
            fractions.Fraction,
            lambda v: (v.numerator, v.denominator), (int, int),
        ),
        Value(
            uuid.UUID, lambda v: (v.bytes,), (bytes,),
            lambda content: uuid.UUID(bytes=content),
        ),
        *map(
            _written,
            (
                pathlib.PurePosixPath, pathlib.PureWindowsPath,
                pathlib.PosixPath, pathlib.WindowsPath,
                ipaddress.IPv4Address, ipaddress.IPv6Address,
                ipaddress.IPv4Network, ipaddress.IPv6Network,
                ipaddress.IPv4Interface, ipaddress.IPv6Interface,
            ),
        ),
    )
}
KIND_OF: t.Mapping[type, str] = {
    value.cls: kind for kind, value in VALUES.items()
}


#: what a class can derive from, the most special first; the contents are
#: read and written by the methods of these, past whatever overrides them
MAPPINGS = (collections.OrderedDict, collections.defaultdict, dict)
SEQUENCES = (collections.deque, list, set, tuple, frozenset)
SCALARS = (str, int, float, bytes, complex, bytearray)
_BASES = (*MAPPINGS, *SEQUENCES, *SCALARS)

#: what `collections.defaultdict` may make
FACTORIES: t.Mapping[str, t.Any] = {
    cls.__name__: cls
    for cls in (
        dict, list, set, tuple, str, int, float, bool, bytes,
        collections.OrderedDict, collections.Counter, collections.deque,
    )
}

_STANDARD: t.Mapping[str, type] = {
    "%s:%s" % (cls.__module__, cls.__qualname__): cls
    for cls in (
        collections.OrderedDict, collections.defaultdict,
        collections.Counter, collections.deque, types.SimpleNamespace,
    )
}


def scalar_of(value: t.Any, base: type) -> t.Any:
    """*value*, of a subclass of *base*, as a plain *base*."""
    if base in (bytes, bytearray):
        return base(memoryview(value))
    if base is str:
        return str.__str__(value)
    if base is complex:
        return complex(
            complex.real.__get__(value), complex.imag.__get__(value)
        )
    return int.__int__(value) if base is int else float.__float__(value)


class NotKnown(Exception):
    """Why a class is not carried, without a full stop."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """How instances of a class are carried."""

    cls: t.Any
    name: str
    way: t.Literal["flag", "enum", "state", "object"]
    base: t.Any
    slots: t.Mapping[str, t.Any]
    is_copied: bool  # its `__deepcopy__` says what of it is carried


class Classes:
    """Classes by name, for the time of one encoding or decoding."""

    def __init__(self) -> None:
        self._packages: frozenset[str] | None = None
        self._by_name: dict[str, Shape] = {}
        self._by_class: dict[type, Shape] = {}

    def shape_of(self, cls: type) -> Shape:
        """:raises NotKnown: the other side could not or must not find it"""
        shape = self._by_class.get(cls)
        if shape is None:
            shape = self.named("%s:%s" % (cls.__module__, cls.__qualname__))
            if shape.cls is not cls:
                raise NotKnown("another class has its name")
            self._by_class[cls] = shape
        return shape

    def named(self, name: str) -> Shape:
        """:raises NotKnown: there is no such class, or none to be used"""
        shape = self._by_name.get(name)
        if shape is None:
            shape = _shape(_STANDARD.get(name) or self._found(name), name)
            self._by_name[name] = shape
        return shape

    def _found(self, name: str) -> type:
        module_name, _, qualname = name.partition(":")
        if self._packages is None:
            self._packages = discover.package_names()
        if not discover.is_of_plugins(module_name, self._packages):
            raise NotKnown(
                "class %s belongs neither to a plugin that is loaded nor to "
                "the types of the standard library that are carried" % name
            )
        found: t.Any = _module(module_name)
        for part in qualname.split("."):
            found = vars(found).get(part)
            if not isinstance(found, type):
                raise NotKnown("there is no class %s here" % name)
        # a module of a plugin may have imported it from anywhere
        if (found.__module__, found.__qualname__) != (module_name, qualname):
            raise NotKnown("%s is not where that class is defined" % name)
        return found


def _shape(cls: type, name: str) -> Shape:
    """:raises NotKnown: its instances need their constructor"""
    way: t.Literal["flag", "enum", "state", "object"] = "object"
    if issubclass(cls, enum.Enum):
        way = "flag" if issubclass(cls, enum.Flag) else "enum"
    elif _says_how(cls):
        way = "state"
    base = next((b for b in _BASES if issubclass(cls, b)), object)
    if way == "object" and base is object:
        try:
            _empty(cls)
        except TypeError as e:
            raise NotKnown(str(e)) from None
    return Shape(
        cls, name, way, base, _slots_of(cls), hasattr(cls, "__deepcopy__")
    )


def _says_how(cls: type) -> bool:
    return (
        callable(getattr(cls, "to_state", None))
        and callable(getattr(cls, "from_state", None))
    )


def _slots_of(cls: type) -> dict[str, t.Any]:
    """What sets and reads each attribute that is in a slot."""
    slots: dict[str, t.Any] = {}
    for each in cls.__mro__:
        if not vars(each).get("__slots__"):
            continue  # members of builtin types are no attributes
        for name, member in vars(each).items():
            if isinstance(member, types.MemberDescriptorType):
                slots.setdefault(name, member)
    return slots


def _module(name: str) -> types.ModuleType:
    """A module of a plugin.

    :raises NotKnown: it cannot be imported here
    """
    module = sys.modules.get(name)
    if module is not None:
        return module
    try:
        return importlib.import_module(name)
    except Exception as e:  # whatever a plugin's module does on import
        raise NotKnown(
            "module %s cannot be imported here: %s: %s"
            % (name, type(e).__name__, e)
        ) from None


def attributes_of(value: t.Any) -> dict[str, t.Any] | None:
    """What is in the instance's dict, if it has one."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def set_attributes(
    value: t.Any,
    attributes: t.Mapping[str, t.Any],
    slots: t.Mapping[str, t.Any],
) -> None:
    """Set attributes without any code of the class.

    :raises ValueError: there is no place for one of them
    """
    own = attributes_of(value)
    for name, content in attributes.items():
        if name in slots:
            slots[name].__set__(value, content)
        elif own is None:
            raise ValueError(
                "%s has no attribute %s" % (type(value).__name__, name)
            )
        else:
            own[name] = content


def be_its_own_dict(value: t.Any) -> None:
    """Make ``value.x`` and ``value["x"]`` the same, as it is often done."""
    for cls in type(value).__mro__:
        place = vars(cls).get("__dict__")
        if isinstance(place, types.GetSetDescriptorType):
            place.__set__(value, value)
            return
    raise ValueError("%s has no attributes" % type(value).__name__)


def _empty(cls: t.Any) -> t.Any:
    """A plain object without attributes, made past its constructor."""
    if issubclass(cls, types.SimpleNamespace):
        return types.SimpleNamespace.__new__(cls)
    return object.__new__(cls)


def made(shape: Shape, content: list[t.Any]) -> t.Any:
    """An instance with these contents, made past its constructor.

    :raises Exception: of any type, if there can be none
    """
    cls, base = shape.cls, shape.base
    if base in MAPPINGS:
        return _mapping(cls, base, content)
    if base is object:
        if content:
            raise ValueError("contents of a plain object")
        return _empty(cls)
    if base in SCALARS:
        [scalar] = content
        if type(scalar) is not base:
            raise ValueError("contents of another type than %s" % base)
        return _scalar(cls, base, scalar)
    if base in (tuple, frozenset):
        names = getattr(cls, "_fields", content)
        if base is tuple and len(names) != len(content):
            raise ValueError("%s has other fields here" % cls.__name__)
        return base.__new__(cls, content)
    empty: t.Any = base.__new__(cls)
    if base is collections.deque:
        limit, *items = content
        collections.deque.__init__(empty, items, limit)
    else:
        base.__init__(empty, content)
    return empty


def _scalar(cls: t.Any, base: t.Any, scalar: t.Any) -> t.Any:
    if base is bytearray:
        empty = bytearray.__new__(cls)
        bytearray.__init__(empty, scalar)
        return empty
    return base.__new__(cls, scalar)


def _mapping(cls: t.Any, base: t.Any, content: list[t.Any]) -> t.Any:
    empty: t.Any = base.__new__(cls)
    if base is collections.defaultdict:
        factory, *content = content
        if factory is not None:
            collections.defaultdict.__init__(empty, FACTORIES[factory])
    pairs = zip(content[::2], content[1::2], strict=True)
    if base is dict:
        dict.update(empty, pairs)
    else:
        for key, item in pairs:
            base.__setitem__(empty, key, item)
    return empty
