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

"""Signs of life between an agent and its controller, seen by the agent."""

from __future__ import annotations

NS = 1_000_000_000
NEVER = 1 << 62
HELLO_NS = 1 * NS
#: the controller learns from what comes in on a channel where to send what
#: goes out on it: show it again after this long
ATTACH_NS = 5 * NS
#: a controller that is silent for this long is gone, perhaps for good
SILENCE_NS = 10 * NS
#: ... and after so long nobody waits for it with a load any more. Until then
#: its machine may have been paused: leases see to it that nothing is started
GIVE_UP_NS = 900 * NS


class Liveness:
    """When the controller was heard, and when it was last greeted."""

    def __init__(
        self, now: int, give_up_after_s: float | None = None
    ) -> None:
        """:param give_up_after_s: of silence; None: never"""
        self._patience_ns = (
            NEVER if give_up_after_s is None else int(give_up_after_s * NS)
        )
        self._heard_ns = now
        self._missed_ns = now  # when it was last found to be gone
        self._run_heard_ns = now  # of the run that the agent works for
        self._said_hello_ns = 0
        self._attached_ns = 0

    def hear(self, now: int) -> None:
        """The controller was heard from."""
        self._heard_ns = now

    def hear_run(self, now: int) -> None:
        """... and about the run that the agent works for."""
        self._run_heard_ns = now

    def is_run_silent(self, now: int) -> bool:
        """Whether nothing was heard of that run for ``SILENCE_NS``."""
        return now - self._run_heard_ns >= SILENCE_NS

    def next_deadline(self, is_dialing: bool) -> int:
        """When there is something to do at the latest."""
        hello = max(
            self._said_hello_ns + HELLO_NS,
            0 if is_dialing else self._heard_ns + 2 * HELLO_NS,
        )
        return min(
            hello, self._gone_at_ns, self._heard_ns + self._patience_ns
        )

    @property
    def _gone_at_ns(self) -> int:
        return max(self._heard_ns, self._missed_ns) + SILENCE_NS

    def must_say_hello(self, is_dialing: bool, now: int) -> bool:
        """Whether a hello is due: nobody answered, or not for a while."""
        return (is_dialing or self.is_silent(now)) and (
            now - self._said_hello_ns >= HELLO_NS
        )

    def said_hello(self, now: int) -> None:
        self._said_hello_ns = now

    def must_attach(self, now: int) -> bool:
        """Whether to say hello on the other channels, too."""
        if now - self._attached_ns < ATTACH_NS:
            return False
        self._attached_ns = now
        return True

    def is_silent(self, now: int) -> bool:
        """Whether the controller is overdue."""
        return now - self._heard_ns >= 2 * HELLO_NS

    def is_controller_gone(self, now: int) -> bool:
        """Whether it has been silent for (another) ``SILENCE_NS``."""
        if now < self._gone_at_ns:
            return False
        self._missed_ns = now
        return True

    def runs_out_of_patience(self, now: int) -> bool:
        """Whether the agent is to end, because nobody needs it; said once."""
        if now < self._heard_ns + self._patience_ns:
            return False
        self._patience_ns = NEVER
        return True

    def has_given_up(self, now: int) -> bool:
        """Whether it has been silent for too long to come back."""
        return now - self._heard_ns >= GIVE_UP_NS
