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

"""The schema of Rally 5.1.1, the last release before this tree.

Revision ID: bc908ac9a1fc
Revises: ca3626f62937
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rally import exceptions

revision = "bc908ac9a1fc"
down_revision = "ca3626f62937"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if not sa.inspect(op.get_bind()).has_table("envs"):
        raise exceptions.DBMigrationError(
            "a release of Rally before 5.1 made this database, and this one "
            "cannot read its tables. Upgrade it with `rally db upgrade` of "
            "Rally 5.1.1 first, then with this release"
        )


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
