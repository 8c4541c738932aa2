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

"""The one loop that runs a state machine on its ports.

A machine decides: events in, commands out, no I/O. Its ports are the world,
or a simulation of it with the same limits. Controller, agent, recovery,
discovery and the tests all meet their machines here and nowhere else.
"""

from __future__ import annotations

import collections
import typing as t

Event = t.TypeVar("Event", contravariant=True)
Command = t.TypeVar("Command", covariant=True)


class Machine(t.Protocol[Event, Command]):
    """Decides what is to be done. Times are nanoseconds of its host."""

    @property
    def finished(self) -> bool: ...

    def next_deadline(self) -> int:
        """When ``expire`` wants to be called at the latest."""

    def handle(self, event: Event, now: int) -> t.Iterable[Command]:
        """What to do about *event*."""

    def expire(self, now: int) -> t.Iterable[Command]:
        """What is due by *now*."""


class Ports(t.Protocol):
    """What a machine knows of the world, and what it can do to it."""

    def now_ns(self) -> int:
        """The clock of this host, nanoseconds since the epoch."""

    def wait(self, timeout_s: float) -> t.Iterable[t.Any]:
        """Events that have come; waits for one, but no longer than that."""

    def execute(self, command: t.Any) -> t.Any | None:
        """Do what the machine wants.

        :returns: an event if the world refuses, such as a message that
            cannot be sent: the machine has to know
        """


def serve(machine: Machine[t.Any, t.Any], ports: Ports) -> None:
    """Run *machine* until it is finished. Nothing polls."""
    while not machine.finished:
        wait_ns = machine.next_deadline() - ports.now_ns()
        step(machine, ports, max(0, wait_ns) / 1e9)


def step(
    machine: Machine[t.Any, t.Any], ports: Ports, timeout_s: float
) -> None:
    """Let *machine* take what comes within *timeout_s*, and what is due."""
    for event in ports.wait(timeout_s):
        carry_out(machine, ports, machine.handle(event, ports.now_ns()))
    carry_out(machine, ports, machine.expire(ports.now_ns()))


def carry_out(
    machine: Machine[t.Any, t.Any], ports: Ports, todo: t.Iterable[t.Any]
) -> None:
    """Execute *todo*, and what the machine wants where that is refused."""
    waiting = collections.deque(todo)
    while waiting:
        refusal = ports.execute(waiting.popleft())
        if refusal is not None:
            waiting.extend(machine.handle(refusal, ports.now_ns()))
