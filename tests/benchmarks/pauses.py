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

"""What a pause of the machine has to do with a late start; no I/O."""

from __future__ import annotations

import typing as t

import numpy as np

#: when a CPU should have run and when it did, ns since the epoch
Pause: t.TypeAlias = tuple[int, int]
Column: t.TypeAlias = "np.ndarray[t.Any, np.dtype[np.int64]]"


class Pauses:
    """The pauses of each CPU over some time.

    :param seen: per CPU, in order and without overlaps
    :param watched_ns: for how long they were looked for
    """

    def __init__(
        self, seen: t.Sequence[t.Sequence[Pause]], watched_ns: int
    ) -> None:
        self._cpus = [
            np.array(each, dtype=np.int64).reshape(-1, 2) for each in seen
        ]
        self._watched_ns = watched_ns

    @property
    def share(self) -> float:
        """Part of the time in which a CPU stood still, mean of all."""
        still = sum(int((cpu[:, 1] - cpu[:, 0]).sum()) for cpu in self._cpus)
        return still / max(1, self._watched_ns * len(self._cpus))

    def plain(self) -> tuple[list[list[Pause]], int]:
        """What another one can be made of, for JSON."""
        return [cpu.tolist() for cpu in self._cpus], self._watched_ns

    def within(self, begin_ns: int, end_ns: int) -> int:
        """How long the CPU that stood still longest did so meanwhile."""
        moments = np.array([begin_ns, end_ns], dtype=np.int64)
        return max(
            int(np.diff(_paused_until(cpu, moments))[0])
            for cpu in self._cpus
        )

    def net(self, due_ns: Column, lag_ns: Column) -> Column:
        """*lag_ns* without the pauses between due moment and start.

        An iteration ran on one CPU, it is not known which: the pauses of
        the one that explains more are taken off.
        """
        started_ns = due_ns + lag_ns
        late = lag_ns
        for cpu in self._cpus:
            paused = _paused_until(cpu, started_ns) - _paused_until(
                cpu, due_ns
            )
            late = np.minimum(late, lag_ns - paused)
        return late


def _paused_until(cpu: Column, moments: Column) -> Column:
    """How long the CPU had stood still by each of *moments*."""
    if not len(cpu):
        return np.zeros_like(moments)
    lengths = cpu[:, 1] - cpu[:, 0]
    before = np.concatenate([[0], np.cumsum(lengths)])
    index = np.searchsorted(cpu[:, 0], moments, side="right")
    last = np.maximum(index - 1, 0)
    inside = np.minimum(moments - cpu[last, 0], lengths[last])
    return before[last] + np.where(index > 0, inside, 0)
