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

"""The load process that an agent keeps from one run to the next."""

from __future__ import annotations

from rally.task.distributed.commands import Command, EndLoad, WarmLoad
from rally.task.distributed.wire import messages

#: contexts of the next workload may take their time; a fresh process costs
#: seconds then, a kept one memory all the while
KEEP_NS = 600_000_000_000


class SpareLoad:
    """What an agent knows of a load process that has no load.

    Such a process serves one task only: the next one may come with other
    versions of plugins.
    """

    def __init__(self) -> None:
        self._task: str | None = None
        self._since_ns = 0
        self._has_died = False

    @property
    def is_there(self) -> bool:
        return self._task is not None

    def keep(self, task: str, now: int) -> None:
        """A process of *task* has no load (any more)."""
        self._task, self._since_ns = task, now

    def lose(self) -> None:
        """The process has ended by itself."""
        self._task, self._has_died = None, True

    def warm(self, code: messages.Code, now: int) -> list[Command]:
        """A load of *code* will follow.

        No other process is started before a load if one has died of that:
        it might die again, and the report of a load says of what.
        """
        commands = self.end() if code.task != self._task else []
        if self.is_there:
            self._since_ns = now
            return commands
        if not code.task or self._has_died:
            return commands
        self.keep(code.task, now)
        return [*commands, WarmLoad(code)]

    def take(self, task: str) -> list[Command]:
        """A load begins: the process that waits makes it, if it may."""
        commands = self.end() if task != self._task else []
        self._task, self._has_died = None, False
        return commands

    def end(self) -> list[Command]:
        """End the process that waits."""
        if not self.is_there:
            return []
        self._task = None
        return [EndLoad()]

    def expire(self, now: int) -> list[Command]:
        """End a process that has waited too long to be worth its memory."""
        return self.end() if now - self._since_ns >= KEEP_NS else []
