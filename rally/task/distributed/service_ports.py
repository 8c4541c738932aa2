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

"""Ports of an agent that is a service: they tell its manager how it is."""

from __future__ import annotations

import typing as t

from rally.common import systemd
from rally.task.distributed import notices, serve


class ServicePorts:
    """The ports of a machine, and beside them the manager of the service.

    The watchdog is fed where the loop waits, at half its interval: a loop
    that hangs in a handler or a command feeds nobody. Without a watchdog the
    loop never wakes up on account of the manager.

    :param status: what the service is doing, for people
    """

    def __init__(
        self, ports: serve.Ports, manager: systemd.ServiceManager,
        status: t.Callable[[], str],
    ) -> None:
        self._ports = ports
        self._manager = manager
        self._status = status
        self._told: dict[str, str] = {}
        self._feed_at_ns = ports.now_ns()
        self.now_ns = ports.now_ns
        self.execute = ports.execute

    def wait(self, timeout_s: float) -> t.Iterator[t.Any]:
        self._tell("READY", "1")
        self._tell("STATUS", self._status())
        for event in self._ports.wait(min(timeout_s, self._feed())):
            if isinstance(event, notices.ShutdownAsked):
                self._tell("STOPPING", "1")
            yield event

    def _tell(self, name: str, value: str) -> None:
        """Say it once; what the manager did not take is said again."""
        is_known = self._told.get(name) == value
        if not is_known and self._manager.tell(name, value):
            self._told[name] = value

    def _feed(self) -> float:
        """Feed the watchdog if that is due; when it is due next, seconds."""
        if self._manager.watchdog_ns is None:
            return float("inf")
        now = self.now_ns()
        if now >= self._feed_at_ns:
            self._manager.tell("WATCHDOG", "1")
            self._feed_at_ns = now + self._manager.watchdog_ns // 2
        return (self._feed_at_ns - now) / 1e9


def reporting(
    ports: serve.Ports, manager: systemd.ServiceManager | None,
    status: t.Callable[[], str],
) -> serve.Ports:
    """*ports* that tell *manager* how things are, if there is one."""
    return ports if manager is None else ServicePorts(ports, manager, status)
