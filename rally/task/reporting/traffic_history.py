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

"""How the traffic of a load grew, as it became known."""

from __future__ import annotations

import typing as t

from rally.task.results.row import NS
from rally.task.results.traffic import Traffic

MAX_POINTS = 240
#: between two points, at first
FIRST_STEP_NS = 100_000_000


class TrafficHistory:
    """Points of a curve that only rises: moment, bytes sent and received.

    Whatever is left out makes it coarser, not wrong. So beyond
    ``MAX_POINTS`` every other point goes, and new ones come half as often:
    a load of any length ends with more than half as many, if it had them.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int, int]] = []
        self._step_ns = FIRST_STEP_NS
        self._newest: tuple[int, int, int] | None = None

    def add(self, now_ns: int, traffic: Traffic) -> None:
        """*traffic* is all that was known at *now_ns*, since the epoch."""
        if not traffic:
            return
        point = (now_ns, traffic.sent_bytes, traffic.received_bytes)
        if self._newest is not None and any(
            new < old for new, old in zip(point, self._newest)
        ):
            return  # sources are being counted again, or the clock was set
        self._newest = point
        if self._points and now_ns - self._points[-1][0] < self._step_ns:
            return
        self._points.append(point)
        if len(self._points) > MAX_POINTS:
            del self._points[1::2]
            self._step_ns *= 2

    def to_list(self, begun_ns: int) -> list[list[t.Any]]:
        """Seconds since the epoch, bytes sent until then, and received.

        From *begun_ns*, when there was nothing, to the last change.
        """
        points = [(begun_ns, 0, 0)]
        points += [point for point in self._points if point[0] > begun_ns]
        newest = self._newest
        if newest is not None and newest > points[-1]:
            if len(points) > 1 and newest[0] < points[-1][0] + self._step_ns:
                points.pop()  # a rate over less than a step says nothing
            points.append(newest)
        while len(points) > 1 and points[-1][1:] == points[-2][1:]:
            points.pop()
        return [[at_ns / NS, sent, got] for at_ns, sent, got in points]
