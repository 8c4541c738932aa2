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

"""Steps of migrations, each of which may have been done already.

MySQL keeps what a migration did before it failed, whatever transaction that
was in. So a migration consists of these, and of updates that come to the same
when they are done again: run once more, it does what is left.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create_table(name: str, *parts: sa.Column | sa.Constraint) -> None:
    """Make a table; its indices are steps of their own."""
    if not _inspector().has_table(name):
        op.create_table(name, *parts)


def add_column(table: str, column: sa.Column) -> None:
    there = _inspector().get_columns(table)
    if column.name not in [each["name"] for each in there]:
        op.add_column(table, column)


def create_index(
    name: str, table: str, columns: list[str], unique: bool = False
) -> None:
    there = _inspector().get_indexes(table)
    if name not in [each["name"] for each in there]:
        op.create_index(name, table, columns, unique=unique)


def change_type(
    table: str,
    column: str,
    type_: sa.types.TypeEngine,
    is_nullable: bool,
    server_default: str | None = None,
) -> None:
    """Give a column another type.

    SQLite, which keeps what it is given, has no need for it, and would have
    to copy the table.

    :param server_default: what it has, which MySQL would forget
    """
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(
            table, column, type_=type_, existing_nullable=is_nullable,
            existing_server_default=server_default,
        )


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())  # what it knows is as old as it is
