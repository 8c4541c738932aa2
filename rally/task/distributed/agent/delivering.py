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

"""How an agent hands over what it keeps; a part of ``Agent``."""

from __future__ import annotations

from rally.task.distributed import notices
from rally.task.distributed.agent import held_run, liveness
from rally.task.distributed.commands import Command, RemoveChunk, SendChunk
from rally.task.distributed.wire import messages


class Delivering:
    """What becomes of chunks: spooled, fetched, stored."""

    _held: held_run.HeldRun
    _presence: liveness.Presence

    def _on_spool_found(
        self, message: notices.SpoolFound, now: int
    ) -> list[Command]:
        self._held.found(message.run, message.spooled, message.torn)
        return []

    def _on_load_spooled(
        self, message: messages.LoadSpooled, now: int
    ) -> list[Command]:
        self._held.spooled(message.sequence + 1)
        return []

    def _on_fetch(self, message: messages.Fetch, now: int) -> list[Command]:
        self._presence.hear(now)
        return [SendChunk(message.run, message.sequence)]

    def _on_ack(self, message: messages.Ack, now: int) -> list[Command]:
        self._presence.hear(now)
        self._held.stored(message)
        return [RemoveChunk(message.run, message.sequence)]
