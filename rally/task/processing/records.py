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

"""What every report reads out of the records of tasks."""

from __future__ import annotations

import datetime as dt
import typing as t

from rally import consts

Record: t.TypeAlias = t.Mapping[str, t.Any]

TIMEFORMAT = "%Y-%m-%dT%H:%M:%S"

#: stands in the detail of a criterion that holds because there was nothing it
#: could have judged. Its status is that of Rally: it holds
NOTHING_TO_JUDGE = "nothing to judge"

#: a task in one of these changes no more
FINAL_STATUSES = frozenset(
    (
        consts.TaskStatus.FINISHED,
        consts.TaskStatus.ABORTED,
        consts.TaskStatus.CRASHED,
        consts.TaskStatus.VALIDATION_FAILED,
        consts.TaskStatus.SLA_FAILED,
    )
)


def time_of(moment: t.Any) -> dt.datetime | None:
    """A record's time, which is a datetime or its text."""
    if isinstance(moment, dt.datetime):
        return moment
    try:
        return dt.datetime.fromisoformat(str(moment or ""))
    except ValueError:
        return None


def time_text(moment: t.Any) -> str:
    """A record's time in the form of reports."""
    found = time_of(moment)
    return found.strftime(TIMEFORMAT) if found else str(moment or "")


def pair_of(section: t.Any) -> tuple[str, t.Any]:
    """(Name, config) of a hook's action or trigger in either of its forms.

    Databases hold ``[name, config]``, JSON reports ``{name: config}``.

    :raises ValueError: it is in neither
    """
    pairs = section.items() if isinstance(section, dict) else [section]
    for name, config in pairs:
        return name, config
    raise ValueError("%r names no plugin" % (section,))


def workloads_of(
    tasks: t.Iterable[Record],
) -> t.Iterator[tuple[Record, Record, Record]]:
    """(Task, subtask, workload) of all workloads of *tasks*."""
    for task in tasks:
        for subtask in task.get("subtasks") or ():
            for workload in subtask["workloads"]:
                yield task, subtask, workload


def criteria_of(workload: Record) -> list[dict[str, t.Any]]:
    """Results of the workload's SLA criteria."""
    return list((workload.get("sla_results") or {}).get("sla") or ())


def is_vacuous(criterion: Record) -> bool:
    """Whether a criterion holds because it had nothing to judge."""
    return bool(criterion["success"]) and (
        NOTHING_TO_JUDGE in str(criterion["detail"])
    )


def durations_of(workload: Record) -> dict[str, t.Any]:
    """The workload's statistics, ``{"total": row, "atomics": [row]}``."""
    return dict((workload.get("statistics") or {}).get("durations") or {})


def hook_config(hook: Record) -> Record:
    """Config of a stored hook; while the task runs it is the hook itself."""
    return t.cast(Record, hook.get("config", hook))


def is_final(task: Record) -> bool:
    """Whether the task's results change no more."""
    return task.get("status", "finished") in FINAL_STATUSES
