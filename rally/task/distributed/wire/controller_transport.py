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

"""The controller's end: listens, authenticates, routes by proven name."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import time
import typing as t

import zmq

from rally.task.distributed.security import authenticator, keys
from rally.task.distributed.wire import channels, sockets
from rally.task.distributed.wire.channels import (
    Channel,
    Delivery,
    FromAgents,
    Received,
    Revoked,
)

#: what a peer that speaks neither ZeroMQ nor CURVE makes of a handshake
FAILED_HANDSHAKES = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)
FAILED_ACCEPTS = zmq.EVENT_ACCEPT_FAILED
#: connections of one peer that are remembered as outdated
MAX_OUTDATED = 16
#: seconds for which a list of agents that looks as before is believed
KNOWN_S = 1.0
#: an application is short
MAX_APPLICATION_BYTES = 4096


@dataclasses.dataclass(slots=True)
class Route:
    """The newest connection of a peer on a channel.

    A late message of an older connection must not bring that one back.
    """

    identity: bytes
    public_key: str
    outdated: collections.deque[bytes] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=MAX_OUTDATED)
    )

    def follow(self, identity: bytes, public_key: str) -> None:
        if identity != self.identity and identity not in self.outdated:
            self.outdated.append(self.identity)
            self.identity = identity
            self.public_key = public_key


class ControllerTransport(sockets.End):
    """Sockets of a controller; for one thread, except ``wake``.

    Whoever has the controller's own key is an operator, and no agent,
    whatever the list of agents says.

    Whoever has the key of a join token is neither: it may apply for a key of
    its own, and is not heard otherwise.

    :param allow: who may join; asked for each connection, for each message
        that is sent, and for each key among those that are received at once
    :param applications: decides who else may join; closed with this
    :raises AddressUnusable: an address cannot be bound
    """

    def __init__(
        self,
        addresses: t.Mapping[Channel, str],
        key: keys.KeyPair,
        allow: keys.AllowList,
        encode: channels.Encode,
        decode: channels.Decode,
        applications: channels.Applications | None = None,
    ) -> None:
        sockets.allow_many_connections()
        super().__init__()
        self._applications = applications
        self._key = key
        self._allow = allow
        self._encode = encode
        self._decode = decode
        self._routes: dict[tuple[str, Channel], Route] = {}
        self._revoked: list[Revoked] = []  # not handed out yet
        #: what the list says of keys, see ``_ask_anew``
        self._names: dict[str, str | None] = {}
        self._asked_s = 0.0
        self.endpoints: dict[Channel, str] = {}
        try:
            self._authenticator = authenticator.Authenticator(
                self._context, allow, self._trouble, key.public, applications
            )
            self._poller.register(self._authenticator.socket, zmq.POLLIN)
            for channel in Channel:
                self._listen(channel, addresses[channel])
        except BaseException:
            self.close(linger_s=0)
            raise

    @property
    def counters(self) -> collections.Counter[str]:
        """What went wrong so far: unknown_key, malformed, oversized,
        wrong_protocol, unroutable, congested, accept_failed, application."""
        return self._trouble.counters

    def close(self, linger_s: float = 1.0) -> None:
        """Answer who has applied, send what is queued, end; see ``End``."""
        if self._applications is not None:
            self._applications.close()
            self._answer_applicants()
        super().close(linger_s)

    def receive(self, timeout_s: float | None) -> list[FromAgents]:
        """Wait for messages; control first, then aggregates, then results.

        :param timeout_s: None waits for ever
        :returns: who was revoked, once each, then messages; nothing after a
            wake-up or timeout
        """
        deadline = sockets.Deadline(
            0 if self._revoked else timeout_s
        )
        while True:
            ready = self._poll(deadline.left_ms())
            is_woken = ready.get(self._waker.fd) is not None
            if is_woken:
                self._waker.clear()
            self._ask_anew()
            self._answer_applicants()
            self._attend(ready)
            received = self._read(ready)
            revoked, self._revoked = self._revoked, []
            if revoked or received or is_woken or deadline.has_passed:
                return [*revoked, *received]

    def send(
        self, peer: str, channel: Channel, message: t.Any
    ) -> Delivery:
        """Queue a message for a peer's newest connection; never blocks.

        :returns: what becomes of it, as far as that is known
        """
        route = self._routes.get((peer, channel))
        if route is not None and self._name_of(route.public_key, peer) != peer:
            self._forget(route.public_key)
            route = None
        if route is None:
            self.counters["unroutable"] += 1
            return Delivery.UNCONNECTED
        body = self._encode(message)
        if not sockets.fits(body, channel, self._trouble):
            return Delivery.TOO_LARGE
        try:
            sockets.send_to(self._sockets[channel], route.identity, body)
        except zmq.Again:
            self.counters["congested"] += 1
            return Delivery.CONGESTED
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            del self._routes[peer, channel]
            self.counters["unroutable"] += 1
            return Delivery.UNCONNECTED
        return Delivery.QUEUED

    def _listen(self, channel: Channel, address: str) -> None:
        socket = sockets.new_socket(
            self._context, zmq.ROUTER, channel
        )
        self._sockets[channel] = socket
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.BACKLOG, sockets.BACKLOG)
        sockets.secure_server(socket, self._key)
        self.endpoints[channel] = sockets.bind(socket, address)
        watcher = socket.get_monitor_socket(
            FAILED_HANDSHAKES | FAILED_ACCEPTS | zmq.EVENT_MONITOR_STOPPED
        )
        self._monitors[channel] = watcher
        self._poller.register(watcher, zmq.POLLIN)
        self._poller.register(socket, zmq.POLLIN)

    def _attend(self, ready: t.Mapping[t.Any, int]) -> None:
        """Answer authentication requests, note failed connections."""
        if self._authenticator.socket in ready:
            self._authenticator.answer()
        for channel, watcher in self._monitors.items():
            if watcher in ready:
                self._note_failures(channel, watcher)

    def _note_failures(
        self, channel: Channel, watcher: zmq.Socket[bytes]
    ) -> None:
        address = self.endpoints[channel]
        for event in sockets.events_of(watcher):
            if event.kind & FAILED_HANDSHAKES:
                self._trouble.note(
                    "wrong_protocol",
                    "strangers",  # they have not said who they are
                    "Something that is not a Rally agent, or has the key of "
                    "another controller, connected to %s" % address,
                )
            elif event.kind & FAILED_ACCEPTS:
                self._trouble.note(
                    "accept_failed",
                    address,
                    "A connection to %s could not be accepted: perhaps this "
                    "process has too many files open (`ulimit -n`)" % address,
                )

    def _read(self, ready: t.Mapping[t.Any, int]) -> list[Received]:
        received: list[Received] = []
        for channel, socket in self._sockets.items():
            if socket not in ready:
                continue
            with contextlib.suppress(zmq.Again):
                for _ in range(sockets.PROFILES[channel].batch):
                    item = self._accept(channel, sockets.next_frames(socket))
                    if item is not None:
                        received.append(item)
        return received

    def _accept(
        self, channel: Channel, frames: list[zmq.Frame]
    ) -> Received | None:
        """A message of an agent that may join; others are only counted."""
        identity = frames[0].bytes
        user = t.cast(str, frames[-1].get("User-Id"))
        if user.startswith(authenticator.APPLICANT):
            key = user.removeprefix(authenticator.APPLICANT)
            self._hear_applicant(channel, key, frames)
            return None
        public_key, peer = user, self._sender(user, identity)
        if peer is None:
            self._note_unknown(public_key)
            self._forget(public_key)
            return None
        problem = self._problem(channel, frames)
        if problem is None:
            try:
                message = self._decode(frames[1].buffer)
            except channels.DECODE_ERRORS as error:
                problem = ("malformed", "is not understood: %.200s" % error)
        if problem is not None:
            counter, text = problem
            self._trouble.note(
                counter, peer, "Dropped a message: one of %s %s" % (peer, text)
            )
            return None
        self._learn(peer, channel, identity, public_key)
        return Received(
            peer, channel, message, self._allow.labels_of(public_key)
        )

    def _hear_applicant(
        self, channel: Channel, public_key: str, frames: list[zmq.Frame]
    ) -> None:
        """A message that came by a join token."""
        applications = self._applications
        token = applications and applications.token_of(public_key)
        if not (applications and token):
            self._note_unknown(public_key)
            return
        if channel is not Channel.CONTROL or len(frames) != 2 or (
            len(frames[1]) > MAX_APPLICATION_BYTES
        ):
            problem = "has sent something other than an application"
        else:
            try:
                message = self._decode(frames[1].buffer)
            except channels.DECODE_ERRORS as error:
                problem = "is not understood: %.200s" % error
            else:
                address = t.cast(str, frames[-1].get("Peer-Address"))
                problem = applications.hear(
                    channels.Applicant(frames[0].bytes, public_key, address),
                    message, self.wake,
                )
        if problem:
            self._trouble.note(
                "application", token,
                "Ignored somebody with join token %s, who %s"
                % (token, problem),
            )

    def _answer_applicants(self) -> None:
        """Who does not get an answer asks again."""
        if self._applications is None:
            return
        for answer in self._applications.answers():
            try:
                sockets.send_to(
                    self._sockets[Channel.CONTROL], answer.connection,
                    self._encode(answer.message),
                )
            except zmq.Again:
                self.counters["congested"] += 1
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                self.counters["unroutable"] += 1

    def _problem(
        self, channel: Channel, frames: list[zmq.Frame]
    ) -> tuple[str, str] | None:
        """:param frames: who it is from, and what should be one more"""
        if len(frames) != 2:
            return "malformed", "has %d frames" % (len(frames) - 1)
        size = len(frames[1])
        if size > sockets.PROFILES[channel].max_bytes:
            return "oversized", "has %d bytes" % size
        return None

    def _note_unknown(self, public_key: str) -> None:
        self._trouble.note(
            "unknown_key",
            public_key,
            "Dropped a message: key %s is no longer authorized" % public_key,
        )

    def _sender(self, public_key: str, identity: bytes) -> str | None:
        """The sender's name, if it may join.

        ZeroMQ attaches what ``Authenticator`` answered to every frame; the
        identity is the peer's own choice, so it proves nothing.
        """
        if public_key == self._key.public:
            return channels.operator(identity.hex())
        return self._allowed(public_key)

    def _name_of(self, public_key: str, name: str) -> str | None:
        if public_key == self._key.public:
            return name
        return self._allowed(public_key)

    def _ask_anew(self) -> None:
        """Forget what the list said if it may say something else by now.

        Asking for each key at each look costs a call into the system, after
        which other threads go first. Who changes a file of the list without
        replacing it is noticed within ``KNOWN_S``.
        """
        now_s = time.monotonic()
        if not self._allow.is_as_before() or now_s > self._asked_s + KNOWN_S:
            self._names.clear()
            self._asked_s = now_s

    def _allowed(self, public_key: str) -> str | None:
        """The agent's name."""
        if public_key not in self._names:
            self._names[public_key] = self._allow.name_of(public_key)
        return self._names[public_key]

    def _forget(self, public_key: str) -> None:
        """A key is refused now: its agent is out, but for a newer one."""
        gone = {
            key: route
            for key, route in self._routes.items()
            if route.public_key == public_key
        }
        for key in gone:
            del self._routes[key]
        still_here = {peer for peer, _ in self._routes}
        names = {peer for peer, _ in gone} - still_here
        self._revoked += map(Revoked, sorted(names))

    def _learn(
        self, peer: str, channel: Channel, identity: bytes, public_key: str
    ) -> None:
        route = self._routes.get((peer, channel))
        if route is None:
            self._routes[peer, channel] = Route(identity, public_key)
        else:
            route.follow(identity, public_key)
