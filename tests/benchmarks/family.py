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

"""A process and all that descend from it, as ``/proc`` shows them."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import signal
import typing as t

PROC = pathlib.Path("/proc")


def parent_of(stat: str) -> int:
    """The parent's id in the text of ``/proc/PID/stat``.

    The name of the program stands in brackets and may hold any character.
    """
    return int(stat.rpartition(")")[2].split()[1])


def pids() -> set[int]:
    """Every process there is."""
    return {int(entry) for entry in os.listdir(PROC) if entry.isdigit()}


def parents(of: t.Iterable[int]) -> dict[int, int]:
    """Parent of each process that has not ended meanwhile."""
    found = {}
    for pid in of:
        with contextlib.suppress(OSError, ValueError, IndexError):
            found[pid] = parent_of((PROC / str(pid) / "stat").read_text())
    return found


def depths(
    parent: t.Mapping[int, int], known: t.Mapping[int, int]
) -> dict[int, int]:
    """How far below the root each descendant of *known* is.

    :param parent: parent of each process that may be one
    :param known: depth of some processes, of the root (0) at least
    """
    children = collections.defaultdict(list)
    for pid, parent_pid in parent.items():
        children[parent_pid].append(pid)
    found, front = dict(known), list(known)
    while front:
        above = front.pop()
        for pid in children[above]:
            if pid not in found:
                found[pid] = found[above] + 1
                front.append(pid)
    return found


def kill_descendants() -> list[int]:
    """Kill all that descends from this process; which those were."""
    mine = os.getpid()
    family = depths(parents(pids()), {mine: 0})
    killed = [pid for pid in family if pid != mine]
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return killed
