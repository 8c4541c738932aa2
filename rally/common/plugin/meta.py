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

"""Data about a class that its subclasses do not share."""

from __future__ import annotations

import copy
import typing as t


class MetaMixin:
    """Key-value data kept by class.

    *Meta* belongs to one class alone and is never inherited. *Default meta*
    is: a class starts its meta as a deep copy of the nearest default meta
    above it. Only the class that initialised a default meta may change it.
    """

    # owner of the default meta in force, and its data
    _default_meta: t.ClassVar[tuple[type | None, dict[str, t.Any]]] = (
        None,
        {},
    )
    _meta: t.ClassVar[dict[str, t.Any]]

    @classmethod
    def _meta_init(cls) -> None:
        """Start the meta of this class: a copy of its default meta."""
        cls._meta = copy.deepcopy(cls._default_meta[1])

    @classmethod
    def _meta_clear(cls) -> None:
        if cls._meta_is_inited():
            cls._meta.clear()
            del cls._meta

    @classmethod
    def _meta_is_inited(cls, raise_exc: bool = True) -> bool:
        """Whether this very class has meta.

        :raises ReferenceError: it has none and *raise_exc* is set
        """
        if "_meta" in cls.__dict__:
            return True
        if raise_exc:
            raise ReferenceError(
                "Class %s.%s has no meta of its own yet: it was not passed "
                "through its `configure` decorator (or that one is applied "
                "after this access)." % (cls.__module__, cls.__qualname__)
            )
        return False

    @classmethod
    def _meta_get(cls, key: str, default: t.Any = None) -> t.Any:
        cls._meta_is_inited()
        return cls._meta.get(key, default)

    @classmethod
    def _meta_set(cls, key: str, value: t.Any) -> None:
        cls._meta_is_inited()
        cls._meta[key] = value

    @classmethod
    def _meta_setdefault(cls, key: str, value: t.Any) -> None:
        cls._meta_is_inited()
        cls._meta.setdefault(key, value)

    @classmethod
    def _default_meta_init(cls, inherit: bool = True) -> None:
        """Give this class and its subclasses a default meta of their own.

        :param inherit: begin with a copy of the inherited one
        """
        inherited = cls._default_meta[1] if inherit else {}
        cls._default_meta = (cls, copy.deepcopy(inherited))

    @classmethod
    def _default_meta_set(cls, key: str, value: t.Any) -> None:
        cls._own_default_meta()[key] = value

    @classmethod
    def _default_meta_get(cls, key: str, default: t.Any = None) -> t.Any:
        return cls._default_meta[1].get(key, default)

    @classmethod
    def _default_meta_setdefault(cls, key: str, value: t.Any) -> None:
        cls._own_default_meta().setdefault(key, value)

    @classmethod
    def _own_default_meta(cls) -> dict[str, t.Any]:
        owner, data = cls._default_meta
        if owner is not cls:
            raise ReferenceError(
                "Default meta of %s belongs to %s: changing it here would "
                "change other classes too. Call _default_meta_init first."
                % (cls.__name__, owner and owner.__name__)
            )
        return data
