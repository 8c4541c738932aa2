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

"""Versions of Rally, of its plugins and of its database."""

from __future__ import annotations

import importlib.metadata
import re

RALLY_VENDOR = "OpenStack Foundation"
RALLY_PRODUCT = "OpenStack Rally"


def _installed_version() -> str:
    try:
        return importlib.metadata.version("rally")
    except importlib.metadata.PackageNotFoundError:
        return "0.0.0"  # run from a source tree that nobody installed


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()


__version__: str = _installed_version()
__version_tuple__: tuple[int, ...] = _numbers(__version__)


class version_info:  # noqa: N801 (the name that plugins know)
    """The version, in the form that plugins of earlier releases ask for."""

    @classmethod
    def semantic_version(cls) -> type[version_info]:
        return cls

    @classmethod
    def version_tuple(cls) -> tuple[int, ...]:
        return __version_tuple__


def version_string() -> str:
    return __version__


def plugins_versions() -> dict[str, str]:
    """Version of each installed package that offers plugins."""
    from rally.common.plugin import discover

    return {
        package["name"]: package["version"]
        for package in discover.find_packages_by_entry_point()
    }


def database_revision() -> dict[str, str]:
    """``revision`` of the database and ``current_head`` of the code."""
    from rally.common.db import schema

    return schema.schema_revision(detailed=True)
