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
"""Sends to many agents a few at a time, and looks at what comes in between."""

from __future__ import annotations

import collections
import typing as t

from rally.task.distributed.commands import Command, Send

#: messages that are sent at once; five milliseconds, about
AT_ONCE = 50


class SendQueue:
    """Messages that wait for their turn to be sent.

    The messages to one agent keep their order. Those to agents for which
    nothing waits go first: they answer something.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._waiting: collections.deque[Send] = collections.deque()
        self._peers: collections.Counter[str] = collections.Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def admit(self, commands: list[Command]) -> list[Command]:
        """Those of *commands* to carry out now; the rest waits."""
        if not self._waiting and len(commands) <= self._at_once:
            return commands
        admitted: list[Command] = []
        room = self._at_once
        for command in commands:
            if isinstance(command, Send):
                if room <= 0 or command.peer in self._peers:
                    self._waiting.append(command)
                    self._peers[command.peer] += 1
                    continue
                room -= 1
            admitted.append(command)
        return admitted

    def take(self) -> t.Iterator[Send]:
        """The next ones in turn."""
        for _ in range(min(self._at_once, len(self._waiting))):
            command = self._waiting.popleft()
            self._peers[command.peer] -= 1
            if not self._peers[command.peer]:
                del self._peers[command.peer]
            yield command
