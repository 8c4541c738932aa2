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

"""Clocks of simulated hosts: ahead, too fast, and stopped for a while."""

from __future__ import annotations

import typing as t


class HostClock:
    """What a host takes for the time, nanoseconds since the epoch.

    It stands still while its machine is paused: the monotonic clock of a
    virtual machine does not count what the hypervisor took away.

    :param true_ns: gives the time of the simulation
    :param offset_ns: how far it is ahead at the beginning
    :param ppm: how much faster it runs than the simulation
    """

    def __init__(
        self, true_ns: t.Callable[[], int], offset_ns: int = 0,
        ppm: float = 0.0,
    ) -> None:
        self._true_ns = true_ns
        self._rate = 1 + ppm / 1e6
        self._since_ns = true_ns()  # it has run since then ...
        self._base_ns = self._since_ns + offset_ns  # ... from this on
        self.resumes_ns = 0  # true time until which it is paused

    def now_ns(self) -> int:
        passed = max(0, self._true_ns() - self._since_ns)
        return self._base_ns + round(passed * self._rate)

    def true_of(self, moment_ns: int) -> int:
        """When, in true time, it will show *moment_ns*."""
        left = max(0, moment_ns - self._base_ns)
        return self._since_ns + round(left / self._rate)

    @property
    def is_paused(self) -> bool:
        return self._true_ns() < self.resumes_ns

    def pause(self, seconds: float) -> None:
        """The whole machine stops."""
        self._base_ns = self.now_ns()
        self.resumes_ns = self._true_ns() + round(seconds * 1e9)
        self._since_ns = self.resumes_ns

    def step(self, seconds: float) -> None:
        """Somebody moves it."""
        self._base_ns += round(seconds * 1e9)
