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

"""Events that must reach the controller, whatever the network does."""

from __future__ import annotations

import collections
import typing as t

from rally.task.distributed.wire import messages

#: what is kept until it is noted: numbers of started iterations, and reports
MAX_KEPT = 200_000
#: events of one message, and numbers in them
MAX_EVENTS = 1_000
#: sent again if nothing was noted for this long
AGAIN_NS = 1_000_000_000

Event: t.TypeAlias = messages.Started | messages.Report


class EventLog:
    """The events of one run, numbered; kept until a beat has noted them.

    Beyond ``MAX_KEPT`` the oldest are dropped. The controller sees a gap in
    their numbers, and counts it.
    """

    def __init__(self) -> None:
        self._events: collections.deque[Event] = collections.deque()
        self._first = 0  # number of the first that is kept
        self._said = 0  # events before this one have been said
        self._said_ns = 0
        self._kept = 0  # numbers and reports

    @property
    def count(self) -> int:
        """How many events there were so far."""
        return self._first + len(self._events)

    def add(self, event: Event, run: str, now: int) -> list[messages.Events]:
        """Keep an event; returns what to send."""
        self._events.append(event)
        self._kept += _weight(event)
        while self._kept > MAX_KEPT and len(self._events) > 1:
            self._drop_first()
        return self._say(run, max(self._said, self._first), now)

    def noted(
        self, count: int, run: str, now: int
    ) -> list[messages.Events]:
        """The controller has the first *count*; returns what to send again."""
        while self._events and self._first < count:
            self._drop_first()
        if not self._events or now - self._said_ns < AGAIN_NS:
            return []
        return self._say(run, self._first, now)

    def _drop_first(self) -> None:
        self._kept -= _weight(self._events.popleft())
        self._first += 1

    def _say(self, run: str, start: int, now: int) -> list[messages.Events]:
        """One message with the events from number *start* on."""
        taken: list[Event] = []
        weight = 0
        for i in range(start - self._first, len(self._events)):
            weight += _weight(self._events[i])
            is_full = weight > messages.MAX_STARTED or len(taken) >= MAX_EVENTS
            if taken and is_full:
                break
            taken.append(self._events[i])
        self._said, self._said_ns = start + len(taken), now
        if not taken:
            return []
        return [messages.Events(run, self._first, start, tuple(taken))]


def _weight(event: Event) -> int:
    return len(event.numbers) if isinstance(event, messages.Started) else 1
