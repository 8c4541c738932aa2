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

"""A fleet of agents at one moment: by label, and which of them stand out."""

from __future__ import annotations

import collections
import time
import typing as t

from rally.task.reporting import progress
from rally.task.results import odd, saturation
from rally.task.results.distribution import Distribution
from rally.task.results.row import NS

if t.TYPE_CHECKING:
    from rally.task.results import aggregate

Agents: t.TypeAlias = t.Sequence[progress.AgentProgress]
Pause: t.TypeAlias = t.Callable[[], None] | None
Sources: t.TypeAlias = t.Mapping[str, "aggregate.Aggregate"]

#: labels that are shown, and values of each; an agent's own name may be one
MAX_LABELS = 8
MAX_VALUES = 50
#: agents that are named in a list
MAX_NAMED = 5
#: between two looks at the fleet, and the part of a CPU that they may take
LOOK_INTERVAL_S = 1.0
LOOK_SHARE = 0.02
#: percentiles of groups
SHARES = (0.5, 0.95, 0.99)


def look(
    agents: Agents, sources: Sources,
    pause: Pause = None,
) -> progress.FleetView:
    """The fleet as its agents have counted it so far.

    :param pause: called now and then, see ``odd``
    """
    parts = {
        agent.name: sources[agent.name] for agent in agents
        if agent.name in sources
    }
    return progress.FleetView(
        groups=groups_of(agents, parts, pause),
        slowest=slowest(parts, pause),
        saturated=[
            name for name, part in odd.in_parts(parts.items(), pause)
            if saturation.limits(part.saturation, part.lag, part.durations)
        ],
        odd=odd_ones(parts, pause),
    )


def odd_ones(sources: Sources, pause: Pause = None) -> list[odd.Odd]:
    """Agents that measure otherwise than the others, beyond chance."""
    return odd.odd(
        {name: part.durations for name, part in sources.items()}, pause
    )


def groups_of(
    agents: Agents, sources: Sources, pause: Pause = None
) -> list[progress.GroupProgress]:
    """Agents together that have a label in common; all, without labels."""
    found: dict[tuple[str, str], list[progress.AgentProgress]] = (
        collections.defaultdict(list)
    )
    for agent in agents:
        for label in agent.labels.items():
            found[label].append(agent)
    if not found:
        found["", ""] = list(agents)
    return [
        _group(label, value, found[label, value], sources, pause)
        for label, value in _shown(sorted(found))
    ]


def _shown(
    labels: t.Iterable[tuple[str, str]]
) -> t.Iterator[tuple[str, str]]:
    """Not more than a person can read."""
    values: collections.Counter[str] = collections.Counter()
    for label, value in labels:
        values[label] += 1
        if len(values) <= MAX_LABELS and values[label] <= MAX_VALUES:
            yield label, value


def _group(
    label: str, value: str, agents: Agents, sources: Sources,
    pause: Pause,
) -> progress.GroupProgress:
    durations, failed = Distribution(), 0
    for agent in odd.in_parts(agents, pause):
        source = sources.get(agent.name)
        if source is not None:
            durations.merge(source.durations)
            failed += source.failed
    p50, p95, p99 = map(_seconds, durations.percentiles(SHARES))
    return progress.GroupProgress(
        label=label,
        value=value,
        agents=len(agents),
        iterations=sum(agent.iterations for agent in agents),
        failed=failed,
        lost=sum(agent.lost for agent in agents),
        rate=sum(agent.rate for agent in agents),
        p50=p50,
        p95=p95,
        p99=p99,
    )


def slowest(
    sources: Sources, pause: Pause = None
) -> list[tuple[str, float]]:
    """Agents with the highest medians, seconds, the slowest first."""
    medians = [
        (part.durations.percentile(0.5) or 0.0, name)
        for name, part in odd.in_parts(sources.items(), pause)
        if part.durations.count >= odd.LEAST
    ]
    medians.sort(reverse=True)
    # one of two or three agents is always the slowest
    count = min(MAX_NAMED, len(medians) // odd.FEWEST)
    return [(name, median / NS) for median, name in medians[:count]]


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else ns / NS


class FleetWatch:
    """Looks at a fleet, no more often than it is worth.

    :param clock: and *cpu*: seconds, never going back
    """

    def __init__(
        self, clock: t.Callable[[], float] = time.monotonic,
        cpu: t.Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._cpu = clock, cpu
        self._seen: progress.FleetView | None = None
        self._next_s = 0.0

    def look(
        self, agents: Agents, sources: Sources,
        pause: Pause = None,
    ) -> progress.FleetView | None:
        """The fleet, as it was a moment ago at the earliest; None: there is
        none."""
        now = self._clock()
        if not agents:
            return None
        if self._seen is None or now >= self._next_s:
            began_s = self._cpu()
            self._seen = look(agents, sources, pause)
            cost_s = self._cpu() - began_s
            self._next_s = now + max(LOOK_INTERVAL_S, cost_s / LOOK_SHARE)
        return self._seen
