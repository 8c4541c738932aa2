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

"""What the controller holds to be true of each agent."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

import msgspec

from rally import exceptions
from rally.task.distributed.clock import ClockEstimate
from rally.task.distributed.wire import messages
from rally.task.results.progressions import count_of
from rally.task.work.ledger import Ledger


class AgentState(enum.Enum):
    """What the controller holds to be true of one agent."""

    JOINED = "joined"  # said hello, was accepted; holds no work
    PREPARING = "preparing"  # was told what to run
    READY = "ready"  # prepared; waits for the start
    RUNNING = "running"  # may hold a lease
    DELIVERING = "delivering"  # starts nothing more; its spool is not empty
    DONE = "done"  # every chunk it made is in the database
    KEEPING = "keeping"  # its spool keeps what could not be stored
    LOST = "lost"  # liveness deadline passed; what it was granted is lost
    RETURNED = "returned"  # was lost, came back; its spool is collected
    REFUSED = "refused"  # cannot take part


class AgentEvent(enum.Enum):
    """What can happen to an agent."""

    ASKED_TO_PREPARE = "asked to prepare"
    PREPARED = "prepared"
    REFUSED = "refused"
    STARTED = "started"
    ASKED_TO_END = "asked to end"
    LOAD_ENDED = "load ended"
    LAST_CHUNK_STORED = "last chunk stored"
    STORING_FAILED = "storing failed"
    DEADLINE_PASSED = "deadline passed"
    CAME_BACK = "came back"
    WITHDRAWN = "withdrawn"
    BEGAN_ANEW = "began anew"


_S, _E = AgentState, AgentEvent
TRANSITIONS: t.Mapping[tuple[AgentState, AgentEvent], AgentState] = {
    (_S.JOINED, _E.ASKED_TO_PREPARE): _S.PREPARING,
    (_S.JOINED, _E.REFUSED): _S.REFUSED,
    (_S.JOINED, _E.DEADLINE_PASSED): _S.LOST,
    (_S.PREPARING, _E.PREPARED): _S.READY,
    (_S.PREPARING, _E.REFUSED): _S.REFUSED,
    (_S.PREPARING, _E.WITHDRAWN): _S.DONE,
    (_S.PREPARING, _E.DEADLINE_PASSED): _S.LOST,
    (_S.READY, _E.STARTED): _S.RUNNING,
    (_S.READY, _E.DEADLINE_PASSED): _S.LOST,
    (_S.READY, _E.WITHDRAWN): _S.DONE,
    (_S.READY, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.RUNNING, _E.ASKED_TO_END): _S.DELIVERING,
    (_S.RUNNING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.RUNNING, _E.DEADLINE_PASSED): _S.LOST,
    (_S.DELIVERING, _E.LAST_CHUNK_STORED): _S.DONE,
    (_S.DELIVERING, _E.STORING_FAILED): _S.KEEPING,
    (_S.DELIVERING, _E.DEADLINE_PASSED): _S.LOST,
    (_S.DONE, _E.BEGAN_ANEW): _S.JOINED,
    (_S.LOST, _E.CAME_BACK): _S.RETURNED,
    (_S.RETURNED, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.RETURNED, _E.DEADLINE_PASSED): _S.LOST,
}


class IllegalTransition(exceptions.RallyException):
    error_code = 248
    msg_fmt = (
        "An agent that is %(state)s cannot take the event '%(event)s'. This "
        "is a defect of Rally; report it together with the log of the run."
    )


def advance(state: AgentState, event: AgentEvent) -> AgentState:
    """State after *event*.

    :raises IllegalTransition: the table has no such transition
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(
            state=state.value, event=event.value
        ) from None


#: an agent in one of these is working for the run
ACTIVE = frozenset({
    AgentState.PREPARING, AgentState.READY, AgentState.RUNNING,
    AgentState.DELIVERING, AgentState.RETURNED,
})


#: a rate over less time than this says little
RATE_WINDOW_NS = 50_000_000


@dataclasses.dataclass
class Member:
    """One agent, as the controller knows it."""

    name: str
    hello: messages.Hello
    heard_ns: int  # when its last message came, controller's clock
    state: AgentState = AgentState.JOINED
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    group: str | None = ""  # that it is one of; None: it is not used
    share: dict[str, t.Any] | None = None  # of the runner's config
    concurrency: int = 0
    position: int = 0  # among the agents of the run
    first_number: int = 0  # the lowest that it was granted; 0: none yet
    clock: ClockEstimate = dataclasses.field(default_factory=ClockEstimate)
    clock_before: ClockEstimate = dataclasses.field(
        default_factory=ClockEstimate
    )
    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    lease: int = 0  # number of its newest lease
    drawn: int = 0  # iterations it started
    remaining: int = 0  # granted and not started, as it said last
    marked_ns: int = 0  # until when the rate was measured, its clock ...
    marked_drawn: int = 0  # ... and what it had started by then
    rate: float = 0.0  # iterations per second; 0: not known yet
    spooled: int = 0  # chunks it announced
    fetched: int = 0  # chunks it was asked for
    stored: int = 0  # chunks that are in the database
    ended: bool = False  # its load is over, ``spooled`` is final
    snapshot: int = 0  # number of the newest snapshot
    start_at_ns: int | None = None
    epoch: int = 0  # how often it began anew in this run
    is_back: bool = False  # it was lost or is another process: it may begin
    written_off: int = 0  # iterations that its epochs before did not deliver
    settled: int = 0  # and those that they did
    torn_before: int = 0  # chunks that they found damaged
    is_takeover: bool = False  # it began in the midst of the run
    prepare_by_ns: int = 0  # when its preparation has taken too long
    beat_ns: int = 0  # when the last Beat went to it
    heartbeat_ns: int = 0  # when it sent its newest heartbeat, its clock
    events: int = 0  # how many of its events are known
    awaited_events: int = 0  # how many there were, once its load is over
    reason: str = ""  # why it was lost or refused
    is_inexact: bool = False  # its last snapshot may not match its chunks
    torn: int = 0  # chunks it found damaged after its deaths
    shift_error_ns: int = 0  # worst bound of a shift that was applied

    def advance(self, event: AgentEvent) -> None:
        self.state = advance(self.state, event)

    def progressed(self, drawn: int, drawn_ns: int) -> None:
        """Measure the rate, over at least ``RATE_WINDOW_NS``.

        :param drawn_ns: when it had started *drawn* iterations, agent's
            clock: it may say so much later, and more than once
        """
        self.drawn = drawn
        since = drawn_ns - self.marked_ns
        if not self.marked_ns or not drawn:
            self.marked_ns, self.marked_drawn = drawn_ns, drawn
        elif since >= RATE_WINDOW_NS:
            self.rate = max(0, drawn - self.marked_drawn) * 1e9 / since
            self.marked_ns, self.marked_drawn = drawn_ns, drawn

    def shift_ns(self) -> int:
        """What to subtract from its times, now."""
        self.shift_error_ns = max(
            self.shift_error_ns, self.clock.error_ns or 0
        )
        return self.clock.offset_ns

    @property
    def clock_error_ns(self) -> int | None:
        """Bound that holds for the offset, and held for all that is stored.
        """
        error_ns = self.known_clock.error_ns
        return None if error_ns is None else max(
            error_ns, self.shift_error_ns
        )

    def begin_anew(self) -> tuple[messages.NumberRun, ...]:
        """It holds nothing of the run any more, and is there for more work.

        :returns: what it was granted and has not delivered
        """
        self.advance(AgentEvent.BEGAN_ANEW)
        written_off = self.ledger.write_off()
        self.written_off += count_of(written_off)
        self.settled = self.ledger.stored
        self.epoch += 1
        self.torn_before, self.torn = self.all_torn, 0
        self.hello = msgspec.structs.replace(self.hello, run="")
        self.is_back = self.ended = False
        self.lease = self.drawn = self.remaining = self.snapshot = 0
        self.marked_ns = self.marked_drawn = 0
        self.rate = 0.0
        self.events = self.awaited_events = 0
        self.start_at_ns = None
        return written_off

    @property
    def known_clock(self) -> ClockEstimate:
        """Of its process, or, while nothing is known of that, of the one
        before."""
        return self.clock if self.clock.count else self.clock_before

    def restarted(self, hello: messages.Hello) -> None:
        """It has a new process, perhaps with another clock."""
        self.clock_before = self.known_clock
        self.hello = hello
        self.is_back = True
        self.clock = ClockEstimate()
        self.marked_ns = self.heartbeat_ns = 0
        self.events = self.awaited_events = 0

    @property
    def all_torn(self) -> int:
        return self.torn_before + self.torn

    @property
    def has_worked(self) -> bool:
        """Whether it was granted anything in this run."""
        return self.ledger.granted > 0

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def has_delivered_all(self) -> bool:
        return (
            self.ended and self.stored >= self.spooled
            and self.events >= self.awaited_events
        )
