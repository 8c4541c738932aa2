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

"""How many chunks may be on their way to the controller at a time."""

from __future__ import annotations

NS = 1_000_000_000
#: a chunk that came in less time left room on the link
QUICK_NS = NS // 2
#: one that took longer waited for others: they fill the link for nothing
SLOW_NS = NS
#: after so long without an answer a chunk is asked for again
RETRY_NS = 5 * NS
MAX_RETRY_NS = 600 * NS


class Pace:
    """Few chunks at a time over a slow link, many over a fast one.

    What is on its way fills the queues of the link, and what tells of a
    criterion that failed has to wait there, too, whatever channel it takes.
    So one chunk is asked for at first, one more for each that comes quickly,
    and half as many after one that came slowly.
    """

    def __init__(self, most: int) -> None:
        """:param most: never more than these"""
        self.allowed = 1
        self.retry_ns = RETRY_NS
        self._most = most
        self._shrunk_ns = 0

    def arrived(self, asked_ns: int, now: int) -> None:
        """A chunk has come that was asked for at *asked_ns*."""
        took_ns = now - asked_ns
        if took_ns < QUICK_NS:
            self.allowed = min(self._most, self.allowed + 1)
            # the link was slow once; it is not now
            self.retry_ns = max(RETRY_NS, self.retry_ns // 2)
        elif took_ns > SLOW_NS and asked_ns >= self._shrunk_ns:
            # those that were asked for earlier are slow for the same reason
            self.allowed = max(1, self.allowed // 2)
            self._shrunk_ns = now

    def came_twice(self) -> None:
        """A chunk was asked for again though it was on its way."""
        self.retry_ns = min(MAX_RETRY_NS, 2 * self.retry_ns)
