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


class Listener(t.Protocol):
    """Whoever shows the progress of a task."""

    def on_progress(self, progress: Progress) -> None:
        """Called from one thread of the engine, at most ten times a second.

        It must return quickly and may not raise.
        """
