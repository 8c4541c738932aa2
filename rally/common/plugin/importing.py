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

"""What may be imported by a name that another host sent.

That is what plugins are made of and what they use: modules of packages that
offer plugins, of what these require, and of Python. Nothing else is imported
by name, whoever asks.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import re
import sys
import typing as t

from rally.common import logging
from rally.common.plugin import discover

LOG = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
#: modules of Python that do something when they are imported
_NEVER = frozenset({"__main__", "antigravity", "idlelib", "test", "this"})


class Installed(t.NamedTuple):
    """What is installed, by its name on a package index."""

    name: str
    version: str


@functools.cache
def _distributions() -> dict[str, Installed]:
    """Packages of plugins, and which distribution offers them.

    Their entry points say so. To ask which distribution each package that
    can be imported is of takes 130 ms instead of 6 (102 distributions).
    """
    return {
        package["plugins_path"]: Installed(
            package["name"], package["version"]
        )
        for package in discover.find_packages_by_entry_point()
        if package["plugins_path"]
    }


def plugin_packages() -> frozenset[str]:
    """Packages in which installed distributions offer plugins."""
    return frozenset(_distributions())


def distribution_of(module_name: str) -> Installed | None:
    """What installed a module of plugins; None: no plugins are offered there.
    """
    found = _distributions()
    for package in sorted(found, key=len, reverse=True):
        if is_in(module_name, {package}):
            return found[package]
    return None


def is_in(module_name: str, packages: t.Collection[str]) -> bool:
    """Whether a module is one of *packages* or below one of them."""
    parts = module_name.split(".")
    return _may_be_named(module_name) and any(
        ".".join(parts[:end]) in packages for end in range(1, len(parts) + 1)
    )


def _may_be_named(module_name: str) -> bool:
    return bool(_MODULE.fullmatch(module_name)) and (
        "__main__" not in module_name.split(".")
    )


def importable(names: t.Iterable[str]) -> list[str]:
    """Those of *names* that may be imported, in their order."""
    return [name for name in names if is_in(name, _allowed())]


def import_all(names: t.Iterable[str]) -> None:
    """Import those of *names* that may be and can be.

    The first use would import them too, or say why it cannot.
    """
    for name in importable(name for name in names if name not in sys.modules):
        try:
            importlib.import_module(name)
        except Exception as e:  # whatever a module does on import
            LOG.debug("%s is not imported in advance: %s" % (name, e))


@functools.cache
def _allowed() -> frozenset[str]:
    """Top packages that may be imported by name.

    To read what is installed takes a tenth of a second.
    """
    return plugin_packages() | _required() | (
        sys.stdlib_module_names - _NEVER
    )


def _required() -> frozenset[str]:
    """Top packages of all that plugin packages require, directly or not.

    What Rally requires is left out: a load process has it, or must not.
    """
    found: set[str] = set()
    todo = [
        package["name"] for package in discover.find_packages_by_entry_point()
    ]
    seen = {"rally"}
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            distribution = importlib.metadata.distribution(name)
            found.update(_top_packages(distribution))
            todo += _requirements(distribution)
    return frozenset(found)


def _requirements(
    distribution: importlib.metadata.Distribution
) -> t.Iterator[str]:
    for line in distribution.requires or ():
        name = _NAME.match(line)
        if name and "extra ==" not in line:
            yield name[0]


def _top_packages(
    distribution: importlib.metadata.Distribution
) -> t.Iterable[str]:
    listed = distribution.read_text("top_level.txt")
    if listed:
        return listed.split()
    return {
        path.parts[0].partition(".")[0] for path in distribution.files or ()
        if path.suffix in (".py", ".so") and ".." not in path.parts
    }
