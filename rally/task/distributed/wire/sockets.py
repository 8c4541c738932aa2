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

"""How every socket of a run is set up, and how a loop waits for them."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import logging
import math
import os
import resource
import socket as net
import threading
import time
import typing as t

import zmq
from zmq.utils import monitor

from rally.common import right_of_way
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels
from rally.task.distributed.wire.channels import Channel

LOG = logging.getLogger(__name__)

MEBI = 1024 * 1024
ZAP_DOMAIN = b"rally"
#: a part of a message that is sent, and others follow
_AND_MORE = zmq.NOBLOCK | zmq.SNDMORE
#: how many sources of one trouble are logged; the rest is only counted
MAX_LOGGED = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """Limits of a channel.

    A peer whose host does not confirm data for ``silence_ms`` is cut off, so
    half-open connections die (TCP_USER_TIMEOUT of tcp(7)); whether the peer
    itself is alive is decided by its own messages. There are no heartbeats
    of ZeroMQ: with a full receive queue and a peer that has just gone, their
    timer ends the process by an assertion (libzmq 4.3.5).

    The limit ``max_bytes`` is checked by us, which can name the sender;
    ZeroMQ cuts the connection at the double, before it takes the memory.
    """

    max_bytes: int
    agent_queue: int  # messages that wait in the agent
    controller_queue: int  # messages of one agent that wait in the controller
    batch: int  # messages handed out at once
    silence_ms: int
    io_thread: int  # results have one of their own


#: Batches are small, for each look takes first what renews leases.
PROFILES: t.Mapping[Channel, Profile] = {
    Channel.CONTROL: Profile(16 * MEBI, 1000, 1000, 16, 6000, 0),
    # snapshots are cumulative: a full queue drops, the next one has it all
    Channel.AGGREGATES: Profile(16 * MEBI, 2, 4, 8, 6000, 0),
    Channel.RESULTS: Profile(64 * MEBI, 16, 4, 4, 60_000, 1),
}
IO_THREADS = 2
#: what an agent may send ahead of the controller on the channel of results;
#: Linux takes it twice. It bounds how long the queue of a slow link is, in
#: which everything else has to wait: an eighth of a second at 1 Mbit/s. It
#: bounds the pace, too: 100 MB/s on a host, 300 kB/s of each agent over a
#: link with a round trip of 50 ms
RESULTS_WINDOW_BYTES = 8 * 1024
#: messages of the controller that wait for one agent, on either side
COMMAND_QUEUE = 1000
HANDSHAKE_MS = 10_000
CONNECT_MS = 5_000
RECONNECT_MS = 100
RECONNECT_MAX_MS = 1_000
BACKLOG = 1024
#: files that a controller may have open, if the system lets it: strangers
#: hold a connection for ``HANDSHAKE_MS`` without having proven anything
MAX_FILES = 65_536
#: events of a socket that are read before messages are looked at again
EVENTS_AT_ONCE = 100
#: a monitor without an event for so long is not in a flood
QUIET_MS = 50


def new_socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, channel: Channel
) -> zmq.Socket[bytes]:
    """A socket with every option that does not depend on keys."""
    profile = PROFILES[channel]
    socket = context.socket(kind)
    is_agent = kind == zmq.DEALER
    options = {
        zmq.LINGER: 0,
        zmq.SNDHWM: profile.agent_queue if is_agent else COMMAND_QUEUE,
        zmq.RCVHWM: COMMAND_QUEUE if is_agent else profile.controller_queue,
        zmq.MAXMSGSIZE: 2 * profile.max_bytes,
        zmq.AFFINITY: 1 << profile.io_thread,
        zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
        zmq.HEARTBEAT_IVL: 0,
        zmq.TCP_MAXRT: profile.silence_ms,
        zmq.TCP_KEEPALIVE: 1,
        zmq.TCP_KEEPALIVE_IDLE: 30,
        zmq.TCP_KEEPALIVE_INTVL: 10,
        zmq.TCP_KEEPALIVE_CNT: 3,
    }
    if channel is Channel.RESULTS and not is_agent:
        options[zmq.RCVBUF] = RESULTS_WINDOW_BYTES
    for option, value in options.items():
        socket.setsockopt(option, value)
    return socket


def allow_many_connections() -> None:
    """Raise the limit of open files of this process as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def families(host: str) -> set[int]:
    """Families of the addresses that a host has (AF_INET, AF_INET6).

    :raises OSError: its name cannot be looked up, at least not now
    """
    try:
        found = net.getaddrinfo(host.strip("[]"), None, type=net.SOCK_STREAM)
    except UnicodeError as e:  # no name has such a part
        raise OSError(str(e)) from None
    return {family for family, *_ in found}


class SocketEvent(t.NamedTuple):
    """What a monitor tells, see zmq_socket_monitor(3)."""

    kind: int  # one of ``zmq.EVENT_*``
    value: int  # mostly a file descriptor or an error number


def events_of(
    watcher: zmq.Socket[bytes], most: int = EVENTS_AT_ONCE
) -> t.Iterator[SocketEvent]:
    """Events of a socket that wait at its monitor.

    In a flood of them others have their turn.
    """
    with contextlib.suppress(zmq.Again):
        for _ in range(most):
            frames = watcher.recv_multipart(zmq.NOBLOCK)
            told = monitor.parse_monitor_message(frames)
            yield SocketEvent(told["event"], told["value"])


def read_to_the_end(watcher: zmq.Socket[bytes]) -> None:
    """Read the events of a socket that was closed, until no more come.

    ZeroMQ waits for room for an event, with all that the socket does: its
    end as well.

    :param watcher: its monitor, for ``EVENT_MONITOR_STOPPED`` among others
    """
    while watcher.poll(QUIET_MS):
        kinds = [event.kind for event in events_of(watcher)]
        if zmq.EVENT_MONITOR_STOPPED in kinds:
            return


def bind(socket: zmq.Socket[bytes], address: str) -> str:
    """Listen; give the address with the real port.

    :raises AddressUnusable: with the reason and what to do
    """
    host, port = channels.split_address(address)
    if "[" in host:  # not every host speaks it
        socket.setsockopt(zmq.IPV6, 1)
    try:
        socket.bind("tcp://%s:%s" % (host, port or "*"))
    except zmq.ZMQError as error:
        number = error.errno or 0
        raise channels.AddressUnusable(
            address=address,
            # what *error* says of itself may have the address once more
            reason=zmq.strerror(number).lower(),
            hint=_BIND_HINTS.get(number, "Give another address."),
        ) from None
    endpoint = t.cast(bytes, socket.getsockopt(zmq.LAST_ENDPOINT))
    return endpoint.decode("ascii").rstrip("\0")


_BIND_HINTS: t.Mapping[int, str] = {
    errno.EADDRINUSE: (
        "Perhaps another task is running: wait for it or end it (`ss -ltnp` "
        "shows who listens), or give another port."
    ),
    errno.EACCES: "Give a port above 1023.",
    errno.EADDRNOTAVAIL: "Give an address that this host has (`ip address`).",
    errno.ENODEV: "Give an address that this host has (`ip address`).",
}


def secure_server(socket: zmq.Socket[bytes], key: keys.KeyPair) -> None:
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, key.public.encode("ascii"))
    socket.setsockopt(zmq.CURVE_SECRETKEY, key.secret.encode("ascii"))
    socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN)


def secure_client(socket: zmq.Socket[bytes], key: keys.AgentKey) -> None:
    server_key = key.controller_public.encode("ascii")
    socket.setsockopt(zmq.CURVE_SERVERKEY, server_key)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, key.public.encode("ascii"))
    socket.setsockopt(zmq.CURVE_SECRETKEY, key.secret.encode("ascii"))


#: poll(2) takes no more; whoever waits for longer waits again
MAX_WAIT_MS = 2**31 - 1


class Deadline:
    """A moment on the monotonic clock; ``None`` seconds away: never."""

    def __init__(self, timeout_s: float | None) -> None:
        self._at = None if timeout_s is None else time.monotonic() + timeout_s

    def left_ms(self) -> int | None:
        """Milliseconds to wait, rounded up: waking early would be polling."""
        if self._at is None:
            return None
        left_ms = math.ceil((self._at - time.monotonic()) * 1000)
        return min(max(0, left_ms), MAX_WAIT_MS)

    @property
    def has_passed(self) -> bool:
        return self._at is not None and time.monotonic() >= self._at


class Waker:
    """Ends a wait from any thread or signal handler."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # a signal handler may interrupt the thread that holds it
        self._lock = threading.RLock()
        self._is_closed = False

    def wake(self) -> None:
        with self._lock:
            if not self._is_closed:
                os.eventfd_write(self.fd, 1)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self.fd)


class Trouble:
    """Counts what is wrong with peers and logs it once per peer."""

    def __init__(self) -> None:
        self.counters: collections.Counter[str] = collections.Counter()
        self._logged: dict[str, set[str]] = collections.defaultdict(set)

    def note(self, counter: str, peer: str, text: str) -> None:
        self.counters[counter] += 1
        logged = self._logged[counter]
        if peer in logged or len(logged) >= MAX_LOGGED:
            return
        logged.add(peer)
        LOG.warning("%s (further ones of %s are only counted)", text, peer)


class End:
    """Sockets of one side of the channels, and what ends a wait for them.

    Use it in the process that made it: ZeroMQ does not survive a fork.
    """

    def __init__(self) -> None:
        self._trouble = Trouble()
        self._waker = Waker()
        #: claimed while whoever waits here has something to do
        self.right_of_way = right_of_way.RightOfWay()
        self._poller = zmq.Poller()
        self._poller.register(self._waker.fd, zmq.POLLIN)
        self._context = zmq.Context(io_threads=IO_THREADS)
        self._sockets: dict[Channel, zmq.Socket[bytes]] = {}
        self._monitors: dict[Channel, zmq.Socket[bytes]] = {}

    def _poll(self, timeout_ms: int | None) -> dict[t.Any, int]:
        """What is ready; others work until something is.

        Not if there is no time to wait, as while messages are to be sent.
        """
        if timeout_ms != 0:
            self.right_of_way.release()
        try:
            return dict(self._poller.poll(timeout_ms))
        finally:
            self.right_of_way.claim()

    def wake(self) -> None:
        """Make ``receive`` return; from any thread or signal handler."""
        self._waker.wake()

    def close(self, linger_s: float = 1.0) -> None:
        """Send what is queued for *linger_s* at most, then end."""
        linger_ms = round(linger_s * 1000)
        for socket in self._sockets.values():
            socket.close(linger_ms)
        for watcher in self._monitors.values():
            read_to_the_end(watcher)
        self._monitors.clear()
        self._context.destroy(linger=linger_ms)
        self._waker.close()


def send_to(
    socket: zmq.Socket[bytes], identity: bytes, body: bytes
) -> None:
    """Queue a message for one of those that dialed *socket*.

    Each call into ZeroMQ lets other threads go first, so there are as few of
    them as possible, here and in ``next_frames``.

    :raises zmq.Again: its queue is full
    :raises zmq.ZMQError: it is not there (``EHOSTUNREACH``)
    """
    socket.send(identity, _AND_MORE)
    socket.send(body, zmq.NOBLOCK)


def next_frames(socket: zmq.Socket[bytes]) -> list[zmq.Frame]:
    """The parts of the next message, with what ZeroMQ knows of its sender.

    :raises zmq.Again: there is none
    """
    frames = [socket.recv(zmq.NOBLOCK, copy=False)]
    while frames[-1].more:
        frames.append(socket.recv(zmq.NOBLOCK, copy=False))
    return frames


def fits(body: bytes, channel: Channel, trouble: Trouble) -> bool:
    """Whether an outgoing message is small enough for the other side."""
    size = len(body)
    limit = PROFILES[channel].max_bytes
    if size <= limit:
        return True
    trouble.note(
        "oversized",
        "this process",
        "A message of %d bytes was not sent: channel %s takes %d"
        % (size, channel.value, limit),
    )
    return False
