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

"""Tags of tasks and verifications."""

from __future__ import annotations

import collections
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from rally.common.db import engine, models, rows

Tag = models.Tag


def tags_get(uuid: str, tag_type: str) -> list[str]:
    """Tags of one record, sorted."""
    with engine.reading() as session:
        return added(session, [{"uuid": uuid}], tag_type)[0]["tags"]


def added(
    session: orm.Session, records: list[rows.Values], tag_type: str
) -> list[rows.Values]:
    """*records*, each with its sorted ``tags``."""
    uuids = [record["uuid"] for record in records]
    found: dict[str, list[str]] = collections.defaultdict(list)
    for portion in rows.portions(uuids):
        pairs = session.execute(
            sa.select(Tag.uuid, Tag.tag)
            .where(Tag.type == tag_type, Tag.uuid.in_(portion))
        )
        for uuid, tag in pairs:
            found[uuid].append(tag)
    # here: each database has an order of its own
    return [dict(each, tags=sorted(found[each["uuid"]])) for each in records]


def replace(
    session: orm.Session, uuid: str, tag_type: str, tags: t.Iterable[str]
) -> None:
    """Let the record have exactly these tags."""
    delete(session, [uuid], tag_type)
    session.add_all(
        Tag(uuid=uuid, type=tag_type, tag=tag) for tag in sorted(set(tags))
    )
    session.flush()


def delete(
    session: orm.Session, uuids: t.Sequence[str], tag_type: str
) -> None:
    rows.delete_all(session, Tag.uuid, uuids, Tag.type == tag_type)


def uuids_tagged(tags: t.Iterable[str], tag_type: str) -> sa.Select[t.Any]:
    """Uuids of the records that have at least one of *tags*."""
    if isinstance(tags, str):
        tags = [tags]
    return sa.select(Tag.uuid).where(
        Tag.type == tag_type, Tag.tag.in_(list(tags))
    )
