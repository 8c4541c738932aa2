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

"""Workloads, and what is known of their results as a whole."""

from __future__ import annotations

import math
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from rally.common.db import engine, models, results, rows

Workload = models.Workload
Values: t.TypeAlias = dict[str, t.Any]


def workload_get(workload_uuid: str) -> Values | None:
    """A workload without its results; None if there is none."""
    with engine.reading() as session:
        found = session.scalars(
            sa.select(Workload).where(Workload.uuid == workload_uuid)
        ).first()
        return t.cast("Values | None", rows.serialize(found))


def workload_create(
    task_uuid: str,
    subtask_uuid: str,
    name: str,
    description: str | None,
    position: int,
    runner: Values,
    runner_type: str,
    hooks: list[Values],
    contexts: Values,
    sla: Values,
    args: Values,
    uuid: str | None = None,
) -> Values:
    """Record a workload.

    :param uuid: its uuid, so that doing it again changes nothing
    """
    workload = Workload(
        **({"uuid": uuid} if uuid else {}),
        task_uuid=task_uuid,
        subtask_uuid=subtask_uuid,
        name=name,
        description=description or "",
        position=position,
        runner=runner,
        runner_type=runner_type,
        hooks=hooks,
        contexts=contexts,
        sla=sla,
        args=args,
    )
    with engine.writing() as session:
        rows.require(session, models.Subtask, subtask_uuid)
        return rows.add_once(session, workload, uuid)


def workload_update_progress(
    workload_uuid: str,
    *,
    sla_results: list[Values] | None = None,
    **aggregate: t.Any,
) -> None:
    """Record how far a running workload is.

    :param sla_results: verdicts so far; None leaves what is stored
    :param aggregate: ``start_time`` of the first iteration (seconds),
        ``load_duration``, and what ``workload_set_results`` takes
    """
    values = _columns_of(aggregate)
    if sla_results is not None:
        values["sla_results"] = {"sla": sla_results}
        values["pass_sla"] = _is_passed(sla_results)
    with engine.writing() as session:
        done = session.execute(
            sa.update(Workload)
            .where(Workload.uuid == workload_uuid)
            .values(values)
        )
        if not rows.affected(done):
            raise rows.not_found(Workload, "uuid: %s" % workload_uuid)


def workload_set_contexts(
    workload_uuid: str, contexts_results: list[Values]
) -> None:
    """Record what became of the contexts, as far as it is known."""
    with engine.writing() as session:
        workload = rows.find_to_change(session, Workload, workload_uuid)
        workload.contexts_results = contexts_results


def workload_set_results(
    workload_uuid: str,
    subtask_uuid: str,
    task_uuid: str,
    load_duration: float,
    full_duration: float,
    start_time: float | None,
    sla_results: list[Values],
    contexts_results: list[Values],
    hooks_results: list[Values] | None = None,
    aggregate: Values | None = None,
) -> None:
    """Record the outcome of a workload, and sum up its subtask and task.

    Doing it again replaces the outcome.

    :param start_time: start of the first iteration, seconds
    :param aggregate: ``statistics total failed min_duration max_duration
        load_info``; computed from the stored chunks if None. Statistics
        are ``{"durations": {"total": row, "atomics": [row]}}``
    """
    if aggregate is None:
        aggregate = results.reader().summary(workload_uuid)
    with engine.writing() as session:
        workload = rows.find_to_change(session, Workload, workload_uuid)
        rows.assign(workload, {
            **_columns_of(aggregate),
            "load_duration": load_duration,
            "full_duration": full_duration,
            "start_time": start_time,
            "sla_results": {"sla": sla_results},
            "pass_sla": _is_passed(sla_results),
            "contexts_results": contexts_results,
        })
        if hooks_results is not None:
            workload.hooks = hooks_results
        session.flush()
        _sum_up(session, subtask_uuid, task_uuid)


def _columns_of(aggregate: Values) -> Values:
    names = {
        "total": "total_iteration_count", "failed": "failed_iteration_count",
    }
    return {names.get(key, key): aggregate[key] for key in aggregate}


def _is_passed(sla_results: list[Values]) -> bool:
    return all(verdict["success"] for verdict in sla_results)


def _sum_up(
    session: orm.Session, subtask_uuid: str, task_uuid: str
) -> None:
    """Let subtask and task tell the sum of their workloads."""
    # upwards, as in tasks.delete_where
    subtask = rows.find_to_change(session, models.Subtask, subtask_uuid)
    task = rows.find_to_change(session, models.Task, task_uuid)
    in_subtask = Workload.subtask_uuid == subtask_uuid
    in_task = Workload.task_uuid == task_uuid
    subtask.duration, subtask.pass_sla = _totals(session, in_subtask)
    task.task_duration, task.pass_sla = _totals(session, in_task)


def _totals(
    session: orm.Session, criterion: sa.ColumnElement[bool]
) -> tuple[float, bool]:
    found = session.execute(
        sa.select(Workload.load_duration, Workload.pass_sla).where(criterion)
    ).all()
    return (
        math.fsum(duration or 0.0 for duration, _ in found),
        all(passed is not False for _, passed in found),
    )
