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

"""The clock that the chunks of a spool were written with.

A clock of a run is a wall base, read once, plus monotonic time. An agent
that is restarted would read another base if the wall clock was set
meanwhile, and what its spool keeps would be shifted by that. So the base is
kept beside the chunks, for as long as there are any.
"""

from __future__ import annotations

import pathlib

from rally.common import clock, private_files

FILE = "clock"


def keep_base(
    folder: pathlib.Path, fresh_ns: int, has_chunks: bool,
    boot_id: str | None = None,
) -> int:
    """The wall base for an agent with this spool, noted there.

    :param fresh_ns: base read by this process
    :param has_chunks: whether an earlier process left something here
    :param boot_id: names the boot of the host, a base is of no use after
        another; empty: not known; None: asks the kernel
    :returns: base of what is kept, if it was written since the last boot;
        else the fresh one
    :raises OSError: it cannot be noted
    """
    boot_id = clock.boot_id() if boot_id is None else boot_id
    path = folder / FILE
    kept_ns = _noted(path, boot_id) if has_chunks else None
    if kept_ns is not None:
        return kept_ns
    note = "%s %d\n" % (boot_id or "-", fresh_ns)
    private_files.write(path, [note.encode()])
    return fresh_ns


def _noted(path: pathlib.Path, boot_id: str) -> int | None:
    try:
        noted_id, base = path.read_text().split()
        if noted_id == boot_id:
            return int(base)
    except (OSError, ValueError):
        pass
    return None
