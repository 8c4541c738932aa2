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

"""The controller's question at every message: whose key is this?"""

from __future__ import annotations

import dataclasses
import logging
import os
import pathlib
import stat
import typing as t

from rally.common import private_files
from rally.task.distributed.security import key_files, keys

LOG = logging.getLogger(__name__)

#: what changes with every change of a file: inode, size, times of change
Signature: t.TypeAlias = tuple[int, int, int, int]


class AllowList(t.Protocol):
    """Says who may join."""

    def name_of(self, public_key: str) -> str | None:
        """Name of the agent with this key (Z85); None: it may not join."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    signature: Signature
    agent: keys.AuthorizedAgent | None  # None: not a usable entry


class AgentAllowList:
    """The allow-list that ``rally agent authorize`` and ``revoke`` edit.

    Costs one ``stat`` per question about a known key, so a revocation holds
    from the next message on. An unknown key costs a scan of the folder, which
    reads only the files that changed.
    """

    def __init__(self, folder: pathlib.Path | None = None) -> None:
        """:raises KeyFolderUnusable: others may add agents to the list"""
        folder = folder or keys.default_folder()
        self._folder = folder / keys.AGENTS_FOLDER
        self._entries: dict[str, _Entry] = {}  # by file name
        self._by_key: dict[str, _Entry] = {}
        for path in (folder, self._folder):
            if _may_others_write(path):
                raise keys.unusable(path, "other users may write to it")

    def name_of(self, public_key: str) -> str | None:
        entry = self._by_key.get(public_key)
        if entry is None or entry.signature != _signature(entry.path):
            self._scan()
            entry = self._by_key.get(public_key)
        if entry is None or entry.agent is None:
            return None
        return entry.agent.name

    def _scan(self) -> None:
        entries = {
            path.name: self._entry(path)
            for path in self._folder.glob("*" + keys.PUBLIC_SUFFIX)
        }
        self._entries = {
            name: entry for name, entry in entries.items() if entry
        }
        self._by_key = {
            entry.agent.public: entry
            for entry in self._entries.values()
            if entry.agent
        }

    def _entry(self, path: pathlib.Path) -> _Entry | None:
        signature = _signature(path)
        if signature is None:
            return None
        known = self._entries.get(path.name)
        if known is not None and known.signature == signature:
            return known
        try:
            return _Entry(str(path), signature, keys.read_authorized(path))
        except (key_files.KeyFileMalformed, OSError) as error:
            LOG.warning("Ignored an entry of the allow-list: %s", error)
            return _Entry(str(path), signature, None)


def _signature(path: str | pathlib.Path) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _may_others_write(path: pathlib.Path) -> bool:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return False  # not there yet: nobody is allowed
    return bool(mode & private_files.WRITABLE_BY_OTHERS)
