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


"""Contents on their way to an agent, part by part.

Those of a load, and of the files that are shipped with it. Small ones share
the window, so that a hundred files do not take a hundred round trips.
"""

from __future__ import annotations

import typing as t

from rally.task.distributed import content as content_module
from rally.task.distributed.commands import Command, Send
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel

#: bytes that are on their way at a time
WINDOW_BYTES = 8 * messages.PART_BYTES
#: and parts, if they are small
WINDOW = 64
#: a part that has not come by then is asked for again
AGAIN_NS = 3_000_000_000


class _Wanted(t.NamedTuple):
    """A part, in the order in which they are taken."""

    digest: str
    number: int
    size: int


class Incoming:
    """Some contents that are being fetched, those named first come first."""

    def __init__(
        self, run: str, contents: t.Iterable[messages.Content]
    ) -> None:
        self._run = run
        unique = {content.digest: content for content in contents}
        self._wanted = [
            _Wanted(content.digest, number, size)
            for content in unique.values()
            for number, size in enumerate(content_module.part_sizes(content))
        ]
        self._place = {part[:2]: i for i, part in enumerate(self._wanted)}
        self._hashes = {digest: content_module.new_hash() for digest in unique}
        self._parts: dict[str, list[bytes]] = {
            digest: [] for digest in unique
        }
        self._come = 0  # all parts before this place
        self._ahead: dict[int, bytes] = {}  # came before those between
        self._asked = 0  # parts before this place were asked for
        self._asked_ns = 0

    def begin(self, now: int) -> list[Command]:
        """Ask for the first parts."""
        return self._ask(now)

    def take(self, part: messages.Part, now: int) -> list[Command]:
        """Take a part; returns what to ask for next."""
        place = self._place.get((part.digest, part.index), -1)
        is_wanted = self._come <= place < self._asked
        if not is_wanted or len(part.data) != self._wanted[place].size:
            return []
        self._ahead[place] = part.data
        while self._come in self._ahead:
            data = self._ahead.pop(self._come)
            digest = self._wanted[self._come].digest
            self._hashes[digest].update(data)
            self._parts[digest].append(data)
            self._come += 1
        return self._ask(now)

    def expire(self, now: int) -> list[Command]:
        """Ask again for parts that are overdue."""
        if now - self._asked_ns < AGAIN_NS:
            return []
        self._asked = self._come
        return self._ask(now)

    def _ask(self, now: int) -> list[Command]:
        until = self._window_end()
        wanted = [
            self._wanted[place] for place in range(self._asked, until)
            if place not in self._ahead
        ]
        self._asked = max(self._asked, until)
        if wanted:
            self._asked_ns = now
        return [
            Send(
                "", Channel.RESULTS,
                messages.FetchPart(self._run, each.digest, each.number),
            )
            for each in wanted
        ]

    def _window_end(self) -> int:
        """The place before which parts may be on their way."""
        end, size = self._come, 0
        last = min(len(self._wanted), self._come + WINDOW)
        while end < last and size + self._wanted[end].size <= WINDOW_BYTES:
            size += self._wanted[end].size
            end += 1
        return end

    @property
    def is_complete(self) -> bool:
        return self._come == len(self._wanted)

    def contents(self) -> dict[str, bytes] | None:
        """All of them, by digest; None: one does not match its digest."""
        for digest, made in self._hashes.items():
            if made.hexdigest() != digest:
                return None
        return {
            digest: b"".join(parts) for digest, parts in self._parts.items()
        }
