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
"""Letting one thread of a process work before the others.

Python runs one thread at a time, and asks the one that runs to hand over once
in a switch interval only. A thread that makes many short calls into the
system waits so long after each of them, while others are at work.
"""

from __future__ import annotations

import threading

#: nobody gives way for longer: work that never gets done helps nobody
MOST_S = 0.02


class RightOfWay:
    """One thread claims it while it works; the others stop where they can."""

    def __init__(self) -> None:
        self._is_free = threading.Event()
        self._is_free.set()

    def claim(self) -> None:
        """From now on others give way."""
        self._is_free.clear()

    def release(self) -> None:
        """Others may work."""
        self._is_free.set()

    def give_way(self) -> None:
        """Wait while it is claimed, but no longer than ``MOST_S``.

        Called by the others between two pieces of work, each of which should
        take a few milliseconds at most.
        """
        self._is_free.wait(MOST_S)
