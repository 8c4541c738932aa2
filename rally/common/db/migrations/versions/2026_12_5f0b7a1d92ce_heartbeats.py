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

"""Signs of life of those who own tasks, verifiers and verifications.

Revision ID: 5f0b7a1d92ce
Revises: 8c4e1f7a90b3
"""

from __future__ import annotations

import sqlalchemy as sa

from rally import exceptions
from rally.common.db.migrations import steps

revision = "5f0b7a1d92ce"
down_revision = "8c4e1f7a90b3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "owners",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("beat_s", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime),
        sa.Column("updated_at", sa.DateTime),
    )
    steps.create_index("owner_name", "owners", ["name"], unique=True)


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
