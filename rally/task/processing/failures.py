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

"""Failures of a workload: every kind counted, some of them in full."""

from __future__ import annotations

import datetime as dt
import typing as t

from rally.task.processing import records

#: failed iterations, and kinds of failure, that a page shows one by one
SHOWN_FAILURES = 500
SHOWN_KINDS = 200
#: longer texts are cut in the middle
_MAX_TEXT = 20_000


class Failures:
    """Counts failures by type and message; keeps the first in full."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[dict[str, t.Any]] = []
        self._kinds: dict[tuple[str, str], dict[str, t.Any]] = {}
        self._other_kinds = 0

    def add(self, number: int, iteration: records.Record) -> None:
        """Take in a failed iteration.

        :param number: its number in the order of starts, from 1
        :param iteration: the iteration
        """
        self.count += 1
        etype, message, trace = (*map(str, iteration["error"]), "", "", "")[:3]
        failure = {
            "iteration": number,
            "timestamp": _time_of_day(iteration["timestamp"]),
            "type": _cut(etype),
            "message": _cut(message),
            "traceback": _cut(trace),
        }
        if len(self.first) < SHOWN_FAILURES:
            self.first.append(failure)
        kind = self._kinds.get((etype, message))
        if kind is not None:
            kind["count"] += 1
        elif len(self._kinds) < SHOWN_KINDS:
            self._kinds[etype, message] = {**failure, "count": 1}
        else:
            self._other_kinds += 1

    def to_dict(self) -> dict[str, t.Any]:
        kinds = sorted(self._kinds.values(), key=lambda kind: -kind["count"])
        return {
            "count": self.count,
            "kinds": kinds,
            "other_kinds": self._other_kinds,
        }


def _time_of_day(timestamp: float) -> str:
    moment = dt.datetime.fromtimestamp(timestamp, dt.timezone.utc)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _cut(text: str) -> str:
    if len(text) <= _MAX_TEXT:
        return text
    half = _MAX_TEXT // 2
    return "%s\n... %d characters left out ...\n%s" % (
        text[:half], len(text) - 2 * half, text[-half:],
    )
