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

"""How late an event loop runs what is ready, and who holds it up.

A coroutine that computes, or waits without ``await``, delays all others of
its loop: their durations grow, and nothing in a row says why.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
import typing as t

#: between two probes
PROBE_S = 0.1
#: a loop that does not answer within this is looked at, and again after as
#: long: one coroutine that runs all the while holds it up
HELD_S = 0.1


class LoopProbe:
    """Asks a loop again and again, from a thread of its own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        thread: int,
        on_lag: t.Callable[[int], None],
        on_problem: t.Callable[[str], None],
    ) -> None:
        """:param thread: identity of the thread that runs the loop

        :param on_lag: given how late each answer came, ns
        :param on_problem: given the sentence that names who holds it up,
            once
        """
        self._loop = loop
        self._loop_thread = thread
        self._on_lag = on_lag
        self._on_problem = on_problem
        self._is_told = False
        self._stop = threading.Event()
        self._answered = threading.Event()
        self._answered_ns = 0
        self._thread = threading.Thread(
            target=self._ask_all, name="loop probe", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The loop runs no more."""
        self._stop.set()
        self._answered.set()
        self._thread.join()

    def _ask_all(self) -> None:
        while not self._stop.wait(PROBE_S):
            self._answered.clear()
            if self._stop.is_set():  # its answer may just have been cleared
                return
            asked_ns = time.monotonic_ns()
            self._loop.call_soon_threadsafe(self._answer)
            if not (self._is_told or self._answered.wait(HELD_S)):
                self._look()
            self._answered.wait()
            if not self._stop.is_set():
                self._on_lag(self._answered_ns - asked_ns)

    def _answer(self) -> None:
        self._answered_ns = time.monotonic_ns()
        self._answered.set()

    def _look(self) -> None:
        task = asyncio.current_task(self._loop)
        if self._answered.wait(HELD_S) or task is None:
            return
        frame = sys._current_frames().get(self._loop_thread)
        if asyncio.current_task(self._loop) is not task or frame is None:
            return
        self._is_told = True
        self._on_problem(
            "A coroutine of the scenario held up the event loop, and with it "
            "all iterations of its process: durations are longer than they "
            "would be. Let it `await` instead, or take the work to a thread "
            "(asyncio.to_thread). It was here:\n%s"
            % "".join(traceback.format_stack(frame)[-3:])
        )
