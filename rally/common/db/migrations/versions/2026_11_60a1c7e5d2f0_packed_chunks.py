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

"""Packed chunks of many agents, load info, owner of a task.

Revision ID: 60a1c7e5d2f0
Revises: bc908ac9a1fc
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rally import exceptions
from rally.common.db import sa_types
from rally.common.db.migrations import steps

revision = "60a1c7e5d2f0"
down_revision = "bc908ac9a1fc"
branch_labels = None
depends_on = None

_CHUNKS = sa.table(
    "workloaddata",
    sa.column("id", sa.Integer),
    sa.column("workload_uuid", sa.String),
    sa.column("chunk_order", sa.Integer),
)


def upgrade() -> None:
    steps.add_column("tasks", sa.Column("owner", sa.String(255)))
    steps.add_column("workloads", sa.Column("load_info", sa_types.LongText))
    op.execute("UPDATE workloads SET load_info = '{}'")
    for column in (
        sa.Column(
            "agent", sa.String(64), nullable=False, server_default=""
        ),
        sa.Column("payload", sa_types.LongBinary),
        sa.Column("clock_offset_ns", sa.BigInteger, server_default="0"),
        sa.Column("first_ns", sa.BigInteger),
        sa.Column("last_ns", sa.BigInteger),
    ):
        steps.add_column("workloaddata", column)
    _number_chunks_uniquely()
    steps.create_index(
        "workload_data_source",
        "workloaddata",
        ["workload_uuid", "agent", "chunk_order"],
        unique=True,
    )


def _number_chunks_uniquely() -> None:
    """Renumber the chunks of each workload that uses a number twice.

    Older releases never promised unique numbers.
    """
    connection = op.get_bind()
    columns = _CHUNKS.c
    twice = (
        sa.select(columns.workload_uuid)
        .group_by(columns.workload_uuid, columns.chunk_order)
        .having(sa.func.count() > 1)
        .distinct()
    )
    for workload_uuid in connection.scalars(twice).all():
        ids = connection.scalars(
            sa.select(columns.id)
            .where(columns.workload_uuid == workload_uuid)
            .order_by(columns.chunk_order, columns.id)
        ).all()
        for number, row_id in enumerate(ids):
            connection.execute(
                sa.update(_CHUNKS)
                .where(columns.id == row_id)
                .values(chunk_order=number)
            )


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
