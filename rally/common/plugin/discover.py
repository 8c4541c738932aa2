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

"""Finding plugins: in packages, and by installed entry points.

Those in files and folders: ``rally.common.plugin.folders``.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import threading
import types
import typing as t

from rally.common import logging
from rally.common.plugin import failures

if t.TYPE_CHECKING:
    import importlib.metadata

    from rally.common.plugin import folders

LOG = logging.getLogger(__name__)

_ENTRY_POINT_GROUP = "rally_plugins"
#: attribute of a module that was loaded from a plugin folder or file
MARK = "__rally_plugin__"
_NOTHING = types.ModuleType("nothing")

_T = t.TypeVar("_T")


class PluginPackage(t.TypedDict):
    """An installed distribution that offers plugins or options."""

    name: str
    version: str
    plugins_path: str | None
    options: str | None


class Rest:
    """The plugins that a process has put off loading.

    A thread that misses one while another thread loads them waits for it.
    """

    def __init__(self) -> None:
        self._load: t.Callable[[], None] | None = None
        # modules that are imported look for plugins, too
        self._lock = threading.RLock()
        self._is_loading = False

    @property
    def is_put_off(self) -> bool:
        return self._load is not None

    def put_off(self, load: t.Callable[[], None]) -> None:
        """*load* will load them once somebody misses one."""
        self._load = load

    def load(self) -> bool:
        """Load them; False: there are none, or none that are not on the way.
        """
        if self._load is None:
            return False
        with self._lock:
            if self._is_loading:  # by this thread
                return False
            if self._load is None:  # by another thread, in the meantime
                return True
            LOG.debug("All plugins are loaded: one is needed that was not "
                      "named")
            self._is_loading = True
            try:
                self._load()
            finally:
                self._load, self._is_loading = None, False
        return True


REST = Rest()


def itersubclasses(
    cls: type[_T], seen: set[type[_T]] | None = None
) -> t.Iterator[type[_T]]:
    """Yield all subclasses of *cls*, depth first, each once."""
    REST.load()
    yield from loaded_subclasses(cls, seen)


def loaded_subclasses(
    cls: type[_T], seen: set[type[_T]] | None = None
) -> t.Iterator[type[_T]]:
    """Yield the subclasses of *cls* there are by now, depth first, each once.
    """
    seen = set() if seen is None else seen
    children: list[type[_T]] = type.__subclasses__(cls)
    for child in children:
        if child not in seen:
            seen.add(child)
            yield child
            yield from loaded_subclasses(child, seen)


def import_modules_from_package(
    package: str,
    on_error: t.Callable[[str, Exception], t.Any] | None = None,
) -> None:
    """Import *package* and every module below it.

    :param package: dotted name
    :param on_error: called with the name of a module that cannot be imported
        and its error; the others are imported nevertheless. Without it the
        error escapes
    """
    try:
        root = importlib.import_module(package)
    except Exception as e:  # whatever a plugin's module does on import
        if on_error is None:
            raise
        on_error(package, e)
        return
    paths = getattr(root, "__path__", ())
    for found in sorted(pkgutil.iter_modules(paths), key=lambda m: m.name):
        import_modules_from_package(f"{package}.{found.name}", on_error)


def iter_entry_points() -> t.Iterable[importlib.metadata.EntryPoint]:
    """Entry points by which installed packages offer plugins."""
    import importlib.metadata

    return importlib.metadata.entry_points(group=_ENTRY_POINT_GROUP)


def find_packages_by_entry_point() -> list[PluginPackage]:
    """The installed packages that offer plugins or options, by name."""
    packages: dict[str, PluginPackage] = {}
    for point in iter_entry_points():
        if point.name not in ("path", "options") or point.dist is None:
            continue
        package = packages.setdefault(
            point.dist.name,
            PluginPackage(
                name=point.dist.name,
                version=point.dist.version,
                plugins_path=None,
                options=None,
            ),
        )
        if point.name == "path":
            package["plugins_path"] = point.value
        else:
            package["options"] = point.value
    return [packages[name] for name in sorted(packages)]


def package_names() -> frozenset[str]:
    """Names of the packages that plugins are in, Rally itself included.

    A plugin package is its outermost package that is not shared with other
    distributions: what its plugins are made of lies beside them.
    """
    names = {"rally"}
    for package in find_packages_by_entry_point():
        for path in (package["plugins_path"], package["options"]):
            if path:
                names.add(_outermost(path.partition(":")[0]))
    return frozenset(names)


def _outermost(module_name: str) -> str:
    parts = module_name.split(".")
    for end in range(1, len(parts)):
        name = ".".join(parts[:end])
        # a namespace package, which others share, has no file
        if getattr(sys.modules.get(name), "__file__", None):
            return name
    return module_name


def is_of_plugins(
    module_name: str, packages: t.Collection[str] | None = None
) -> bool:
    """Does a module, loaded or not, belong to Rally or to its plugins?

    :param packages: ``package_names()``, if it has been found out before
    """
    if MARK in vars(sys.modules.get(module_name, _NOTHING)):
        return True
    if packages is None:
        packages = package_names()
    parts = module_name.split(".")
    return all(part.isidentifier() for part in parts) and any(
        ".".join(parts[:end]) in packages for end in range(1, len(parts) + 1)
    )


def import_modules_by_entry_point(
    _packages: t.Sequence[PluginPackage] | None = None,
    levels: failures.Levels = failures.COMMAND,
) -> list[PluginPackage]:
    """Import the plugins of all installed packages.

    A module that cannot be imported is logged and passed over: the others
    and Rally itself must stay usable.

    :param levels: at which level that is logged
    :returns: the packages looked at, also those that could not be imported
    """
    found = find_packages_by_entry_point() if _packages is None else _packages
    for package in found:
        path = package.get("plugins_path")
        if path:
            _import_foreign(path, _label(package), levels)
    return list(found)


def _label(package: PluginPackage) -> str:
    return "%s %s" % (package["name"], package["version"])


def register_options_of(
    package: PluginPackage, levels: failures.Levels = failures.COMMAND
) -> None:
    """Register the options that an installed package offers, if any.

    A failure is logged and passed over, like that of an import.

    :param levels: at which level it is logged
    """
    if not package["options"]:
        return
    from rally.common import opts

    error: Exception | None = None
    try:
        opts.register_options_from_path(package["options"])
    except Exception as e:  # whatever a plugin's module does on import
        error = e
    if error is not None:
        failures.report_options(package["options"], _label(package), error,
                                levels)


def _import_foreign(path: str, label: str, levels: failures.Levels) -> None:
    failed: list[failures.ImportFailure] = []
    import_modules_from_package(
        path,
        on_error=lambda *each: failed.append(failures.ImportFailure(*each)),
    )
    failures.report(label, failed, levels)


def load_plugins(
    dir_or_file: str,
    depth: int = 0,
    levels: failures.Levels = failures.COMMAND,
    loader: folders.Loader | None = None,
) -> None:
    """Import plugins from a file, or from a folder and all below it.

    Every folder goes to the end of ``sys.path``, so that plugins may import
    their neighbours. A file that cannot be imported is logged and passed
    over.

    :param dir_or_file: a path; nothing happens if it does not exist
    :param depth: how many folders we are below the first one
    :param levels: at which level a file that cannot be imported is logged
    :param loader: what it has tried before is not tried again; None: all is
    """
    from rally.common.plugin import folders

    if depth == 0 and os.path.isdir(os.path.expanduser(dir_or_file)):
        LOG.debug("Loading plugins from directories %s", dir_or_file)
    (loader or folders.Loader()).load(dir_or_file, levels)
