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

"""Meets a moment on an event loop to some microseconds.

The timers of asyncio are rounded up to whole milliseconds, because that is
what ``epoll_wait`` takes. The kernel's timers that are files are exact.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import typing as t

from rally.common import clock

_CLOCK_MONOTONIC = 1  # linux/time.h
_TFD_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  # sys/timerfd.h
_TFD_ABSTIME = 1
_NS = 1_000_000_000


class LoopClock:
    """One alarm at a time, for the thread of the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, call: t.Callable[[], None]
    ) -> None:
        self._loop = loop
        self._call = call
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        self._at_ns: int | None = None
        if self._fd >= 0:
            loop.add_reader(self._fd, self._ring)

    def call_at(self, at_ns: int, call: t.Callable[[], None]) -> None:
        """Call *call* at *at_ns* since the epoch, in place of what was."""
        self._call = call
        if at_ns == self._at_ns:
            return
        self._at_ns = at_ns
        moment = max(at_ns - clock.WALL_BASE_NS, 1)
        if self._fd < 0:
            self._loop.call_at(moment / _NS, self._ring)
            return
        times = (ctypes.c_long * 4)(0, 0, *divmod(moment, _NS))
        self._libc.timerfd_settime(self._fd, _TFD_ABSTIME, times, None)

    def close(self) -> None:
        """It rings no more."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)

    def _ring(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(BlockingIOError):
                os.read(self._fd, 8)
        self._at_ns = None
        self._call()
