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

"""Which deaths of workers a load survives, and how they are reported."""

from __future__ import annotations

import collections

#: this many workers are replaced within any ``WINDOW_S``; a scenario that ends
#: its process gets there in seconds, and a long run may lose one now and then
MAX_IN_WINDOW = 10
WINDOW_S = 600.0
#: deaths that reports name; the rest is counted
MAX_TOLD = 10


class Deaths:
    """The workers of a pool that died.

    ``fatal`` is the death that ended the load; empty if none did.
    """

    def __init__(self) -> None:
        self._told: list[str] = []
        self._untold = 0
        self._replaced_at: collections.deque[float] = collections.deque(
            maxlen=MAX_IN_WINDOW
        )
        self.fatal = ""

    def add(self, death: str) -> None:
        """Keep *death* for the report."""
        if len(self._told) < MAX_TOLD:
            self._told.append(death)
        else:
            self._untold += 1

    def may_replace(self, now: float) -> bool:
        """Whether there may be another worker; takes note of it.

        :param now: seconds of the monotonic clock
        """
        times = self._replaced_at
        if len(times) == MAX_IN_WINDOW and now - times[0] < WINDOW_S:
            return False
        times.append(now)
        return True

    @property
    def reason(self) -> str:
        """Why iterations left no result."""
        if not self._told:
            return "no worker delivered them"
        more = ["and %d more" % self._untold] if self._untold else []
        return "; ".join([*self._told, *more])
