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

"""Contexts and arguments as plain values, and back, with their types.

The plain form consists of what msgpack carries: None, booleans, 64-bit
integers, floats, text, bytes, lists, and dicts with text as keys. These stand
for themselves; anything else is a dict with the one key ``MARK`` and a list:
the kind of the value, then its parts. Nothing in it names code to be called,
and nothing is pickled: who can write it must not be able to run code. See
``rally.task.serialization.context_kinds`` for what is carried.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import typing as t

import msgspec

from rally import exceptions
from rally.common import utf8
from rally.task.serialization import context_kinds as kinds

#: a dict that has this key itself is carried as pairs
MARK = "\0"
#: levels of nesting. Each takes up to eight frames of the interpreter, which
#: allows a thousand
MAX_DEPTH = 50
#: characters of a key that are shown in a path
MAX_SHOWN = 80

_ATOMS = frozenset({type(None), bool, float, bytes})
_INT64 = range(-(1 << 63), 1 << 64)
_OMITTED = object()

Path: t.TypeAlias = list[str | tuple[str, t.Any]]


class CannotBeSent(exceptions.RallyException):
    error_code = 143
    msg_fmt = (
        "%(path)s cannot be carried to another process: %(reason)s. So agents "
        "could not run what this host would, and no load was generated. Keep "
        "only values there that can be carried (plain values, or objects of a "
        "plugin's own classes), give the class `to_state` and `from_state`, "
        "or run the workload without the distributed runner."
    )


class CannotBeRead(exceptions.RallyException):
    error_code = 152
    msg_fmt = (
        "A context or arguments cannot be read: %(reason)s. Without them "
        "there is neither load nor clean-up here. Check that the same "
        "versions of Rally and of its plugins are installed on all hosts."
    )


def to_plain(
    value: t.Any, path: str, omitted: list[str] | None = None
) -> t.Any:
    """*value* as something msgpack carries.

    Objects that two places share become two.

    :param path: what to call *value* in an error, such as ``context``
    :param omitted: if given, what cannot be carried is left out of the dict,
        list, set or object that it is in, and this learns what and why
    :raises CannotBeSent: naming the path inside *value*
    """
    try:
        return _Encoder(path, omitted).value(value)
    except RecursionError:  # the caller is deep in calls itself
        raise CannotBeSent(path=path, reason="it is nested too deep") from None


def from_plain(plain: t.Any) -> t.Any:
    """Inverse of ``to_plain``.

    :raises CannotBeRead: for anything that ``to_plain`` cannot have made,
        and for what needs a class that this process does not have
    """
    try:
        return _Decoder().value(plain)
    except CannotBeRead:
        raise
    except Exception as e:  # methods of plugins' classes, or malformed
        reason = str(e) if isinstance(e, kinds.NotKnown) else (
            "%s: %s" % (type(e).__name__, e)
        )
        raise CannotBeRead(reason=reason.rstrip(".")) from None


def check_round_trip(value: t.Any, path: str) -> t.Any:
    """The plain form of *value*, of which it is certain that it can be read.

    :raises CannotBeSent: it cannot be carried, or it would arrive as
        something else; naming the path inside *value*
    """
    plain = to_plain(value, path)
    reason = _changed(plain, path)
    if reason:
        where, reason = _find_changed(value, path, reason)
        raise CannotBeSent(path=where, reason=reason)
    return plain


def _changed(plain: t.Any, path: str) -> str:
    """What is wrong with *plain* once it has been carried; empty: nothing.

    Bytes are compared, since NaN does not equal itself.
    """
    body = msgspec.msgpack.encode(plain)
    try:
        arrived = from_plain(msgspec.msgpack.decode(body))
        again = to_plain(arrived, path)
    except (CannotBeRead, CannotBeSent) as e:
        return str(e.kwargs["reason"])
    if msgspec.msgpack.encode(again) != body:
        return "it would arrive with other contents"
    return ""


def _find_changed(
    value: t.Any, path: str, reason: str
) -> tuple[str, str]:
    """The innermost place at which *value* does not survive."""
    items: t.Iterable[tuple[t.Any, t.Any]] = ()
    if type(value) is dict:
        items = value.items()
    elif type(value) in (list, tuple):
        items = enumerate(value)
    for key, item in items:
        inner = "%s[%s]" % (path, _shown(key))
        found = _changed(to_plain(item, inner), inner)
        if found:
            return _find_changed(item, inner, found)
    return path, "%s: %s" % (_type_name(type(value)), reason)


def _type_name(cls: type) -> str:
    return "%s.%s" % (cls.__module__, cls.__qualname__)


class _Name(str):
    """A part of a path that stands there without quotes."""


def _shown(key: t.Any) -> str:
    """A key in a path: short, and never a reason to fail itself."""
    if isinstance(key, _Name):
        return key
    try:
        text = repr(key)
    except Exception as e:  # a method of a plugin's class, or a huge integer
        text = "<%s: %s>" % (_type_name(type(key)), type(e).__name__)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


class _Encoder:
    def __init__(self, root: str, omitted: list[str] | None) -> None:
        self.omitted = omitted
        self.classes = kinds.Classes()
        self.path: Path = [root]
        self.active: set[int] = set()  # what encloses the present value

    # ---- where we are

    def _refused(self, value: t.Any, reason: str) -> CannotBeSent:
        text = "".join(
            part if isinstance(part, str) else part[0] % _shown(part[1])
            for part in self.path
        )
        return CannotBeSent(
            path=text,
            reason="%s: %s" % (_type_name(type(value)), reason),
        )

    def _inner(self, form: str, key: t.Any, value: t.Any) -> t.Any:
        """Encode what is at *key*; fails with the whole if it fails."""
        self.path.append((form, key))
        try:
            return self.value(value)
        finally:
            self.path.pop()

    def _part(self, form: str, key: t.Any, value: t.Any) -> t.Any:
        """The same, of which the whole can do without."""
        try:
            return self._inner(form, key, value)
        except CannotBeSent as e:
            if self.omitted is None:
                raise
            self.omitted.append("%(path)s: %(reason)s" % e.kwargs)
            return _OMITTED

    # ---- values

    def value(self, value: t.Any) -> t.Any:
        cls = type(value)
        if cls in _ATOMS:
            return value
        if cls is str:
            if value.isascii() or utf8.is_carried(value):
                return value
            return {MARK: ["text", value.encode("utf-8", "surrogatepass")]}
        if cls is int:
            return value if value in _INT64 else {MARK: ["int", hex(value)]}
        if len(self.path) > MAX_DEPTH:
            raise self._refused(
                value, "it is nested more than %d levels deep" % MAX_DEPTH
            )
        if id(value) in self.active:
            raise self._refused(value, "it contains itself")
        self.active.add(id(value))
        try:
            return self._compound(value, cls)
        finally:
            self.active.discard(id(value))

    def _compound(self, value: t.Any, cls: type) -> t.Any:
        if cls is dict:
            return self._dict(value)
        if cls is list:
            return self._items(value)
        if cls is tuple:
            return {MARK: ["tuple", *self._fixed_items(value)]}
        if cls is set or cls is frozenset:
            return {MARK: [cls.__name__, *self._members(value)]}
        kind = kinds.KIND_OF.get(cls)
        if kind is None:
            return self._object(value, cls)
        parts = kinds.VALUES[kind].parts(value)
        return {
            MARK: [kind, *(self._inner("%s", _Name(), part) for part in parts)]
        }

    def _dict(self, value: dict[t.Any, t.Any]) -> t.Any:
        plain = {}
        for key, item in value.items():
            if type(key) is not str or key == MARK or not (
                key.isascii() or utf8.is_carried(key)
            ):
                return {MARK: ["dict", *self._pairs(value.items())]}
            cls = type(item)
            if cls in _ATOMS or (cls is str and item.isascii()):
                plain[key] = item
                continue
            carried = self._part("[%s]", key, item)
            if carried is not _OMITTED:
                plain[key] = carried
        return plain

    def _pairs(
        self, items: t.Iterable[tuple[t.Any, t.Any]]
    ) -> list[t.Any]:
        plain: list[t.Any] = []
        for key, item in items:
            carried_key = key
            if type(key) is not str or not key.isascii():
                carried_key = self._part(".key(%s)", key, key)
            if carried_key is _OMITTED:
                continue
            cls = type(item)
            if cls in _ATOMS or (cls is str and item.isascii()):
                plain += carried_key, item
                continue
            carried = self._part("[%s]", key, item)
            if carried is not _OMITTED:
                plain += carried_key, carried
        return plain

    def _items(self, items: t.Iterable[t.Any]) -> list[t.Any]:
        plain = []
        for i, item in enumerate(items):
            cls = type(item)
            if not (cls in _ATOMS or (cls is str and item.isascii())):
                item = self._part("[%s]", i, item)
                if item is _OMITTED:
                    continue
            plain.append(item)
        return plain

    def _fixed_items(self, items: t.Iterable[t.Any]) -> list[t.Any]:
        """Items whose places have a meaning: none can be left out."""
        return [
            self._inner("[%s]", i, item) for i, item in enumerate(items)
        ]

    def _members(self, members: t.Iterable[t.Any]) -> list[t.Any]:
        """In an order that only depends on what they are."""
        return sorted(self._items(members), key=repr)

    # ---- objects

    def _object(
        self, value: t.Any, cls: type, is_copy: bool = False
    ) -> t.Any:
        try:
            shape = self.classes.shape_of(cls)
            if shape.way == "flag":
                number = self.value(int(value._value_))
                return {MARK: ["flag", shape.name, number]}
            if shape.way == "enum":
                return {MARK: ["enum", shape.name, value._name_]}
            if shape.way == "state":
                state = self._state(value.to_state())
                return {MARK: ["state", shape.name, state]}
            if shape.is_copied and not is_copy:
                return self._copied(value)
        except CannotBeSent:
            raise
        except kinds.NotKnown as e:
            raise self._refused(value, str(e)) from None
        except Exception as e:  # methods of a plugin's class
            raise self._refused(
                value, "%s: %s" % (type(e).__name__, e)
            ) from None
        return {
            MARK: [
                "object", shape.name, self._content(value, shape),
                self._attributes(value, shape),
            ]
        }

    def _state(self, state: t.Any) -> t.Any:
        """Nothing is left out of it: `from_state` needs what it expects."""
        omitted, self.omitted = self.omitted, None
        try:
            return self._inner(".to_state()%s", _Name(), state)
        finally:
            self.omitted = omitted

    def _copied(self, value: t.Any) -> t.Any:
        """A copy, made as the class says; each iteration gets one anyway."""
        copied = copy.deepcopy(value)
        cls = type(copied)
        if cls is type(value):
            return self._object(copied, cls, is_copy=True)
        return self.value(copied)

    def _content(self, value: t.Any, shape: kinds.Shape) -> list[t.Any]:
        base = shape.base
        if base in kinds.MAPPINGS:
            pairs = self._pairs(base.items(value))
            if base is collections.defaultdict:
                return [self._factory(value), *pairs]
            return pairs
        if base is object:
            return []
        if base in kinds.SCALARS:
            return [self._inner("%s", _Name(), kinds.scalar_of(value, base))]
        items = base.__iter__(value)
        if base in (set, frozenset):
            return self._members(items)
        if base is tuple:
            return self._fixed_items(items)
        if base is collections.deque:
            return [value.maxlen, *self._items(items)]
        return self._items(items)

    def _factory(self, value: t.Any) -> str | None:
        factory = value.default_factory
        if factory is None:
            return None
        for name, known in kinds.FACTORIES.items():
            if factory is known:
                return name
        raise self._refused(
            value,
            "its default_factory %s is none that is carried"
            % _shown(factory),
        )

    def _attributes(self, value: t.Any, shape: kinds.Shape) -> t.Any:
        """None: there are none; True: the object is its own dict."""
        own = kinds.attributes_of(value)
        if own is value:
            return True
        named = dict(own or {})
        for name, member in shape.slots.items():
            with contextlib.suppress(AttributeError):  # never set
                named[name] = member.__get__(value)
        plain = {}
        for name, content in named.items():
            if type(name) is not str or not utf8.is_carried(name):
                raise self._refused(
                    value, "an attribute has the name " + _shown(name)
                )
            carried = self._part(".%s", _Name(name), content)
            if carried is not _OMITTED:
                plain[name] = carried
        return plain or None


class _Decoder:
    def __init__(self) -> None:
        self.classes = kinds.Classes()

    def value(self, plain: t.Any) -> t.Any:
        cls = type(plain)
        if cls is str or cls in _ATOMS or cls is int:
            return plain
        if cls is list:
            return [
                item if type(item) in _ATOMS else self.value(item)
                for item in plain
            ]
        if cls is not dict:
            raise ValueError("a value of type %s" % cls.__name__)
        if MARK in plain:
            return self._marked(plain)
        for key in plain:
            if type(key) is not str:
                raise ValueError("a key of type %s" % type(key).__name__)
        return {
            key: item if type(item) in _ATOMS else self.value(item)
            for key, item in plain.items()
        }

    def _marked(self, plain: dict[str, t.Any]) -> t.Any:
        if len(plain) != 1 or type(plain[MARK]) is not list:
            raise ValueError("a value of no known kind")
        match plain[MARK]:
            case ["object", str(name), list(content), attributes]:
                return self._object(name, content, attributes)
            case ["dict", *parts] if len(parts) % 2 == 0:
                items = [self.value(part) for part in parts]
                return dict(zip(items[::2], items[1::2], strict=True))
            case ["tuple", *parts]:
                return tuple([self.value(part) for part in parts])
            case ["set", *parts]:
                return {self.value(part) for part in parts}
            case ["frozenset", *parts]:
                return frozenset({self.value(part) for part in parts})
            case ["int", str(text)]:
                return int(text, 16)
            case ["text", bytes(text)]:
                return text.decode("utf-8", "surrogatepass")
            case ["enum", str(name), str(member)]:
                return self._shape(name, "enum").cls.__members__[member]
            case ["flag", str(name), number]:
                return self._flag(name, self.value(number))
            case ["state", str(name), state]:
                return self._of_state(name, self.value(state))
            case [str(kind), *parts] if kind in kinds.VALUES:
                return kinds.VALUES[kind].made_of(
                    [self.value(part) for part in parts]
                )
        raise ValueError("a value of no known kind")

    def _object(
        self, name: str, content: list[t.Any], attributes: t.Any
    ) -> t.Any:
        shape = self._shape(name, "object")
        made = kinds.made(
            shape,
            [
                item if type(item) is str else self.value(item)
                for item in content
            ],
        )
        if attributes is True:
            kinds.be_its_own_dict(made)
        elif isinstance(attributes, dict):
            kinds.set_attributes(
                made,
                {key: self.value(item) for key, item in attributes.items()},
                shape.slots,
            )
        elif attributes is not None:
            raise ValueError("attributes of %s are no dict" % name)
        return made

    def _shape(self, name: str, way: str) -> kinds.Shape:
        shape = self.classes.named(name)
        if shape.way != way:
            raise ValueError("%s is carried in another way" % name)
        return shape

    def _flag(self, name: str, number: t.Any) -> t.Any:
        cls = self._shape(name, "flag").cls
        if type(number) is not int:
            raise ValueError("flags of %s are no integer" % name)
        return cls(number)

    def _of_state(self, name: str, state: t.Any) -> t.Any:
        cls = self._shape(name, "state").cls
        made = cls.from_state(state)
        if type(made) is not cls:
            raise ValueError("from_state of %s made none" % name)
        return made
