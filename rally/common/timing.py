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

"""Measuring time, and sleeping so that something can end the sleep."""

from __future__ import annotations

import contextlib
import ctypes
import heapq
import queue as queues
import threading
import time
import typing as t

from rally import exceptions
from rally.common import clock

_WALL_BASE_NS = clock.WALL_BASE_NS
_monotonic_ns = time.monotonic_ns

ErrorInfo: t.TypeAlias = tuple[t.Any, t.Any, t.Any]


class Timer:
    """Measures a ``with`` block; on the hot path of every atomic action.

    ``start_ns`` and ``finish_ns`` are nanoseconds since the epoch that never
    go back; ``error`` is what the block raised, or None.
    """

    __slots__ = ("error", "finish_ns", "start_ns")

    start_ns: int
    finish_ns: int
    error: ErrorInfo | None

    def __enter__(self) -> t.Any:
        self.error = None
        self.start_ns = _WALL_BASE_NS + _monotonic_ns()
        return self

    def __exit__(self, type_: t.Any, value: t.Any, tb: t.Any) -> None:
        self.finish_ns = _WALL_BASE_NS + _monotonic_ns()
        if type_ is not None:
            self.error = (type_, value, tb)

    def timestamp(self) -> float:
        """Start, in seconds since the epoch."""
        return self.start_ns / 1e9

    def finish_timestamp(self) -> float:
        """End, in seconds since the epoch."""
        return self.finish_ns / 1e9

    def duration(self, fmt: bool = False) -> t.Any:
        """Seconds between start and end, as a number or (*fmt*) a text."""
        duration_s = (self.finish_ns - self.start_ns) / 1e9
        return format_duration(duration_s) if fmt else duration_s

    # seconds; subclasses of plugins assign them

    @property
    def start(self) -> float:
        return self.timestamp()

    @start.setter
    def start(self, seconds: float) -> None:
        self.start_ns = clock.to_ns(seconds)

    @property
    def finish(self) -> float:
        return self.finish_timestamp()

    @finish.setter
    def finish(self, seconds: float) -> None:
        self.finish_ns = clock.to_ns(seconds)


def format_duration(duration_s: float) -> str:
    """A duration for people: ``2.13 sec``, ``13.05 msec``."""
    if duration_s > 1:
        return f"{duration_s:.2f} sec"
    return f"{duration_s * 1000:.2f} msec"


#: what ends the wait of each thread that sleeps, by its identity
_sleepers: dict[int, threading.Lock] = {}


def interruptable_sleep(sleep_time: float, atomic_delay: float = 0.1) -> None:
    """Sleep so that ``terminate_thread`` can end it.

    An exception raised into a thread arrives between two instructions of
    Python only, so whoever raises it ends the wait, too. Short pieces would
    do as well, but of thousands of threads the wake-ups alone take a CPU.

    :param sleep_time: seconds; 0 does not sleep at all
    :param atomic_delay: has no effect; plugins give it
    """
    if atomic_delay <= 0:
        raise ValueError("atomic_delay must be above 0")
    if sleep_time < 0:
        raise ValueError("sleep_time must be 0 or more")
    if not sleep_time:
        return
    thread, lock = threading.get_ident(), threading.Lock()
    lock.acquire()
    _sleepers[thread] = lock
    try:
        # an exception that was raised before anyone could find the lock
        # arrives after this call: the wait below is not entered
        deadline = time.monotonic() + sleep_time
        while (left := deadline - time.monotonic()) > 0:
            if lock.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
                return  # the exception is on its way
    finally:
        _sleepers.pop(thread, None)


def terminate_thread(
    thread_ident: int,
    exc_type: type[BaseException] = exceptions.ThreadTimeoutException,
) -> None:
    """Raise an exception in another thread, at its next instruction.

    It ends an ``interruptable_sleep`` at once.

    :param thread_ident: ``ident`` of the thread; no error if it has ended
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_ident), ctypes.py_object(exc_type)
    )
    lock = _sleepers.get(thread_ident)
    if lock is not None:
        with contextlib.suppress(RuntimeError):  # somebody was faster
            lock.release()


def timeout_thread(queue: t.Any) -> None:
    """Body of a thread that ends others at their deadlines.

    :param queue: pairs ``(thread ident, deadline)``, the deadline in seconds
        of ``time.time()``; ``(None, None)`` ends it
    """
    pending: list[tuple[float, int]] = []
    while True:
        timeout = max(0.0, pending[0][0] - time.time()) if pending else None
        try:
            thread_ident, deadline = queue.get(timeout=timeout)
        except queues.Empty:
            _, expired = heapq.heappop(pending)
            terminate_thread(expired)
            continue
        if thread_ident is None:
            return
        heapq.heappush(pending, (deadline, thread_ident))


class Stopwatch:
    """Sleeps until moments counted from ``start``.

    :param stop_event: ends a sleep when set
    """

    def __init__(self, stop_event: threading.Event | None = None) -> None:
        self._stop_event = stop_event
        self._start_s = time.monotonic()

    def start(self) -> None:
        self._start_s = time.monotonic()

    def sleep(self, sec: float) -> None:
        """Sleep until *sec* seconds after the start."""
        remaining = self._start_s + sec - time.monotonic()
        if remaining > 0:
            self._sleep(remaining)

    def _sleep(self, sec: float) -> None:
        if self._stop_event is not None:
            self._stop_event.wait(sec)
        else:
            interruptable_sleep(sec)
