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

"""How far the clock of an agent is ahead of the controller's."""

from __future__ import annotations

import collections
import dataclasses

#: two clocks drift apart by no more than this, parts per million
DRIFT_PPM = 200


@dataclasses.dataclass(frozen=True, slots=True)
class ClockSample:
    """One exchange: asked and answered on the controller's clock, received
    and sent on the agent's. Nanoseconds since the epoch."""

    asked_ns: int
    received_ns: int
    sent_ns: int
    answered_ns: int

    @property
    def round_trip_ns(self) -> int:
        """Time on the way; the time the agent took to answer is taken off."""
        held = self.sent_ns - self.received_ns
        return max(0, self.answered_ns - self.asked_ns - held)

    @property
    def offset_ns(self) -> int:
        ahead = self.received_ns - self.asked_ns
        ahead_back = self.sent_ns - self.answered_ns
        return (ahead + ahead_back) // 2

    def error_ns(self, now: int) -> int:
        """Bound of the error of ``offset_ns`` at *now*.

        The clocks drift from the question on, not only from the answer: an
        agent may hold a question for long and have a short round trip.
        """
        drifted = -(-max(0, now - self.asked_ns) * DRIFT_PPM // 1_000_000)
        return (self.round_trip_ns + 1) // 2 + drifted

    @property
    def badness(self) -> int:
        """Orders samples as ``error_ns`` does, at whatever time."""
        half_ns = (self.round_trip_ns + 1) // 2
        return half_ns * 1_000_000 - self.asked_ns * DRIFT_PPM


class ClockEstimate:
    """How far an agent's clock is ahead of the controller's.

    Only one of the newest exchanges is used: the true offset was within half
    of its round trip, however lopsided the path (RFC 5905, section 8), and
    has drifted meanwhile and since by no more than ``DRIFT_PPM``. The one
    with the least of both. Agent time minus offset is controller time.
    """

    KEPT = 32

    def __init__(self) -> None:
        self._samples: collections.deque[ClockSample] = collections.deque(
            maxlen=self.KEPT
        )
        self._round_trips_ns: collections.deque[int] = collections.deque(
            maxlen=self.KEPT
        )
        #: the best one with its badness, and the best of those after each:
        #: nothing is looked through again while the window moves
        self._best: collections.deque[tuple[int, ClockSample]] = (
            collections.deque()
        )

    def add(self, sample: ClockSample) -> None:
        is_full = len(self._samples) == self.KEPT
        if is_full and self._samples[0] is self._best[0][1]:
            self._best.popleft()
        self._samples.append(sample)
        self._round_trips_ns.append(sample.round_trip_ns)
        badness = sample.badness
        while self._best and self._best[-1][0] >= badness:
            self._best.pop()
        self._best.append((badness, sample))

    @property
    def count(self) -> int:
        return len(self._samples)

    @property
    def offset_ns(self) -> int:
        return self._best[0][1].offset_ns if self._best else 0

    @property
    def error_ns(self) -> int | None:
        """Bound of the error at the newest answer; None before the first."""
        if not self._best:
            return None
        return self._best[0][1].error_ns(self._samples[-1].answered_ns)

    @property
    def round_trip_ns(self) -> int | None:
        """The shortest of those that are kept."""
        return min(self._round_trips_ns, default=None)
