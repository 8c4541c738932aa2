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

"""Classes as plugins keep them in contexts; loaded as a plugin by tests."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import subprocess  # noqa: F401  (not a class of this plugin)
import threading
import types
import typing as t
from pathlib import PurePath  # noqa: F401  (nor is this)


class Refusing:
    """What must not be called when an object is made again."""

    def __init__(self, *args: t.Any) -> None:
        raise AssertionError("the constructor was called")

    def __setattr__(self, name: str, value: t.Any) -> None:
        raise AssertionError("__setattr__ was called")

    def __reduce_ex__(self, protocol: t.Any) -> t.Any:
        raise AssertionError("it was pickled")


class Plain(Refusing):
    pass


class Dict(Refusing, dict):
    def __setitem__(self, key: t.Any, value: t.Any) -> None:
        raise AssertionError("__setitem__ was called")

    def items(self) -> t.Any:
        raise AssertionError("items was called")


class List(Refusing, list):
    def append(self, item: t.Any) -> None:
        raise AssertionError("append was called")

    def __iter__(self) -> t.Any:
        raise AssertionError("__iter__ was called")


class Tuple(tuple):
    pass


class Text(str):
    def __str__(self) -> str:
        return "something else"


class Number(int):
    pass


class Real(float):
    pass


class Bytes(bytes):
    pass


class Set(set):
    pass


class FrozenSet(frozenset):
    pass


class Ordered(collections.OrderedDict):
    pass


class Namespace(types.SimpleNamespace):
    pass


class Colour(enum.Enum):
    RED = "red"
    CRIMSON = "red"  # noqa: PIE796
    BLUE = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Rights(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


Point = collections.namedtuple("Point", ["x", "y"])


class Typed(t.NamedTuple):
    name: str
    inner: t.Any = None


@dataclasses.dataclass
class Server:
    name: str
    inner: t.Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Flavor:
    name: str
    inner: t.Any = None


class Slotted:
    __slots__ = ("__private", "shown", "unset")

    def __init__(self, value: t.Any) -> None:
        self.__private = value
        self.shown = value

    def __eq__(self, other: t.Any) -> bool:
        return (self.__private, self.shown) == (
            other.__private, other.shown
        )


class SlottedChild(Slotted):
    """Has a dict, too."""


class Attributes(dict):
    """A dict whose items are its attributes."""

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self.__dict__ = self


class Credential(dict):
    """Knows any attribute, and keeps live sessions."""

    def __init__(self, **kwargs: t.Any) -> None:
        super().__init__(kwargs)
        self._sessions = {"live": threading.Lock()}
        self._sessions.clear()

    def __getattr__(self, name: str) -> t.Any:
        return self.get(name)

    def __deepcopy__(self, memo: t.Any) -> Credential:
        return type(self)(**copy.deepcopy(dict(self)))


class Moving:
    """Says how it travels."""

    def __init__(self, value: t.Any) -> None:
        self.value = value
        self.lock = threading.Lock()

    def __eq__(self, other: t.Any) -> bool:
        return isinstance(other, Moving) and self.value == other.value

    def to_state(self) -> t.Any:
        return {"value": self.value}

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        return cls(state["value"])


class Forgetful(Moving):
    """Loses something on the way."""

    @classmethod
    def from_state(cls, state: t.Any) -> t.Any:
        return cls(None)


class Locked:
    def __init__(self) -> None:
        self.name = "x"
        self.lock = threading.Lock()


class Failure(Exception):
    pass


class Outer:
    class Inner(dict):
        pass


def local_object() -> t.Any:
    class Local:
        pass

    return Local()
