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

"""A dict that is read-only most of the time."""

from __future__ import annotations

import copy
import functools
import typing as t


def _unless_locked(name: str) -> t.Any:
    """The method *name* of dicts, for one that may be locked."""
    method = getattr(dict, name)

    @functools.wraps(method)
    def checked(self: LockedDict, *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._check_is_unlocked()
        return method(self, *args, **kwargs)

    return checked


class LockedDict(dict[t.Any, t.Any]):
    """A dict that can be changed only within ``with d.unlocked():``.

    Dicts inside it are locked as well, lists inside it become tuples. A deep
    copy is a plain dict.
    """

    _is_locked = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__()
        self._is_locked = False
        for key, value in dict(*args, **kwargs).items():
            self[key] = _locked(value)
        self._is_locked = True

    def _check_is_unlocked(self) -> None:
        if self._is_locked:
            raise RuntimeError(
                "This dict is shared, so it cannot be changed: %r. Make a "
                "deep copy of it to change." % self
            )

    def unlocked(self) -> LockedDict:
        """Begin a block in which this dict can be changed."""
        self._is_locked = False
        return self

    def __enter__(self) -> LockedDict:
        return self

    def __exit__(self, *args: t.Any) -> None:
        self._is_locked = True

    def __deepcopy__(self, memo: dict[int, t.Any]) -> dict[t.Any, t.Any]:
        return {
            copy.deepcopy(key, memo): copy.deepcopy(value, memo)
            for key, value in self.items()
        }

    def __reduce_ex__(self, protocol: t.SupportsIndex) -> tuple[t.Any, ...]:
        return LockedDict, (dict(self),)

    __setitem__ = _unless_locked("__setitem__")
    __delitem__ = _unless_locked("__delitem__")
    __ior__ = _unless_locked("__ior__")
    pop = _unless_locked("pop")
    popitem = _unless_locked("popitem")
    update = _unless_locked("update")
    setdefault = _unless_locked("setdefault")
    clear = _unless_locked("clear")


def _locked(value: t.Any) -> t.Any:
    if isinstance(value, LockedDict):
        return value
    if isinstance(value, dict):
        return LockedDict(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return tuple(_locked(item) for item in value)
    return value
