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

"""Verifiers and verifications."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from rally import consts
from rally.common.db import engine, models, rows
from rally.common.db import tags as db_tags

Verifier = models.Verifier
Verification = models.Verification
Values: t.TypeAlias = dict[str, t.Any]
_TAG_TYPE = consts.TagType.VERIFICATION


def _find(session: orm.Session, verifier_id: str) -> Verifier:
    return rows.find_named(session, Verifier, verifier_id)


def verifier_create(
    name: str,
    vtype: str,
    platform: str,
    source: str | None,
    version: str | None,
    system_wide: bool,
    extra_settings: Values | None = None,
    owner: str | None = None,
) -> Values:
    """Record a verifier.

    :param owner: the process that will install it
    :raises DBRecordExists: the name is taken
    """
    verifier = Verifier(
        name=name,
        type=vtype,
        platform=platform,
        source=source,
        version=version,
        system_wide=system_wide,
        extra_settings=extra_settings,
        owner=owner,
    )
    with rows.unique_name(Verifier, name), engine.writing() as session:
        session.add(verifier)
    return verifier_get(verifier.uuid)


def verifier_get(verifier_id: str) -> Values:
    with engine.reading() as session:
        return rows.values_of(_find(session, verifier_id))


def verifier_list(status: str | None = None) -> list[Values]:
    query = sa.select(Verifier).order_by(Verifier.id)
    if status:
        query = query.where(Verifier.status == status)
    with engine.reading() as session:
        return rows.values_of_all(session, query)


@engine.retried
def verifier_delete(verifier_id: str) -> None:
    """Delete a verifier with its verifications."""
    with engine.writing() as session:
        verifier = _find(session, verifier_id)
        delete_where(session, Verification.verifier_uuid == verifier.uuid)
        session.delete(verifier)


def verifier_update(verifier_id: str, **properties: t.Any) -> Values:
    with engine.writing() as session:
        uuid = _find(session, verifier_id).uuid
        row = rows.find_to_change(session, Verifier, uuid)
        return rows.change(session, row, properties)


def verification_create(
    verifier_id: str,
    env: str,
    tags: t.Iterable[str] | None = None,
    run_args: Values | None = None,
    owner: str | None = None,
) -> Values:
    """Record a verification.

    :param owner: the process that will run it
    """
    with engine.writing() as session:
        verification = Verification(
            verifier_uuid=_find(session, verifier_id).uuid,
            env_uuid=rows.find_named(session, models.Env, env).uuid,
            run_args=run_args,
            owner=owner,
        )
        session.add(verification)
        session.flush()
        if tags:
            db_tags.replace(session, verification.uuid, _TAG_TYPE, tags)
        return dict(rows.values_of(verification), tags=sorted(set(tags or ())))


def verification_get(verification_uuid: str) -> Values:
    """A verification with its sorted tags."""
    with engine.reading() as session:
        row = rows.find(session, Verification, verification_uuid)
        return db_tags.added(session, [rows.values_of(row)], _TAG_TYPE)[0]


def verification_list(
    verifier_id: str | None = None,
    env: str | None = None,
    tags: t.Iterable[str] | None = None,
    status: str | None = None,
) -> list[Values]:
    """Verifications with their sorted tags."""
    query = sa.select(Verification).order_by(Verification.id)
    with engine.reading() as session:
        if verifier_id:
            verifier = _find(session, verifier_id)
            query = query.where(Verification.verifier_uuid == verifier.uuid)
        if env:
            env_uuid = rows.find_named(session, models.Env, env).uuid
            query = query.where(Verification.env_uuid == env_uuid)
        if status:
            query = query.where(Verification.status == status)
        if tags:
            tagged = db_tags.uuids_tagged(tags, _TAG_TYPE)
            query = query.where(Verification.uuid.in_(tagged))
        return db_tags.added(
            session, rows.values_of_all(session, query), _TAG_TYPE
        )


@engine.retried
def verification_delete(uuid: str) -> None:
    with engine.writing() as session:
        rows.find(session, Verification, uuid)
        delete_where(session, Verification.uuid == uuid)


def verification_update(
    verification_uuid: str, **properties: t.Any
) -> Values:
    with engine.writing() as session:
        row = rows.find_to_change(session, Verification, verification_uuid)
        changed = rows.change(session, row, properties)
        return db_tags.added(session, [changed], _TAG_TYPE)[0]


def delete_where(
    session: orm.Session, criterion: sa.ColumnElement[bool]
) -> None:
    """Delete verifications and their tags."""
    uuids = rows.locked(session, Verification, criterion)
    db_tags.delete(session, uuids, _TAG_TYPE)
    rows.delete_all(session, Verification.uuid, uuids)
