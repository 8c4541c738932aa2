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

"""What processes hold: memory, descriptors, threads, as ``/proc`` shows."""

from __future__ import annotations

import os
import pathlib
import typing as t

from tests.benchmarks import family
from tests.functional import sandbox

#: roles of an agent's processes, by their distance from the agent
ROLES = ("agent", "load process", "worker")
#: memory of the process' own; what is read from files is not counted
OWN_MEMORY = ("RssAnon", "RssShmem")
KIB = 1024


class Vitals(t.NamedTuple):
    """One process at one moment."""

    memory_bytes: int
    descriptors: int
    threads: int


def of_status(status: str) -> dict[str, int]:
    """Numbers in the text of ``/proc/PID/status``; memory in KiB."""
    found = {}
    for line in status.splitlines():
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdigit():
            found[name] = int(number[0])
    return found


def vitals_of(pid: int) -> Vitals | None:
    """What a process holds now; None if it has ended."""
    folder = family.PROC / str(pid)
    try:
        fields = of_status((folder / "status").read_text())
        descriptors = len(os.listdir(folder / "fd"))
    except OSError:
        return None
    if "RssAnon" not in fields:  # it has ended and was not waited for
        return None
    memory = sum(fields.get(name, 0) for name in OWN_MEMORY) * KIB
    return Vitals(memory, descriptors, fields["Threads"])


def trees(
    roots: t.Mapping[int, t.Sequence[str]]
) -> t.Iterator[tuple[str, int]]:
    """Role and id of each process below *roots*.

    :param roots: process -> roles by distance from it
    """
    parents = family.parents(family.pids())
    for root, roles in roots.items():
        for pid, depth in family.depths(parents, {root: 0}).items():
            if depth < len(roles):
                yield roles[depth], pid


def bytes_below(folder: pathlib.Path) -> int:
    """Size of all files below *folder*, some of which may just vanish."""
    return sum(map(size_of, sandbox.files_below(folder)))


def size_of(path: pathlib.Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
