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

"""What a controller says to its agents while it has no run for them.

No I/O and no clock, like ``controller``. Whatever an agent still holds then
belongs to a run that is over: its results were stored or counted as lost.
"""

from __future__ import annotations

from rally.task.distributed.commands import Send
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel

#: later than any moment
NEVER = 1 << 62



class Lobby:
    """Welcomes agents, so that they stay, and remembers how they said hello.

    An agent says hello every other second as long as nothing else is said,
    and the answer is all that it needs.
    """

    def __init__(self, rally_version: str) -> None:
        self._rally_version = rally_version
        self._code = messages.Code()
        self._hellos: dict[str, channels.Received] = {}
        self._is_closed = False

    def open(self) -> None:
        """Answer (again); this and ``close`` from any thread."""
        self._is_closed = False

    def close(self) -> None:
        """Come to an end, at the next event."""
        self._is_closed = True

    def expect(self, code: messages.Code) -> None:
        """The next run will need *code*."""
        self._code = code

    @property
    def present(self) -> dict[str, channels.Received]:
        """The last hello of each agent that held no run then, by name.

        Its process may have ended since, and another one have its name.
        """
        return {
            name: said for name, said in sorted(self._hellos.items())
            if not said.message.run
        }

    @property
    def finished(self) -> bool:
        return self._is_closed

    def next_deadline(self) -> int:
        """Nothing is due before somebody says hello."""
        return NEVER

    def expire(self, now: int) -> list[Send]:
        return []

    def handle(self, event: channels.FromAgents, now: int) -> list[Send]:
        """What to do about *event*."""
        if not isinstance(event, channels.Received) or (
            event.channel is not Channel.CONTROL
        ):
            return []
        if channels.is_operator(event.peer):
            return self._obey(event.peer, event.message)
        if not isinstance(event.message, messages.Hello):
            return []
        hello = event.message
        self._hellos[event.peer] = event
        over = {hello.run, *hello.spooled} - {""}
        said: list[messages.Message] = [
            *(messages.Done(run) for run in sorted(over)),
            messages.Welcome(self._rally_version, "", self._code),
            messages.Beat("", now),
        ]
        return [Send(event.peer, Channel.CONTROL, each) for each in said]

    def _obey(self, operator: str, message: messages.Message) -> list[Send]:
        if not isinstance(message, messages.FleetAsked):
            return []
        names = [name for name in self._hellos if name > message.after]
        page = sorted(names)[:messages.FLEET_PAGE]
        answer = messages.FleetAnswer(
            message.after, "between runs", len(self._hellos),
            tuple(_row_of(self._hellos[name]) for name in page),
            len(page) == len(names),
        )
        return [Send(operator, Channel.CONTROL, answer)]


def _row_of(said: channels.Received) -> messages.AgentRow:
    hello = said.message
    return messages.AgentRow(
        said.peer, "joined", hello.host, hello.rally_version,
        {**hello.labels, **said.labels}, hello.cpus,
    )
