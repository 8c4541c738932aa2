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
from sqlalchemy import orm

from rally import exceptions
from rally.common.db import engine, models, rows, tasks, verifiers

Env = models.Env
Platform = models.Platform
Values: t.TypeAlias = dict[str, t.Any]


def env_get(uuid_or_name: str) -> Values:
    with engine.reading() as session:
        return rows.values_of(rows.find_named(session, Env, uuid_or_name))


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
        return rows.values_of_all(session, query)


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
    with rows.unique_name(Env, name), engine.writing() as session:
        session.add(env)
        session.flush()
        session.add_all(
            Platform(env_uuid=env.uuid, **platform) for platform in platforms
        )
        session.flush()
        return rows.values_of(env)


def env_rename(uuid: str, old_name: str, new_name: str) -> bool:
    """Rename, unless the new name is taken or the old one is not right."""
    try:
        with rows.unique_name(Env, new_name), engine.writing() as session:
            return _update(
                session,
                Env,
                {"name": new_name},
                Env.uuid == uuid,
                Env.name == old_name,
            )
    except exceptions.DBRecordExists:
        return False


def env_update(
    uuid: str,
    description: str | None = None,
    extras: Values | None = None,
    config: Values | None = None,
) -> bool:
    """Change what is given; False if there is no such environment."""
    return _update_given(
        Env, uuid, description=description, extras=extras, config=config
    )


def env_set_status(uuid: str, old_status: str, new_status: str) -> bool:
    """Go from one status to the next.

    :raises DBConflict: it is in another status
    """
    return _set_status(Env, uuid, old_status, new_status)


@engine.retried
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
        return rows.values_of_all(session, query.order_by(Platform.id))


def platform_get(uuid: str) -> Values:
    with engine.reading() as session:
        return rows.values_of(rows.find(session, Platform, uuid))


def platform_set_status(uuid: str, old_status: str, new_status: str) -> bool:
    """Go from one status to the next.

    :raises DBConflict: it is in another status
    """
    return _set_status(Platform, uuid, old_status, new_status)


def platform_set_data(
    uuid: str,
    platform_data: Values | None = None,
    plugin_data: Values | None = None,
) -> bool:
    """Change what is given; False if there is no such platform."""
    return _update_given(
        Platform, uuid, platform_data=platform_data, plugin_data=plugin_data
    )


def _update(
    session: orm.Session,
    model: type[Env] | type[Platform],
    values: Values,
    *criteria: sa.ColumnElement[bool],
) -> bool:
    done = session.execute(sa.update(model).where(*criteria).values(values))
    return rows.affected(done) == 1


def _update_given(
    model: type[Env] | type[Platform], uuid: str, **given: t.Any
) -> bool:
    """Change what is not None; False if there is no such row."""
    values = {k: v for k, v in given.items() if v is not None}
    with engine.writing() as session:
        return _update(
            session, model, values or {"uuid": uuid}, model.uuid == uuid
        )


def _set_status(
    model: type[Env] | type[Platform],
    uuid: str,
    old_status: str,
    new_status: str,
) -> bool:
    with engine.writing() as session:
        actual = rows.find(session, model, uuid).status
        if actual != old_status:
            raise exceptions.DBConflict(
                "%s %s should be in status %s, but is %s"
                % (model.__name__, uuid, old_status, actual)
            )
        return _update(
            session,
            model,
            {"status": new_status},
            model.uuid == uuid,
            model.status == old_status,
        )
