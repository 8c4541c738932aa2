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


"""The packages that another host needs to run what this host runs.

They are Rally, the distributions that plugins are in, those that plugin files
of the user import, and all that these require: in the versions that are
installed here, and from the files that are installed here, so the other host
needs no package index. What is compiled is for one version of Python on one
platform: a host with another one gets these packages from its own index.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import sys
import sysconfig
import typing as t

from rally.plugins.common.agent_providers import wheel

#: what Python prints of itself, elsewhere ...
INTERPRETER = (
    "import sys, sysconfig; "
    "print(sys.implementation.cache_tag, sysconfig.get_platform())"
)


def interpreter() -> str:
    """... and here: packages are for interpreters that say the same."""
    return "%s %s" % (
        sys.implementation.cache_tag, sysconfig.get_platform()
    )


class Supply(t.NamedTuple):
    """How a host comes by the packages."""

    wheels: tuple[wheel.Wheel, ...]  # that are sent
    fetched: tuple[str, ...]  # name==version, from an index
    #: all versions, if pip has to find out what is required there; else
    #: nothing else is
    constraints: tuple[str, ...]
    why: str  # something is fetched; a phrase, empty if nothing is


@dataclasses.dataclass(frozen=True, slots=True)
class Environment:
    """Packages, each in the version that is installed here."""

    wheels: tuple[wheel.Wheel, ...]
    unknown: tuple[str, ...]  # name==version, whose files nobody knows
    roots: frozenset[str]  # names of those that require the others

    @property
    def digest(self) -> str:
        """Names an installation: the same content, the same digest."""
        found = hashlib.sha256()
        for each in sorted(self.wheels, key=lambda each: each.digest):
            found.update(each.digest.encode())
        found.update(" ".join(sorted(self.unknown)).encode())
        return found.hexdigest()[:32]

    def for_interpreter(self, theirs: str) -> Supply:
        """How a host with that interpreter comes by the packages."""
        if theirs == interpreter():
            return Supply(
                self.wheels, self.unknown, (),
                "the controller has no list of their files"
                if self.unknown else "",
            )
        sent = tuple(
            each for each in self.wheels
            if each.is_portable and each.name in self.roots
        )
        pins = {each.name: _pin(each) for each in self.wheels}
        pins.update((pin.partition("==")[0], pin) for pin in self.unknown)
        names = self.roots - {each.name for each in sent}
        return Supply(
            sent, tuple(sorted(pins[name] for name in names)),
            tuple(sorted(pins.values())),
            "those of the controller are for %s, and its Python is %s"
            % (interpreter(), theirs),
        )


def of_this_host(imported: t.Iterable[str]) -> Environment:
    """What is installed here for Rally and plugins.

    :param imported: top names of modules that plugin files import
    """
    from rally.common.plugin import discover

    offered = importlib.metadata.packages_distributions()
    names = {
        "rally",
        *(each["name"] for each in discover.find_packages_by_entry_point()),
        *(name for top in imported for name in offered.get(top, ())),
    }
    found = _required(names)
    wheels, unknown = [], []
    for distribution in found.values():
        made = wheel.of(distribution)
        if made is not None:
            wheels.append(made)
        else:
            unknown.append(_pin(distribution))
    return Environment(
        tuple(wheels), tuple(unknown),
        frozenset(
            found[key].name for key in map(_key, names) if key in found
        ),
    )


def _required(
    names: t.Iterable[str],
) -> dict[str, importlib.metadata.Distribution]:
    """What is installed of *names*, and of what they require, and so on."""
    from packaging import requirements

    found: dict[str, importlib.metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(name, "") for name in sorted(names)]  # and an extra
    while todo:
        name, extra = todo.pop()
        key = _key(name)
        if (key, extra) in seen:
            continue
        seen.add((key, extra))
        try:
            found.setdefault(key, importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            continue  # it is not here either
        for line in found[key].requires or ():
            wanted = requirements.Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate(
                {"extra": extra}
            ):
                todo += [(wanted.name, each) for each in ("", *wanted.extras)]
    return found


def _key(name: str) -> str:
    from packaging import utils

    return utils.canonicalize_name(name)


def _pin(package: wheel.Wheel | importlib.metadata.Distribution) -> str:
    return "%s==%s" % (package.name, package.version)
