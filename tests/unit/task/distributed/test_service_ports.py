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

"""What the manager of a service hears from an agent."""

from __future__ import annotations

import typing as t

from rally.task.distributed import notices, serve, service_ports
from tests.unit import test

NS = 1_000_000_000


class Manager:
    """A manager of services that takes what it is told, or nothing."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self.watchdog_ns = None if watchdog_s is None else int(watchdog_s * NS)
        self.told: list[tuple[str, str]] = []
        self.is_busy = False

    def tell(self, name: str, value: str) -> bool:
        if not self.is_busy:
            self.told.append((name, value))
        return not self.is_busy

    def times(self, name: str) -> int:
        return [each for each, _ in self.told].count(name)


class Ports:
    """A world in which time passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 7 * NS
        self.waits: list[float] = []
        self.events: list[t.Any] = []

    def now_ns(self) -> int:
        return self.now

    def wait(self, timeout_s: float) -> t.Iterator[t.Any]:
        self.waits.append(timeout_s)
        if self.events:
            yield self.events.pop(0)
        else:
            self.now += int(timeout_s * NS)

    def execute(self, command: t.Any) -> t.Any | None:
        return command


class Machine:
    """Wants to wake up every *seconds*, until *until_s*."""

    def __init__(self, ports: Ports, seconds: float, until_s: float) -> None:
        self._due = ports.now_ns()
        self._every = int(seconds * NS)
        self._until = self._due + int(until_s * NS)
        self.finished = False
        self.handled: list[t.Any] = []

    def next_deadline(self) -> int:
        return self._due

    def handle(self, event: t.Any, now: int) -> list[t.Any]:
        self.handled.append(event)
        return []

    def expire(self, now: int) -> list[t.Any]:
        if now >= self._due:
            self._due += self._every
        self.finished = now >= self._until
        return []


class ServicePortsTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.world = Ports()
        self.status = "dialing"

    def ports(self, manager: Manager) -> service_ports.ServicePorts:
        return service_ports.ServicePorts(
            self.world, manager, lambda: self.status
        )

    def served(self, manager: Manager, seconds: float, until_s: float) -> None:
        machine = Machine(self.world, seconds, until_s)
        serve.serve(machine, self.ports(manager))

    def test_it_is_ready_once_it_waits_for_a_controller(self) -> None:
        manager = Manager()
        self.served(manager, 1, 10)
        self.assertEqual(
            [("READY", "1"), ("STATUS", "dialing")], manager.told
        )

    def test_each_change_of_what_it_does_is_told_once(self) -> None:
        manager = Manager()
        ports = self.ports(manager)
        for self.status in ("dialing", "joined", "joined", "dialing"):
            list(ports.wait(1.0))
        self.assertEqual(
            ["dialing", "joined", "dialing"],
            [value for name, value in manager.told if name == "STATUS"],
        )

    def test_what_a_busy_manager_missed_is_told_again(self) -> None:
        manager = Manager()
        manager.is_busy = True
        ports = self.ports(manager)
        list(ports.wait(1.0))
        manager.is_busy = False
        list(ports.wait(1.0))
        self.assertEqual(
            [("READY", "1"), ("STATUS", "dialing")], manager.told
        )

    def test_a_watchdog_is_fed_at_half_its_interval(self) -> None:
        manager = Manager(watchdog_s=3)
        self.served(manager, 60, 30)  # it would sleep for a minute
        self.assertEqual(20, manager.times("WATCHDOG"))

    def test_a_loop_with_much_to_do_does_not_feed_more_often(self) -> None:
        manager = Manager(watchdog_s=3)
        self.served(manager, 0.1, 30)
        self.assertEqual(20, manager.times("WATCHDOG"))

    def test_a_loop_that_hangs_feeds_nobody(self) -> None:
        manager = Manager(watchdog_s=3)
        list(self.ports(manager).wait(0.5))
        self.world.now += 60 * NS
        self.assertEqual(1, manager.times("WATCHDOG"))

    def test_without_a_watchdog_it_sleeps_as_long_as_it_would(self) -> None:
        self.served(Manager(), 60, 120)
        self.assertEqual([0.0, 60.0, 60.0], self.world.waits)

    def test_that_it_stops_is_told_and_passed_on(self) -> None:
        manager = Manager()
        self.world.events = [notices.ShutdownAsked()]

        passed = list(self.ports(manager).wait(1.0))

        self.assertEqual([notices.ShutdownAsked()], passed)
        self.assertEqual(("STOPPING", "1"), manager.told[-1])

    def test_what_the_world_refuses_reaches_the_machine(self) -> None:
        self.assertEqual("refused", self.ports(Manager()).execute("refused"))
