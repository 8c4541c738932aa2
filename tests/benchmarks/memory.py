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

"""Peak memory of each process of a command, by its role.

The kernel keeps the peak of a process (``VmHWM``) but shows it only while
the process lives, and what ``wait4`` tells ends up with whoever waits. So it
has to be read again and again; the last reading counts. As a peak only
grows, all that can be missed is growth in a process' last interval. It is
the last reading and not the largest because a process that has forked but
not yet executed its own program shows the memory of its parent.
"""

from __future__ import annotations

import contextlib
import threading
import typing as t

from tests.benchmarks import family

INTERVAL_S = 0.02
#: what the processes of a run are, by their distance from the command
LOCAL_ROLES = ("controller", "worker")
DISTRIBUTED_ROLES = ("controller", "agent", "load process", "worker")


def peak_in(status: str) -> int | None:
    """Bytes of ``VmHWM`` in the text of ``/proc/PID/status``."""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None  # it has ended and was not waited for yet


class PeakSampler:
    """Reads the peaks of a tree of processes until it is told to stop."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._over = threading.Event()
        self._depth: dict[int, int] = {}
        self._strangers: set[int] = set()
        self._peak: dict[int, int] = {}

    @contextlib.contextmanager
    def watch(self, root: int) -> t.Iterator[None]:
        """Sample *root* and its descendants for as long as this is open."""
        thread = threading.Thread(target=self._follow, args=(root,))
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def peaks(self, roles: t.Sequence[str]) -> dict[str, int]:
        """Bytes of the largest process of each role that was seen."""
        found: dict[str, int] = {}
        for pid, peak in self._peak.items():
            depth = self._depth[pid]
            if depth < len(roles):
                role = roles[depth]
                found[role] = max(found.get(role, 0), peak)
        return {role: found[role] for role in roles if role in found}

    def sum_below(self, depth: int) -> int:
        """Bytes of all processes at this distance of the command or more.

        What processes share counts for each of them.
        """
        return sum(
            peak for pid, peak in self._peak.items()
            if self._depth[pid] >= depth
        )

    def _follow(self, root: int) -> None:
        self.sample(root)
        while not self._over.wait(self._interval_s):
            self.sample(root)

    def sample(self, root: int) -> None:
        """Read all peaks once.

        Only processes that were not there before are asked for their
        parent: that makes a sample cheap, and lets a process keep its role
        when its parent ends and it is given another one.
        """
        self._depth[root] = 0
        known = self._strangers | self._depth.keys()
        new = family.parents(family.pids() - known)
        self._depth.update(family.depths(new, self._depth))
        self._strangers.update(new.keys() - self._depth.keys())
        for pid in self._depth:
            with contextlib.suppress(OSError):
                status = (family.PROC / str(pid) / "status").read_text()
                peak = peak_in(status)
                if peak is not None:
                    self._peak[pid] = peak
