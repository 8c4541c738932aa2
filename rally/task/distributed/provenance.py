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


"""Which files and installed packages the plugins of a workload come from.

The controller says what it found; a load process looks whether its host has
the same. Files are compared by content, packages by version. What is in
Rally's own package goes with the version of Rally, which is compared before.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import os
import pathlib
import sys
import typing as t

from rally.common.plugin import discover, folders, importing
from rally.task.distributed import content as content_module
from rally.task.distributed.wire import messages

Path: t.TypeAlias = pathlib.Path

#: found before anything in a folder of plugins
_ELSEWHERE = sys.stdlib_module_names | {"rally"}


def of_modules(
    names: t.Iterable[str], loader: folders.Loader
) -> tuple[tuple[messages.CodeFile, ...], dict[str, str]]:
    """What modules of plugins, which are loaded, are made from.

    :param names: of modules that plugins of a workload are defined in
    :param loader: of what is in files and folders of the user
    :returns: files, and versions of distributions by name
    """
    files: list[messages.CodeFile] = []
    versions: dict[str, str] = {}
    loose: set[Path] = set()
    for name in names:
        module = sys.modules.get(name)
        path = _file_of(name)
        package = importing.distribution_of(name)
        if path is None or not path.is_file() or (
            importing.is_in(name, {"rally"})
        ):
            continue
        if discover.MARK in vars(module):
            loose.add(path)
        elif package is not None:
            versions[package.name] = package.version
            files.append(messages.CodeFile(
                _installed_as(name, path), digest_of(path), package.name
            ))
    files += [
        messages.CodeFile(name_of(path), digest_of(path))
        for path in closure(loose, loader.folders)
        if path.stat().st_size  # an empty one does nothing
    ]
    files.sort(key=lambda file: (file.path, file.digest))
    return tuple(files[:messages.MAX_MODULES]), versions


def _file_of(module_name: str) -> Path | None:
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return Path(file) if isinstance(file, str) else None


def _installed_as(module_name: str, path: Path) -> str:
    """The end of *path* that the name of the module stands for."""
    count = module_name.count(".") + 1 + (path.stem == "__init__")
    return "/".join(path.parts[-count:])


def name_of(path: Path) -> str:
    """What a loose file is called on any host: below its outermost package.
    """
    start = path.parent
    while (start / "__init__.py").is_file() and start != start.parent:
        start = start.parent
    return path.relative_to(start).as_posix()


def digest_of(path: Path) -> str:
    """The digest of what is in a file now."""
    found = path.stat()
    return _digest(path, found.st_mtime_ns, found.st_size, found.st_ino)


@functools.lru_cache(4096)
def _digest(path: Path, *version: int) -> str:
    return content_module.described(path.read_bytes()).digest


# ---- what imports what


def closure(
    paths: t.Iterable[str | Path], among: t.Collection[str | Path]
) -> set[Path]:
    """*paths*, with the loose files that they import, and so on.

    :param among: folders where modules are looked for, beside the folder of
        the file that imports them
    """
    found: set[Path] = set()
    todo = [Path(os.path.realpath(path)) for path in paths]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imports(path, among)
            package = path.parent / "__init__.py"
            if package.is_file():
                todo.append(Path(os.path.realpath(package)))
    return found


def imported(
    paths: t.Iterable[str | Path], among: t.Collection[str | Path]
) -> set[str]:
    """Top names of all that *paths* import, and their loose files, too.

    :param among: as for ``closure``
    """
    return {
        parts[0] for path in closure(paths, among)
        for level, parts in _statements(path) if not level and parts
    } - _ELSEWHERE


def _imports(
    path: Path, among: t.Collection[str | Path]
) -> t.Iterator[Path]:
    for level, parts in _statements(path):
        if not level and parts[0] in _ELSEWHERE:
            continue
        start = path.parent
        for _ in range(level - 1):
            start = start.parent
        for folder in [start] if level else [start, *map(Path, among)]:
            yield from _looked_up(folder, parts)


def _statements(path: Path) -> tuple[tuple[int, tuple[str, ...]], ...]:
    try:
        found = path.stat()
        return _parsed(path, found.st_mtime_ns, found.st_size)
    except (OSError, SyntaxError, ValueError):  # its import says so
        return ()


@functools.lru_cache(1024)
def _parsed(
    path: Path, *version: int
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Level and name of everything that is imported anywhere in a file."""
    found: set[tuple[int, tuple[str, ...]]] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update((0, tuple(a.name.split("."))) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = tuple((node.module or "").split(".")) if node.module else ()
            found.update((node.level, (*base, a.name)) for a in node.names)
    return tuple(sorted(found))


def _looked_up(folder: Path, parts: t.Sequence[str]) -> t.Iterator[Path]:
    """Files that an import of a dotted name reads below *folder*."""
    at = folder
    for part in parts:
        file = at / (part + ".py")
        at = at / part
        for each in (at / "__init__.py", file):
            if each.is_file():
                yield Path(os.path.realpath(each))
                break
        if not at.is_dir():
            return


# ---- looking whether this host has the same


def differences(
    code: messages.Code, loader: folders.Loader
) -> tuple[messages.Difference, ...]:
    """What of *code* is not here, or is something else here.

    :param loader: has loaded the plugin files of this host
    """
    found = [
        messages.Difference(True, name, version, here)
        for name, version in sorted(code.packages.items())
        if (here := _version_of(name)) != version
    ]
    other = {each.name for each in found}  # of course its files differ
    here_are = _Here(code, loader)
    for file in code.files:
        if file.package not in other and not here_are.has(file):
            found.append(messages.Difference(
                False, file.path, file.digest, here_are.instead_of(file)
            ))
    return tuple(found[:messages.MAX_DIFFERENCES])


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


class _Here:
    """The plugin files of this host, as far as they are needed."""

    def __init__(self, code: messages.Code, loader: folders.Loader) -> None:
        self._wanted = {file.digest for file in code.files}
        self._loader = loader

    def has(self, file: messages.CodeFile) -> bool:
        if file.package:
            return self.instead_of(file) == file.digest
        # whatever it is called here
        return file.digest in self._loaded or file.digest in self._loose

    def instead_of(self, file: messages.CodeFile) -> str:
        """Digest of what is here in place of a file; empty: nothing is."""
        if file.package:
            path = _installed(file.path)
            return "" if path is None else digest_of(path)
        named = sorted(
            (name, digest) for digest, name in self._loose.items()
            if digest not in self._wanted
        )
        short = file.path.rpartition("/")[2]
        return next(
            (digest for name, digest in named if name == file.path), ""
        ) or next(
            (
                digest for name, digest in named
                if name.rpartition("/")[2] == short != "__init__.py"
            ), "",
        )

    @functools.cached_property
    def _loaded(self) -> frozenset[str]:
        """Digests of the files that plugins are loaded from."""
        return frozenset(map(digest_of, _there(self._loader.files)))

    @functools.cached_property
    def _loose(self) -> dict[str, str]:
        """Names of these files and of those that they import, by digest."""
        paths = closure(self._loader.files, self._loader.folders)
        return {digest_of(path): name_of(path) for path in _there(paths)}


def _there(paths: t.Iterable[str | Path]) -> list[Path]:
    return [Path(path) for path in sorted(paths) if os.path.isfile(path)]


def _installed(file: str) -> Path | None:
    """Where a file of an installed package is."""
    name = file.removesuffix(".py").removesuffix("/__init__")
    name = name.partition(".")[0].replace("/", ".")
    path = _file_of(name)
    if path is not None:
        return path
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # it imports the packages that the module is in
        return None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin)


def described(difference: messages.Difference) -> str:
    """A difference, as a clause for the log of its host."""
    return "%s %s: the controller has %s, this host %s" % (
        "package" if difference.is_package else "file", difference.name,
        content_module.shown(difference, difference.wanted),
        content_module.shown(difference, difference.found),
    )
