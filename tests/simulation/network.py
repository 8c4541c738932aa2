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

"""Both ends of the transport in one process, with a network that misbehaves.

A seed and a ``FakeClock`` make each schedule of faults repeatable. Every
message passes through encoder and decoder, and the limits are those of the
real transport: sizes, lengths of queues, no connection. Nothing blocks:
``receive`` gives what is due now, and ``sleep_until`` moves the clock to
whatever comes next.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
import random
import typing as t

from rally.task.distributed.wire import channels, sockets
from rally.task.distributed.wire.channels import (
    CONTROLLER,
    Channel,
    ConnectionChange,
    ConnectionEvent,
    Delivery,
    Incoming,
    Readable,
    Received,
    Revoked,
)

#: how much later a message arrives that others overtake
OVERTAKEN_S = 0.5


class FakeClock:
    """A clock that moves only when told."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self._now_ns = round(now_s * 1e9)

    def __call__(self) -> float:
        return self._now_ns / 1e9

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += max(0, round(seconds * 1e9))

    def advance_to_ns(self, moment_ns: int) -> None:
        self._now_ns = max(self._now_ns, moment_ns)


@dataclasses.dataclass(frozen=True, slots=True)
class Weather:
    """What happens to messages: probabilities, and delays in seconds.

    Messages of one channel in one direction arrive in order, but for those
    that are reordered or repeated.
    """

    drop: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    min_delay_s: float = 0.0
    max_delay_s: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Parcel:
    source: _End
    target: _End
    channel: Channel
    body: bytes

    @property
    def lane(self) -> tuple[str, str, Channel]:
        return self.source.name, self.target.name, self.channel


class MemoryNetwork:
    """Carries messages between one controller and its agents."""

    def __init__(
        self,
        clock: FakeClock,
        encode: channels.Encode,
        decode: channels.Decode,
        seed: int = 0,
        weather: Weather | None = None,
    ) -> None:
        self.clock = clock
        self.encode = encode
        self.decode = decode
        self.weather = weather or Weather()
        self.revoked: set[str] = set()
        self.labels: dict[str, dict[str, str]] = {}  # of agents
        self.controller_end: MemoryControllerTransport | None = None
        self.agent_ends: dict[str, MemoryAgentTransport] = {}
        self._random = random.Random(seed)
        self._cut: set[tuple[str, str]] = set()
        self._held: dict[tuple[str, str], list[_Parcel]] = {}
        self._flying: list[tuple[int, int, _Parcel]] = []
        self._launched = 0
        self._last_due_ns: collections.Counter[tuple[str, str, Channel]]
        self._last_due_ns = collections.Counter()
        #: messages on each lane that nobody has taken yet
        self.waiting: collections.Counter[tuple[str, str, Channel]]
        self.waiting = collections.Counter()
        #: messages that were taken, by their kind
        self.sent: collections.Counter[str] = collections.Counter()
        #: what refuses messages, as the real transport does
        self.refused: collections.Counter[Delivery] = collections.Counter()

    def controller(self) -> MemoryControllerTransport:
        """A controller's end; one that was there before is gone."""
        if self.controller_end is not None:
            self.controller_end.close()
        self.controller_end = MemoryControllerTransport(self)
        for agent in self.agent_ends.values():
            agent.notice(ConnectionChange.CONNECTED)
        return self.controller_end

    def agent(self, name: str) -> MemoryAgentTransport:
        """An agent's end; one of that name that was there before is gone."""
        if name in self.agent_ends:
            self.agent_ends[name].close()
        self.agent_ends[name] = MemoryAgentTransport(self, name)
        if self.controller_end is not None:
            self.agent_ends[name].notice(ConnectionChange.CONNECTED)
        return self.agent_ends[name]

    def cut(self, sender: str, receiver: str) -> None:
        """Lose what *sender* sends to *receiver*, until healed."""
        self._cut.add((sender, receiver))

    def hold(self, sender: str, receiver: str) -> None:
        """Keep what *sender* sends to *receiver*, until healed."""
        self._held.setdefault((sender, receiver), [])

    def heal(self, sender: str, receiver: str) -> None:
        """Let messages pass again; those that were held arrive now."""
        self._cut.discard((sender, receiver))
        for parcel in self._held.pop((sender, receiver), ()):
            self._launch(parcel, 0)

    def cut_off(self, name: str) -> None:
        """Lose everything between the controller and an agent."""
        self.cut(CONTROLLER, name)
        self.cut(name, CONTROLLER)

    def reconnect(self, name: str) -> None:
        self.heal(CONTROLLER, name)
        self.heal(name, CONTROLLER)

    def next_delivery_ns(self) -> int | None:
        """When the next message arrives; None: none is under way."""
        return self._flying[0][0] if self._flying else None

    def sleep_until(self, *moments_ns: int) -> None:
        """Move the clock to the next arrival or the first of *moments_ns*.
        """
        candidates = list(moments_ns)
        if self._flying:
            candidates.append(self._flying[0][0])
        self.clock.advance_to_ns(min(candidates, default=0))

    def post(self, parcel: _Parcel) -> Delivery:
        """Take a message, unless a real transport would refuse it."""
        delivery = self._delivery(parcel)
        if delivery is Delivery.QUEUED:
            self.carry(parcel)
        else:
            self.refused[delivery] += 1
        return delivery

    def _delivery(self, parcel: _Parcel) -> Delivery:
        profile = sockets.PROFILES[parcel.channel]
        if len(parcel.body) > profile.max_bytes:
            return Delivery.TOO_LARGE
        room = sockets.COMMAND_QUEUE
        if parcel.target.name == CONTROLLER:
            room = profile.agent_queue + profile.controller_queue
        if self.waiting[parcel.lane] >= room:
            return Delivery.CONGESTED
        return Delivery.QUEUED

    def carry(self, parcel: _Parcel) -> None:
        """Take a message; what the weather does to it is decided here."""
        link = (parcel.source.name, parcel.target.name)
        if link in self._cut or self._random.random() < self.weather.drop:
            return
        if link in self._held:
            self._held[link].append(parcel)
            return
        self._launch(parcel, self._delay_ns())
        if self._random.random() < self.weather.repeat:
            self._launch(parcel, self._delay_ns())

    def deliver(self) -> None:
        """Put what is due into the inboxes."""
        while self._flying and self._flying[0][0] <= self.clock.now_ns():
            parcel = heapq.heappop(self._flying)[2]
            link = (parcel.source.name, parcel.target.name)
            if not parcel.target.is_closed and link not in self._cut:
                parcel.target.inbox[parcel.channel].append(parcel)
            else:
                self.waiting[parcel.lane] -= 1

    def _launch(self, parcel: _Parcel, delay_ns: int) -> None:
        due_ns = self.clock.now_ns() + delay_ns
        if self._random.random() < self.weather.reorder:
            due_ns += round(self._random.random() * OVERTAKEN_S * 1e9)
        else:
            due_ns = max(due_ns, self._last_due_ns[parcel.lane])
            self._last_due_ns[parcel.lane] = due_ns
        self._launched += 1
        self.waiting[parcel.lane] += 1
        heapq.heappush(self._flying, (due_ns, self._launched, parcel))

    def _delay_ns(self) -> int:
        weather = self.weather
        spread_s = weather.max_delay_s - weather.min_delay_s
        delay_s = weather.min_delay_s + spread_s * self._random.random()
        return round(delay_s * 1e9)


class _End:
    """What both ends have in common."""

    def __init__(self, network: MemoryNetwork, name: str) -> None:
        self.name = name
        self.is_closed = False
        self.inbox: dict[Channel, collections.deque[_Parcel]] = {
            channel: collections.deque() for channel in Channel
        }
        self.counters: collections.Counter[str] = collections.Counter()
        self._network = network

    def wake(self) -> None:
        """Nothing to do: ``receive`` never blocks."""

    def close(self, linger_s: float = 1.0) -> None:
        self.is_closed = True
        for queue in self.inbox.values():
            for parcel in queue:
                self._network.waiting[parcel.lane] -= 1
            queue.clear()

    def _parcels(self) -> t.Iterator[tuple[_Parcel, t.Any]]:
        """Messages that have arrived, decoded."""
        self._network.deliver()
        for queue in self.inbox.values():
            while queue:
                parcel = queue.popleft()
                self._network.waiting[parcel.lane] -= 1
                if parcel.source.name in self._network.revoked:
                    self.counters["unknown_key"] += 1
                    continue
                try:
                    message = self._network.decode(parcel.body)
                except channels.DECODE_ERRORS:
                    self.counters["malformed"] += 1
                    continue
                yield parcel, message

    def _post(
        self, target: _End, channel: Channel, message: t.Any
    ) -> Delivery:
        body = self._network.encode(message)
        self._network.sent[type(message).__name__] += 1
        return self._network.post(_Parcel(self, target, channel, body))


class MemoryControllerTransport(_End):
    """Stands in for ``ControllerTransport``."""

    def __init__(self, network: MemoryNetwork) -> None:
        super().__init__(network, CONTROLLER)
        self._routes: dict[tuple[str, Channel], _End] = {}
        self._revoked: list[Revoked] = []

    def receive(
        self, timeout_s: float | None
    ) -> list[channels.FromAgents]:
        revoked, self._revoked = self._revoked, []
        received: list[channels.FromAgents] = [*revoked]
        for parcel, message in self._parcels():
            peer, channel = parcel.source.name, parcel.channel
            if not parcel.source.is_closed:
                self._routes[peer, channel] = parcel.source
            received.append(Received(
                peer, channel, message, self._network.labels.get(peer, {})
            ))
        return received

    def revoke(self, name: str) -> None:
        """The key of *name* is refused from now on."""
        self._network.revoked.add(name)
        self._revoked.append(Revoked(name))

    def send(
        self, peer: str, channel: Channel, message: t.Any
    ) -> Delivery:
        target = self._routes.get((peer, channel))
        is_revoked = peer in self._network.revoked
        if target is None or target.is_closed or is_revoked:
            self.counters["unroutable"] += 1
            return Delivery.UNCONNECTED
        return self._post(target, channel, message)


class MemoryAgentTransport(_End):
    """Stands in for ``AgentTransport``."""

    def __init__(self, network: MemoryNetwork, name: str) -> None:
        super().__init__(network, name)
        self._events: list[ConnectionEvent] = []
        #: whether a file descriptor, which is none here, has something
        self.is_readable: t.Callable[[int], bool] = lambda fd: False

    def notice(self, change: ConnectionChange) -> None:
        """Report a change of the connection, on every channel."""
        text = "Agent %s: %s." % (self.name, change.value)
        self._events.extend(
            ConnectionEvent(channel, change, text) for channel in Channel
        )

    def receive(
        self, timeout_s: float | None, fds: t.Iterable[int] = ()
    ) -> list[Incoming]:
        incoming: list[Incoming] = list(self._events)
        self._events.clear()
        incoming.extend(
            Received(CONTROLLER, parcel.channel, message)
            for parcel, message in self._parcels()
        )
        incoming.extend(Readable(fd) for fd in fds if self.is_readable(fd))
        return incoming

    def send(self, channel: Channel, message: t.Any) -> Delivery:
        target = self._network.controller_end
        if target is None or target.is_closed:
            self.counters["unconnected"] += 1
            return Delivery.UNCONNECTED
        return self._post(target, channel, message)
