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

"""An isolated copy of a value for each iteration, as cheap as can be.

A deep copy of a small context costs 15 us, loading its pickle a fraction
of that, and what cannot change need not be copied at all. What is
large is copied where it is touched, see ``copied_on_touch``.
"""

from __future__ import annotations

import copy
import copyreg
import io
import pickle
import types
import typing as t

from rally.task.load import copied_on_touch
from rally.task.load.immutable import is_immutable

_MAX_NODES = 16


class _NeedsDeepCopy(Exception):
    """Only ``copy.deepcopy`` copies this object as its class wants it."""


class _Pickler(pickle.Pickler):
    """Pickles what a load copies just as ``copy.deepcopy`` would."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.shared: list[t.Any] = []

    def persistent_id(self, obj: t.Any) -> int | None:
        """Functions and classes are shared, like in a deep copy."""
        if isinstance(obj, (type, types.FunctionType)):
            self.shared.append(obj)
            return len(self.shared) - 1
        return None

    def reducer_override(self, obj: t.Any) -> t.Any:
        if hasattr(obj, "__deepcopy__"):
            raise _NeedsDeepCopy()
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, blob: bytes, shared: t.Sequence[t.Any]) -> None:
        super().__init__(io.BytesIO(blob))
        self._shared = shared

    def persistent_load(self, pid: int) -> t.Any:
        return self._shared[pid]


class _NotPlain(Exception):
    """A value is not a small tree of plain containers and objects."""


def _has_plain_state(value: t.Any) -> bool:
    """Whether its attributes are all there is to copy of an object.

    That is, ``copy.deepcopy`` would make an empty object of the same class
    and give it copies of the attributes.
    """
    kind = type(value)
    return (
        kind.__basicsize__ == _PLAIN_SIZE
        and kind.__new__ is object.__new__
        and kind.__reduce_ex__ is object.__reduce_ex__
        and kind.__reduce__ is object.__reduce__
        and kind.__setattr__ is object.__setattr__
        and getattr(kind, "__getstate__", None) is _OBJECT_GETSTATE
        and not any(hasattr(kind, name) for name in _COPY_HOOKS)
        and kind not in copyreg.dispatch_table
        and type(getattr(value, "__dict__", None)) is dict
    )


class _Plain:
    """An object with attributes and nothing else."""


_PLAIN_SIZE = _Plain.__basicsize__
_OBJECT_GETSTATE = getattr(object, "__getstate__", None)
_COPY_HOOKS = (
    "__deepcopy__", "__setstate__", "__getnewargs_ex__", "__getnewargs__",
    "__getinitargs__",
)


class _TreeCopier:
    """Copies a small tree of dicts, lists and objects node by node.

    That is cheaper than a pickle up to some ten nodes. *nodes* collects
    what is copied: a node that is met twice makes it no tree.
    """

    def __init__(self) -> None:
        self.nodes: dict[int, t.Any] = {}

    def of(self, value: t.Any) -> t.Callable[[], t.Any]:
        """:raises _NotPlain: *value* needs another copier"""
        if id(value) in self.nodes:
            raise _NotPlain()
        if type(value) not in (dict, list):
            return self._of_object(value)
        self.nodes[id(value)] = value
        if len(self.nodes) > _MAX_NODES:
            raise _NotPlain()
        is_dict = type(value) is dict
        items = list(value.items() if is_dict else enumerate(value))
        parts = [
            (key, self.of(item)) for key, item in items
            if not is_immutable(item)
        ]
        if is_dict and not all(is_immutable(key) for key in value):
            raise _NotPlain()
        template = value.copy()
        if not parts:
            copy_flat: t.Callable[[], t.Any] = template.copy
            return copy_flat
        for key, _ in parts:
            template[key] = None
        return _filler(template, parts)

    def _of_object(self, value: t.Any) -> t.Callable[[], t.Any]:
        if not _has_plain_state(value):
            raise _NotPlain()
        self.nodes[id(value)] = value
        kind, new = type(value), object.__new__
        copy_state = self.of(vars(value))

        def copy_object() -> t.Any:
            made = new(kind)
            made.__dict__ = copy_state()
            return made

        return copy_object


def _filler(
    template: t.Any, parts: list[tuple[t.Any, t.Callable[[], t.Any]]]
) -> t.Callable[[], t.Any]:
    """Makes copies of *template* with copies of some parts in it."""

    def copy_filled() -> t.Any:
        made = template.copy()
        for key, copy_part in parts:
            made[key] = copy_part()
        return made

    return copy_filled


def copier(value: t.Any) -> t.Callable[[], t.Any]:
    """A function that makes a new deep copy of *value* at each call.

    *value* must not change any more, unless it is large. The copy raises
    what a deep copy of *value* raises.
    """
    if is_immutable(value):
        return lambda: value
    if type(value) is not dict or not all(type(key) is str for key in value):
        return _copier_of_any(value)[0]
    if copied_on_touch.may_be_large(value):
        return _copier_of_large(value)
    trees = _TreeCopier()
    parts: list[tuple[t.Any, t.Callable[[], t.Any]]] = []
    others = {}
    for key, item in value.items():
        if is_immutable(item):
            continue
        try:
            parts.append((key, trees.of(item)))
        except _NotPlain:
            others[key] = item
    copy_others, reached = _copier_of_any(others)
    if reached is None or not reached.isdisjoint(trees.nodes):
        # who shares an object goes on sharing it, so copy all at once
        return _copier_of_any(value)[0]
    template = value.copy()
    if not parts:
        copy_trees: t.Callable[[], t.Any] = template.copy
    else:
        copy_trees = _filler(template, parts)
    if not others:
        return copy_trees

    def copy_dict() -> dict[str, t.Any]:
        made = copy_trees()
        made.update(copy_others())
        return t.cast("dict[str, t.Any]", made)

    return copy_dict


def _copier_of_large(value: dict[str, t.Any]) -> t.Callable[[], t.Any]:
    """A copier of parts, which are copied later than those of others."""
    copy_all = _copier_of_any(value)[0]
    try:
        snapshot = copy_all()  # that no plugin has a reference into
    except Exception:  # of a plugin's object: it is raised at each copy
        return copy_all
    return copied_on_touch.copier(snapshot) or copy_all


def _copier_of_any(
    value: t.Any,
) -> tuple[t.Callable[[], t.Any], set[int] | None]:
    """A copier, and the identities of what it copies (None: unknown)."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    try:
        pickler.dump(value)
        blob, shared = file.getvalue(), pickler.shared
        reached = set(pickler.memo.copy())
        _Unpickler(blob, shared).load()
    except Exception:  # of a plugin's object: then it is up to deepcopy
        return lambda: copy.deepcopy(value), None
    if not shared:
        return lambda: pickle.loads(blob), reached
    return lambda: _Unpickler(blob, shared).load(), reached
