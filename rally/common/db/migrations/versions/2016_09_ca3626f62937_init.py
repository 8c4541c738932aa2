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

"""The tables of Rally 5.1.1.

Databases that carry this revision were made by much older releases; those
are refused one revision later. A new database comes by here with nothing in
it, so nothing is lost by starting from 5.1.1's tables.

Revision ID: ca3626f62937
Revises: None
"""

from __future__ import annotations

import sqlalchemy as sa

from rally import exceptions
from rally.common.db import sa_types
from rally.common.db.migrations import steps

revision = "ca3626f62937"
down_revision = None
branch_labels = None
depends_on = None


def _create(name: str, *columns: sa.Column | sa.Constraint) -> None:
    steps.create_table(
        name,
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        *columns,
        sa.Column("created_at", sa.DateTime),
        sa.Column("updated_at", sa.DateTime),
        sa.PrimaryKeyConstraint("id"),
    )


def _json(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa_types.LongText, nullable=nullable)


def _parent(table: str) -> sa.Column:
    return sa.Column(
        table + "_uuid",
        sa.String(36),
        sa.ForeignKey(table + "s.uuid"),
        nullable=False,
    )


def upgrade() -> None:
    _create_environments()
    _create_tasks()
    _create_workloads()
    _create_chunks()
    _create_verifiers()


def _create_environments() -> None:
    _create(
        "envs",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("status", sa.String(36), nullable=False),
        _json("extras", nullable=True),
        _json("config", nullable=True),
        _json("spec", nullable=True),
    )
    steps.create_index("env_uuid", "envs", ["uuid"], unique=True)
    steps.create_index("env_name", "envs", ["name"], unique=True)
    steps.create_index("env_status", "envs", ["status"])

    _create(
        "platforms",
        sa.Column("env_uuid", sa.String(36), nullable=False),
        sa.Column("status", sa.String(36), nullable=False),
        sa.Column("plugin_name", sa.String(36), nullable=False),
        _json("plugin_spec"),
        _json("plugin_data", nullable=True),
        sa.Column("platform_name", sa.String(36)),
        _json("platform_data", nullable=True),
    )
    steps.create_index("platform_uuid", "platforms", ["uuid"], unique=True)
    steps.create_index("platform_env_uuid", "platforms", ["env_uuid"])


def _create_tasks() -> None:
    _create(
        "tags",
        sa.Column("type", sa.String(36), nullable=False),
        sa.Column("tag", sa.String(255), nullable=False),
    )
    steps.create_index(
        "d_type_tag", "tags", ["uuid", "type", "tag"], unique=True
    )

    _create(
        "tasks",
        sa.Column("env_uuid", sa.String(36), nullable=False),
        sa.Column("input_task", sa.Text),
        sa.Column("title", sa.String(128)),
        sa.Column("description", sa.Text),
        _json("validation_result"),
        sa.Column("validation_duration", sa.Float),
        sa.Column("task_duration", sa.Float),
        sa.Column("pass_sla", sa.Boolean),
        sa.Column("status", sa.String(36)),
    )
    steps.create_index("task_uuid", "tasks", ["uuid"], unique=True)
    steps.create_index("task_status", "tasks", ["status"])

    _create(
        "subtasks",
        _parent("task"),
        sa.Column("title", sa.String(128)),
        sa.Column("description", sa.Text),
        _json("contexts"),
        _json("contexts_results"),
        _json("sla"),
        sa.Column("run_in_parallel", sa.Boolean, nullable=False),
        sa.Column("duration", sa.Float),
        sa.Column("pass_sla", sa.Boolean),
        sa.Column("status", sa.String(36)),
    )
    steps.create_index("subtask_uuid", "subtasks", ["uuid"], unique=True)
    steps.create_index("subtask_status", "subtasks", ["status"])


def _create_workloads() -> None:
    _create(
        "workloads",
        _parent("task"),
        _parent("subtask"),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("position", sa.Integer, nullable=False),
        _json("runner"),
        sa.Column("runner_type", sa.String(64), nullable=False),
        _json("contexts"),
        _json("contexts_results"),
        _json("sla"),
        _json("sla_results"),
        _json("args"),
        _json("hooks"),
        sa.Column("start_time", sa.BigInteger),
        sa.Column("load_duration", sa.Float),
        sa.Column("full_duration", sa.Float),
        sa.Column("min_duration", sa.Float),
        sa.Column("max_duration", sa.Float),
        sa.Column("total_iteration_count", sa.Integer),
        sa.Column("failed_iteration_count", sa.Integer),
        _json("statistics"),
        sa.Column("pass_sla", sa.Boolean),
        sa.Column("_profiling_data", sa.Text),
    )
    steps.create_index("workload_uuid", "workloads", ["uuid"], unique=True)


def _create_chunks() -> None:
    _create(
        "workloaddata",
        _parent("task"),
        _parent("workload"),
        sa.Column("chunk_order", sa.Integer, nullable=False),
        _json("chunk_data"),
        sa.Column("iteration_count", sa.Integer, nullable=False),
        sa.Column("failed_iteration_count", sa.Integer, nullable=False),
        sa.Column("chunk_size", sa.Integer, nullable=False),
        sa.Column("compressed_chunk_size", sa.Integer, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime, nullable=False),
    )
    steps.create_index(
        "workload_data_uuid", "workloaddata", ["uuid"], unique=True
    )


def _create_verifiers() -> None:
    _create(
        "verifiers",
        sa.Column("name", sa.String(255)),
        sa.Column("description", sa.Text),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("platform", sa.String(255)),
        sa.Column("source", sa.String(255)),
        sa.Column("version", sa.String(255)),
        sa.Column("system_wide", sa.Boolean),
        sa.Column("status", sa.String(36), nullable=False),
        _json("extra_settings", nullable=True),
        sa.UniqueConstraint("name"),
    )
    steps.create_index("verifier_uuid", "verifiers", ["uuid"], unique=True)

    _create(
        "verifications",
        _parent("verifier"),
        sa.Column("env_uuid", sa.String(36), nullable=False),
        _json("run_args", nullable=True),
        sa.Column("status", sa.String(36), nullable=False),
        sa.Column("tests_count", sa.Integer),
        sa.Column("failures", sa.Integer),
        sa.Column("skipped", sa.Integer),
        sa.Column("success", sa.Integer),
        sa.Column("unexpected_success", sa.Integer),
        sa.Column("expected_failures", sa.Integer),
        sa.Column("tests_duration", sa.Float),
        _json("tests", nullable=True),
    )
    steps.create_index(
        "verification_uuid", "verifications", ["uuid"], unique=True
    )


def downgrade() -> None:
    raise exceptions.DowngradeNotSupported()
