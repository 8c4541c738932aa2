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

"""What reports show of a run beyond Rally's own columns.

``load_info`` is a dict of plain values: what was asked, stored and lost,
counters of everything unusual (zero is shown as zero), offered against
achieved rate, lag behind the schedule, and one entry per agent.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from rally import exceptions
from rally.common import clock, logging
from rally.task.reporting import fleet, progress, traffic_history
from rally.task.results import aggregate, durations, names, saturation
from rally.task.results.row import NS

if t.TYPE_CHECKING:
    from rally.common import objects
    from rally.common.db import retrying
    from rally.task import runner as runner_module
    from rally.task.results import distribution
    from rally.task.work import schedule as schedules

LOG = logging.getLogger(__name__)

#: counters that every report shows, zero or not
COUNTERS = (
    "duplicated", "late", "dropped", "timed_out", "abandoned_threads",
    "abandoned_coroutines", "replaced_workers", "forked_copies",
    "missing_chunks", "torn_chunks", "fenced_snapshots", "rejoined_agents",
    "cut_rows", "database_retries",
)
PERCENTS = (50, 95, 99)
#: name of the generator of a run without agents
LOCAL = "local"
#: an agent that began so much later than the first one is named
LATE_START_S = 0.020
#: characters of the name of an action that is told as an example
_MAX_NAME = 60

_ADVICE = (
    "Put ids into the arguments or the output of a scenario, not into the "
    "name of an action."
)


class IterationsLost(exceptions.RallyException):
    error_code = 172
    msg_fmt = (
        "%(iterations)s left no result: %(reasons)s. What was done to the "
        "target is unknown, so the run cannot pass. Look at the log for the "
        "cause, then run the task again."
    )


class NothingRan(exceptions.RallyException):
    error_code = 173
    msg_fmt = (
        "No iteration of %(workload)s left a result, so no criterion was "
        "put to the test. Look at the log for the cause, then run the task "
        "again."
    )


class LoadFellShort(exceptions.RallyException):
    error_code = 136
    msg_fmt = (
        "The load was smaller than what was asked for: %(shortfalls)s. So the "
        "criteria were judged by a smaller load. Start more agents of each "
        "group, or spares, and run the task again."
    )


class RunWatch:
    """Keeps count of one workload while it runs."""

    def __init__(
        self,
        workload_cfg: t.Mapping[str, t.Any],
        retry: retrying.RetryPolicy,
    ) -> None:
        self._cfg = workload_cfg
        self._retry = retry
        self._retries_before = retry.retries
        self._sequence = 0
        self._rows = 0
        self._duplicated_chunks = 0
        self._cut_rows = 0
        self._stop_asked_ns: int | None = None
        self._seen: tuple[float, int] = (0.0, 0)
        self._rate = 0.0
        self._most_done = 0
        self._has_warned = False
        self._traffic = traffic_history.TrafficHistory()
        self._fleet = fleet.FleetWatch()

    def started(self) -> None:
        self._seen = (time.monotonic(), 0)

    def next_sequence(self) -> int:
        """Number of the next chunk of a local run."""
        self._sequence += 1
        return self._sequence - 1

    def stored(
        self, chunks: t.Sequence[objects.StoredChunk], added: int
    ) -> None:
        self._duplicated_chunks += len(chunks) - added
        self._rows += sum(chunk.count for chunk in chunks)

    def saw(self, merged: aggregate.Aggregate) -> None:
        """This is what is known now."""
        self._traffic.add(clock.now_ns(), merged.traffic)

    def cut_rows(self, count: int) -> None:
        """So many rows were too large to be stored as they were."""
        self._cut_rows += count

    def stop_asked(self) -> None:
        if self._stop_asked_ns is None:
            self._stop_asked_ns = clock.now_ns()

    def progress(
        self,
        phase: str,
        merged: aggregate.Aggregate,
        runner: runner_module.ScenarioRunner,
        elapsed_s: float,
    ) -> progress.Progress:
        """The workload as a person may see it now."""
        self._measure(merged.iterations)
        done, lost = runner.done_and_lost(merged.iterations)
        self._most_done = max(self._most_done, done)
        p50, p95, p99 = (_percentile(merged, p) for p in PERCENTS)
        agents = runner.agents_progress()
        return progress.Progress(
            workload=self._cfg["name"],
            position=self._cfg["position"],
            phase=runner.phase or phase,
            done=done,
            asked=runner.asked,
            failed=merged.failed,
            lost=lost,
            withdrawn=self._most_done - done,
            rate=self._rate,
            p50=p50,
            p95=p95,
            p99=p99,
            sla=[
                (result["criterion"], result["success"], result["detail"])
                for result in merged.checker.results()
            ],
            agents=agents,
            elapsed_s=elapsed_s,
            problems=[
                *runner.problems_so_far(),
                *problems_of(merged.table),
            ],
            fleet=self._fleet.look(
                agents, runner.board.sources(), runner.right_of_way.give_way
            ),
            seen=merged,
        )

    def _measure(self, iterations: int) -> None:
        """Keep the rate up to date."""
        now, (then, before) = time.monotonic(), self._seen
        if iterations < before:
            # sources were counted again: that tells nothing of the pace
            self._seen = (now, iterations)
        elif now - then >= 0.5:
            self._rate = (iterations - before) / (now - then)
            self._seen = (now, iterations)

    def record(
        self,
        merged: aggregate.Aggregate,
        runner: runner_module.ScenarioRunner,
    ) -> dict[str, t.Any]:
        """Columns of the workload, from what is merged."""
        self._warn(merged)
        return {
            **columns_of(merged),
            "load_info": self._load_info(merged, runner),
        }

    def _warn(self, merged: aggregate.Aggregate) -> None:
        """Log once that statistics do not have all actions."""
        for problem in problems_of(merged.table):
            if not self._has_warned:
                LOG.warning("%s: %s", self._cfg["name"], problem)
            self._has_warned = True

    def _load_info(
        self,
        merged: aggregate.Aggregate,
        runner: runner_module.ScenarioRunner,
    ) -> dict[str, t.Any]:
        counters = dict.fromkeys(COUNTERS, 0)
        for counted in (merged.counters, runner.counters):
            for name, count in counted.items():
                counters[name] = counters.get(name, 0) + count
        counters["duplicated"] += self._duplicated_chunks
        counters["cut_rows"] += self._cut_rows
        counters["database_retries"] = (
            self._retry.retries - self._retries_before
        )
        agents = self._agents(runner)
        return {
            "run": runner.run_id,
            "asked": runner.asked,
            # a chunk that came twice is in it once
            "stored": min(self._rows, merged.iterations),
            "lost": [lost.to_dict() for lost in runner.lost],
            "shortfalls": list(runner.shortfalls),
            "counters": counters,
            "offered_rate": runner.offered_rate,
            **figures_of(merged),
            "agents": agents,
            **fleet_facts(
                agents, runner.board.sources(), runner.right_of_way.give_way
            ),
            **start_of(agents),
            **generators_of(agents, generator_facts(merged)),
            "traffic": self._traffic_info(merged),
            "stop_latency_s": self._stop_latency_s(merged),
            "problems": [
                *runner.problems_so_far(),
                *problems_of(merged.table),
            ],
            "clock": {
                "boot": clock.boot_id(), "wall_base_ns": clock.WALL_BASE_NS,
            },
        }

    def _traffic_info(
        self, merged: aggregate.Aggregate
    ) -> dict[str, t.Any] | None:
        """What HTTP requests brought; None if there was none."""
        if not merged.traffic:
            return None
        load_ns = _load_ns(merged)
        sums = dataclasses.asdict(merged.traffic)
        return {
            **sums,
            **{
                name + "_per_s": total * NS / load_ns if load_ns else None
                for name, total in sums.items()
            },
            "history": self._traffic.to_list(merged.first_started_ns or 0),
        }

    def _agents(
        self, runner: runner_module.ScenarioRunner
    ) -> list[dict[str, t.Any]]:
        """One entry per agent, with what its aggregate tells of it."""
        sources = runner.board.sources()
        infos = runner.agents_info()
        for info in infos:
            source = sources.get(info["name"])
            if source is not None:
                info["generator"] = generator_facts(source)
                info["stop_latency_s"] = self._stop_latency_s(source)
        return infos

    def _stop_latency_s(self, merged: aggregate.Aggregate) -> float | None:
        """From the moment a stop was asked to the last start after it."""
        if self._stop_asked_ns is None or merged.last_started_ns is None:
            return None
        return max(0, merged.last_started_ns - self._stop_asked_ns) / NS


def fleet_facts(
    agents: t.Sequence[t.Mapping[str, t.Any]],
    sources: t.Mapping[str, aggregate.Aggregate],
    pause: fleet.Pause = None,
) -> dict[str, t.Any]:
    """Groups of agents, and those that stand out, for ``load_info``."""
    if not agents:
        return {}
    groups = fleet.groups_of(
        [
            progress.AgentProgress(
                agent["name"], agent.get("state", ""),
                agent.get("iterations") or 0, agent.get("rate") or 0.0,
                None, None, agent.get("lost") or 0, agent.get("labels") or {},
            )
            for agent in agents
        ],
        sources, pause,
    )
    parts = {
        agent["name"]: sources[agent["name"]] for agent in agents
        if agent["name"] in sources
    }
    return {
        "by_label": [
            dataclasses.asdict(each) for each in groups if each.label
        ],
        "slowest_agents": [name for name, _ in fleet.slowest(parts, pause)],
        "odd_agents": [
            dataclasses.asdict(each) for each in fleet.odd_ones(parts, pause)
        ],
    }


def generator_facts(part: aggregate.Aggregate) -> dict[str, t.Any]:
    """What making the iterations of *part* asked of their generator."""
    return saturation.facts(part.saturation, part.lag, part.durations)


def generators_of(
    agents: t.Sequence[t.Mapping[str, t.Any]], whole: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Whether generators limited the load, and which.

    :param whole: facts of all of them together; shown for a run without
        agents, where it is the only one
    """
    known = {
        agent["name"]: agent["generator"]
        for agent in agents if "generator" in agent
    }
    if not agents:
        known = {LOCAL: whole}
    return {
        "generator": None if agents else whole,
        "generator_limited": [
            name for name, facts in known.items() if facts["limited_by"]
        ],
    }


def start_of(
    agents: t.Iterable[t.Mapping[str, t.Any]],
) -> dict[str, t.Any]:
    """How far the first iterations of the agents lie apart.

    An agent is late if it began more than 20 ms after the first one even
    should both their clocks be off as far as their bounds allow.
    """
    began = [
        (agent["start_spread_s"], agent.get("clock_error_s") or 0.0,
         agent["name"])
        for agent in agents if agent.get("start_spread_s") is not None
    ]
    if not began:
        return {"start_spread_s": None, "late_agents": []}
    _, first_error_s, _ = min(began)
    return {
        "start_spread_s": max(began)[0],
        "late_agents": [
            name for spread_s, error_s, name in began
            if spread_s - error_s - first_error_s > LATE_START_S
        ],
    }


def columns_of(merged: aggregate.Aggregate) -> dict[str, t.Any]:
    """Columns of a workload that follow from its iterations alone."""
    return {
        "statistics": {"durations": merged.table.to_dict()},
        "total": merged.iterations,
        "failed": merged.failed,
        "min_duration": _seconds(merged.durations.min_ns),
        "max_duration": _seconds(merged.durations.max_ns),
        "start_time": _seconds(merged.first_started_ns),
        "load_duration": _load_ns(merged) / NS,
    }


def figures_of(merged: aggregate.Aggregate) -> dict[str, t.Any]:
    """What of ``load_info`` follows from the iterations alone."""
    load_ns = _load_ns(merged)
    return {
        "achieved_rate": (
            merged.iterations * NS / load_ns if load_ns > 0 else None
        ),
        "lag": _times_of(merged.lag),
        "response": _times_of(merged.response),
        "percentiles": {str(p): _percentile(merged, p) for p in PERCENTS},
        "other_actions": other_actions(merged.table),
    }


def _load_ns(merged: aggregate.Aggregate) -> int:
    """From the first start to the last end."""
    first, last = merged.first_started_ns, merged.last_finished_ns
    return 0 if first is None or last is None else last - first


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else ns / NS


def _percentile(merged: aggregate.Aggregate, percent: int) -> float | None:
    return _seconds(merged.durations.percentile(percent / 100))


def _times_of(
    times: distribution.Distribution
) -> dict[str, float | None] | None:
    """Percentiles of *times*, seconds; None if there is nothing to see."""
    if not times.count or not times.max_ns:
        return None
    values = {
        "p%d" % p: _seconds(times.percentile(p / 100)) for p in PERCENTS
    }
    return {**values, "max": times.max_ns / NS}


def agent_figures(
    members: t.Iterable[t.Mapping[str, t.Any]],
    sources: t.Mapping[str, aggregate.Aggregate],
    schedule: schedules.Schedule | None,
) -> list[dict[str, t.Any]]:
    """One entry per agent, for ``load_info``.

    :param members: what is known of each agent, with ``name``, ``position``
    :param sources: aggregates by name of the agent
    :param schedule: of an open model
    """
    infos = [dict(member) for member in members]
    began: dict[str, int] = {}
    for info in infos:
        source = sources.get(info["name"])
        info.update(_durations_of(source))
        if source is None:
            continue
        is_late = info.get("is_takeover")  # it was not there at the start
        if source.first_started_ns is not None and not is_late:
            began[info["name"]] = _began_ns(
                source.first_started_ns, _first_of(info), schedule
            )
    first_ns = min(began.values(), default=0)
    for info in infos:
        if info["name"] in began:
            info["start_spread_s"] = (began[info["name"]] - first_ns) / NS
    return infos


def _durations_of(source: aggregate.Aggregate | None) -> dict[str, t.Any]:
    """Of an agent that has run nothing (yet), zeros."""
    return {
        "iterations": source.iterations if source else 0,
        "failed": source.failed if source else 0,
        **{
            "p%d" % p: _percentile(source, p) if source else None
            for p in PERCENTS
        },
    }


def _first_of(info: t.Mapping[str, t.Any]) -> int:
    """Which iteration, from 0, an agent began with in an open model."""
    return (info.get("first_number") or (info.get("position") or 0) + 1) - 1


def _began_ns(
    first_ns: int, first: int, schedule: schedules.Schedule | None
) -> int:
    """First start of an agent, as if all had been due at once."""
    if schedule is None:
        return first_ns
    return first_ns - schedule.due_ns(first)


def other_actions(table: durations.DurationsTable) -> dict[str, t.Any] | None:
    """Actions without a row of their own in *table*; None: there are none."""
    folded = table.folded
    if not folded.count:
        return None
    return {
        "names": folded.count,
        "is_exact": folded.is_exact,
        "examples": [_brief(name) for name in folded.examples],
    }


def problems_of(table: durations.DurationsTable) -> list[str]:
    """What to tell somebody whose names of actions are too many."""
    facts = other_actions(table)
    if facts is None:
        return []
    return [
        "%s%d names of atomic actions, such as %s, are more than the %d "
        "rows that statistics have. The rows %s count these actions "
        "together, so durations of one of them are not shown. %s"
        % (
            "" if facts["is_exact"] else "About ", facts["names"],
            ", ".join(repr(name) for name in facts["examples"]),
            durations.MAX_ROWS, names.OTHER_ACTIONS, _ADVICE,
        )
    ]


def is_problem(text: str) -> bool:
    """Whether ``problems_of`` some table said it."""
    return text.endswith(_ADVICE)


def _brief(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[:_MAX_NAME - 3] + "..."
