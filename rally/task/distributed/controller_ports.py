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

"""What the state machine of a controller knows of the world: its transport,
and whoever wants the results of the run."""

from __future__ import annotations

import datetime
import heapq
import typing as t

from rally.common import clock
from rally.task.distributed import commands, endpoint_ports
from rally.task.distributed.wire import channels, messages
from rally.task.results import head

#: of those who said hello before, handed out before messages are looked at
HELLOS_AT_ONCE = 16
#: nothing that has come should wait for longer
LONG_HOLD_NS = 50_000_000
#: longer ones that are remembered
MOST_HOLDS = 8


class Holds:
    """The longest times for which nothing that had come was looked at, while
    there were leases to renew."""

    def __init__(self) -> None:
        self.longest_ns = 0
        self._long: list[tuple[int, int]] = []  # a heap

    def note(self, length_ns: int, until_ns: int) -> None:
        """:param until_ns: when it was over, nanoseconds since the epoch"""
        self.longest_ns = max(self.longest_ns, length_ns)
        if length_ns < LONG_HOLD_NS:
            return
        heapq.heappush(self._long, (length_ns, until_ns))
        if len(self._long) > MOST_HOLDS:
            heapq.heappop(self._long)

    def __str__(self) -> str:
        """The longest, and when those that were too long were over."""
        longest = "%.0f ms" % (self.longest_ns / 1e6)
        if not self._long:
            return longest
        return "%s (%s)" % (longest, ", ".join(
            "%.0f ms until %s" % (length_ns / 1e6, _moment(until_ns))
            for length_ns, until_ns in sorted(self._long, reverse=True)
        ))


def _moment(ns: int) -> str:
    at = datetime.datetime.fromtimestamp(ns / 1e9, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds")


class Sink(t.Protocol):
    """Takes what comes of a run; called by the thread that serves.

    None of these waits: whoever renews leases has no time.
    """

    def store(self, chunk: head.DeliveredChunk) -> None:
        """Check and store a chunk.

        ``notices.Stored`` or ``notices.ChunkRefused`` follows.
        """

    def observe(self, seen: commands.Observe) -> None:
        """Judge by this state, some time soon."""

    def announce(self, numbers: t.Sequence[int]) -> None:
        """These iterations were started."""

    def say(self, text: str, is_problem: bool) -> None:
        """Tell the user."""

    def fleet(self, after: str) -> messages.FleetAnswer:
        """Agents whose names come after that one, for an operator."""

    def refresh(self, now: int) -> None:
        """Show where the run stands, if it is time."""

    @property
    def has_leases(self) -> bool:
        """Whether there may be leases to renew."""


class ControllerPorts:
    """Carries messages between agents, state machine and *sink*.

    ``tell`` may be called from any thread; all else belongs to the thread
    that serves.

    :param hellos: what agents have said already
    """

    def __init__(
        self,
        transport: channels.ControllerEnd,
        sink: Sink,
        hellos: t.Iterable[channels.Received] = (),
        now_ns: t.Callable[[], int] = clock.now_ns,
    ) -> None:
        self._endpoint = endpoint_ports.ControllerEndpoint(transport, now_ns)
        self._sink = sink
        self._hellos = list(hellos)
        #: by then ``wait`` should have been called; it was not, so far
        self._due_ns = 1 << 63
        self.holds = Holds()
        self.now_ns = now_ns
        self.tell = self._endpoint.tell

    def wait(self, timeout_s: float) -> t.Iterator[t.Any]:
        now = self.now_ns()
        # since events began to be handed out, or since the last wait was to
        # end if nothing came
        if self._sink.has_leases:
            self.holds.note(now - self._due_ns, now)
        self._sink.refresh(now)
        hellos = self._hellos[:HELLOS_AT_ONCE]
        del self._hellos[:HELLOS_AT_ONCE]
        yield from hellos
        self._due_ns = now if hellos else now + int(timeout_s * 1e9)
        for event in self._endpoint.wait(0.0 if hellos else timeout_s):
            self._due_ns = min(self._due_ns, self.now_ns())
            yield event

    def execute(self, command: commands.Command) -> t.Any | None:
        match command:
            case commands.Send():
                return self._endpoint.execute(command)
            case commands.StoreChunk(delivered=delivered):
                self._sink.store(delivered)
            case commands.Observe():
                self._sink.observe(command)
            case commands.Announce(numbers=numbers):
                self._sink.announce(numbers)
            case commands.Say(text=text, is_problem=is_problem):
                self._sink.say(text, is_problem)
            case commands.ShowFleet(operator=operator, after=after):
                return self._endpoint.execute(commands.Send(
                    operator, channels.Channel.CONTROL,
                    self._sink.fleet(after),
                ))
        return None
