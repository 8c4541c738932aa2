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

"""An index for each foreign key.

Revision ID: c3d94e0b71a8
Revises: 60a1c7e5d2f0
"""

from __future__ import annotations

from rally import exceptions
from rally.common.db.migrations import steps

revision = "c3d94e0b71a8"
down_revision = "60a1c7e5d2f0"
branch_labels = None
depends_on = None

_INDICES = (
    ("subtasks", "subtask_task_uuid", "task_uuid"),
    ("workloads", "workload_task_uuid", "task_uuid"),
    ("workloads", "workload_subtask_uuid", "subtask_uuid"),
    ("workloaddata", "workload_data_task_uuid", "task_uuid"),
    ("verifications", "verification_verifier_uuid", "verifier_uuid"),
)


def upgrade() -> None:
    for table, name, column in _INDICES:
        steps.create_index(name, table, [column])


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
