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

"""Counts what the requests of this process send and receive."""

from __future__ import annotations

import collections

#: requests, bytes sent and bytes received so far
Totals = tuple[int, int, int]


class Tally:
    """What one handle has sent and received; its thread alone writes."""

    __slots__ = ("requests", "sent_bytes", "received_bytes")

    def __init__(self) -> None:
        self.requests = 0
        self.sent_bytes = 0
        self.received_bytes = 0


#: one for each handle there was at once: without a lock that requests would
#: have to take, and never fewer, so that sums only grow
_all: list[Tally] = []
#: of handles that are gone; they count on for others
_free: collections.deque[Tally] = collections.deque()


def take() -> Tally:
    """A tally for a new handle, which gives it back."""
    try:
        return _free.pop()
    except IndexError:
        made = Tally()
        _all.append(made)
        return made


def give_back(tally: Tally) -> None:
    """Its handle makes no more requests; from any thread."""
    _free.append(tally)


def totals() -> Totals:
    """All that was counted in this process, and before it was forked."""
    every = _all.copy()
    return (
        sum(tally.requests for tally in every),
        sum(tally.sent_bytes for tally in every),
        sum(tally.received_bytes for tally in every),
    )
