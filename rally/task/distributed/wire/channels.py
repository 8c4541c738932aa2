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

"""What the transports of both ends carry and report; no sockets here."""

from __future__ import annotations

import dataclasses
import enum
import re
import typing as t

from rally import exceptions


class Channel(enum.Enum):
    """A connection of its own for each kind of traffic.

    So a large transfer of results never delays a stop. The order is the one
    in which waiting messages are handed out.
    """

    CONTROL = "control"
    AGGREGATES = "aggregates"
    RESULTS = "results"


CONTROLLER = "controller"
#: how names of operators begin, and no agent's can
_OPERATOR = "(operator "

#: an encoder gives a message as bytes, a decoder takes them back and raises
#: one of DECODE_ERRORS for what no encoder makes
Encode: t.TypeAlias = t.Callable[[t.Any], bytes]
Decode: t.TypeAlias = t.Callable[[bytes | memoryview], t.Any]
DECODE_ERRORS = (ValueError, exceptions.RallyException)

_ADDRESS = re.compile(
    r"tcp://(?P<host>\[[^\]]+\]|[^:/\[\]]+):(?P<port>\*|\d+)"
)


class AddressUnusable(exceptions.RallyException):
    """What to do: look who has the port with `ss -ltnp`, or name another one:
    in `listen` of the task, or with --controller.
    """

    error_code = 253
    msg_fmt = (
        "Address %(address)s cannot be used: %(reason)s. Controller and "
        "agents meet there, so the run cannot begin. %(hint)s"
    )


class ConnectionChange(enum.Enum):
    """What an agent can notice about its connection to the controller."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    UNREACHABLE = "unreachable"  # nobody answers there (yet)
    REFUSED = "refused"  # the controller does not know this agent's key
    MISMATCHED = "mismatched"  # not a controller, or not the one of the key
    SILENT = "silent"  # somebody takes the connection, and says nothing


class Delivery(enum.Enum):
    """What becomes of a message that was handed to a transport."""

    QUEUED = "queued"  # no promise that it arrives
    UNCONNECTED = "there is no connection"
    CONGESTED = "the queue is full"
    TOO_LARGE = "the message is too large"


@dataclasses.dataclass(frozen=True, slots=True)
class Received:
    """A message, with the proven name of who sent it, and its labels."""

    peer: str
    channel: Channel
    message: t.Any
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


class Applicant(t.NamedTuple):
    """A connection with the key of a join token."""

    connection: bytes
    key: str  # of the token
    address: str  # where it comes from


class ToApplicant(t.NamedTuple):
    """What to send back by the connection of an applicant."""

    connection: bytes
    message: t.Any


@dataclasses.dataclass(frozen=True, slots=True)
class Revoked:
    """An agent that was heard may no longer join: its key is refused now."""

    peer: str


@dataclasses.dataclass(frozen=True, slots=True)
class Readable:
    """A file descriptor that the caller asked about has data, or ended."""

    fd: int


@dataclasses.dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """A change that lasts: repeated failures of one kind are one event."""

    channel: Channel
    change: ConnectionChange
    text: str  # one sentence for the log


Incoming: t.TypeAlias = Received | Readable | ConnectionEvent
FromAgents: t.TypeAlias = Received | Revoked


class ControllerEnd(t.Protocol):
    """What a controller's loop needs of a transport."""

    def receive(
        self, timeout_s: float | None
    ) -> t.Sequence[FromAgents]: ...

    def send(
        self, peer: str, channel: Channel, message: t.Any
    ) -> Delivery: ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


class Applications(t.Protocol):
    """Decides about those who have a join token, and no key of their own."""

    def token_of(self, public_key: str) -> str | None: ...

    def hear(
        self, applicant: Applicant, message: t.Any,
        wake: t.Callable[[], None],
    ) -> str: ...

    def answers(self) -> t.Iterable[ToApplicant]: ...

    def close(self) -> None: ...


class AgentEnd(t.Protocol):
    """What an agent's loop needs of a transport."""

    def receive(
        self, timeout_s: float | None, fds: t.Iterable[int] = ()
    ) -> list[Incoming]: ...

    def send(self, channel: Channel, message: t.Any) -> Delivery: ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


def operator(connection: str) -> str:
    """Name of whoever proves to have the controller's own key."""
    return "%s%s)" % (_OPERATOR, connection)


def is_operator(peer: str) -> bool:
    """Whether *peer* is an operator, and no agent."""
    return peer.startswith(_OPERATOR)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of ``tcp://HOST:PORT``; a port ``*`` is 0, any free one.

    :raises AddressUnusable: it is not of that form
    """
    match = _ADDRESS.fullmatch(address)
    port = 0 if match is None or match["port"] == "*" else int(match["port"])
    if match is None or port > 65535:
        raise AddressUnusable(
            address=address,
            reason="it is not of the form tcp://HOST:PORT",
            hint="Write for example tcp://10.0.0.1:9790.",
        )
    return match["host"], port


def on_this_host(address: str) -> str:
    """Where to dial, on the same host, what listens on *address*.

    :raises AddressUnusable: it is not of the form tcp://HOST:PORT
    """
    host, port = split_address(address)
    if host in ("*", "0.0.0.0", "[::]"):
        host = "127.0.0.1"
    return "tcp://%s:%d" % (host, port)


def addresses_from(address: str) -> dict[Channel, str]:
    """Addresses of all channels, given that of the first.

    The others have the next two ports; with port 0 or ``*`` each channel
    takes any free one.

    :raises AddressUnusable: *address* is not of the form tcp://HOST:PORT
    """
    host, port = split_address(address)
    ports = [port + index if port else 0 for index in range(len(Channel))]
    addresses = ["tcp://%s:%d" % (host, each) for each in ports]
    for each in addresses:
        split_address(each)
    return dict(zip(Channel, addresses, strict=True))


def address_to_dial(endpoint: str, host: str) -> str:
    """Where agents on other hosts find what listens on *endpoint* here.

    :param host: the name that this host has for others
    """
    for every_interface in "//0.0.0.0:", "//[::]:", "//*:":
        endpoint = endpoint.replace(every_interface, "//%s:" % host)
    return endpoint
