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

"""Copies of large contexts, each part copied when it is touched.

The cost of an iteration must not grow with what it does not look at. So a
large dict or list of a context is given to an iteration as a subclass that
holds nothing yet: what is read of it is copied then, anything else that is
done with it copies the whole level first. From then on it is a dict or list
in all but its name. What is small is copied at once, as plain dicts and lists.

C code that reads the memory of a dict or list past the methods of its class
(orjson, msgspec, heapq) gets an object that it does not know instead of
contents: it fails instead of reading too little.
"""

from __future__ import annotations

import copy
import functools
import operator
import threading
import typing as t

from rally.task.load import immutable

#: entries, at all depths, up to which a container is copied at once: that
#: takes 10 us
LIMIT = 256
#: entries that an object counts for: it takes as long to copy
_OBJECT_WEIGHT = 32

#: how to look into what derives from these, past its own methods
_ITEMS_OF: t.Mapping[type, t.Callable[[t.Any], t.Iterable[t.Any]]] = {
    dict: dict.values,
    list: list.__iter__,
    tuple: tuple.__iter__,
    set: set.__iter__,
    frozenset: frozenset.__iter__,
}


class _Untouched:
    """Stands where nothing has been copied yet."""

    def __repr__(self) -> str:
        return "<a part of a context that is not copied yet>"


_UNTOUCHED = _Untouched()


class TouchedDict(dict[t.Any, t.Any]):
    """A large dict of one iteration: copies of it are plain."""

    __slots__ = ("_copies", "_handed", "_original")
    _original: dict[t.Any, t.Any]
    _copies: Copies
    _handed: dict[t.Any, t.Any]  # what has been read

    fromkeys = dict.fromkeys  # type: ignore[assignment]

    def __new__(cls, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """`type(x)(...)` is often written to copy a container."""
        return dict(*args, **kwargs)

    def __copy__(self) -> dict[t.Any, t.Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, t.Any]) -> dict[t.Any, t.Any]:
        made: dict[t.Any, t.Any] = {}
        memo[id(self)] = made
        for key, item in self.items():
            made[copy.deepcopy(key, memo)] = copy.deepcopy(item, memo)
        return made

    def __reduce_ex__(self, protocol: t.SupportsIndex) -> tuple[t.Any, ...]:
        return dict, (), None, None, iter(self.items())

    def _take_keys(self) -> None:
        """They are there; another thread may have been faster."""

    def _fill(self) -> None:
        """The same."""


class TouchedList(list[t.Any]):
    """A large list of one iteration: copies of it are plain."""

    __slots__ = ("_copies", "_handed", "_original")
    _original: list[t.Any]
    _copies: Copies
    _handed: dict[int, t.Any]  # what has been read, by index

    def __new__(cls, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """`type(x)(...)` is often written to copy a container."""
        return list(*args, **kwargs)

    def __copy__(self) -> list[t.Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, t.Any]) -> list[t.Any]:
        made: list[t.Any] = []
        memo[id(self)] = made
        for item in self:
            made.append(copy.deepcopy(item, memo))
        return made

    def __reduce_ex__(self, protocol: t.SupportsIndex) -> tuple[t.Any, ...]:
        return list, (), None, iter(self)

    def _fill(self) -> None:
        """All is there; another thread may have been faster."""


class UntouchedDict(TouchedDict):
    """The same, before anything but reading was done with it."""

    __slots__ = ()

    def __getitem__(self, key: t.Any) -> t.Any:
        made = self._handed.get(key, _UNTOUCHED)
        if made is not _UNTOUCHED:
            return made
        with self._copies.lock:
            if type(self) is not UntouchedDict:  # another thread was faster
                return self[key]
            made = self._copies.of(self._original[key])
            return self._handed.setdefault(key, made)

    def get(self, key: t.Any, default: t.Any = None) -> t.Any:
        return self[key] if key in self else default

    def __contains__(self, key: t.Any) -> bool:
        return key in self._original

    def __len__(self) -> int:
        return len(self._original)

    def __iter__(self) -> t.Iterator[t.Any]:
        self._take_keys()
        return dict.__iter__(self)

    def keys(self) -> t.Any:
        self._take_keys()
        return dict.keys(self)

    def _take_keys(self) -> None:
        """Hold the keys, in their order, but no values.

        Iterators over the keys go on when the values come.
        """
        with self._copies.lock:
            if dict.__contains__(self, _UNTOUCHED):
                dict.clear(self)
                dict.update(self, dict.fromkeys(self._original, _UNTOUCHED))

    def _fill(self) -> None:
        with self._copies.lock:
            if type(self) is not UntouchedDict:
                return
            content = {key: self[key] for key in self._original}
            self._take_keys()
            for key, item in content.items():
                dict.__setitem__(self, key, item)
            self.__class__ = TouchedDict  # type: ignore[assignment]


class UntouchedList(TouchedList):
    """The same, before anything but reading was done with it."""

    __slots__ = ()

    def __getitem__(self, index: t.Any) -> t.Any:
        if isinstance(index, slice):
            self._fill()
            return list.__getitem__(self, index)
        item = self._original[index]
        index = range(len(self._original))[index]
        made = self._handed.get(index, _UNTOUCHED)
        if made is not _UNTOUCHED:
            return made
        with self._copies.lock:
            if type(self) is not UntouchedList:  # another thread was faster
                return self[index]
            return self._handed.setdefault(index, self._copies.of(item))

    def __len__(self) -> int:
        return len(self._original)

    def __iter__(self) -> t.Iterator[t.Any]:
        return _items_of(self)

    def __radd__(self, other: t.Any) -> t.Any:
        self._fill()
        return operator.add(other, self)

    def _fill(self) -> None:
        with self._copies.lock:
            if type(self) is not UntouchedList:
                return
            content = [self[i] for i in range(len(self._original))]
            list.clear(self)
            list.extend(self, content)
            self.__class__ = TouchedList  # type: ignore[assignment]


def _items_of(items: list[t.Any]) -> t.Iterator[t.Any]:
    """As the iterator of a list: what is added on the way comes, too."""
    i = 0
    while i < len(items):
        yield items[i]
        i += 1


_Untouchable: t.TypeAlias = "UntouchedDict | UntouchedList"
_UNTOUCHED_TYPES = (UntouchedDict, UntouchedList)

#: methods that a container keeps, whatever it holds
_KEPT = {
    "__new__", "__getattribute__", "__class_getitem__", "__doc__",
    "__hash__", "fromkeys",
}
#: of a list; called as operators, the other side may answer instead
_OPERATORS: t.Mapping[str, t.Callable[[t.Any, t.Any], t.Any]] = {
    "__add__": operator.add,
    "__iadd__": operator.iadd,
    "__mul__": operator.mul,
    "__imul__": operator.imul,
    "__rmul__": lambda self, other: other * self,
}


def _filling(native: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """A method that has the whole level copied first."""

    @functools.wraps(native)
    def method(self: _Untouchable, *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._fill()
        for each in args:  # methods of builtin types read its memory
            if isinstance(each, _UNTOUCHED_TYPES):
                each._fill()
        return native(self, *args, **kwargs)

    return method


def _override(cls: type, base: type) -> None:
    """Let no method of *base* see that there is nothing yet."""
    for name, native in vars(base).items():
        if name in _KEPT or name in vars(cls) or not callable(native):
            continue
        if base is list:
            native = _OPERATORS.get(name, native)
        setattr(cls, name, _filling(native))


_override(UntouchedDict, dict)
_override(UntouchedList, list)


class _Survey:
    """What there is to copy, and which of it is large."""

    def __init__(self, value: dict[str, t.Any]) -> None:
        #: dicts and lists by identity, but those with keys to be copied
        self.containers: dict[int, t.Any] = {}
        self.large: set[int] = set()
        self._weights: dict[int, int] = {}
        self._weigh(value)
        self._find_large(value)

    def _weigh(self, root: t.Any) -> None:
        """Count the entries in each value; no recursion, it may be deep."""
        weights = self._weights
        stack: list[tuple[t.Any, t.Any]] = [(root, None)]
        while stack:
            value, parts = stack.pop()
            if parts is not None:  # they are weighed
                weights[id(value)] += sum(weights[id(p)] for p in parts)
                continue
            if id(value) in weights:
                continue
            parts, weights[id(value)] = self._taken_apart(value)
            stack.append((value, parts))
            stack.extend((part, None) for part in parts)

    def _taken_apart(self, value: t.Any) -> tuple[list[t.Any], int]:
        """Parts that can change, and what the others weigh."""
        parts = _parts_of(value)
        if type(value) not in (dict, list):
            return parts, _OBJECT_WEIGHT
        if type(value) is list or not _changeable(value):
            self.containers[id(value)] = value
        return parts, len(value)

    def _find_large(self, root: t.Any) -> None:
        """Large are what plain containers hold.

        An object gets its attributes as they are, since C code may read
        them past any method.
        """
        stack, seen = [root], set()
        while stack:
            value = stack.pop()
            for part in _parts_of(value):
                if self._weights[id(part)] <= LIMIT or id(part) in seen:
                    continue
                seen.add(id(part))
                if id(part) in self.containers:
                    self.large.add(id(part))
                    stack.append(part)


def _parts_of(value: t.Any) -> list[t.Any]:
    """What is in *value* and can change."""
    if type(value) is dict:
        return _changeable(value.values())
    if type(value) is list:
        return _changeable(value)
    parts: list[t.Any] = []
    for base, items_of in _ITEMS_OF.items():
        if isinstance(value, base):
            parts += _changeable(items_of(value))
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return parts
    if type(attributes) is dict:
        parts += _changeable(attributes.values())
    return parts


def _changeable(items: t.Iterable[t.Any]) -> list[t.Any]:
    atomic, is_immutable = immutable.ATOMIC, immutable.is_immutable
    return [
        item for item in items
        if type(item) not in atomic and not is_immutable(item)
    ]


class Copies(dict[int, t.Any]):
    """What one iteration has copied, by the identity of the original.

    It is what ``copy.deepcopy`` calls a memo: what two places share goes on
    being shared, in whatever order they are touched.
    """

    __slots__ = ("_survey", "lock")

    def __init__(self, survey: _Survey) -> None:
        self._survey = survey
        # held while objects of plugins are copied: two threads of one
        # iteration must not copy the same object twice
        self.lock = threading.RLock()

    def of(self, value: t.Any) -> t.Any:
        """The copy of *value*, always the same."""
        if type(value) in immutable.ATOMIC:
            return value
        made = self.get(id(value), _UNTOUCHED)
        if made is not _UNTOUCHED:
            return made
        if immutable.is_immutable(value):
            return value
        return copy.deepcopy(value, self)  # type: ignore[arg-type]

    def get(self, key: int, default: t.Any = None) -> t.Any:
        """Also what ``copy.deepcopy`` asks before it copies."""
        made = super().get(key, _UNTOUCHED)
        if made is not _UNTOUCHED:
            return made
        original = self._survey.containers.get(key)
        if original is None:
            return default
        if key in self._survey.large:
            return self._untouched(original)
        made = original.copy()
        self[key] = made
        items = made.items() if type(made) is dict else enumerate(made)
        for place, item in items:
            if type(item) not in immutable.ATOMIC:
                made[place] = self.of(item)
        return made

    def _untouched(self, original: t.Any) -> t.Any:
        made: t.Any
        if type(original) is dict:
            made = dict.__new__(UntouchedDict)
            # C code looks whether a dict is empty before it asks for items
            dict.__setitem__(made, _UNTOUCHED, _UNTOUCHED)
        else:
            made = list.__new__(UntouchedList)
            list.append(made, _UNTOUCHED)
        made._original = original
        made._copies = self
        made._handed = {}
        self[id(original)] = made
        return made


def may_be_large(value: dict[str, t.Any]) -> bool:
    """Whether it is worth a closer look: there are many entries in *value*.
    """
    stack, seen, weight = [value], {id(value)}, 0
    while stack and weight <= LIMIT:
        value = stack.pop()
        parts = _parts_of(value)
        weight += len(value) if type(value) in (dict, list) else len(parts)
        stack += [part for part in parts if id(part) not in seen]
        seen.update(map(id, parts))
    return weight > LIMIT


class Copier:
    """Makes a copy of a large context at each call; see ``copier``."""

    __slots__ = ("_parts", "_survey", "_value")

    def __init__(self, value: dict[str, t.Any], survey: _Survey) -> None:
        self._value = value
        self._survey = survey
        self._parts = [
            (key, item) for key, item in value.items()
            if not immutable.is_immutable(item)
        ]

    def __call__(self) -> dict[str, t.Any]:
        value = self._value
        made, copies = value.copy(), Copies(self._survey)
        copies[id(value)] = made  # it may be in itself
        for key, item in self._parts:
            made[key] = copies.of(item)
        return made


def copier(value: dict[str, t.Any]) -> Copier | None:
    """A function that makes a copy of *value* at each call.

    The outermost dict is a plain one. An object that cannot be copied says
    so when it is touched.

    :param value: nobody may change it any more
    :returns: None if all of it is better copied at once
    """
    survey = _Survey(value)
    if not survey.large:
        return None
    _make_known_to_yaml()
    return Copier(value, survey)


def release(copied: t.Mapping[str, t.Any]) -> None:
    """The iteration that had this copy is over.

    What it copied goes at once, not at some collection of garbage. Whoever
    still holds a part of it can use it as before; parts of it that are
    touched only now are not shared any more.
    """
    for value in list(copied.values()):
        if isinstance(value, (TouchedDict, TouchedList)):
            value._copies.clear()
            return


@functools.cache
def _make_known_to_yaml() -> None:
    """PyYAML goes by the very type of a value."""
    import yaml.representer  # only here: few contexts are large

    safe = yaml.representer.SafeRepresenter
    classes: list[t.Any] = [safe]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    for cls in classes:
        if "yaml_representers" not in vars(cls):
            continue  # it inherits them
        for kind in (TouchedDict, UntouchedDict):
            cls.add_representer(kind, safe.represent_dict)
        for kind in (TouchedList, UntouchedList):
            cls.add_representer(kind, safe.represent_list)
