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

"""What a shell may complete a word to: names of plugins, identifiers.

Whoever presses Tab waits. So nothing is imported that a plugin or a database
needs: names of plugins are read out of their source, and records out of
SQLite's own file. A server may be far away, and is not asked. What cannot be
read is not offered; nobody has asked for an error.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import typing as t

from typer import Context

from rally import plugins

#: value, and what is shown beside it
Offers: t.TypeAlias = "list[tuple[str, str]]"

_SQLITE = "sqlite:///"
#: records that are offered, the newest ones
_MOST = 100
#: for the lock of somebody who writes without a write-ahead log
_PATIENCE_S = 0.1
_ENVS = "SELECT name, status FROM envs ORDER BY id DESC"
_TASKS = (
    "SELECT uuid, status || coalesce(' ' || nullif(title, ''), '') "
    "FROM tasks ORDER BY id DESC"
)
_VERIFIERS = "SELECT name, status FROM verifiers ORDER BY id DESC"
_VERIFICATIONS = "SELECT uuid, status FROM verifications ORDER BY id DESC"
#: at the start of a line: an example in a docstring is indented
_CONFIGURE = re.compile(r"^@(?:\w+\.)*(\w+)\.configure\(", re.MULTILINE)
_END = re.compile(r"^(@|class |def )", re.MULTILINE)
_NAME = re.compile(
    r"""\s*["']([^"']+)|.*?\bname\s*=\s*["']([^"']+)""", re.DOTALL
)
_PLATFORM = re.compile(r"""\bplatform\s*=\s*["']([^"']+)""")


# ---- records


def envs(ctx: Context) -> Offers:
    """Names of environments."""
    return _records(ctx, _ENVS)


def tasks(ctx: Context) -> Offers:
    """UUIDs of tasks."""
    return _records(ctx, _TASKS)


def verifiers(ctx: Context) -> Offers:
    """Names of verifiers."""
    return _records(ctx, _VERIFIERS)


def verifications(ctx: Context) -> Offers:
    """UUIDs of verifications."""
    return _records(ctx, _VERIFICATIONS)


def _records(ctx: Context, query: str) -> Offers:
    import sqlite3  # not needed by commands, which import this module, too
    import urllib.parse

    path = _database(_connection(ctx))
    if path is None:
        return []
    address = "file:%s?mode=ro" % urllib.parse.quote(path)
    try:
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=_PATIENCE_S)
        ) as connection:
            found = connection.execute("%s LIMIT %d" % (query, _MOST))
            return [(str(value), str(text or "")) for value, text in found]
    except sqlite3.Error:
        return []


def _connection(ctx: Context) -> str:
    """Address of the database, as the configuration on this line has it."""
    import configparser

    from rally.common import config_files, default_file

    given = ctx.find_root().params
    files = list(given.get("config_file") or ())
    for folder in given.get("config_dir") or ():
        files += sorted(map(str, pathlib.Path(folder).glob("*.conf")))
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, allow_no_value=True
    )
    with contextlib.suppress(configparser.Error, OSError, UnicodeError):
        parser.read(files or config_files.default_files(), "utf-8")
    return parser.get("database", "connection", fallback="") or (
        default_file.connection()
    )


def _database(connection: str) -> str | None:
    """The file that an address means; None: it is no file."""
    if not connection.startswith(_SQLITE):
        return None
    path = connection.removeprefix(_SQLITE).partition("?")[0]
    return path if os.path.isfile(path) else None


# ---- plugins


class Declaration(t.NamedTuple):
    """A plugin, as the decorator above its class says it."""

    kind: str  # the module whose ``configure`` it is: exporter, sla
    name: str
    platform: str


def plugin_names(ctx: Context) -> Offers:
    """Names of plugins of all kinds."""
    return sorted({(x.name, x.kind) for x in _declared(ctx)})


def platforms(ctx: Context) -> Offers:
    """Platforms that plugins are of."""
    return [(x, "") for x in sorted({x.platform for x in _declared(ctx)})]


def exporters(ctx: Context) -> Offers:
    """Exporters of tasks."""
    return _of_kind(ctx, "exporter")


def reporters(ctx: Context) -> Offers:
    """Reporters of verifications."""
    return _of_kind(ctx, "reporter")


def verifier_types(ctx: Context) -> Offers:
    """Plugins that verifiers are made with."""
    return _of_kind(ctx, "manager")


def _of_kind(ctx: Context, kind: str) -> Offers:
    names = {x.name for x in _declared(ctx) if x.kind == kind}
    return [(name, "") for name in sorted(names)]


def _declared(ctx: Context) -> t.Iterator[Declaration]:
    given = ctx.find_root().params.get("plugin_paths") or ()
    paths = [x for item in given for x in item.split(",") if x]
    for path in [*_packages(), *plugins.user_paths(), *paths]:
        for file in _files(pathlib.Path(path).expanduser()):
            with contextlib.suppress(OSError):
                yield from declarations(file.read_text("utf-8", "replace"))


def declarations(source: str) -> t.Iterator[Declaration]:
    """The plugins that a module declares."""
    for found in _CONFIGURE.finditer(source):
        end = _END.search(source, found.end())
        arguments = source[found.end():end.start() if end else None]
        name = _NAME.match(arguments)
        if name:
            platform = _PLATFORM.search(arguments)
            yield Declaration(
                found[1], name[1] or name[2],
                platform[1] if platform else "default",
            )


def _files(path: pathlib.Path) -> t.Iterable[pathlib.Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _packages() -> t.Iterator[pathlib.Path]:
    """Folders of the packages that offer plugins."""
    import importlib.util

    from rally.common.plugin import discover

    offered = [x.value for x in discover.iter_entry_points()
               if x.name == "path"]
    for name in [*plugins.OWN_PACKAGES, *offered]:
        top, *below = name.split(".")
        found = importlib.util.find_spec(top)  # which imports no package
        for folder in (found and found.submodule_search_locations) or ():
            yield pathlib.Path(folder, *below)
