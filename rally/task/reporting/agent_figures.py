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

"""What the aggregate of each agent tells of it."""

from __future__ import annotations

import typing as t

from rally.task.results import aggregate
from rally.task.results.row import NS

if t.TYPE_CHECKING:
    from rally.task.work import schedule as schedule_module

PERCENTS = (50, 95, 99)
Info: t.TypeAlias = dict[str, t.Any]


def figures_of(
    members: t.Iterable[t.Mapping[str, t.Any]],
    sources: t.Mapping[str, aggregate.Aggregate],
    schedule: schedule_module.Schedule | None,
) -> list[Info]:
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
                source.first_started_ns, info.get("position") or 0, schedule
            )
    first_ns = min(began.values(), default=0)
    for info in infos:
        if info["name"] in began:
            info["start_spread_s"] = (began[info["name"]] - first_ns) / NS
    return infos


def _durations_of(source: aggregate.Aggregate | None) -> Info:
    """Of an agent that has run nothing (yet), zeros."""
    if source is None:
        return {
            "iterations": 0, "failed": 0,
            **{"p%d" % percent: None for percent in PERCENTS},
        }
    values = {
        "p%d" % percent: source.durations.percentile(percent / 100)
        for percent in PERCENTS
    }
    return {
        "iterations": source.iterations,
        "failed": source.failed,
        **{
            name: None if value is None else value / NS
            for name, value in values.items()
        },
    }


def _began_ns(
    first_ns: int, position: int, schedule: schedule_module.Schedule | None
) -> int:
    """First start of an agent, as if all had been due at once."""
    if schedule is None:
        return first_ns
    # the first numbers of an open model are dealt out in turn
    return first_ns - schedule.due_ns(position)
