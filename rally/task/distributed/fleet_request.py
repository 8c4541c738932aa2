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

"""Ask a running controller, from its own host, which agents it has."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import typing as t

from rally import exceptions
from rally.common import clock
from rally.task.distributed import (
    commands,
    drain_request,
    endpoint_ports,
    serve,
)
from rally.task.distributed.security import labels
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel, ConnectionChange

NS = 1_000_000_000
#: between two looks at a fleet that is watched
LOOK_S = 1.0


#: groups of labels that an error shows
MAX_SHOWN = 20


class NoSuchAgents(exceptions.RallyException):
    error_code = 159
    msg_fmt = (
        "No agent of the run has %(wanted)s, so nothing was asked of any. "
        "Labels in use: %(there)s. See `rally agent list`."
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Roster:
    """The agents of a controller at one moment."""

    phase: str
    agents: tuple[messages.AgentRow, ...]
    problem: str = ""  # why it may be old; empty: it is new


Show: t.TypeAlias = t.Callable[[Roster], None]


def ask(
    address: str, folder: pathlib.Path | None,
    answer_s: float = drain_request.ANSWER_S,
) -> Roster:
    """The agents of the controller at *address*.

    :param folder: with the controller's keys
    :raises NoController: it says nothing
    """
    seen: list[Roster] = []
    asking = _Asking(clock.now_ns(), answer_s)
    _talk(address, folder, asking, seen.append)
    if not seen:
        raise drain_request.NoController(address=address, reason=asking.why)
    return seen[0]


def labelled(
    address: str, folder: pathlib.Path | None, words: t.Iterable[str]
) -> list[str]:
    """Names of the agents that have all of some labels.

    :param words: such as zone=a
    :raises NoSuchAgents: there are none
    :raises NoController: nobody answers
    """
    wanted = labels.parsed(words)
    agents = ask(address, folder).agents
    names = [row.name for row in agents if labels.have(row.labels, wanted)]
    if not names:
        there = sorted({labels.text(row.labels) for row in agents} - {""})
        raise NoSuchAgents(
            wanted=labels.text(wanted),
            there="; ".join(there[:MAX_SHOWN]) or "none",
        )
    return names


def watch(address: str, folder: pathlib.Path | None, show: Show) -> None:
    """Call *show* once a second, until something is raised.

    It is called, too, when there is no controller (any more).

    :raises NoController: there is no key to ask with
    """
    _talk(address, folder, _Asking(clock.now_ns(), None), show)


def _talk(
    address: str, folder: pathlib.Path | None, asking: _Asking, show: Show
) -> None:
    end = drain_request.operator_end(address, folder)
    with contextlib.closing(end):
        serve.serve(asking, _Ports(end, show))


@dataclasses.dataclass(frozen=True, slots=True)
class _Show:
    roster: Roster


class _Ports:
    """The connection to the controller, and who is shown its agents."""

    def __init__(self, end: channels.AgentEnd, show: Show) -> None:
        self._endpoint = endpoint_ports.AgentEndpoint(end)
        self._show = show
        self.now_ns = self._endpoint.now_ns
        self.wait = self._endpoint.wait

    def execute(self, command: t.Any) -> t.Any | None:
        if isinstance(command, _Show):
            self._show(command.roster)
            return None
        return self._endpoint.execute(command)


class _Asking:
    """Asks for page after page, once or again and again.

    :param answer_s: how long to wait for an answer; None: ask for ever
    """

    def __init__(self, now: int, answer_s: float | None) -> None:
        self.finished = False
        self.why = drain_request.WHY[ConnectionChange.UNREACHABLE]
        self._until_ns = None if answer_s is None else now + int(answer_s * NS)
        self._rows: list[messages.AgentRow] = []
        self._phase = ""
        self._due_ns = now  # when to ask (again)

    def next_deadline(self) -> int:
        if self._until_ns is None:
            return self._due_ns
        return min(self._due_ns, self._until_ns)

    def expire(self, now: int) -> list[t.Any]:
        """Ask if that is due: from the beginning, or for a lost page."""
        if self._until_ns is not None and now >= self._until_ns:
            self.finished = True
        if self.finished or now < self._due_ns:
            return []
        return [self._ask(now)]

    def handle(self, event: t.Any, now: int) -> list[t.Any]:
        if isinstance(event, channels.ConnectionEvent):
            return self._on_change(event.change, now)
        if isinstance(event, channels.Received) and isinstance(
            event.message, messages.FleetAnswer
        ):
            return self._on_answer(event.message, now)
        return []

    def _on_change(self, change: ConnectionChange, now: int) -> list[t.Any]:
        self.why = drain_request.WHY.get(change, change.value)
        if change is ConnectionChange.CONNECTED:
            return [self._ask(now)]
        self._rows = []
        return [] if self._until_ns else [_Show(Roster("", (), self.why))]

    def _on_answer(
        self, answer: messages.FleetAnswer, now: int
    ) -> list[t.Any]:
        if answer.after != self._after:
            return []  # it was asked for twice
        self._phase = answer.phase
        self._rows += answer.agents
        if not answer.is_last:
            return [self._ask(now)]
        roster = Roster(self._phase, tuple(self._rows))
        self._rows = []
        self.finished = self._until_ns is not None
        self._due_ns = now + int(LOOK_S * NS)
        return [_Show(roster)]

    @property
    def _after(self) -> str:
        """The last agent that is known."""
        return self._rows[-1].name if self._rows else ""

    def _ask(self, now: int) -> commands.Send:
        self._due_ns = now + int(drain_request.AGAIN_S * NS)
        return commands.Send(
            "", Channel.CONTROL, messages.FleetAsked(self._after)
        )
