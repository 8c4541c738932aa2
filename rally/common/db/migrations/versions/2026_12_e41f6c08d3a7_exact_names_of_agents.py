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

"""Names of agents that differ if their case does, on every database.

Revision ID: e41f6c08d3a7
Revises: b7d2e94c1f60
"""

from __future__ import annotations

from rally import exceptions
from rally.common.db import sa_types
from rally.common.db.migrations import steps

revision = "e41f6c08d3a7"
down_revision = "b7d2e94c1f60"
branch_labels = None
depends_on = None

_EXACT = sa_types.Name("a name", is_exact=True, length=64)


def upgrade() -> None:
    steps.change_type(
        "workloaddata", "agent", _EXACT, is_nullable=False, server_default=""
    )


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
