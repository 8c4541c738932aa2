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

"""Environments and their platforms."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from rally import exceptions
from rally.common.db import engine, models, rows, tasks, verifiers

Env = models.Env
Platform = models.Platform
Values: t.TypeAlias = dict[str, t.Any]


def env_get(uuid_or_name: str) -> Values:
    with engine.reading() as session:
        return t.cast(
            Values, rows.serialize(rows.find_env(session, uuid_or_name))
        )


def env_get_status(uuid: str) -> str:
    with engine.reading() as session:
        status = session.scalar(
            sa.select(Env.status).where(Env.uuid == uuid)
        )
    if status is None:
        raise rows.not_found(Env, "uuid: %s" % uuid)
    return status


def env_list(status: str | None = None) -> list[Values]:
    query = sa.select(Env).order_by(Env.id)
    if status:
        query = query.where(Env.status == status)
    with engine.reading() as session:
        return t.cast(
            list[Values], rows.serialize(session.scalars(query).all())
        )


def env_create(
    name: str,
    status: str,
    description: str | None,
    extras: Values | None,
    config: Values | None,
    spec: Values | None,
    platforms: t.Iterable[Values],
) -> Values:
    """Record an environment and its platforms.

    :raises DBRecordExists: the name is taken
    """
    env = Env(
        uuid=models.new_uuid(),
        name=name,
        status=status,
        description=description or "",
        extras=extras or {},
        config=config or {},
        spec=spec or {},
    )
    try:
        with engine.writing() as session:
            session.add(env)
            session.flush()
            session.add_all(
                Platform(env_uuid=env.uuid, **platform)
                for platform in platforms
            )
            session.flush()
            return t.cast(Values, rows.serialize(env))
    except exceptions.DBException as e:
        if isinstance(e.__cause__, db_exc.DBDuplicateEntry):
            raise exceptions.DBRecordExists(
                field="name", value=name, table="envs"
            ) from e
        raise


def env_rename(uuid: str, old_name: str, new_name: str) -> bool:
    """Rename, unless somebody else did; False if so, or if it is taken."""
    try:
        with engine.writing() as session:
            return _update(
                session,
                Env,
                {"name": new_name},
                Env.uuid == uuid,
                Env.name == old_name,
            )
    except exceptions.DBException as e:
        if isinstance(e.__cause__, db_exc.DBDuplicateEntry):
            return False
        raise


def env_update(
    uuid: str,
    description: str | None = None,
    extras: Values | None = None,
    config: Values | None = None,
) -> bool:
    """Change what is given; False if there is no such environment."""
    given = {"description": description, "extras": extras, "config": config}
    values = {k: v for k, v in given.items() if v is not None}
    with engine.writing() as session:
        return _update(
            session, Env, values or {"uuid": uuid}, Env.uuid == uuid
        )


def env_set_status(uuid: str, old_status: str, new_status: str) -> bool:
    """Go from one status to the next.

    :raises DBConflict: it is in another status
    """
    return _set_status(Env, "Env", uuid, old_status, new_status)


def env_delete_cascade(uuid: str) -> None:
    """Delete the environment and all that was recorded in it."""
    with engine.writing() as session:
        tasks.delete_where(session, models.Task.env_uuid == uuid)
        verifiers.delete_where(session, models.Verification.env_uuid == uuid)
        session.execute(
            sa.delete(Platform).where(Platform.env_uuid == uuid)
        )
        session.execute(sa.delete(Env).where(Env.uuid == uuid))


def platforms_list(env_uuid: str) -> list[Values]:
    query = sa.select(Platform).where(Platform.env_uuid == env_uuid)
    with engine.reading() as session:
        found = session.scalars(query.order_by(Platform.id)).all()
        return t.cast(list[Values], rows.serialize(found))


def platform_get(uuid: str) -> Values:
    with engine.reading() as session:
        return t.cast(
            Values, rows.serialize(rows.find(session, Platform, uuid))
        )


def platform_set_status(uuid: str, old_status: str, new_status: str) -> bool:
    """Go from one status to the next.

    :raises DBConflict: it is in another status
    """
    return _set_status(Platform, "Platform", uuid, old_status, new_status)


def platform_set_data(
    uuid: str,
    platform_data: Values | None = None,
    plugin_data: Values | None = None,
) -> bool:
    """Change what is given; False if there is no such platform."""
    given = {"platform_data": platform_data, "plugin_data": plugin_data}
    values = {k: v for k, v in given.items() if v is not None}
    with engine.writing() as session:
        return _update(
            session, Platform, values or {"uuid": uuid}, Platform.uuid == uuid
        )


def _update(
    session: orm.Session,
    model: type[Env] | type[Platform],
    values: Values,
    *criteria: sa.ColumnElement[bool],
) -> bool:
    done = session.execute(sa.update(model).where(*criteria).values(values))
    return rows.affected(done) == 1


def _set_status(
    model: type[Env] | type[Platform],
    kind: str,
    uuid: str,
    old_status: str,
    new_status: str,
) -> bool:
    with engine.writing() as session:
        actual = rows.find(session, model, uuid).status
        if actual != old_status:
            raise exceptions.DBConflict(
                "%s %s should be in status %s, but is %s"
                % (kind, uuid, old_status, actual)
            )
        return _update(
            session,
            model,
            {"status": new_status},
            model.uuid == uuid,
            model.status == old_status,
        )
