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


"""Columns that hold the same on every database.

Names of 255 characters, which differ if their case does; texts of any length;
counts of a run of weeks; durations with all their digits.

Revision ID: b7d2e94c1f60
Revises: 5f0b7a1d92ce
"""

from __future__ import annotations

import sqlalchemy as sa

from rally import exceptions
from rally.common.db import sa_types
from rally.common.db.migrations import steps

revision = "b7d2e94c1f60"
down_revision = "5f0b7a1d92ce"
branch_labels = None
depends_on = None

_NAME = sa_types.Name("a name", length=255)
_EXACT = sa_types.Name("a name", is_exact=True, length=255)
_PROSE = sa_types.Prose("a text")
_SECONDS = sa.Float(53)

_TYPES: dict[str, dict[str, sa.types.TypeEngine]] = {
    "envs": {"name": _EXACT, "description": _PROSE},
    "platforms": {"plugin_name": _NAME, "platform_name": _NAME},
    "tags": {"tag": _EXACT},
    "tasks": {
        "input_task": _PROSE, "title": _NAME, "description": _PROSE,
        "validation_duration": _SECONDS, "task_duration": _SECONDS,
    },
    "subtasks": {
        "title": _NAME, "description": _PROSE, "duration": _SECONDS,
    },
    "workloads": {
        "name": _NAME, "description": _PROSE, "runner_type": _NAME,
        "load_duration": _SECONDS, "full_duration": _SECONDS,
        "min_duration": _SECONDS, "max_duration": _SECONDS,
        "total_iteration_count": sa.BigInteger(),
        "failed_iteration_count": sa.BigInteger(),
        "_profiling_data": sa_types.LongText(),
    },
    "verifiers": {
        "name": _EXACT, "description": _PROSE, "type": _NAME,
        "platform": _NAME, "source": _PROSE, "version": _NAME,
    },
    "verifications": {"tests_duration": _SECONDS, "error": _PROSE},
}
_NEVER_EMPTY = {
    ("envs", "name"), ("platforms", "plugin_name"), ("tags", "tag"),
    ("workloads", "name"), ("workloads", "runner_type"),
    ("verifiers", "type"),
}


def upgrade() -> None:
    for table, types in _TYPES.items():
        for name, type_ in types.items():
            steps.change_type(
                table, name, type_, (table, name) not in _NEVER_EMPTY
            )


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
