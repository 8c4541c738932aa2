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

"""How far ahead of its iterations a process draws numbers."""

from __future__ import annotations

import time
import typing as t

#: numbers are drawn ahead for this long, so that fast iterations do not pay
#: a system call (and hand the interpreter lock over) each
DRAW_AHEAD_NS = 1_000_000
MAX_DRAW_AHEAD = 64


class DrawAhead:
    """How many numbers to draw at a time.

    As many as are likely to start within a millisecond: what one process
    holds no other one can start.
    """

    __slots__ = ("_drawn", "_at_ns", "_asked_at_ns", "_now_ns")

    def __init__(
        self, now_ns: t.Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._now_ns = now_ns
        self._drawn = 1  # the last time
        self._at_ns = self._asked_at_ns = 0

    def want(self) -> int:
        """How many to draw now."""
        self._asked_at_ns = self._now_ns()
        took_ns = max(1, self._asked_at_ns - self._at_ns)
        pace = self._drawn * DRAW_AHEAD_NS // took_ns
        return max(1, min(pace, 2 * self._drawn, MAX_DRAW_AHEAD))

    def drew(self, count: int) -> None:
        """*count* numbers came."""
        self._drawn, self._at_ns = max(1, count), self._asked_at_ns
