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

"""The content of a load on its way to an agent, part by part."""

from __future__ import annotations

from rally.task.distributed import content as content_module
from rally.task.distributed.commands import Command, Send
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

#: parts that are on their way at a time
WINDOW = 8
#: a part that has not come by then is asked for again
AGAIN_NS = 3_000_000_000


class Incoming:
    """One content that is being fetched."""

    def __init__(self, run: str, content: messages.Content) -> None:
        self._run = run
        self._content = content
        self._count = content_module.part_count(content.size)
        self._hash = content_module.new_hash()
        self._parts: list[bytes] = []  # in order, from the first
        self._ahead: dict[int, bytes] = {}  # came before those between
        self._asked = 0  # parts before this one were asked for
        self._asked_ns = 0

    def begin(self, now: int) -> list[Command]:
        """Ask for the first parts."""
        return self._ask(now)

    def take(self, part: messages.Part, now: int) -> list[Command]:
        """Take a part; returns what to ask for next."""
        is_wanted = (
            part.digest == self._content.digest
            and len(self._parts) <= part.index < self._asked
        )
        if not is_wanted:
            return []
        self._ahead[part.index] = part.data
        while len(self._parts) in self._ahead:
            data = self._ahead.pop(len(self._parts))
            self._hash.update(data)
            self._parts.append(data)
        return self._ask(now)

    def expire(self, now: int) -> list[Command]:
        """Ask again for parts that are overdue."""
        if now - self._asked_ns < AGAIN_NS:
            return []
        self._asked = len(self._parts)
        return self._ask(now)

    def _ask(self, now: int) -> list[Command]:
        until = min(self._count, len(self._parts) + WINDOW)
        wanted = [
            index for index in range(self._asked, until)
            if index not in self._ahead
        ]
        self._asked = max(self._asked, until)
        if wanted:
            self._asked_ns = now
        return [
            Send(
                "", Channel.RESULTS,
                messages.FetchPart(self._run, self._content.digest, index),
            )
            for index in wanted
        ]

    @property
    def is_complete(self) -> bool:
        return len(self._parts) == self._count

    def data(self) -> bytes | None:
        """The whole content; None: it does not match its digest."""
        if self._hash.hexdigest() != self._content.digest:
            return None
        return b"".join(self._parts)
