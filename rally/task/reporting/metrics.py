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

"""Metrics of a running task, in the text form of OpenMetrics.

Names follow the conventions: a prefix, base units, ``_total`` on what only
grows. The number of series is bounded, whatever the names of actions and the
number of agents: see ``MAX_ACTIONS``, ``MAX_AGENTS``.
"""

from __future__ import annotations

import collections
import time
import typing as t
import zlib

from rally.task.reporting import progress as progress_module
from rally.task.results import names
from rally.task.results.row import NS

if t.TYPE_CHECKING:
    import prometheus_client.core

    from rally.task.results import aggregate, distribution

    Family: t.TypeAlias = prometheus_client.core.Metric

Labels: t.TypeAlias = t.Mapping[str, str]

#: top-level actions with series of their own, those that appeared first
MAX_ACTIONS = 50
#: agents with series of their own, the first by name
MAX_AGENTS = 100
#: characters of the value of a label
MAX_VALUE = 128
OTHERS = "(others)"
QUANTILES = (0.5, 0.95, 0.99)
#: between two pages, and the part of a CPU that making them may take
INTERVAL_S = 1.0
SHARE = 0.02


def value_of(text: str) -> str:
    """*text* as the value of a label; one that is cut stays apart."""
    if len(text) <= MAX_VALUE:
        return text
    mark = "...%08x" % zlib.crc32(text.encode())
    return text[:MAX_VALUE - len(mark)] + mark


class Page:
    """Families of metrics that become one page."""

    def __init__(self, **common: str) -> None:
        """:param common: labels of all of them"""
        self._common = {k: value_of(text) for k, text in common.items()}
        self._families: dict[str, Family] = {}

    def add(
        self, kind: str, name: str, help: str, value: float | None,
        suffix: str = "", **labels: str,
    ) -> None:
        """Add a sample, unless there is no *value*.

        :param kind: counter, gauge or summary; a counter's samples end with
            ``_total``
        :param suffix: of a sample of a summary
        """
        if value is None:
            return
        family = self._families.get(name)
        if family is None:
            from prometheus_client import core

            family = self._families[name] = core.Metric(
                "rally_" + name, help, kind
            )
        if kind == "counter":
            suffix = "_total"
        named = {key: value_of(text) for key, text in labels.items()}
        family.add_sample(
            "rally_" + name + suffix, {**self._common, **named}, value
        )

    def add_times(
        self, name: str, help: str, times: distribution.Distribution,
        has_quantiles: bool = True, **labels: str,
    ) -> None:
        """Add a summary of durations, in seconds."""
        if not times.count:
            return
        found = times.percentiles(QUANTILES) if has_quantiles else []
        for quantile, value in zip(QUANTILES, found):
            self.add(
                "summary", name, help, None if value is None else value / NS,
                quantile=str(quantile), **labels,
            )
        self.add("summary", name, help, times.count, "_count", **labels)
        self.add(
            "summary", name, help, times.total_ns / NS, "_sum", **labels
        )

    def collect(self) -> t.Iterable[Family]:
        """What a registry of prometheus_client has."""
        return self._families.values()

    def text(self) -> bytes:
        from prometheus_client.openmetrics import exposition

        return t.cast(bytes, exposition.generate_latest(t.cast(t.Any, self)))


def page_of(task: str, progress: progress_module.Progress) -> Page:
    """What is known of a task's workload now.

    :param task: its uuid
    """
    page = Page(
        task=task, workload=progress.workload, position=str(progress.position)
    )
    page.add(
        "gauge", "phase", "1 for the phase that the workload is in.", 1,
        phase=progress.phase.partition(" (")[0],
    )
    page.add("gauge", "elapsed_seconds", "Time since the workload began.",
             progress.elapsed_s)
    _add_iterations(page, progress)
    for criterion, holds, _ in progress.sla:
        page.add(
            "gauge", "sla_holds", "Whether an SLA criterion holds (1) or has "
            "failed (0).", int(holds), criterion=criterion,
        )
    if progress.seen is not None:
        _add_seen(page, progress.seen)
    _add_agents(page, progress.agents)
    return page


def _add_iterations(page: Page, progress: progress_module.Progress) -> None:
    page.add("counter", "iterations", "Iterations that left a result.",
             progress.done)
    page.add("counter", "iterations_failed", "Iterations that failed.",
             progress.failed)
    # what a lost agent delivers after all is no longer lost
    page.add("gauge", "iterations_lost", "Iterations that left no result.",
             progress.lost)
    page.add("gauge", "iterations_asked", "Iterations that the task asks for.",
             progress.asked)
    page.add("gauge", "iterations_per_second", "Rate of iterations just now.",
             progress.rate)


def _add_seen(page: Page, seen: aggregate.Aggregate) -> None:
    page.add_times("iteration_duration_seconds",
                   "Durations of iterations, without idle time.",
                   seen.durations)
    page.add_times("response_time_seconds",
                   "From the due moment of an iteration to its end.",
                   seen.response)
    page.add_times("start_lag_seconds", "How late iterations started.",
                   seen.lag)
    if seen.traffic:
        page.add("counter", "http_requests", "HTTP requests made.",
                 seen.traffic.requests)
        page.add("counter", "http_sent_bytes", "Bytes of HTTP requests.",
                 seen.traffic.sent_bytes)
        page.add("counter", "http_received_bytes", "Bytes of HTTP answers.",
                 seen.traffic.received_bytes)
    _add_actions(page, seen)


def _add_actions(page: Page, seen: aggregate.Aggregate) -> None:
    times = "action_duration_seconds", "Durations of atomic actions."
    fails = "action_failures", "Iterations in which an atomic action failed."
    count = total_ns = failed = 0
    for position, action in enumerate(seen.table.actions()):
        if position < MAX_ACTIONS and action.name != names.OTHER_ACTIONS:
            page.add_times(*times, action.durations, action=action.name)
            page.add("counter", *fails, action.failed, action=action.name)
        else:
            count += action.durations.count
            total_ns += action.durations.total_ns
            failed += action.failed
    if count:
        page.add("summary", *times, count, "_count", action=OTHERS)
        page.add("summary", *times, total_ns / NS, "_sum", action=OTHERS)
        page.add("counter", *fails, failed, action=OTHERS)


def _add_agents(
    page: Page, agents: t.Sequence[progress_module.AgentProgress]
) -> None:
    states = collections.Counter(agent.state for agent in agents)
    for state, count in sorted(states.items()):
        page.add("gauge", "agents", "Agents, by state.", count, state=state)
    for agent in sorted(agents, key=lambda each: each.name)[:MAX_AGENTS]:
        name = agent.name
        page.add("counter", "agent_iterations", "Iterations of an agent that "
                 "left a result.", agent.iterations, agent=name)
        page.add("gauge", "agent_iterations_per_second", "Rate of an agent.",
                 agent.rate, agent=name)
        page.add("counter", "agent_leases", "Leases granted to an agent.",
                 agent.leases, agent=name)
        page.add("gauge", "agent_spooled_chunks", "Chunks in an agent's spool "
                 "that are not stored yet.", agent.spooled_chunks, agent=name)
        page.add("gauge", "agent_clock_offset_seconds", "How far an agent's "
                 "clock is ahead of the controller's.", agent.offset_s,
                 agent=name)
        page.add("gauge", "agent_clock_error_seconds", "Bound of the error of "
                 "that offset.", agent.error_s, agent=name)
    page.add("gauge", "agents_without_series", "Agents that have no series of "
             "their own.", max(0, len(agents) - MAX_AGENTS))


class MetricsListener:
    """Makes a page of a task's progress, no more often than it is worth.

    :param publish: takes the page
    :param clock: and *cpu*: seconds, never going back
    """

    def __init__(
        self, task: str, publish: t.Callable[[bytes], None],
        clock: t.Callable[[], float] = time.monotonic,
        cpu: t.Callable[[], float] = time.thread_time,
    ) -> None:
        self._task = task
        self._publish = publish
        self._clock, self._cpu = clock, cpu
        self._next_s = 0.0
        self._phase = ""

    def on_progress(self, progress: progress_module.Progress) -> None:
        now = self._clock()
        if now < self._next_s and progress.phase == self._phase:
            return
        began_s = self._cpu()
        self._publish(page_of(self._task, progress).text())
        self._phase = progress.phase
        cost_s = self._cpu() - began_s
        self._next_s = now + max(INTERVAL_S, cost_s / SHARE)
