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

"""Plugins in files and folders, which nobody has installed.

They import each other as they like: by the short name, because every folder
goes to ``sys.path``, or by the dotted one if their folder is a package. So
the loader meets files that a neighbour has imported before, and must not
import them once more.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import os
import sys
import types

from rally.common import logging
from rally.common.plugin import discover, failures

LOG = logging.getLogger(__name__)


class ModuleFiles:
    """Which modules were made from which file.

    That is asked for each plugin file, and to look at all modules each time
    took minutes for some hundred files: each module is looked at once.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._names: dict[str, list[str]] = {}  # by real path
        self._real_folders: dict[str, str] = {}

    def name_of(self, path: str) -> str | None:
        """A name of the module that was made from the file at *path*.

        :param path: a real path
        """
        for name in self._names.get(path, ()):
            if self._file_of(sys.modules.get(name)) == path:
                return name
        return None

    def update(self) -> list[str]:
        """Look at the modules that were made since this was last called.

        :returns: real paths of their files
        """
        names = list(sys.modules)
        new = [name for name in names if name not in self._known]
        if len(self._known) + len(new) > len(names):  # some were removed
            self._known.intersection_update(names)
        self._known.update(new)
        paths = []
        for name in new:
            path = self._file_of(sys.modules.get(name))
            if path is not None:
                self._names.setdefault(path, []).append(name)
                paths.append(path)
        return paths

    def _file_of(self, module: types.ModuleType | None) -> str | None:
        origin = getattr(module, "__file__", None)
        return self.real(origin) if isinstance(origin, str) else None

    def real(self, path: str) -> str:
        """What ``os.path.realpath`` gives; each folder is resolved once."""
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        return os.path.join(self._real_folders[folder], name)


class Loader:
    """Imports the plugins in files and folders, each once.

    A file that failed is tried again only if it has been changed. It would
    fail once more, and for another reason: the plugins that it did define
    are there already.
    """

    def __init__(self) -> None:
        self._modules = ModuleFiles()
        self._tried: set[tuple[str, int, int]] = set()
        #: real paths of all plugin files, whether they could be imported
        self.files: set[str] = set()
        #: real paths of the folders in which they find each other
        self.folders: set[str] = set()
        self._packages: dict[str, str] = {}  # real path of a folder -> name

    def load(self, dir_or_file: str, levels: failures.Levels) -> None:
        """Load what is at a path; see ``discover.load_plugins``."""
        path = os.path.expanduser(dir_or_file)
        if os.path.isdir(path):
            self._notice()
            self._load_folder(path, set(), levels)
        elif os.path.isfile(path) and path.endswith(".py"):
            self._notice()
            self._add_to_path(os.path.dirname(os.path.realpath(path)))
            self._load_file(path, None, levels)

    def _add_to_path(self, folder: str) -> None:
        self.folders.add(folder)
        if folder not in sys.path:
            sys.path.append(folder)

    def _is_untried(self, path: str) -> bool:
        """Whether a file, as it is, was not tried yet; from now on it was."""
        try:
            found = os.stat(path)
        except OSError:  # a link to nowhere: the import says so
            return True
        tried = path, found.st_mtime_ns, found.st_size
        is_untried = tried not in self._tried
        self._tried.add(tried)
        return is_untried

    def _notice(self) -> None:
        """Take note of what has been imported since."""
        for path in self._modules.update():
            self._give_both_names(path)

    def _load_folder(
        self, folder: str, seen: set[str], levels: failures.Levels
    ) -> None:
        """Load *folder*, unless it is one of *seen*: links make loops."""
        real = os.path.realpath(folder)
        if real in seen:
            return
        seen.add(real)
        self._add_to_path(real)
        entries = sorted(os.listdir(folder))
        package = None
        if "__init__.py" in entries:
            package = self._load_package(real, levels)
        for entry in entries:
            path = os.path.join(folder, entry)
            if os.path.isdir(path):
                if entry != "__pycache__" and not entry.startswith("."):
                    self._load_folder(path, seen, levels)
            elif entry.endswith(".py") and entry != "__init__.py":
                self._load_file(path, package, levels)

    def _load_package(
        self, folder: str, levels: failures.Levels
    ) -> str | None:
        """Import ``__init__.py`` of *folder*; the name it has, if that works.
        """
        path = os.path.realpath(os.path.join(folder, "__init__.py"))
        self.files.add(path)
        name = self._modules.name_of(path)
        if name is not None:
            _mark(sys.modules[name])
        elif self._is_untried(path):
            name = _free_name(os.path.basename(folder), path)
            spec = importlib.util.spec_from_file_location(
                name, path, submodule_search_locations=[folder]
            )
            if not self._execute(spec, {name}, levels):
                return None
        else:
            return None
        self._packages[folder] = name
        for entry in os.listdir(folder):  # what is imported already
            self._give_both_names(os.path.join(folder, entry))
        return name

    def _load_file(
        self, path: str, package: str | None, levels: failures.Levels
    ) -> None:
        """Import one file, unless a neighbour has imported it already.

        Inside a folder that is a package the module is known by its dotted
        name and by its short one: neighbours use either.
        """
        real = self._modules.real(path)
        self.files.add(real)
        known = self._modules.name_of(real)
        if known is not None:
            _mark(sys.modules[known])
        elif self._is_untried(real):
            stem = os.path.basename(path)[: -len(".py")]
            short = _free_name(stem, real)
            name = f"{package}.{stem}" if package else short
            spec = importlib.util.spec_from_file_location(
                name, real,
                # what a link leads to may be named as it likes
                loader=importlib.machinery.SourceFileLoader(name, real),
            )
            self._execute(spec, {name, short}, levels)

    def _give_both_names(self, path: str) -> None:
        """Let ``import x`` and ``from . import x`` mean one module.

        :param path: the real one of a file in some folder
        """
        folder, entry = os.path.split(path)
        stem, extension = os.path.splitext(entry)
        package = self._packages.get(folder)
        if package is None or extension != ".py" or stem == "__init__":
            return
        name = self._modules.name_of(path)
        if name is not None:
            module = sys.modules[name]
            sys.modules.setdefault(stem, module)
            sys.modules.setdefault(f"{package}.{stem}", module)
            _bind_to_parent(f"{package}.{stem}", module)

    def _execute(
        self,
        spec: importlib.machinery.ModuleSpec | None,
        names: set[str],
        levels: failures.Levels,
    ) -> bool:
        """Import a file under *names*; whether that worked."""
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        _mark(module)
        for each in names:
            sys.modules[each] = module
        error: Exception | None = None
        try:
            spec.loader.exec_module(module)
        except Exception as e:  # whatever a plugin's module does on import
            error = e
        # out of the block that handles it: logs repeat what is being handled
        if error is not None:
            for each in names:
                sys.modules.pop(each, None)
            _forget(module)
            failures.report_file(str(spec.origin), error, levels)
        else:
            _bind_to_parent(spec.name, module)
            LOG.debug(
                "Loaded plugin module %s from %s", spec.name, spec.origin
            )
        self._notice()
        return error is None


def _free_name(name: str, path: str) -> str:
    """*name*, or one made from *path* if another module has that name."""
    if name not in sys.modules and not _is_importable_elsewhere(name, path):
        return name
    digest = hashlib.sha256(path.encode()).hexdigest()[:12]
    return f"rally_plugin_{digest}_{name}"


def _is_importable_elsewhere(name: str, path: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return False
    return os.path.realpath(spec.origin) != path


def _forget(module: types.ModuleType) -> None:
    """Let nobody find the plugins of a file that failed after them.

    They lack what was to follow, and the log says that they are missing.
    """
    for value in vars(module).values():
        if (
            isinstance(value, type) and value.__module__ == module.__name__
            and hasattr(value, "unregister")
        ):
            value.unregister()


def _mark(module: types.ModuleType) -> None:
    setattr(module, discover.MARK, True)


def _bind_to_parent(name: str, module: types.ModuleType) -> None:
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)
