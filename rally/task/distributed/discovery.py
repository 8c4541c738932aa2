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

"""Who is dialing in: a controller that asks for names only."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import typing as t

from rally.common import clock
from rally.task.distributed import (
    commands,
    endpoint_ports,
    reception,
    serve,
)
from rally.task.distributed.clock import ClockEstimate, ClockSample
from rally.task.distributed.security import keys, tokens
from rally.task.distributed.security import labels as labels_module
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel

#: exchanges with each agent that give the offset of its clock
SAMPLES = 8
NS = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Answer:
    """One authorized agent, as ``rally agent list`` shows it."""

    name: str
    state: str
    labels: str = ""
    token: str = ""  # that it came by
    version: str = ""
    host: str = ""
    cpus: str = ""
    clock_offset: str = ""  # milliseconds and the bound of their error
    round_trip: str = ""  # milliseconds


class Discovery:
    """Collects hellos and clock samples, until it has waited long enough."""

    def __init__(self, until_ns: int) -> None:
        self.finished = False
        self._until_ns = until_ns
        self._hellos: dict[str, messages.Hello] = {}
        self._clocks: dict[str, ClockEstimate] = {}

    def next_deadline(self) -> int:
        return self._until_ns

    def expire(self, now: int) -> list[commands.Send]:
        self.finished = now >= self._until_ns
        return []

    def handle(self, event: t.Any, now: int) -> list[commands.Send]:
        """What to do about *event*: agents are answered."""
        if (
            not isinstance(event, channels.Received)
            or event.channel is not Channel.CONTROL
            or channels.is_operator(event.peer)
            or not self._wants_more(event.peer, event.message, now)
        ):
            return []
        beat = messages.Beat("", now)
        return [commands.Send(event.peer, Channel.CONTROL, beat)]

    def _wants_more(
        self, peer: str, message: messages.Message, now: int
    ) -> bool:
        """Learn from *message*; whether there is more to be learnt."""
        if isinstance(message, messages.Hello):
            self._hellos[peer] = message
            return True
        if isinstance(message, messages.Heartbeat):
            estimate = self._clocks.setdefault(peer, ClockEstimate())
            estimate.add(
                ClockSample(
                    message.echo_ns, message.received_ns, message.sent_ns,
                    now,
                )
            )
            return estimate.count < SAMPLES
        return False

    def answer_of(self, agent: keys.AuthorizedAgent) -> Answer:
        """What is known of an authorized agent."""
        name = agent.name
        hello = self._hellos.get(name)
        if hello is None:
            return Answer(
                name, "silent", labels_module.text(agent.labels), agent.token
            )
        labels = labels_module.together(agent.labels, hello.labels)
        estimate = self._clocks.get(name)
        offset = trip = ""
        if estimate is not None:
            offset = "%+.3f +- %.3f" % (
                estimate.offset_ns / 1e6, (estimate.error_ns or 0) / 1e6
            )
            trip = "%.3f" % ((estimate.round_trip_ns or 0) / 1e6)
        return Answer(
            name, "dialing in", labels_module.text(labels), agent.token,
            hello.rally_version, hello.host, str(hello.cpus), offset, trip,
        )


def call(
    listen: str, folder: pathlib.Path | None, wait_s: float
) -> list[Answer]:
    """Listen for *wait_s* seconds; all authorized agents by name.

    :raises RallyException: the address is in use (by a run, perhaps), or the
        keys cannot be read
    """
    is_open = any(
        not token.has_ended(tokens.utc_now())
        for token in tokens.tokens(folder)
    )
    if not is_open and not keys.agents(folder):
        return []
    ends = reception.listen(listen, folder)
    found = Discovery(clock.now_ns() + int(wait_s * NS))
    with contextlib.closing(ends):
        serve.serve(found, endpoint_ports.ControllerEndpoint(ends))
    # who has joined meanwhile is among them
    return [found.answer_of(agent) for agent in keys.agents(folder)]


@dataclasses.dataclass(frozen=True)
class TokenStatus:
    """One join token, as ``rally agent list`` shows it."""

    token: str
    state: str
    labels: str
    uses: str  # of how many
    left: int
    expires: str


def token_statuses(folder: pathlib.Path | None) -> list[TokenStatus]:
    """All join tokens there have been, oldest first."""
    uses = tokens.uses_of([
        *keys.agents(folder), *keys.revoked_agents(folder)
    ])
    now = tokens.utc_now()
    return [
        _token_status(token, len(uses.get(token.id, ())), now)
        for token in tokens.tokens(folder)
    ]


def _token_status(
    token: tokens.Token, used: int, now: datetime.datetime
) -> TokenStatus:
    left = max(0, token.uses - used)
    if token.revoked:
        state = "revoked"
    elif token.has_ended(now):
        state = "expired"
    else:
        state = "open" if left else "used up"
    return TokenStatus(
        token.id, state, labels_module.text(token.labels),
        "%d of %d" % (used, token.uses), left if state == "open" else 0,
        token.expires[:19].replace("T", " "),
    )
