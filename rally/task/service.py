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

"""Services: clients of the tested cloud, one interface over its versions.

A ``Service`` implements one version of one API. A ``UnifiedService`` says
what all versions can do; a *compat layer* is a subclass of it that says the
same in terms of one ``Service``.
"""

from __future__ import annotations

import functools
import inspect
import typing as t

from rally import exceptions
from rally.common.plugin import discover, meta
from rally.task import atomic

_C = t.TypeVar("_C", bound="type[Service]")
_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])


def service(
    service_name: str,
    service_type: str,
    version: str,
    client_name: str | None = None,
) -> t.Callable[[_C], _C]:
    """Say which API a class implements.

    :param service_name: name of the service
    :param service_type: its type in a catalog of services
    :param version: version of the API
    :param client_name: attribute of the clients; default *service_name*
    """

    def wrapper(cls: _C) -> _C:
        cls._meta_init()
        cls._meta_set("name", service_name)
        cls._meta_set("type", service_type)
        cls._meta_set("version", str(version))
        cls._meta_set("client_name", client_name or service_name)
        return cls

    return wrapper


def compat_layer(original_impl: type[Service]) -> t.Callable[[_C], _C]:
    """Make a class the unified form of one implementation.

    :param original_impl: class marked with ``service``
    """

    def wrapper(cls: _C) -> _C:
        cls._meta_init()
        cls._meta_set("impl", original_impl)
        return cls

    return wrapper


def should_be_overridden(func: _F) -> _F:
    """Mark a method that each compat layer must have."""

    @functools.wraps(func)
    def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
        return func(*args, **kwargs)

    wrapper.require_impl = True  # type: ignore[attr-defined]
    return t.cast(_F, wrapper)


def method_wrapper(func: _F) -> _F:
    """Let a method take one positional argument at most.

    So parameters can be put in another order without breaking callers.
    """

    @functools.wraps(func)
    def wrapper(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if len(args) > 1:
            raise TypeError(
                f"{func.__name__} takes at most 1 positional argument "
                f"({len(args)} given)"
            )
        return func(self, *args, **kwargs)

    return t.cast(_F, wrapper)


class ServiceMeta(type):
    """Wraps public methods, and checks that none is missing."""

    def __init__(
        cls,
        name: str,
        bases: tuple[type, ...],
        namespaces: dict[str, t.Any],
    ) -> None:
        super().__init__(name, bases, namespaces)
        for attr, value in namespaces.items():
            if not attr.startswith("_") and inspect.isfunction(value):
                setattr(cls, attr, method_wrapper(value))
        missed = sorted(
            attr
            for attr, value in inspect.getmembers(cls, inspect.isfunction)
            if getattr(value, "require_impl", False) and attr not in namespaces
        )
        if missed:
            raise exceptions.RallyException(
                f"{name} has wrong implementation. Implementation of "
                "specific version of API should override all required "
                "methods of base service class. Missing: "
                f"{', '.join(missed)}."
            )


class Service(meta.MetaMixin, metaclass=ServiceMeta):
    """Base of the implementations of one version of an API.

    :param clients: clients of the cloud
    :param name_generator: makes names of resources
    :param atomic_inst: list of atomic actions to which those of the service
        are added; a list of its own if None
    """

    def __init__(
        self,
        clients: t.Any,
        name_generator: t.Callable[[], str] | None = None,
        atomic_inst: list[atomic.AtomicAction] | None = None,
    ) -> None:
        self._clients = clients
        self._name_generator = name_generator
        self._atomic_actions = [] if atomic_inst is None else atomic_inst
        self.version: str | None = None
        if self._meta_is_inited(raise_exc=False):
            self.version = self._meta_get("version")

    def generate_random_name(self) -> str:
        """A name for a new resource.

        :raises RallyException: there is no generator
        """
        if self._name_generator is None:
            raise exceptions.RallyException(
                "You cannot use `generate_random_name` method, until you "
                "initialize class with `name_generator` argument."
            )
        return self._name_generator()


class UnifiedService(Service):
    """Base of what all versions of an API have in common.

    An instance of the base itself picks the compat layer that suits the
    clients; an instance of a compat layer, its implementation.
    """

    def __init__(
        self,
        clients: t.Any,
        name_generator: t.Callable[[], str] | None = None,
        atomic_inst: list[atomic.AtomicAction] | None = None,
    ) -> None:
        super().__init__(clients, name_generator, atomic_inst)
        if self._meta_is_inited(raise_exc=False):
            impl_cls = self._meta_get("impl")
        else:
            impl_cls, all_impls = self.discover_impl()
            if impl_cls is None:
                raise exceptions.RallyException(
                    _no_implementation(type(self), all_impls)
                )
        self._impl: t.Any = impl_cls(
            self._clients, self._name_generator, self._atomic_actions
        )
        self.version = self._impl.version

    def discover_impl(
        self,
    ) -> tuple[
        type[UnifiedService] | None, dict[type[UnifiedService], type[Service]]
    ]:
        """Find the compat layer that suits the clients.

        :returns: that class or None, and compat layer -> implementation of
            all there are
        """
        all_impls: dict[type[UnifiedService], type[Service]] = {}
        # a load process has perhaps not loaded those that do not suit
        for find in discover.loaded_subclasses, discover.itersubclasses:
            all_impls = {
                cls: cls._meta_get("impl")
                for cls in find(type(self))
                if cls._meta_is_inited(raise_exc=False)
            }
            for cls in all_impls:
                if cls.is_applicable(self._clients):
                    return cls, all_impls
        return None, all_impls

    @classmethod
    def is_applicable(cls, clients: t.Any) -> bool:
        """Whether the clients speak the version of this compat layer."""
        if not cls._meta_is_inited(raise_exc=False):
            return False
        impl = cls._meta_get("impl")
        client = getattr(clients, impl._meta_get("client_name"))
        return client.choose_version() == impl._meta_get("version")


def _no_implementation(cls: type, impls: t.Iterable[type]) -> str:
    message = f"There is no proper implementation for {cls.__name__}."
    if impls:
        names = ", ".join(sorted(impl.__name__ for impl in impls))
        message += f" None of these suits the clients: {names}."
    return message


class _Resource:
    """A resource as services return it; see ``make_resource_cls``."""

    __slots__: t.Sequence[str] = ()
    _id_property: t.ClassVar[str | None] = None

    def __init__(self, **kwargs: t.Any) -> None:
        for name, value in kwargs.items():
            setattr(self, name, value)

    def __getitem__(self, item: str, default: t.Any = None) -> t.Any:
        return getattr(self, item, default)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        name = self._id_property or ""
        return bool(getattr(self, name) == getattr(other, name))

    # compared by an id that may be set later
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = self._id_property or ""
        return f"<{type(self).__name__} {name}={getattr(self, name, 'n/a')}>"

    def _as_dict(self) -> dict[str, t.Any]:
        return {name: self[name] for name in self.__slots__}


def make_resource_cls(
    name: str, properties: t.Sequence[str], id_property: str = "id"
) -> type[_Resource]:
    """Make a class of resources with just some properties.

    :param name: name of the class
    :param properties: names of its attributes
    :param id_property: the attribute by which two of them are compared
    """
    return type(
        name,
        (_Resource,),
        {
            "__slots__": properties,
            "_id_property": id_property,
            "__module__": _Resource.__module__,
        },
    )
