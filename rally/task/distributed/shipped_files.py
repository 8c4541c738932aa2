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


"""Plugin files that are sent to agents: packed here, unpacked there.

What is unpacked is found in a folder of its run, beside the spools, and is
gone with the run.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import stat
import typing as t

from rally import exceptions
from rally.task.distributed import content as content_module
from rally.task.distributed import provenance, shipment, spool
from rally.task.distributed.wire import messages

#: the folder of runs in that of the spools; no run can have this name
FOLDER = ".shipped"
PLUGINS, EXTRA = "plugins", "extra"
#: what Python makes of the files is made anew
_LEFT_OUT = ("__pycache__",)


class CannotBeShipped(exceptions.RallyException):
    error_code = 186
    msg_fmt = (
        "%(path)s cannot be sent to agents: %(reason)s. Without it they could "
        "not run what this host runs, so no load was generated. Keep only "
        "what plugins need in the folders that --plugin-paths names, or "
        "start the task without --ship-plugins and install the plugins on "
        "the agents' hosts."
    )


class CannotBeUnpacked(exceptions.RallyException):
    """What to do: make room, or let the agent's user write to that folder, on
    the agent's host; then start the task again.
    """

    error_code = 187
    msg_fmt = (
        "What the controller sent with the run cannot be unpacked to "
        "%(folder)s: %(reason)s. So its plugins are not here."
    )


# ---- on the controller


class PackedFiles(t.NamedTuple):
    """A shipment and the contents of its files, by digest."""

    shipment: messages.Shipment
    contents: dict[str, bytes]


def pack(
    plugins: t.Sequence[str], extra: t.Mapping[str, str] | None = None
) -> PackedFiles:
    """Read what is to be sent.

    Links are followed, what is hidden is left out. A file comes with those
    beside it that it imports.

    :param plugins: files and folders that agents load as plugins
    :param extra: other files and folders, by the names that scenarios know
        them by
    :raises CannotBeShipped: it is too much, or cannot be read
    """
    packer = _Packer()
    loaded = [
        packer.add(path, "%s/%d" % (PLUGINS, i), with_imports=True)
        for i, path in enumerate(plugins)
    ]
    found = {}
    for i, (name, path) in enumerate(sorted((extra or {}).items())):
        found[name] = packer.add(path, "%s/%d" % (EXTRA, i))
        if not found[name]:
            raise CannotBeShipped(path=path, reason="there is no file in it")
    return packer.result([at for at in loaded if at], found)


class _Packer:
    """Collects files; the sum of what is read is bounded."""

    def __init__(self) -> None:
        self._files: dict[str, messages.Content] = {}
        self._contents: dict[str, bytes] = {}
        self._size = 0

    def add(self, source: str, into: str, with_imports: bool = False) -> str:
        """Add a file or a folder; returns the path that it gets.

        That is empty if there is no file in the folder.
        """
        path = pathlib.Path(source).expanduser()
        # a package has the name of its folder, a module that of its file
        name = path.resolve().name if path.is_dir() else path.name
        at = "%s/%s" % (into, name or "root")
        before = len(self._files)
        if path.is_dir():
            self._add_folder(path, at, set())
            return at if len(self._files) > before else ""
        self._add_file(path, at)
        if with_imports:
            real = path.resolve()
            for other in sorted(provenance.closure([real], ()) - {real}):
                if real.parent in other.parents:
                    relative = other.relative_to(real.parent).as_posix()
                    self._add_file(other, "%s/%s" % (into, relative))
        return at

    def _add_folder(
        self, folder: pathlib.Path, at: str, seen: set[str]
    ) -> None:
        """Add what is in *folder*, unless it is one of *seen*: links make
        loops."""
        real = os.path.realpath(folder)
        if real in seen:
            return
        seen.add(real)
        try:
            names = sorted(os.listdir(folder))
        except OSError as e:
            raise CannotBeShipped(path=folder, reason=e.strerror) from e
        for name in names:
            path = folder / name
            if name.startswith(".") or name in _LEFT_OUT:
                continue
            if path.is_dir():
                self._add_folder(path, "%s/%s" % (at, name), seen)
            elif path.is_file() and path.suffix != ".pyc":
                self._add_file(path, "%s/%s" % (at, name))

    def _add_file(self, path: pathlib.Path, at: str) -> None:
        if not shipment.is_below(at) or len(at) > messages.MAX_PATH:
            raise CannotBeShipped(
                path=str(path), reason="its name is too long or not in UTF-8"
            )
        if len(self._files) >= messages.MAX_SHIPPED:
            raise CannotBeShipped(
                path=path, reason="it would be file %d, and %d is the limit"
                % (len(self._files) + 1, messages.MAX_SHIPPED)
            )
        data = self._read(path)
        made = content_module.described(data)
        self._files[at] = made
        self._contents[made.digest] = data

    def _read(self, path: pathlib.Path) -> bytes:
        left = shipment.MAX_BYTES - self._size
        try:
            with open(path, "rb") as file:
                data = file.read(left + 1)
        except OSError as e:
            raise CannotBeShipped(path=path, reason=e.strerror) from e
        if len(data) > left:
            raise CannotBeShipped(
                path=path, reason="with it there would be more than %d MiB, "
                "which is the limit" % (shipment.MAX_BYTES >> 20)
            )
        self._size += len(data)
        return data

    def result(
        self, loaded: t.Sequence[str], extra: t.Mapping[str, str]
    ) -> PackedFiles:
        files = tuple(
            messages.ShippedFile(path, content)
            for path, content in sorted(self._files.items())
        )
        return PackedFiles(
            messages.Shipment(files, tuple(loaded), dict(extra)),
            self._contents,
        )


# ---- on an agent's host


def folder_of(spools: pathlib.Path | str, run: str) -> pathlib.Path:
    """Where what is shipped for *run* is found.

    :raises ValueError: it is no run
    """
    if not spool.RUN_ID.fullmatch(run):
        raise ValueError("not a run id: %r" % run)
    return pathlib.Path(spools, FOLDER, run)


def unpack(
    made: messages.Shipment, contents: t.Mapping[str, bytes],
    folder: pathlib.Path,
) -> None:
    """Write the files into *folder*, for this user only.

    :raises CannotBeUnpacked: it is not what a controller sends, or the disk
        does not take it
    """
    reason = shipment.problem_with(made) or _damage(made, contents)
    if reason:
        raise CannotBeUnpacked(folder=folder, reason=reason)
    remove(folder)  # what a process that was killed left
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        for file in made.files:
            path = folder / file.path
            for above in reversed(path.relative_to(folder).parents[:-1]):
                (folder / above).mkdir(mode=0o700, exist_ok=True)
            _write_new(path, contents[file.content.digest])
    except OSError as e:
        remove(folder)
        raise CannotBeUnpacked(folder=folder, reason=e.strerror) from e


def _damage(
    made: messages.Shipment, contents: t.Mapping[str, bytes]
) -> str:
    for file in made.files:
        data = contents.get(file.content.digest)
        if data is None:
            return "the content of %s is missing" % file.path
        if content_module.described(data) != file.content:
            return "the content of %s does not match its digest" % file.path
    return ""


def _write_new(path: pathlib.Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)


def remove(folder: pathlib.Path) -> None:
    """Remove what was unpacked to *folder*, if anything was."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # there are others
        folder.parent.rmdir()


def sweep(
    spools: pathlib.Path | str, is_used: t.Callable[[str], bool]
) -> None:
    """Remove what runs left here whose agent could not.

    :param is_used: whether a load process of that run is still there, which
        removes it itself
    """
    above = pathlib.Path(spools, FOLDER)
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.lstat(above).st_mode):
            return
        for name in os.listdir(above):
            if not is_used(name):
                remove(above / name)
