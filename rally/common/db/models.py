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

"""The tables.

Each foreign key leads an index: a database that deletes a row looks for
those that refer to it.
"""

from __future__ import annotations

import datetime as dt
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy import orm

from rally import consts
from rally.common.db import sa_types

Json: t.TypeAlias = dict[str, t.Any]


def new_uuid() -> str:
    return str(uuid.uuid4())


def utcnow() -> dt.datetime:
    """This moment in UTC, without a zone as all times in the database."""
    return dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)


Key = t.Annotated[str, orm.mapped_column(sa.String(36), default=new_uuid)]
OfTask = t.Annotated[
    str, orm.mapped_column(sa.String(36), sa.ForeignKey("tasks.uuid"))
]
Str36 = t.Annotated[str, orm.mapped_column(sa.String(36))]
Str255 = t.Annotated[str, orm.mapped_column(sa.String(255))]
Description = t.Annotated[
    str | None,
    orm.mapped_column(sa_types.Prose("the description"), default=""),
]
Flag = t.Annotated[bool | None, orm.mapped_column(default=True)]
Count = t.Annotated[int | None, orm.mapped_column(default=0)]
#: of a run, which may last for weeks
Total = t.Annotated[int | None, orm.mapped_column(sa.BigInteger, default=0)]
Seconds = t.Annotated[float | None, orm.mapped_column(default=0.0)]
Object = t.Annotated[
    Json, orm.mapped_column(sa_types.MutableJSONEncodedDict, default=dict)
]
FixedObject = t.Annotated[
    Json, orm.mapped_column(sa_types.JSONEncodedDict, default=dict)
]
Array = t.Annotated[
    list[t.Any],
    orm.mapped_column(sa_types.MutableJSONEncodedList, default=list),
]


def _name(
    what: str, is_exact: bool = False, **options: t.Any
) -> orm.MappedColumn[t.Any]:
    """A column for a name; for what, its error says."""
    return orm.mapped_column(sa_types.Name(what, is_exact), **options)


class Base(orm.DeclarativeBase):
    """Columns that every table has."""

    type_annotation_map: t.ClassVar[dict[t.Any, t.Any]] = {
        float: sa.Float(53),  # FLOAT alone has seven digits on MySQL
    }

    id: orm.Mapped[int] = orm.mapped_column(
        primary_key=True, autoincrement=True, sort_order=-1
    )
    created_at: orm.Mapped[dt.datetime | None] = orm.mapped_column(
        default=utcnow, sort_order=1
    )
    updated_at: orm.Mapped[dt.datetime | None] = orm.mapped_column(
        default=utcnow, onupdate=utcnow, sort_order=1
    )


class Env(Base):
    __tablename__ = "envs"
    __table_args__ = (
        sa.Index("env_uuid", "uuid", unique=True),
        sa.Index("env_name", "name", unique=True),
        sa.Index("env_status", "status"),
    )

    uuid: orm.Mapped[Key]
    name: orm.Mapped[str] = _name("the name of the environment", True)
    description: orm.Mapped[Description]
    status: orm.Mapped[Str36]
    extras: orm.Mapped[Object | None]
    config: orm.Mapped[Object | None]
    spec: orm.Mapped[Object | None]


class Platform(Base):
    __tablename__ = "platforms"
    __table_args__ = (
        sa.Index("platform_uuid", "uuid", unique=True),
        sa.Index("platform_env_uuid", "env_uuid"),
    )

    uuid: orm.Mapped[Key]
    env_uuid: orm.Mapped[Str36]
    status: orm.Mapped[Str36]
    plugin_name: orm.Mapped[str] = _name("the name of the platform's plugin")
    plugin_spec: orm.Mapped[Object]
    plugin_data: orm.Mapped[Object | None]
    platform_name: orm.Mapped[str | None] = _name("the name of the platform")
    platform_data: orm.Mapped[Object | None]


class Owner(Base):
    """A process that works on tasks, verifiers or verifications."""

    __tablename__ = "owners"
    __table_args__ = (sa.Index("owner_name", "name", unique=True),)

    name: orm.Mapped[Str255]
    #: last sign of life, in seconds since the epoch by the database's clock
    beat_s: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)


class Tag(Base):
    """A tag of a task, subtask or verification."""

    __tablename__ = "tags"
    __table_args__ = (
        sa.Index("d_type_tag", "uuid", "type", "tag", unique=True),
    )

    uuid: orm.Mapped[Key]
    type: orm.Mapped[Str36]
    tag: orm.Mapped[str] = _name("the tag", True)


class Task(Base):
    __tablename__ = "tasks"
    __table_args__ = (
        sa.Index("task_uuid", "uuid", unique=True),
        sa.Index("task_status", "status"),
    )

    uuid: orm.Mapped[Key]
    env_uuid: orm.Mapped[Str36]
    input_task: orm.Mapped[str | None] = orm.mapped_column(
        sa_types.Prose("the input task"), default="", deferred=True
    )
    title: orm.Mapped[str | None] = _name("the title", default="")
    description: orm.Mapped[Description]
    validation_result: orm.Mapped[Object]
    validation_duration: orm.Mapped[float | None]
    task_duration: orm.Mapped[Seconds]
    pass_sla: orm.Mapped[Flag]
    status: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(36), default=consts.TaskStatus.INIT
    )
    #: the controller that runs it, see rally.common.owners
    owner: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(255), sort_order=2
    )

    subtasks: orm.Mapped[list[Subtask]] = orm.relationship(
        back_populates="task", order_by="Subtask.id", viewonly=True
    )


class Subtask(Base):
    __tablename__ = "subtasks"
    __table_args__ = (
        sa.Index("subtask_uuid", "uuid", unique=True),
        sa.Index("subtask_status", "status"),
        sa.Index("subtask_task_uuid", "task_uuid"),
    )

    uuid: orm.Mapped[Key]
    task_uuid: orm.Mapped[OfTask]
    title: orm.Mapped[str | None] = _name("the title", default="")
    description: orm.Mapped[Description]
    contexts: orm.Mapped[FixedObject]
    contexts_results: orm.Mapped[Array]
    sla: orm.Mapped[FixedObject]
    run_in_parallel: orm.Mapped[bool] = orm.mapped_column(default=False)
    duration: orm.Mapped[Seconds]
    pass_sla: orm.Mapped[Flag]
    status: orm.Mapped[str | None] = orm.mapped_column(
        sa.String(36), default=consts.SubtaskStatus.RUNNING
    )

    task: orm.Mapped[Task] = orm.relationship(
        back_populates="subtasks", viewonly=True
    )
    workloads: orm.Mapped[list[Workload]] = orm.relationship(
        back_populates="subtask", order_by="Workload.id", viewonly=True
    )


class Workload(Base):
    __tablename__ = "workloads"
    __table_args__ = (
        sa.Index("workload_uuid", "uuid", unique=True),
        sa.Index("workload_task_uuid", "task_uuid"),
        sa.Index("workload_subtask_uuid", "subtask_uuid"),
    )

    uuid: orm.Mapped[Key]
    task_uuid: orm.Mapped[OfTask]
    subtask_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("subtasks.uuid")
    )
    name: orm.Mapped[str] = _name("the name of the scenario")
    description: orm.Mapped[Description]
    position: orm.Mapped[int] = orm.mapped_column(default=0)
    runner: orm.Mapped[FixedObject]
    runner_type: orm.Mapped[str] = _name("the name of the runner")
    contexts: orm.Mapped[FixedObject]
    contexts_results: orm.Mapped[Array]
    sla: orm.Mapped[FixedObject]
    sla_results: orm.Mapped[Object]
    args: orm.Mapped[FixedObject]
    hooks: orm.Mapped[list[t.Any]] = orm.mapped_column(
        sa_types.JSONEncodedList, default=list
    )
    start_time: orm.Mapped[float | None] = orm.mapped_column(
        sa_types.TimeStamp
    )
    load_duration: orm.Mapped[Seconds]
    full_duration: orm.Mapped[Seconds]
    min_duration: orm.Mapped[float | None]
    max_duration: orm.Mapped[float | None]
    total_iteration_count: orm.Mapped[Total]
    failed_iteration_count: orm.Mapped[Total]
    statistics: orm.Mapped[Object]
    pass_sla: orm.Mapped[Flag]
    _profiling_data: orm.Mapped[str | None] = orm.mapped_column(
        sa_types.LongText, default="", deferred=True
    )
    #: counters, lost iterations, agents: what Rally has no column for
    load_info: orm.Mapped[Json | None] = orm.mapped_column(
        sa_types.MutableJSONEncodedDict, default=dict, sort_order=2
    )

    subtask: orm.Mapped[Subtask] = orm.relationship(
        back_populates="workloads", viewonly=True
    )
    workload_data: orm.Mapped[list[WorkloadData]] = orm.relationship(
        back_populates="workload", viewonly=True
    )


class WorkloadData(Base):
    """A chunk of results.

    ``payload`` holds them as they came; rows that older releases wrote have
    none, theirs are in ``chunk_data`` under ``raw``.
    """

    __tablename__ = "workloaddata"
    __table_args__ = (
        sa.Index("workload_data_uuid", "uuid", unique=True),
        sa.Index(
            "workload_data_source",
            "workload_uuid", "agent", "chunk_order",
            unique=True,
        ),
        sa.Index("workload_data_task_uuid", "task_uuid"),
    )

    uuid: orm.Mapped[Key]
    task_uuid: orm.Mapped[OfTask]
    workload_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("workloads.uuid")
    )
    chunk_order: orm.Mapped[int]
    chunk_data: orm.Mapped[Object]
    iteration_count: orm.Mapped[int]
    failed_iteration_count: orm.Mapped[int]
    chunk_size: orm.Mapped[int]
    compressed_chunk_size: orm.Mapped[int]
    started_at: orm.Mapped[dt.datetime] = orm.mapped_column(default=utcnow)
    finished_at: orm.Mapped[dt.datetime] = orm.mapped_column(default=utcnow)
    agent: orm.Mapped[str] = orm.mapped_column(
        sa_types.Name("the name of the agent", True, 64),
        default="", server_default="", sort_order=2,
    )
    payload: orm.Mapped[bytes | None] = orm.mapped_column(
        sa_types.LongBinary, deferred=True, sort_order=2
    )
    #: how far the agent's clock was ahead of the controller's
    clock_offset_ns: orm.Mapped[int | None] = orm.mapped_column(
        sa.BigInteger, default=0, server_default="0", sort_order=2
    )
    #: start of the first and last iteration, controller time
    first_ns: orm.Mapped[int | None] = orm.mapped_column(
        sa.BigInteger, sort_order=2
    )
    last_ns: orm.Mapped[int | None] = orm.mapped_column(
        sa.BigInteger, sort_order=2
    )

    workload: orm.Mapped[Workload] = orm.relationship(
        back_populates="workload_data", viewonly=True
    )


class Verifier(Base):
    __tablename__ = "verifiers"
    __table_args__ = (
        sa.UniqueConstraint("name"),
        sa.Index("verifier_uuid", "uuid", unique=True),
    )

    uuid: orm.Mapped[Key]
    name: orm.Mapped[str | None] = _name("the name of the verifier", True)
    description: orm.Mapped[str | None] = orm.mapped_column(
        sa_types.Prose("the description")
    )
    type: orm.Mapped[str] = _name("the type of the verifier")
    platform: orm.Mapped[str | None] = _name("the platform of the verifier")
    source: orm.Mapped[str | None] = orm.mapped_column(
        sa_types.Prose("the source of the verifier")
    )
    version: orm.Mapped[str | None] = _name("the version of the verifier")
    system_wide: orm.Mapped[bool | None]
    status: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), default=consts.VerifierStatus.INIT
    )
    extra_settings: orm.Mapped[Json | None] = orm.mapped_column(
        sa_types.MutableJSONEncodedDict
    )
    #: process that installs or changes it, see rally.common.owners
    owner: orm.Mapped[Str255 | None]


class Verification(Base):
    __tablename__ = "verifications"
    __table_args__ = (
        sa.Index("verification_uuid", "uuid", unique=True),
        sa.Index("verification_verifier_uuid", "verifier_uuid"),
    )

    uuid: orm.Mapped[Key]
    verifier_uuid: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), sa.ForeignKey("verifiers.uuid")
    )
    env_uuid: orm.Mapped[Str36]
    run_args: orm.Mapped[Json | None] = orm.mapped_column(
        sa_types.MutableJSONEncodedDict
    )
    status: orm.Mapped[str] = orm.mapped_column(
        sa.String(36), default=consts.VerificationStatus.INIT
    )
    tests_count: orm.Mapped[Count]
    failures: orm.Mapped[Count]
    skipped: orm.Mapped[Count]
    success: orm.Mapped[Count]
    unexpected_success: orm.Mapped[Count]
    expected_failures: orm.Mapped[Count]
    tests_duration: orm.Mapped[Seconds]
    tests: orm.Mapped[Object | None]
    #: process that runs it, see rally.common.owners
    owner: orm.Mapped[Str255 | None]
    #: why it crashed
    error: orm.Mapped[str | None] = orm.mapped_column(
        sa_types.Prose("the error")
    )
