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

"""The gate before the start of a load that is ready."""

from __future__ import annotations

import threading
import typing as t

Go: t.TypeAlias = t.Callable[[int, bool], None]


class StartGate:
    """Where a load that is ready waits for its moment to start.

    Forking workers takes its time, so agents that fork once they are told
    to start would start one after another.
    """

    def __init__(self, on_ready: t.Callable[[], None]) -> None:
        """:param on_ready: called when the load stands at the gate"""
        self._on_ready = on_ready
        self._lock = threading.Lock()
        self._go: Go | None = None
        self._told: tuple[int, bool] | None = None

    def arrive(self, go: Go) -> None:
        """The load is ready.

        :param go: called once, with the zero of schedule and duration on
            the monotonic clock, and whether others began the load; by this
            call if the gate is open already
        """
        with self._lock:
            self._go, told = go, self._told
        self._on_ready()
        if told is not None:
            go(*told)

    def open(self, at_ns: int, is_takeover: bool = False) -> None:
        """Start at *at_ns* of the monotonic clock; from any thread.

        :param is_takeover: others began the load; nothing is to run after
            its duration
        """
        with self._lock:
            self._told, go = (at_ns, is_takeover), self._go
        if go is not None:
            go(at_ns, is_takeover)
