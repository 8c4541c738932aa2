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

"""Tasks and subtasks."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from rally import consts, exceptions
from rally.common.db import engine, models, results, rows
from rally.common.db import tags as db_tags

Task = models.Task
Subtask = models.Subtask
Workload = models.Workload
WorkloadData = models.WorkloadData
Values: t.TypeAlias = dict[str, t.Any]
_TAG_TYPE = consts.TagType.TASK


def task_get(
    uuid: str | None = None, detailed: bool = False, lazy: bool = False
) -> Values:
    """A task with its sorted tags.

    :param detailed: add ``subtasks``, each with its ``workloads``, each with
        ``data``: its results in the order of their start
    :param lazy: let ``data`` be a sequence that reads the database as it is
        walked, instead of a list
    """
    options = []
    if detailed:
        loading = orm.selectinload(Task.subtasks)
        options.append(loading.selectinload(Subtask.workloads))
    with engine.reading() as session:
        task = rows.values_of(rows.find(session, Task, uuid, *options))
        (task,) = db_tags.added(session, [task], _TAG_TYPE)
    for subtask in task.get("subtasks", ()):
        for workload in subtask["workloads"]:
            data = results.reader().StoredResults(workload["uuid"])
            workload["data"] = data if lazy else list(data)
    return task


def task_get_status(uuid: str | None = None) -> str:
    with engine.reading() as session:
        row = session.execute(
            sa.select(Task.status).where(Task.uuid == uuid)
        ).first()
    if row is None:
        raise rows.not_found(Task, "uuid: %s" % uuid)
    return str(row[0])


def task_create(values: t.Mapping[str, t.Any]) -> Values:
    """Record a task.

    :param values: columns of the table, and possibly ``tags``
    """
    columns = dict(values)
    tags = sorted(set(columns.pop("tags", None) or ()))
    task = Task()
    rows.assign(task, columns)
    with engine.writing() as session:
        session.add(task)
        session.flush()
        if tags:
            db_tags.replace(session, task.uuid, _TAG_TYPE, tags)
        session.refresh(task, ["input_task", "validation_duration", "owner"])
        return dict(rows.serialize(task), tags=tags)


def task_update(uuid: str, values: t.Mapping[str, t.Any]) -> Values:
    """Change columns of a task; ``tags`` replaces them all."""
    columns = {k: v for k, v in values.items() if k not in ("id", "uuid")}
    tags = columns.pop("tags", None)
    with engine.writing() as session:
        task = rows.change(
            session, rows.find_to_change(session, Task, uuid), columns
        )
        if tags is not None:
            db_tags.replace(session, uuid, _TAG_TYPE, tags)
        return db_tags.added(session, [task], _TAG_TYPE)[0]


def task_update_status(
    uuid: str, status: str, allowed_statuses: t.Sequence[str]
) -> int:
    """Change the status, in one step, if it is one of *allowed_statuses*.

    :raises DBRecordNotFound: no such task in one of these statuses
    """
    with engine.writing() as session:
        done = session.execute(
            sa.update(Task)
            .where(Task.uuid == uuid, Task.status.in_(allowed_statuses))
            .values(status=status)
        )
    if not rows.affected(done):
        raise rows.not_found(
            Task,
            "uuid=%s and status in [%s]"
            % (uuid, ", ".join(allowed_statuses)),
        )
    return rows.affected(done)


def task_list(
    status: str | None = None,
    env: str | None = None,
    tags: t.Iterable[str] | None = None,
    uuids_only: bool = False,
    env_names: bool = False,
) -> list[Values]:
    """Tasks, oldest first, with their sorted tags; in one statement.

    :param env: uuid or name of an environment
    :param tags: only tasks that have at least one of these
    :param uuids_only: give dicts of ``id`` and ``uuid`` only
    :param env_names: add ``env_name``; None if there is no such environment
    :raises DBRecordNotFound: there is no environment *env*
    """
    with engine.reading() as session:
        criteria = []
        if status is not None:
            criteria.append(Task.status == status)
        if env is not None:
            named = sa.or_(models.Env.uuid == env, models.Env.name == env)
            uuids = sa.select(models.Env.uuid).where(named)
            criteria.append(Task.env_uuid.in_(uuids))
        if tags:
            tagged = db_tags.uuids_tagged(tags, _TAG_TYPE)
            criteria.append(Task.uuid.in_(tagged))
        if uuids_only:
            found = _ids(session, criteria)
        else:
            found = _with_tags(session, criteria, env_names)
        if env is not None and not found:
            rows.find_named(session, models.Env, env)
        return found


def _ids(
    session: orm.Session, criteria: t.Sequence[sa.ColumnElement[bool]]
) -> list[Values]:
    query = sa.select(Task.id, Task.uuid).where(*criteria).order_by(Task.id)
    return [dict(row._mapping) for row in session.execute(query)]


def _with_tags(
    session: orm.Session,
    criteria: t.Sequence[sa.ColumnElement[bool]],
    env_names: bool,
) -> list[Values]:
    """Tasks by their id: a row for each tag, and one for a task without."""
    tag = models.Tag
    is_of_task = sa.and_(tag.uuid == Task.uuid, tag.type == _TAG_TYPE)
    query = (
        sa.select(Task, models.Env.name, tag.tag)
        .outerjoin(models.Env, models.Env.uuid == Task.env_uuid)
        .outerjoin(tag, is_of_task)
        .where(*criteria)
        .order_by(Task.id)
    )
    found: dict[int, Values] = {}
    for task, env_name, tag_name in session.execute(query):
        values = found.get(task.id)
        if values is None:
            values = found[task.id] = dict(rows.values_of(task), tags=[])
            if env_names:
                values["env_name"] = env_name
        if tag_name is not None:
            values["tags"].append(tag_name)
    for values in found.values():
        values["tags"].sort()  # here: each database has an order of its own
    return list(found.values())


@engine.retried
def task_delete(uuid: str, status: str | None = None) -> None:
    """Delete a task and all that belongs to it.

    :param status: delete it in this status only
    :raises DBConflict: it is in another status
    """
    with engine.writing() as session:
        actual = rows.find(session, Task, uuid).status
        if status is not None and actual != status:
            raise exceptions.DBConflict(
                "task `%s` is in status `%s`, but only one in status `%s` "
                "may be deleted here" % (uuid, actual, status)
            )
        delete_where(session, Task.uuid == uuid)


def delete_where(
    session: orm.Session, criterion: sa.ColumnElement[bool]
) -> None:
    """Delete tasks with their chunks, workloads, subtasks and tags.

    Rows are locked upwards, as by all who change more of a task than one row:
    in another order each could wait for the other.
    """
    uuids = session.scalars(sa.select(Task.uuid).where(criterion)).all()
    for portion in rows.portions(uuids):
        rows.locked(session, Workload, Workload.task_uuid.in_(portion))
        subtasks = rows.locked(
            session, Subtask, Subtask.task_uuid.in_(portion)
        )
        rows.locked(session, Task, Task.uuid.in_(portion))
        db_tags.delete(session, subtasks, consts.TagType.SUBTASK)
    for column in (
        WorkloadData.task_uuid, Workload.task_uuid, Subtask.task_uuid
    ):
        rows.delete_all(session, column, uuids)
    db_tags.delete(session, uuids, _TAG_TYPE)
    rows.delete_all(session, Task.uuid, uuids)


def subtask_create(
    task_uuid: str,
    title: str,
    description: str | None = None,
    contexts: Values | None = None,
    uuid: str | None = None,
) -> Values:
    """Record a subtask.

    :param uuid: its uuid, so that doing it again changes nothing
    """
    subtask = Subtask(
        **({"uuid": uuid} if uuid else {}),
        task_uuid=task_uuid,
        title=title,
        description=description or "",
        contexts=contexts or {},
    )
    with engine.writing() as session:
        rows.require(session, Task, task_uuid)
        return rows.add_once(session, subtask, uuid)


def subtask_update(
    subtask_uuid: str, values: t.Mapping[str, t.Any]
) -> Values:
    with engine.writing() as session:
        subtask = rows.find_to_change(session, Subtask, subtask_uuid)
        return rows.change(session, subtask, values)
