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

"""Which process works for a verifier or a verification; why one crashed.

Revision ID: 8c4e1f7a90b3
Revises: c3d94e0b71a8
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rally import exceptions
from rally.common.db.migrations import steps

revision = "8c4e1f7a90b3"
down_revision = "c3d94e0b71a8"
branch_labels = None
depends_on = None

#: status in which a process of an earlier release left a record -> what it
#: is now: that release does not run with this schema, so nobody works on it
_LEFT = {
    "verifiers": {
        "init": "failed", "installing": "failed", "updating": "installed",
        "extending": "installed",
    },
    "verifications": {"init": "crashed", "running": "crashed"},
}


def upgrade() -> None:
    steps.add_column("verifiers", sa.Column("owner", sa.String(255)))
    steps.add_column("verifications", sa.Column("owner", sa.String(255)))
    steps.add_column("verifications", sa.Column("error", sa.Text))
    for name, statuses in _LEFT.items():
        table = sa.table(name, sa.column("status", sa.String))
        for before, after in statuses.items():
            op.execute(
                sa.update(table)
                .where(table.c.status == before)
                .values(status=after)
            )


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
