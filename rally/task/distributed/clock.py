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
import typing as t

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


def estimate_offset(samples: t.Iterable[ClockSample]) -> tuple[int, int]:
    """Estimate how far the agent's clock is ahead of the controller's.

    Only one sample is used: the true offset was within half of its round
    trip, however lopsided the path (RFC 5905, section 8), and has drifted
    meanwhile and since by no more than ``DRIFT_PPM``. The one with the least
    of both.

    :param samples: one or more exchanges with one agent
    :returns: offset and its error bound at the time of the newest sample,
        ns; agent time minus offset is controller time
    :raises ValueError: *samples* is empty
    """
    samples = list(samples)
    newest_ns = max(sample.answered_ns for sample in samples)
    error_ns, offset_ns = min(
        (sample.error_ns(newest_ns), sample.offset_ns) for sample in samples
    )
    return offset_ns, error_ns


class ClockEstimate:
    """The newest exchanges with one agent, and the offset they give.

    An old exchange gets worse by 200 us a second (``DRIFT_PPM``): only the
    newest are kept.
    """

    KEPT = 32

    def __init__(self) -> None:
        self._samples: collections.deque[ClockSample] = collections.deque(
            maxlen=self.KEPT
        )
        self._known: tuple[int, int] | None = None  # of these samples

    def add(self, sample: ClockSample) -> None:
        self._samples.append(sample)
        self._known = None

    def _estimate(self) -> tuple[int, int]:
        """It is asked for with each chunk and snapshot, and changes rarely."""
        if self._known is None:
            self._known = estimate_offset(self._samples)
        return self._known

    @property
    def count(self) -> int:
        return len(self._samples)

    @property
    def offset_ns(self) -> int:
        return self._estimate()[0] if self._samples else 0

    @property
    def error_ns(self) -> int | None:
        """Bound of the error; None before the first exchange."""
        return self._estimate()[1] if self._samples else None

    @property
    def round_trip_ns(self) -> int | None:
        if not self._samples:
            return None
        return min(sample.round_trip_ns for sample in self._samples)
