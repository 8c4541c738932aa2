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

"""From rows to plain values, and finding a row or saying that there is none.
"""

from __future__ import annotations

import contextlib
import typing as t

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from rally import exceptions
from rally.common.db import models

Values: t.TypeAlias = dict[str, t.Any]
M = t.TypeVar("M", bound=models.Base)
#: values in one statement
PORTION = 500
Named = t.TypeVar("Named", models.Env, models.Verifier)


def serialize(data: t.Any) -> t.Any:
    """Rows as dicts: columns by name, plus the relationships loaded.

    Lists, tuples and dicts are walked; other values stay as they are.
    Columns whose loading was put off (large ones) are left out.
    """
    if isinstance(data, models.Base):
        return _serialize_row(data)
    if isinstance(data, dict):
        return {key: serialize(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [serialize(item) for item in data]
    return data


def _serialize_row(row: models.Base) -> Values:
    state = sa.inspect(row)
    mapper = state.mapper
    values: Values = {}
    for attribute in mapper.column_attrs:
        if attribute.key not in state.unloaded:
            values[attribute.key] = _plain(getattr(row, attribute.key))
    for relationship in mapper.relationships:
        # upwards it would never end
        if relationship.uselist and relationship.key not in state.unloaded:
            values[relationship.key] = serialize(
                list(getattr(row, relationship.key))
            )
    return values


def _plain(value: t.Any) -> t.Any:
    """Dicts and lists without the machinery that watches their changes."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return list(value)
    return value


def values_of(row: models.Base) -> Values:
    return t.cast(Values, serialize(row))


def values_of_all(
    session: orm.Session, query: sa.Select[t.Any]
) -> list[Values]:
    return [values_of(row) for row in session.scalars(query)]


def find(
    session: orm.Session, model: type[M], uuid: str | None, *options: t.Any
) -> M:
    """The row of *model* with this uuid.

    :raises DBRecordNotFound: there is none
    """
    return _first(session, model, uuid, sa.select(model).options(*options))


def find_to_change(
    session: orm.Session, model: type[M], uuid: str | None
) -> M:
    """The row with this uuid, which nobody else changes or deletes until the
    transaction ends.

    :raises DBRecordNotFound: there is none
    """
    query = sa.select(model).with_for_update(key_share=True)
    return _first(session, model, uuid, query)


def _first(
    session: orm.Session, model: type[M], uuid: str | None,
    query: sa.Select[t.Any],
) -> M:
    is_it = sa.inspect(model).columns["uuid"] == uuid
    row: M | None = session.scalars(query.where(is_it)).first()
    if row is None:
        raise not_found(model, "uuid: %s" % uuid)
    return row


def add_once(
    session: orm.Session, row: models.Base, uuid: str | None
) -> Values:
    """Add *row*, unless there is one with this uuid; the one there is."""
    columns = sa.inspect(type(row)).columns
    found = uuid and session.scalars(
        sa.select(type(row)).where(columns["uuid"] == uuid)
    ).first()
    if not found:
        session.add(row)
        session.flush()
    return values_of(found or row)


def find_named(
    session: orm.Session, model: type[Named], uuid_or_name: str
) -> Named:
    """:raises DBRecordNotFound: there is none"""
    row = session.scalars(
        sa.select(model).where(
            sa.or_(model.uuid == uuid_or_name, model.name == uuid_or_name)
        )
    ).first()
    if row is None:
        raise not_found(model, "uuid or name: %s" % uuid_or_name)
    return row


@contextlib.contextmanager
def unique_name(
    model: type[models.Env] | type[models.Verifier], name: str
) -> t.Iterator[None]:
    """:raises DBRecordExists: the name that is written within is taken"""
    try:
        yield
    except exceptions.DBException as e:
        if isinstance(e.__cause__, db_exc.DBDuplicateEntry):
            raise exceptions.DBRecordExists(
                field="name", value=name, table=model.__tablename__
            ) from e
        raise


def not_found(
    model: type[models.Base], criteria: str
) -> exceptions.DBRecordNotFound:
    return exceptions.DBRecordNotFound(
        criteria=criteria, table=model.__tablename__
    )


def assign(row: models.Base, values: t.Mapping[str, t.Any]) -> None:
    """Set columns of *row*.

    :raises TypeError: a key is not a column
    """
    columns = sa.inspect(type(row)).column_attrs
    for name, value in values.items():
        if name not in columns:
            raise TypeError(
                "%r is not a column of table %s" % (name, row.__tablename__)
            )
        setattr(row, name, value)


def change(
    session: orm.Session, row: models.Base, values: t.Mapping[str, t.Any]
) -> Values:
    """Set columns of *row* and write them; the row as it is then."""
    assign(row, values)
    session.flush()
    return values_of(row)


def require(
    session: orm.Session, model: type[models.Base], uuid: str
) -> None:
    """Let nobody delete the row with this uuid until the transaction ends.

    :raises DBRecordNotFound: there is none
    """
    column = sa.inspect(model).columns["uuid"]
    found = session.execute(
        sa.select(column).where(column == uuid)
        .with_for_update(read=True, key_share=True)
    )
    if found.first() is None:
        raise not_found(model, "uuid: %s" % uuid)


def locked(
    session: orm.Session, model: type[M], criterion: sa.ColumnElement[bool]
) -> list[str]:
    """Uuids of rows that nobody else changes, or refers to anew, until the
    transaction ends.

    They are locked by their uuids: MariaDB locks what it looks at, and looks
    at the index of uuids alone to see whether a new row may refer to one.
    """
    uuid = sa.inspect(model).columns["uuid"]
    uuids = session.scalars(sa.select(uuid).where(criterion)).all()
    for portion in portions(sorted(uuids)):
        session.execute(
            sa.select(uuid).where(uuid.in_(portion)).with_for_update()
        )
    return list(uuids)


def delete_all(
    session: orm.Session,
    column: orm.InstrumentedAttribute[t.Any],
    values: t.Sequence[str],
    *criteria: sa.ColumnElement[bool],
) -> None:
    """Delete rows by *values* of *column*; the session has loaded none.

    They are named one by one: MariaDB would read, and lock, a whole table to
    find those that a query within the statement names.
    """
    for portion in portions(values):
        statement = sa.delete(column.class_).where(
            column.in_(portion), *criteria
        )
        session.execute(
            statement.execution_options(synchronize_session=False)
        )


def portions(values: t.Sequence[str]) -> t.Iterator[t.Sequence[str]]:
    """Parts of *values*; databases limit how many a statement has."""
    for start in range(0, len(values), PORTION):
        yield values[start:start + PORTION]


def affected(result: sa.Result[t.Any]) -> int:
    """How many rows a statement changed."""
    return t.cast("sa.CursorResult[t.Any]", result).rowcount
