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

"""The agent's end: dials the controller, and says how that goes."""

from __future__ import annotations

import collections
import contextlib
import errno
import logging
import socket as net
import time
import typing as t

import zmq

from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, sockets
from rally.task.distributed.wire.channels import (
    Channel,
    ConnectionChange,
    ConnectionEvent,
    Delivery,
    Incoming,
    Readable,
    Received,
)

LOG = logging.getLogger(__name__)

#: ZeroMQ does not dial again after a refusal: we do
REDIAL_S = 2.0
#: between two looks for the family of a controller whose name is not known
LOOK_UP_S = 10.0

WATCHED_EVENTS = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CONNECT_DELAYED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
CHANGES: t.Mapping[int, ConnectionChange] = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: ConnectionChange.CONNECTED,
    zmq.EVENT_DISCONNECTED: ConnectionChange.DISCONNECTED,
    zmq.EVENT_CONNECT_RETRIED: ConnectionChange.UNREACHABLE,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: ConnectionChange.REFUSED,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: ConnectionChange.MISMATCHED,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: ConnectionChange.MISMATCHED,
}
TEXTS: t.Mapping[ConnectionChange, str] = {
    ConnectionChange.CONNECTED: (
        "Agent %(name)s is connected to %(address)s (%(channel)s)."
    ),
    ConnectionChange.DISCONNECTED: (
        "Agent %(name)s lost its connection to %(address)s (%(channel)s)."
    ),
    ConnectionChange.UNREACHABLE: (
        "No controller answers at %(address)s (%(channel)s); agent %(name)s "
        "keeps dialing, because a controller listens only during a run."
    ),
    ConnectionChange.REFUSED: (
        "The controller at %(address)s refused the key of agent %(name)s: it "
        "is not authorized there, or no longer. Run `rally agent authorize "
        "%(name)s` on the controller and copy the new key file to this node; "
        "an agent that made its key itself (--join) enrols anew once that "
        "key file is removed."
    ),
    ConnectionChange.MISMATCHED: (
        "What answers at %(address)s (%(channel)s) is not the controller "
        "that authorized agent %(name)s: check the address, and that the key "
        "file was made on that controller."
    ),
    ConnectionChange.SILENT: (
        "What listens at %(address)s (%(channel)s) does not answer agent "
        "%(name)s, which keeps dialing. A controller may stand still, or open "
        "no more files (its log says so); otherwise check the address."
    ),
}


class Connection:
    """The state of one channel's connection, from ZeroMQ's events."""

    def __init__(self, name: str, channel: Channel, address: str) -> None:
        self.channel = channel
        self.address = address
        #: when to dial again, on the monotonic clock; None: ZeroMQ does
        self.redial_at: float | None = None
        self._name = name
        self._change: ConnectionChange | None = None
        self._last_event = 0

    @property
    def is_connected(self) -> bool:
        return self._change is ConnectionChange.CONNECTED

    def observe(
        self, seen: sockets.SocketEvent, now_s: float
    ) -> ConnectionEvent | None:
        """Take one event of ZeroMQ; returns the change, if it is one."""
        event = seen.kind
        last, self._last_event = self._last_event, event
        if event in (zmq.EVENT_CONNECT_RETRIED, zmq.EVENT_CONNECT_DELAYED):
            self.redial_at = None
        elif event != zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.redial_at = now_s + REDIAL_S
        if event == zmq.EVENT_CONNECT_DELAYED:
            return None
        if event == zmq.EVENT_CONNECT_RETRIED and (
            last == zmq.EVENT_DISCONNECTED
        ):
            return None  # dials again after a loss: nothing failed yet
        if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL and (
            seen.value == errno.EAGAIN  # it has waited for long enough
        ):
            return self._changed(ConnectionChange.SILENT)
        return self._changed(CHANGES[event])

    def _changed(self, change: ConnectionChange) -> ConnectionEvent | None:
        is_loss = change is ConnectionChange.DISCONNECTED
        if is_loss and self._change is not ConnectionChange.CONNECTED:
            return None  # the end of a failed attempt
        if change is self._change:
            return None
        self._change = change
        text = TEXTS[change] % {
            "name": self._name,
            "address": self.address,
            "channel": self.channel.value,
        }
        return ConnectionEvent(self.channel, change, text)


class AgentTransport(sockets.End):
    """Sockets of an agent; for one thread, except ``wake``.

    Messages are taken while a channel is ``CONNECTED``; those that a loss
    catches in the queue go out, late, after the next connection.

    :raises AddressUnusable: an address is not of the form tcp://HOST:PORT
    """

    def __init__(
        self,
        addresses: t.Mapping[Channel, str],
        key: keys.AgentKey,
        encode: channels.Encode,
        decode: channels.Decode,
    ) -> None:
        super().__init__()
        self._key = key
        self._encode = encode
        self._decode = decode
        self._connections: dict[Channel, Connection] = {}
        #: names that have no address yet: when to look them up again
        self._unknown: dict[str, float] = {}
        #: names that have addresses of IPv6 alone
        self._of_ipv6: set[str] = set()
        try:
            for host in dict.fromkeys(map(_host_of, addresses.values())):
                self._look_up(host)
            for channel in Channel:
                if channel in addresses:
                    self._open(channel, addresses[channel])
        except BaseException:
            self.close(linger_s=0)
            raise

    @property
    def counters(self) -> collections.Counter[str]:
        """What went wrong so far: unconnected, congested, oversized,
        malformed."""
        return self._trouble.counters

    def receive(
        self, timeout_s: float | None, fds: t.Iterable[int] = ()
    ) -> list[Incoming]:
        """Wait for messages, changes of the connection, readable *fds*.

        :param timeout_s: None waits for ever
        :param fds: more file descriptors to wait for, this time
        :returns: changes first, then messages with control first, then file
            descriptors; nothing after a wake-up or timeout
        """
        fds = tuple(fds)
        for fd in fds:
            self._poller.register(fd, zmq.POLLIN)
        try:
            return self._wait(sockets.Deadline(timeout_s), fds)
        finally:
            for fd in fds:
                self._poller.unregister(fd)

    def send(self, channel: Channel, message: t.Any) -> Delivery:
        """Queue a message for the controller; never blocks.

        :returns: what becomes of it, as far as that is known
        """
        if not self._connections[channel].is_connected:
            self.counters["unconnected"] += 1
            return Delivery.UNCONNECTED
        body = self._encode(message)
        if not sockets.fits(body, channel, self._trouble):
            return Delivery.TOO_LARGE
        try:
            self._sockets[channel].send(body, zmq.NOBLOCK)
        except zmq.Again:
            self.counters["congested"] += 1
            return Delivery.CONGESTED
        return Delivery.QUEUED

    def _open(self, channel: Channel, address: str) -> None:
        host, port = channels.split_address(address)
        if not port:
            raise channels.AddressUnusable(
                address=address,
                reason="it names no port to dial",
                hint="Write for example tcp://10.0.0.1:9790.",
            )
        socket = sockets.new_socket(
            self._context, zmq.DEALER, channel
        )
        self._sockets[channel] = socket
        # not IMMEDIATE: with it, a loss takes along what was received
        socket.setsockopt(zmq.RECONNECT_IVL, sockets.RECONNECT_MS)
        socket.setsockopt(
            zmq.RECONNECT_IVL_MAX, sockets.RECONNECT_MAX_MS
        )
        socket.setsockopt(zmq.CONNECT_TIMEOUT, sockets.CONNECT_MS)
        if host in self._of_ipv6:
            socket.setsockopt(zmq.IPV6, 1)
        sockets.secure_client(socket, self._key)
        watcher = socket.get_monitor_socket(
            WATCHED_EVENTS | zmq.EVENT_MONITOR_STOPPED
        )
        self._monitors[channel] = watcher
        self._connections[channel] = Connection(
            self._key.name, channel, address
        )
        self._poller.register(watcher, zmq.POLLIN)
        self._poller.register(socket, zmq.POLLIN)
        socket.connect(address)

    def _look_up(self, host: str) -> None:
        """Learn of which family the addresses of a name are.

        ZeroMQ looks the name up at each attempt, but for one family only, and
        tries the first address alone: IPv6 if there is no choice.
        """
        try:
            found = sockets.families(host)
        except OSError as e:
            if host not in self._unknown:
                LOG.warning(
                    "The name %s of the controller cannot be looked up (%s). "
                    "Agent %s dials on and looks it up each time; if it is "
                    "misspelt, end the agent and start it with the right one.",
                    host, e.strerror or e, self._key.name,
                )
            self._unknown[host] = time.monotonic() + LOOK_UP_S
            return
        self._unknown.pop(host, None)
        if found == {net.AF_INET6}:
            self._of_ipv6.add(host)

    def _look_up_again(self) -> None:
        """A name may be known later, as after the start of the host."""
        now_s = time.monotonic()
        for host in [h for h, at in self._unknown.items() if at <= now_s]:
            self._look_up(host)
            if host not in self._of_ipv6:
                continue
            for channel, connection in self._connections.items():
                if _host_of(connection.address) == host:
                    self._sockets[channel].setsockopt(zmq.IPV6, 1)
                    connection.redial_at = now_s

    def _wait(
        self, deadline: sockets.Deadline, fds: t.Sequence[int]
    ) -> list[Incoming]:
        while True:
            ready = dict(self._poller.poll(self._wait_ms(deadline)))
            is_woken = ready.get(self._waker.fd) is not None
            if is_woken:
                self._waker.clear()
            self._look_up_again()
            self._redial()
            incoming: list[Incoming] = [
                *self._changes(ready),
                *self._read(ready),
                *(Readable(fd) for fd in fds if fd in ready),
            ]
            if incoming or is_woken or deadline.has_passed:
                return incoming

    def _wait_ms(self, deadline: sockets.Deadline) -> int | None:
        """How long to sleep: until the deadline, or there is to be dialed."""
        waits = [deadline.left_ms()]
        moments = [
            *self._unknown.values(),
            *(each.redial_at for each in self._connections.values()),
        ]
        for at in moments:
            if at is not None:
                left_s = max(0.0, at - time.monotonic())
                waits.append(sockets.Deadline(left_s).left_ms())
        return min((wait for wait in waits if wait is not None), default=None)

    def _redial(self) -> None:
        now_s = time.monotonic()
        for channel, connection in self._connections.items():
            if connection.redial_at is None or connection.redial_at > now_s:
                continue
            connection.redial_at = None
            socket = self._sockets[channel]
            with contextlib.suppress(zmq.ZMQError):
                socket.disconnect(connection.address)  # usually gone already
            socket.connect(connection.address)

    def _changes(
        self, ready: t.Mapping[t.Any, int]
    ) -> t.Iterator[ConnectionEvent]:
        for channel, watcher in self._monitors.items():
            if watcher not in ready:
                continue
            for event in sockets.events_of(watcher):
                change = self._connections[channel].observe(
                    event, time.monotonic()
                )
                if change is not None:
                    yield change

    def _read(self, ready: t.Mapping[t.Any, int]) -> t.Iterator[Received]:
        for channel, socket in self._sockets.items():
            if socket not in ready:
                continue
            with contextlib.suppress(zmq.Again):
                for _ in range(sockets.PROFILES[channel].batch):
                    item = self._accept(channel, socket.recv(zmq.NOBLOCK))
                    if item is not None:
                        yield item

    def _accept(
        self, channel: Channel, body: bytes
    ) -> Received | None:
        try:
            message = self._decode(body)
        except channels.DECODE_ERRORS as error:
            self._trouble.note(
                "malformed",
                channels.CONTROLLER,
                "Dropped a message of the controller that is not understood: "
                "%.200s" % error,
            )
            return None
        return Received(channels.CONTROLLER, channel, message)


def _host_of(address: str) -> str:
    return channels.split_address(address)[0]
