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

"""Signs of life of a load process, seen by its agent.

While it makes a load it says something once a second, whatever its
iterations do. One that says nothing hangs, in a plugin's criterion or in a
call that lets no other thread run, and would keep its run from ending.
"""

from __future__ import annotations

NS = 1_000_000_000
#: between two looks
LOOK_NS = 1 * NS
#: this many looks in a row find it silent before it is given up. Looks, not
#: seconds: while the whole host is paused, nobody looks
LOOKS = 60


class LoadWatch:
    """How often the agent has looked since its load process was heard."""

    def __init__(self, now: int) -> None:
        self._looked_ns = now
        self._looks = 0

    def hear(self) -> None:
        """It said something."""
        self._looks = 0

    @property
    def next_look(self) -> int:
        return self._looked_ns + LOOK_NS

    def finds_it_hung(self, now: int) -> bool:
        """Look, if it is time; said once."""
        if now < self.next_look:
            return False
        self._looked_ns = now
        self._looks += 1
        return self._looks == LOOKS
