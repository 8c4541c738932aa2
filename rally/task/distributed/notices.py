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

"""What the ports of a state machine tell it, beside messages of peers.

These never leave their process.
"""

from __future__ import annotations

import typing as t

import msgspec

from rally.task.distributed.wire.channels import Channel, Delivery
from rally.task.distributed.wire.messages import Count, Name


class NotSent(msgspec.Struct, frozen=True):
    """A transport refused a message: it will certainly not arrive."""

    peer: str
    channel: Channel
    message: t.Any
    why: Delivery


class StopAsked(msgspec.Struct, frozen=True):
    """The engine wants the load to stop."""

    reason: str


class Stored(msgspec.Struct, frozen=True):
    """The engine has stored a chunk."""

    agent: Name
    sequence: Count


class ChunkRefused(msgspec.Struct, frozen=True):
    """A chunk that arrived cannot be stored."""

    agent: Name
    sequence: Count
    reason: str


class StoringFailed(msgspec.Struct, frozen=True):
    """The engine cannot store chunks any more; agents keep them."""

    reason: str


class AgentLeft(msgspec.Struct, frozen=True):
    """One that was started for this run did not start, or has ended."""

    agent: str  # its name, or where it was to run
    reason: str
    tail: str = ""  # the end of what it printed


class AgentsPending(msgspec.Struct, frozen=True):
    """Some that are started for this run do not run yet."""

    reason: str


class LoadGone(msgspec.Struct, frozen=True):
    """The load process has ended, or its pipe has."""

    reason: str
    spooled: Count = 0  # one more than the highest chunk on disk
    torn: Count = 0  # chunks it did not write to the end


class SpoolFound(msgspec.Struct, frozen=True):
    """What an earlier process left of a run, once nobody writes there."""

    run: Name
    spooled: Count
    torn: Count


class ShutdownAsked(msgspec.Struct, frozen=True):
    """The user wants the agent to end."""


#: of a controller
ControllerNotice: t.TypeAlias = (
    NotSent | StopAsked | Stored | ChunkRefused | StoringFailed | AgentLeft
    | AgentsPending
)
#: of an agent
AgentNotice: t.TypeAlias = NotSent | LoadGone | SpoolFound | ShutdownAsked
