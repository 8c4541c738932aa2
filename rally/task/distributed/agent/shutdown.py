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

"""The end of an agent that a person asked for (``Ctrl-C``, ``SIGTERM``)."""

from __future__ import annotations

from rally.task.distributed.agent import held_run, liveness

#: whoever asked for an end waits at most this long for the spool to empty
LONGEST_NS = 10_000_000_000
#: and this long for a load that would soon end by itself
CLOSING_NS = LONGEST_NS // 2


class Shutdown:
    """What an agent that is to end still waits for."""

    def __init__(self) -> None:
        self._asked_ns: int | None = None

    @property
    def is_asked(self) -> bool:
        return self._asked_ns is not None

    def ask(self, now: int) -> None:
        self._asked_ns = now

    def deadline(self, other_ns: int) -> int:
        """When the wait is over, if that is earlier than *other_ns*."""
        if self._asked_ns is None:
            return other_ns
        return min(other_ns, self._asked_ns + LONGEST_NS)

    def is_over(
        self, held: held_run.HeldRun, controller: liveness.Liveness, now: int
    ) -> bool:
        """Whether there is nothing more to wait for, or no more time."""
        if self._asked_ns is None:
            return False
        is_idle = held.is_delivered and controller.is_silent(now)
        return is_idle or now >= self._asked_ns + LONGEST_NS

    def stops_load(self, held: held_run.HeldRun, now: int) -> bool:
        """Whether the load is to stop: what it did not start goes to others.

        Once nothing more is granted, it does what it has: perhaps nobody
        else is there to do it.
        """
        if self._asked_ns is None:
            return False
        return not held.is_closed or now >= self._asked_ns + CLOSING_NS
