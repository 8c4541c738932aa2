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

"""What a person watching a run is told: values, made by the engine."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.task.results import odd as odd_module

if t.TYPE_CHECKING:
    from rally.task.results import aggregate


@dataclasses.dataclass(frozen=True)
class AgentProgress:
    """One agent of a distributed run, or one host of a local one."""

    name: str
    state: str
    iterations: int
    rate: float  # iterations per second
    offset_s: float | None  # of its clock, against the controller's
    error_s: float | None  # bound of the error of the offset
    lost: int
    labels: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    leases: int = 0  # granted to it
    spooled_chunks: int = 0  # that are not stored yet


@dataclasses.dataclass(frozen=True)
class GroupProgress:
    """Agents that have a label in common; all of them without labels."""

    label: str
    value: str
    agents: int
    iterations: int
    failed: int
    lost: int
    rate: float  # iterations per second
    p50: float | None  # seconds
    p95: float | None
    p99: float | None


@dataclasses.dataclass(frozen=True)
class FleetView:
    """Groups of agents, and those that stand out."""

    groups: list[GroupProgress]
    slowest: list[tuple[str, float]]  # and their medians, seconds
    saturated: list[str]  # they limit the load
    odd: list[odd_module.Odd]  # they measure otherwise than the others


@dataclasses.dataclass(frozen=True)
class Progress:
    """A workload at one moment."""

    workload: str
    position: int
    phase: str  # contexts, waiting for agents, running, stopping ...
    done: int  # with what is lost, never more than was asked for
    asked: int | None  # None: until a duration has passed
    failed: int
    lost: int
    #: how many fewer are done than were before: agents had counted them, and
    #: were lost with their results
    withdrawn: int
    rate: float  # iterations per second since the last progress, never < 0
    p50: float | None  # seconds
    p95: float | None
    p99: float | None
    sla: list[tuple[str, bool, str]]  # criterion, holds, detail
    agents: list[AgentProgress]
    elapsed_s: float
    problems: list[str]
    fleet: FleetView | None = None  # as it was a moment ago; None: no agents
    #: all of it; to be read, by the thread that is told
    seen: aggregate.Aggregate | None = dataclasses.field(
        default=None, compare=False, repr=False
    )


class Listeners:
    """Several of them, told one after the other."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def on_progress(self, progress: Progress) -> None:
        for listener in self._listeners:
            listener.on_progress(progress)


class Listener(t.Protocol):
    """Whoever shows the progress of a task."""

    def on_progress(self, progress: Progress) -> None:
        """Called from one thread of the engine, at most ten times a second.

        It must return quickly and may not raise.
        """
