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

"""When a source of snapshots sends the next one."""

from __future__ import annotations


class SnapshotPace:
    """One snapshot in each interval, and one more at the turn.

    The turn is the first time that a criterion of the SLA fails, and that is
    urgent, once in the life of a source: what comes later, and a criterion
    that flaps, says little that is new and would come with each block.
    """

    def __init__(
        self, interval_s: float, failing_interval_s: float | None = None
    ) -> None:
        """:param failing_interval_s: the interval after the turn; None: the
            same
        """
        self._interval_s = interval_s
        self._failing_interval_s = failing_interval_s or interval_s
        self._has_turned = False
        self.due_at = 0.0  # seconds of the monotonic clock

    def is_due(self, is_passing: bool, now: float) -> bool:
        """Whether a snapshot may go out."""
        return now >= self.due_at or not (is_passing or self._has_turned)

    def sent(self, is_passing: bool, now: float) -> bool:
        """Note that one goes out; returns whether it is urgent."""
        is_turn = not (is_passing or self._has_turned)
        self._has_turned |= is_turn
        self.due_at = now + (
            self._failing_interval_s if self._has_turned
            else self._interval_s
        )
        return is_turn
