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

"""Measures what a load costs the process that makes it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import typing as t

from rally.common.http import tallies
from rally.task.results import saturation
from rally.task.results.traffic import Traffic

#: between two looks at what the kernel knows of each thread
THREADS_NS = 1_000_000_000
_TASKS = "/proc/self/task"


def cpu_waits() -> dict[str, int]:
    """For each thread: how long it could run and had no CPU, ns.

    From the run queue itself (Documentation/scheduler/sched-stats.rst), so
    it counts whoever took the CPU: neighbours and a quota, but not the
    hypervisor. Without the thread that asks: it sends results, and runs no
    iteration. Empty where the kernel does not tell.
    """
    waits: dict[str, int] = {}
    asking = str(threading.get_native_id())
    with contextlib.suppress(OSError):
        for thread in os.listdir(_TASKS):
            if thread == asking:
                continue
            with contextlib.suppress(OSError, IndexError, ValueError):
                path = "%s/%s/schedstat" % (_TASKS, thread)
                with open(path, "rb", buffering=0) as file:
                    waits[thread] = int(file.read(100).split()[1])
    return waits


class Meter:
    """Time and CPU of one process that makes load.

    Nothing is done for an iteration, or by a thread of its own: whoever
    sends a snapshot lets it look at the clocks.
    """

    def __init__(
        self,
        slots: t.Callable[[], int],
        now_ns: t.Callable[[], int] = time.monotonic_ns,
        cpu_ns: t.Callable[[], int] = time.process_time_ns,
        waits: t.Callable[[], dict[str, int]] = cpu_waits,
    ) -> None:
        """:param slots: how many threads run iterations now"""
        self._slots = slots
        self._now_ns = now_ns
        self._cpu_ns = cpu_ns
        self._waits = waits
        self._at_ns: int | None = None  # of the last look
        self._cpu_at_ns = 0
        self._slots_then = 0
        self._threads_at_ns = 0
        self._waited: dict[str, int] = {}

    def begin(self, zero_ns: int) -> None:
        """The load starts at *zero_ns* of the monotonic clock."""
        self._cpu_at_ns = self._cpu_ns()
        self._waited = self._waits()
        self._slots_then = self._slots()
        self._threads_at_ns = self._at_ns = zero_ns

    def read(
        self, measured: saturation.Saturation, is_last: bool = False
    ) -> None:
        """Add what came since the last time to *measured*.

        :param is_last: the load is over
        """
        now = self._now_ns()
        if self._at_ns is None or now <= self._at_ns:
            return
        passed, self._at_ns = now - self._at_ns, now
        before, self._cpu_at_ns = self._cpu_at_ns, self._cpu_ns()
        used = self._cpu_at_ns - before
        then, self._slots_then = self._slots_then, self._slots()
        measured.worker_ns += passed
        measured.cpu_ns += used
        measured.slot_ns += passed * max(then, self._slots_then)
        if used >= saturation.SATURATED * passed:
            measured.saturated_ns += passed
        if is_last or now - self._threads_at_ns >= THREADS_NS:
            self._threads_at_ns = now
            self._read_waits(measured)

    def _read_waits(self, measured: saturation.Saturation) -> None:
        for thread, waited in self._waits().items():
            measured.cpu_wait_ns += waited - self._waited.get(thread, 0)
            self._waited[thread] = waited


class TrafficMeter:
    """What HTTP requests of this process have sent and received since then.
    """

    def __init__(
        self, totals: t.Callable[[], tallies.Totals] = tallies.totals
    ) -> None:
        self._totals = totals
        self._then = totals()  # it may have made some before the load

    def read(self) -> Traffic:
        """All of it so far."""
        return Traffic(*(
            now - then for now, then in zip(self._totals(), self._then)
        ))
