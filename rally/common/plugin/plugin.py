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

"""Classes that can be found by name."""

from __future__ import annotations

import collections
import sys
import typing as t
import weakref

from rally import exceptions
from rally.common import spelling
from rally.common.plugin import discover, info, meta

_C = t.TypeVar("_C", bound="type[Plugin]")
_P = t.TypeVar("_P", bound="Plugin")

#: by name and platform, so that a name which is taken is found without a look
#: at all plugins, for each of them
_CONFIGURED: dict[tuple[str, str], weakref.WeakSet[type[Plugin]]] = (
    collections.defaultdict(weakref.WeakSet)
)

#: where a plugin may be whose name is like no other
_ELSEWHERE = (
    " Is its package installed, or its file in ~/.rally/plugins or named by "
    "--plugin-paths?"
)


class DeprecationInfo(t.TypedDict):
    """Why and since when a plugin is not to be used any more."""

    reason: str
    rally_version: str


def base() -> t.Callable[[_C], _C]:
    """Mark a class as a *base*: plugins are named apart below each base.

    :raises RallyException: the class is below another base already
    """

    def decorator(cls: _C) -> _C:
        above = getattr(cls, "base_ref", None)
        if above is not None:
            raise exceptions.RallyException(
                "Plugin base %s cannot be put below plugin base %s: names "
                "would then be looked up in both. Remove one `base()`."
                % (_path_of(cls), _path_of(above))
            )
        cls.base_ref = cls
        cls._default_meta_init()
        return cls

    return decorator


def configure(
    name: str, platform: str = "default", hidden: bool = False
) -> t.Callable[[_C], _C]:
    """Make a class discoverable.

    :param name: unique below the base within the platform; without ``@``
    :param platform: what the plugin is for
    :param hidden: found only by those who ask for hidden ones
    """
    if not name or "@" in name:
        raise ValueError(
            "A plugin cannot be named %r: a name is not empty and has no "
            "'@', which separates it from the platform." % (name,)
        )

    def decorator(cls: _C) -> _C:
        existing = _find(cls._get_base(), name, platform)
        if existing is not None and existing is not cls:
            cls.unregister()
            raise exceptions.PluginWithSuchNameExists(
                name=name,
                platform=platform,
                existing_path=_file_of(existing),
                new_path=_file_of(cls),
            )
        cls._meta_init()
        cls._meta_set("name", name)
        cls._meta_set("platform", platform)
        cls._meta_set("hidden", hidden)
        _CONFIGURED[name, platform].add(cls)
        return cls

    return decorator


def default_meta(inherit: bool = True) -> t.Callable[[_C], _C]:
    """Give a class default meta of its own, for it and its subclasses.

    :param inherit: begin with a copy of the inherited default meta
    """

    def decorator(cls: _C) -> _C:
        cls._default_meta_init(inherit)
        return cls

    return decorator


def deprecated(reason: str, rally_version: str) -> t.Callable[[_C], _C]:
    """Mark a plugin as deprecated.

    :param reason: what to use instead, and why
    :param rally_version: the release that deprecated it
    """

    def decorator(cls: _C) -> _C:
        cls._meta_set(
            "deprecated",
            DeprecationInfo(reason=reason, rally_version=rally_version),
        )
        return cls

    return decorator


class Plugin(meta.MetaMixin, info.InfoMixin):
    """Base class of everything that is found by name."""

    base_ref: t.ClassVar[t.Any]

    @classmethod
    def unregister(cls) -> None:
        """Make the plugin unknown again."""
        if cls._meta_is_inited(raise_exc=False):
            cls._meta_clear()

    @classmethod
    def _get_base(cls) -> type[Plugin]:
        return getattr(cls, "base_ref", Plugin)

    @classmethod
    def get(
        cls: type[_P],
        name: str,
        platform: str | None = None,
        allow_hidden: bool = False,
    ) -> type[_P]:
        """Find a plugin by name.

        :param name: short name, or ``name@platform``
        :param platform: None: any, the one of platform ``default`` first
        :param allow_hidden: also look at hidden plugins
        :raises PluginNotFound: there is none
        :raises MultiplePluginsFound: several platforms have one, none of
            them ``default``
        """
        short, _, named_platform = name.partition("@")
        platform = platform or named_platform or None
        found = cls._loaded(platform, allow_hidden, short)
        if not found:  # or another thread has loaded them in between
            discover.REST.load()
            found = cls._loaded(platform, allow_hidden, short)
        if not found:
            raise cls._not_found(short, platform, allow_hidden)
        if len(found) == 1:
            return found[0]
        for plugin in found:
            if plugin.get_platform() == "default":
                return plugin
        raise exceptions.MultiplePluginsFound(
            name=short,
            plugins=", ".join(sorted(p.get_fullname() for p in found)),
        )

    @classmethod
    def _not_found(
        cls, name: str, platform: str | None, allow_hidden: bool
    ) -> exceptions.PluginNotFound:
        known = {p.get_name() for p in cls.get_all(platform, allow_hidden)}
        return exceptions.PluginNotFound(
            name=name,
            platform=platform or "any",
            base=cls._get_base().__name__,
            hint=spelling.did_you_mean([name], known) or _ELSEWHERE,
        )

    @classmethod
    def get_all(
        cls: type[_P],
        platform: str | None = None,
        allow_hidden: bool = False,
        name: str | None = None,
    ) -> list[type[_P]]:
        """All plugins below this class, depth first.

        :param platform: only of this platform
        :param allow_hidden: hidden ones too
        :param name: only with this short name
        """
        discover.REST.load()
        return cls._loaded(platform, allow_hidden, name)

    @classmethod
    def _loaded(
        cls: type[_P],
        platform: str | None,
        allow_hidden: bool,
        name: str | None,
    ) -> list[type[_P]]:
        return [
            plugin
            for plugin in discover.loaded_subclasses(cls)
            if plugin._meta_is_inited(raise_exc=False)
            and (platform is None or plugin.get_platform() == platform)
            and (name is None or plugin.get_name() == name)
            and (allow_hidden or not plugin.is_hidden())
        ]

    @classmethod
    def get_name(cls) -> str:
        return cls._meta_get("name")

    @classmethod
    def get_platform(cls) -> str:
        return cls._meta_get("platform")

    @classmethod
    def get_fullname(cls) -> str:
        """The name with its platform: ``name@platform``."""
        return f"{cls.get_name()}@{cls.get_platform()}"

    @classmethod
    def is_hidden(cls) -> bool:
        return cls._meta_get("hidden", False)

    @classmethod
    def is_deprecated(cls) -> DeprecationInfo | t.Literal[False]:
        """Reason and release, or False."""
        return cls._meta_get("deprecated", False)


def _find(
    root: type[Plugin], name: str, platform: str
) -> type[Plugin] | None:
    for plugin in _CONFIGURED[name, platform]:
        if (
            issubclass(plugin, root)
            and plugin._meta_is_inited(raise_exc=False)  # is registered still
            and (plugin.get_name(), plugin.get_platform()) == (name, platform)
        ):
            return plugin
    return None


def _path_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _file_of(cls: type) -> str:
    module = sys.modules.get(cls.__module__)
    return getattr(module, "__file__", None) or _path_of(cls)
