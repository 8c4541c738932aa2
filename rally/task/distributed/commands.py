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

"""What a state machine wants done. The shell does it."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel
from rally.task.results.head import DeliveredChunk


@dataclasses.dataclass(frozen=True, slots=True)
class Send:
    """Send *message* to *peer* (an agent; the agent's only peer is "")."""

    peer: str
    channel: Channel
    message: messages.Message


@dataclasses.dataclass(frozen=True, slots=True)
class StoreChunk:
    """Hand a chunk to the engine, which checks it."""

    delivered: DeliveredChunk


@dataclasses.dataclass(frozen=True, slots=True)
class Observe:
    """The newest cumulative state of one agent, as it came."""

    agent: str
    number: int
    urgent: bool
    state: bytes
    clock_offset_ns: int
    epoch: int = 0  # it has counted anew since the one before


@dataclasses.dataclass(frozen=True, slots=True)
class Announce:
    """Iterations have been started (for hooks)."""

    numbers: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Say:
    """Tell the user."""

    text: str
    is_problem: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class ShowFleet:
    """Answer an operator who asks which agents there are."""

    operator: str
    after: str  # see ``messages.FleetAsked``


@dataclasses.dataclass(frozen=True, slots=True)
class WarmLoad:
    """Start a load process that imports this until there is a load."""

    code: messages.Code


@dataclasses.dataclass(frozen=True, slots=True)
class StartLoad:
    """Tell the load process that waits, or a fresh one, what to prepare."""

    prepare: messages.Prepare
    content: bytes = dataclasses.field(repr=False)
    #: contents of what is shipped, by digest
    shipped: t.Mapping[str, bytes] = dataclasses.field(
        default_factory=dict, repr=False
    )


@dataclasses.dataclass(frozen=True, slots=True)
class TellLoad:
    """Pass a message to the load process."""

    message: messages.LoadMessage


@dataclasses.dataclass(frozen=True, slots=True)
class EndLoad:
    """The load process is no longer needed."""


@dataclasses.dataclass(frozen=True, slots=True)
class KillLoad:
    """The load process hangs: end it, with all its workers."""

    reason: str  # what it "was", in the report of its end


@dataclasses.dataclass(frozen=True, slots=True)
class SendChunk:
    """Send a chunk of the spool to the controller."""

    run: str
    sequence: int


@dataclasses.dataclass(frozen=True, slots=True)
class RemoveChunk:
    """A chunk is in the database: the spool may drop it."""

    run: str
    sequence: int


@dataclasses.dataclass(frozen=True, slots=True)
class DiscardSpool:
    """A run is over: drop what the spool still holds of it."""

    run: str


Command: t.TypeAlias = (
    Send | StoreChunk | Observe | Announce | Say | ShowFleet | WarmLoad
    | StartLoad | TellLoad | EndLoad | KillLoad | SendChunk | RemoveChunk
    | DiscardSpool
)
