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

"""Tasks with results, as ``API().task.get(uuid, detailed=True)`` gives."""

from __future__ import annotations

import collections.abc
import typing as t

Record: t.TypeAlias = dict[str, t.Any]

START = 1_700_000_000.0
BREAK_OUT = "</script><script>document.title = 'broken out'</script><!--"


def action(name: str, started: float, seconds: float, **more: t.Any) -> Record:
    return {
        "name": name,
        "started_at": started,
        "finished_at": started + seconds,
        "children": [],
        **more,
    }


def iteration(number: float, seconds: float = 0.5, **more: t.Any) -> Record:
    """Iteration that starts *number* seconds after the start of the load."""
    started = START + number
    inner = action("inner", started, seconds / 2)
    return {
        "timestamp": started,
        "duration": seconds,
        "idle_duration": 0.0,
        "error": [],
        "output": {"additive": [], "complete": []},
        "atomic_actions": [
            action("outer", started, seconds, children=[inner])
        ],
        **more,
    }


def failed(number: int, message: str = "it broke", **more: t.Any) -> Record:
    error = ["ValueError", message, "Traceback:\n  " + message]
    return iteration(number, error=error, **more)


def statistics_row(name: str, *children: Record) -> Record:
    return {
        "name": name,
        "display_name": name,
        "count_per_iteration": 1,
        "data": {
            "iteration_count": 3, "min": 0.1, "median": 0.2, "90%ile": 0.3,
            "95%ile": 0.4, "max": 0.5, "avg": 0.25, "success": "66.7%",
        },
        "children": list(children),
    }


def workload(
    rows: t.Sequence[Record], name: str = "Dummy.dummy", **more: t.Any
) -> Record:
    total = statistics_row(
        "total", statistics_row("duration"), statistics_row("idle_duration")
    )
    outer = statistics_row("outer", statistics_row("inner"))
    criterion = {
        "criterion": "failure_rate", "success": True, "detail": "All well",
    }
    return {
        "uuid": "workload-uuid",
        "name": name,
        "description": "Sleeps.",
        "position": 0,
        "args": {"sleep": 0.5},
        "runner_type": "constant",
        "runner": {"times": len(rows), "concurrency": 2},
        "contexts": {"users": {"tenants": 2}},
        "contexts_results": [],
        "hooks": [],
        "sla": {"failure_rate": {"max": 0}},
        "sla_results": {"sla": [criterion]},
        "pass_sla": True,
        "statistics": {"durations": {"total": total, "atomics": [outer]}},
        "start_time": START,
        "load_duration": float(len(rows)),
        "full_duration": len(rows) + 1.0,
        "min_duration": 0.5,
        "max_duration": 0.5,
        "total_iteration_count": len(rows),
        "failed_iteration_count": 0,
        "created_at": "2023-11-14T22:13:20",
        "updated_at": "2023-11-14T22:14:20",
        "data": rows,
        **more,
    }


def task(*workloads: Record, **more: t.Any) -> Record:
    subtask = {
        "uuid": "subtask-uuid",
        "title": "A subtask",
        "description": "",
        "status": "finished",
        "sla": {},
        "created_at": "2023-11-14T22:13:20",
        "updated_at": "2023-11-14T22:14:20",
        "workloads": list(workloads),
    }
    return {
        "uuid": "task-uuid",
        "title": "A task",
        "description": "About it",
        "status": "finished",
        "tags": ["nightly"],
        "env_uuid": "env-uuid",
        "env_name": "lab",
        "created_at": "2023-11-14T22:13:20",
        "updated_at": "2023-11-14T22:14:20",
        "task_duration": 3.0,
        "pass_sla": True,
        "subtasks": [subtask],
        **more,
    }


def hook(
    status: str = "success", config: Record | None = None, **result: t.Any
) -> Record:
    return {
        "config": config
        or {
            "action": ["sys_call", "true"],
            "trigger": ["event", {"unit": "iteration", "at": [2]}],
        },
        "results": [
            {
                "status": status,
                "started_at": START,
                "finished_at": START + 1,
                "triggered_by": {"event_type": "iteration", "value": 2},
                **result,
            }
        ],
        "summary": {status: 1},
    }


def generator_facts(*limited_by: str) -> Record:
    """What is told of the generator of an agent."""
    return {
        "lag_p95_s": 0.002, "scheduler_lag_p95_s": 0.001, "cpu_share": 0.25,
        "cpu_wait_share": 0.01, "back_pressure_s": 0.0,
        "back_pressure_count": 0, "spool_wait_s": 0.0, "late_for_a_seat": 0,
        "limited_by": list(limited_by),
    }


def load_info(**more: t.Any) -> Record:
    """What the engine stores of a distributed run that lost iterations."""
    agent = {
        "name": "node1", "version": "6.0.0", "host": "10.0.0.1", "cpus": 8,
        "state": "done", "iterations": 2, "failed": 0, "share": None,
        "clock_offset_s": 0.003, "clock_error_s": 0.0002,
        "round_trip_s": 0.0004, "p50": 0.5, "p95": 0.5, "p99": 0.5,
        "labels": {"zone": "east"},
        "start_spread_s": 0.001, "spooled_chunks": 0, "lost": 0,
        "generator": generator_facts(), "stop_latency_s": 0.6,
    }
    limited = generator_facts("its threads ran 43 ms late (p95)")
    lost = {
        "agent": "node2", "count": 3, "numbers": [[4, 8, 2]],
        "reason": "missed its liveness deadline",
    }
    return {
        "asked": 6, "stored": 3, "lost": [lost],
        "counters": {"duplicated": 0, "late": 1},
        "offered_rate": 2.0, "achieved_rate": 1.0,
        "lag": {"p50": 0.001, "p95": 0.002, "p99": 0.003, "max": 0.004},
        "response": {"p50": 0.5, "p95": 0.6, "p99": 0.7, "max": 0.8},
        "percentiles": {"50": 0.111, "95": 0.222, "99": 0.333},
        "agents": [
            agent,
            {**agent, "name": "node2", "state": "lost", "generator": limited},
        ],
        "by_label": [{
            "label": "zone", "value": "east", "agents": 2, "iterations": 4,
            "failed": 0, "lost": 3, "rate": 1.0, "p50": 0.5, "p95": 0.5,
            "p99": 0.5,
        }],
        "slowest_agents": ["node2"],
        "odd_agents": [{"name": "node2", "effect": 0.25, "deviations": 9.0}],
        "start_spread_s": 0.031, "late_agents": ["node2"],
        "generator": None, "generator_limited": ["node2"],
        "stop_latency_s": 0.7, "problems": ["agent node2 is gone"],
        **more,
    }


class StoredRows(collections.abc.Sequence[Record]):
    """Rows as a database gives them: each pass makes them anew."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.passes = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> t.Iterator[Record]:
        self.passes += 1
        return (iteration(number) for number in range(self._count))

    def __getitem__(self, index: t.Any) -> t.Any:
        raise AssertionError("a report must not pick rows")
