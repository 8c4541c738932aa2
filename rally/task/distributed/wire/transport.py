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

"""Messages between a controller and its agents, over ZeroMQ.

Three channels (see ``channels``), each a TCP connection of its own that is
encrypted and authenticated on both sides. Nothing here knows what a message
means: encoder and decoder are parameters.
"""

from __future__ import annotations

from rally.task.distributed.wire.agent_transport import AgentTransport
from rally.task.distributed.wire.channels import (
    AddressUnusable,
    AgentEnd,
    Channel,
    ConnectionChange,
    ConnectionEvent,
    ControllerEnd,
    EncryptionRequired,
    FromAgents,
    Incoming,
    Readable,
    Received,
    Revoked,
    addresses_from,
)
from rally.task.distributed.wire.controller_transport import (
    ControllerTransport,
)

__all__ = [
    "AddressUnusable",
    "AgentEnd",
    "AgentTransport",
    "Channel",
    "ConnectionChange",
    "ConnectionEvent",
    "ControllerEnd",
    "ControllerTransport",
    "EncryptionRequired",
    "FromAgents",
    "Incoming",
    "Readable",
    "Received",
    "Revoked",
    "addresses_from",
]
