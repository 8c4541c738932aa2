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
"""Small files in a folder, found by the public key that each is about."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
import typing as t

#: changes that follow each other within the resolution of the clock of a file
#: system leave the same time; the coarsest in use has two seconds
RESOLUTION_NS = 2_000_000_000
#: seconds for which a key that is not there is not looked for again, as long
#: as its folder looks as before
UNKNOWN_S = 1.0


class Signature(t.NamedTuple):
    """What changes with every change of a file or folder."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class OfAKey(t.Protocol):
    """What such a file says."""

    @property
    def public(self) -> str: ...


T = t.TypeVar("T", bound=OfAKey)


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry(t.Generic[T]):
    path: str
    signature: Signature
    value: T | None  # None: not a usable file


class _FolderWatch:
    """Whether a folder is as it was when it was looked at last."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._seen: Signature | None = None
        self._is_settled = False

    def is_as_before(self) -> bool:
        """Costs one ``stat``; says no where that cannot be known."""
        seen = _signature(self._folder)
        is_same, self._seen = seen == self._seen, seen
        was_settled, self._is_settled = self._is_settled and is_same, (
            seen is not None
            and time.time_ns() - seen.changed_ns > RESOLUTION_NS
        )
        return was_settled


class KeyIndex(t.Generic[T]):
    """The files of a folder that others may change at any time.

    Costs one ``stat`` per question about a known key, so a change holds from
    the next question on. A key that is not known costs a scan of the folder,
    which reads only the files that changed: once a second, however many
    strangers come, and whenever a file has come, gone or been replaced.

    :param read: what a file says; None: it cannot be used
    """

    def __init__(
        self, folder: pathlib.Path, suffix: str,
        read: t.Callable[[pathlib.Path], T | None],
    ) -> None:
        self._folder = folder
        self._suffix = suffix
        self._read = read
        self._entries: dict[str, _Entry[T]] = {}  # by file name
        self._by_key: dict[str, _Entry[T]] = {}
        #: whether no file has come, gone or been replaced since the last
        #: call; see ``_FolderWatch``
        self.is_as_before = _FolderWatch(folder).is_as_before
        self._is_as_scanned = _FolderWatch(folder).is_as_before
        self._scanned_s = -UNKNOWN_S

    def get(self, public_key: str) -> T | None:
        """What is said of this key (Z85), if anything is."""
        entry = self._by_key.get(public_key)
        if entry is None and self._is_scanned():
            return None
        if entry is None or entry.signature != _signature(entry.path):
            self._scan()
            entry = self._by_key.get(public_key)
        return None if entry is None else entry.value

    def known(self, public_key: str) -> T | None:
        """What ``get`` found last: nothing is looked at again."""
        entry = self._by_key.get(public_key)
        return None if entry is None else entry.value

    def all(self) -> list[T]:
        """What is said of every key, now."""
        self._scan()
        return [
            entry.value for entry in self._entries.values()
            if entry.value is not None
        ]

    def _is_scanned(self) -> bool:
        """Whether a scan would find what the last one found."""
        is_late = time.monotonic() > self._scanned_s + UNKNOWN_S
        return self._is_as_scanned() and not is_late

    def _scan(self) -> None:
        self._scanned_s = time.monotonic()
        entries = {
            path.name: self._entry(path)
            for path in self._folder.glob("*" + self._suffix)
        }
        self._entries = {
            name: entry for name, entry in entries.items() if entry
        }
        self._by_key = {
            entry.value.public: entry
            for entry in self._entries.values()
            if entry.value is not None
        }

    def _entry(self, path: pathlib.Path) -> _Entry[T] | None:
        signature = _signature(path)
        if signature is None:
            return None
        known = self._entries.get(path.name)
        if known is not None and known.signature == signature:
            return known
        return _Entry(str(path), signature, self._read(path))


def _signature(path: str | pathlib.Path) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Signature(
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
