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

"""Ports of machines that only exchange messages, and parts of other ports."""

from __future__ import annotations

import collections
import typing as t

from rally.common import clock
from rally.task.distributed import commands, notices
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel, Delivery

#: of other threads that are handed out before messages are looked at again
NOTICES_AT_ONCE = 8


class ControllerEndpoint:
    """A controller's end of the transport, and notices of other threads.

    ``tell`` may be called from any thread; all else belongs to the thread
    that serves.
    """

    def __init__(
        self, transport: channels.ControllerEnd,
        now_ns: t.Callable[[], int] = clock.now_ns,
    ) -> None:
        self._transport = transport
        self._inbox: collections.deque[t.Any] = collections.deque()
        self.now_ns = now_ns

    def tell(self, event: t.Any) -> None:
        """Something happened on this host; from any thread."""
        self._inbox.append(event)
        self._transport.wake()

    def wait(self, timeout_s: float | None) -> t.Iterator[t.Any]:
        if self._inbox:
            timeout_s = 0
        for each in self._transport.receive(timeout_s):
            if not _only_shows_the_way_back(each):
                yield each
        for _ in range(min(NOTICES_AT_ONCE, len(self._inbox))):
            yield self._inbox.popleft()

    def execute(self, command: t.Any) -> notices.NotSent | None:
        if isinstance(command, commands.Send):
            delivery = self._transport.send(
                command.peer, command.channel, command.message
            )
            return refusal(command, delivery)
        return None


class AgentEndpoint:
    """An agent's end of the transport."""

    def __init__(
        self, transport: channels.AgentEnd,
        now_ns: t.Callable[[], int] = clock.now_ns,
    ) -> None:
        self._transport = transport
        self.now_ns = now_ns

    def wait(
        self, timeout_s: float | None, fds: t.Iterable[int] = ()
    ) -> t.Iterable[channels.Incoming]:
        """:param fds: more file descriptors to wait for, this time"""
        return self._transport.receive(timeout_s, fds)

    def execute(self, command: t.Any) -> notices.NotSent | None:
        if isinstance(command, commands.Send):
            delivery = self._transport.send(command.channel, command.message)
            return refusal(command, delivery)
        return None


def refusal(
    command: commands.Send, delivery: Delivery
) -> notices.NotSent | None:
    """What a machine must know about *delivery*; None: nothing."""
    if delivery is Delivery.QUEUED:
        return None
    return notices.NotSent(
        command.peer, command.channel, command.message, delivery
    )


def _only_shows_the_way_back(incoming: channels.FromAgents) -> bool:
    """Whether it is a hello on another channel than the control channel."""
    return (
        isinstance(incoming, channels.Received)
        and incoming.channel is not Channel.CONTROL
        and isinstance(incoming.message, messages.Hello)
    )
