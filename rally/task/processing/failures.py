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

"""Failures by their kind, however many there are.

A kind is a type of error and what messages of it have in common: identifiers,
addresses and numbers, which differ from iteration to iteration, are left out.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import typing as t

#: failed iterations, and kinds of failure, that are shown one by one
SHOWN_FAILURES = 500
SHOWN_KINDS = 200
#: messages of a kind that are shown
SHOWN_EXAMPLES = 3
#: stands for what differs within a kind
ANYTHING = "\u2026"
#: longer texts are cut in the middle
_MAX_TEXT = 20_000
#: messages often repeat; only short ones are kept to know them again
_MAX_REMEMBERED = 500

_DIFFERING = re.compile(
    r"""
    \b[sc]_rally_\w+                                     # names by Rally
    | \b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b  # UUIDs
    | \b0x[0-9a-f]+\b
    | \b(?=[a-f]*\d)[0-9a-f]{7,}\b                       # hashes
    | \d+(?:[.:]\d+)*                                    # addresses, times
    """,
    re.VERBOSE | re.IGNORECASE,
)


def pattern_of(message: str) -> str:
    """What *message* has in common with others of its kind."""
    if len(message) > _MAX_REMEMBERED:
        return _DIFFERING.sub(ANYTHING, message)
    return _remembered_pattern_of(message)


@functools.lru_cache(maxsize=1000)
def _remembered_pattern_of(message: str) -> str:
    return _DIFFERING.sub(ANYTHING, message)


class Failures:
    """Counts failures by their kind; keeps the first of all in full."""

    def __init__(self, cut: t.Callable[[str], str] | None = None) -> None:
        """:param cut: makes long texts shorter; None: as in reports"""
        self._cut = cut or _cut
        self.count = 0
        self.first: list[dict[str, t.Any]] = []
        self._kinds: dict[tuple[str, str], dict[str, t.Any]] = {}
        self._other_kinds = 0

    def add(
        self, number: int, timestamp: float, error: t.Sequence[t.Any]
    ) -> None:
        """Take in a failed iteration.

        :param number: its number in the order of starts, from 1
        :param timestamp: when it started
        :param error: type, message, traceback
        """
        self.count += 1
        etype, message, trace = (
            self._cut(text) for text in (*map(str, error), "", "", "")[:3]
        )
        key = etype, pattern_of(message)
        known = self._kinds.get(key)
        is_new = known is None and len(self._kinds) < SHOWN_KINDS
        if known is not None:
            known["count"] += 1
            examples = known["examples"]
            if len(examples) < SHOWN_EXAMPLES and message not in examples:
                examples.append(message)
        elif not is_new:
            self._other_kinds += 1
        if not is_new and len(self.first) >= SHOWN_FAILURES:
            return
        failure = {
            "iteration": number,
            "timestamp": _time_of_day(timestamp),
            "type": etype,
            "message": message,
            "traceback": trace,
        }
        if len(self.first) < SHOWN_FAILURES:
            self.first.append(failure)
        if is_new:
            self._kinds[key] = {
                **failure, "pattern": key[1], "examples": [message],
                "count": 1,
            }

    def kinds(self) -> list[dict[str, t.Any]]:
        """The most frequent first: the first failure of each, and more."""
        return sorted(self._kinds.values(), key=lambda kind: -kind["count"])

    def to_dict(self) -> dict[str, t.Any]:
        return {
            "count": self.count,
            "kinds": self.kinds(),
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
