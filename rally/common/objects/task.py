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

"""Tasks, their subtasks and workloads."""

from __future__ import annotations

import datetime as dt
import importlib
import typing as t
import uuid as uuid_module

from rally import consts, exceptions
from rally.common import db, logging
from rally.common.objects.report_schema import TASK_SCHEMA

__all__ = ["TASK_SCHEMA", "Subtask", "Task", "Workload"]

LOG = logging.getLogger(__name__)
STATUS = consts.TaskStatus
Values: t.TypeAlias = dict[str, t.Any]
Tasks: t.TypeAlias = "list[Task]"

#: the module that knows results. It is named, not imported, because it lies
#: above this package; but Rally's tasks promise to check them
RESULT_CHECK = "rally.task.processing.result_check"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
#: in these somebody should be working on the task
UNFINISHED = (
    STATUS.INIT, STATUS.VALIDATING, STATUS.RUNNING, STATUS.ABORTING,
    STATUS.SOFT_ABORTING, STATUS.PAUSED,
)


class Task:
    """A task: a run of everything in one task file."""

    #: in these there is no load yet that could be stopped
    NOT_IMPLEMENTED_STAGES_FOR_ABORT: t.ClassVar[list[str]] = [
        STATUS.VALIDATING, STATUS.INIT,
    ]

    def __init__(
        self,
        task: Values | None = None,
        temporary: bool = False,
        **attributes: t.Any,
    ) -> None:
        """Record a task, or wrap one.

        :param task: a task from the database
        :param temporary: record nothing, ever: for validation alone
        :param attributes: columns of the new task, and ``tags``
        """
        self.is_temporary = temporary
        if temporary:
            new = {"uuid": str(uuid_module.uuid4()), **attributes}
            self.task = task or new
        else:
            self.task = task or db.task_create(attributes)

    def __getitem__(self, key: str) -> t.Any:
        return self.task[key]

    def to_dict(self) -> Values:
        """The task as programs get it: times as text, environment named."""
        values = _with_text_times(self.task)
        if "env_uuid" in values:
            if values.get("env_name") is None:  # ``list`` has it already
                env = db.env_get(values["env_uuid"])
                values["env_name"] = env["name"]
            values["deployment_name"] = values["env_name"]
            values["deployment_uuid"] = values["env_uuid"]
        return values

    @classmethod
    def get(
        cls, uuid: str, detailed: bool = False, lazy: bool = False
    ) -> Task:
        """A task of the database.

        :param detailed: with subtasks, workloads and results
        :param lazy: results are read when they are walked
        :raises DBRecordNotFound: there is none
        """
        return cls(db.task_get(uuid, detailed=detailed, lazy=lazy))

    @staticmethod
    def get_status(uuid: str) -> str:
        return db.task_get_status(uuid)

    @staticmethod
    def list(
        status: str | None = None,
        deployment: str | None = None,
        tags: t.Iterable[str] | None = None,
        uuids_only: bool = False,
    ) -> Tasks:
        """Tasks, oldest first.

        :param deployment: uuid or name of an environment
        :param tags: tasks that have at least one of these
        :param uuids_only: read nothing but ``id`` and ``uuid``
        """
        found = db.task_list(
            status=status, env=deployment, tags=tags, uuids_only=uuids_only,
            env_names=True,
        )
        return [Task(values) for values in found]

    @staticmethod
    def delete_by_uuid(uuid: str, status: str | None = None) -> None:
        db.task_delete(uuid, status=status)

    def delete(self, status: str | None = None) -> None:
        """Delete the task and all that belongs to it.

        :param status: delete it in this status only
        :raises DBConflict: it is in another status
        """
        db.task_delete(self["uuid"], status=status)

    def _update(self, values: Values) -> None:
        if self.is_temporary:
            self.task.update(values)
        else:
            self.task = db.task_update(self["uuid"], values)

    def update_status(
        self, status: str, allowed_statuses: t.Sequence[str] | None = None
    ) -> None:
        """Change the status.

        :param allowed_statuses: only from one of these, in one step
        :raises DBRecordNotFound: it is in none of them
        """
        if allowed_statuses and not self.is_temporary:
            db.task_update_status(self["uuid"], status, allowed_statuses)
            self.task["status"] = status
        else:
            self._update({"status": status})

    def set_validation_failed(self, log: Values) -> None:
        """Record that the task is not valid.

        :param log: ``etype``, ``msg``, ``trace``
        """
        self._update(
            {"status": STATUS.VALIDATION_FAILED, "validation_result": log}
        )

    def set_failed(self, etype: str, msg: str, etraceback: str) -> None:
        """Record that the task broke down."""
        self._update(
            {
                "status": STATUS.CRASHED,
                "validation_result": {
                    "etype": etype, "msg": msg, "trace": etraceback,
                },
            }
        )

    def add_subtask(
        self,
        title: str,
        description: str | None = None,
        contexts: Values | None = None,
        uuid: str | None = None,
    ) -> Subtask:
        """Record a subtask; with the same *uuid* once only."""
        return Subtask(
            self["uuid"],
            title=title,
            description=description,
            contexts=contexts,
            uuid=uuid,
        )

    def abort(self, soft: bool = False) -> None:
        """Ask the process that runs the task to stop.

        :param soft: after the workload that runs now
        :raises RallyException: it cannot be stopped in its status
        """
        current = db.task_get_status(self["uuid"])
        if current in self.NOT_IMPLEMENTED_STAGES_FOR_ABORT:
            raise exceptions.RallyException(
                "Task `%s` cannot be aborted in status `%s`: it generates no "
                "load yet. Wait until it runs, or stop its command."
                % (self["uuid"], current)
            )
        if current not in UNFINISHED:
            raise exceptions.RallyException(
                "Task `%s` cannot be aborted: it has finished already "
                "(status `%s`)." % (self["uuid"], current)
            )
        if current == STATUS.ABORTING:
            return  # it has been asked already
        self.update_status(
            STATUS.SOFT_ABORTING if soft else STATUS.ABORTING,
            allowed_statuses=(STATUS.RUNNING, STATUS.SOFT_ABORTING),
        )

    def result_has_valid_schema(self, result: t.Any) -> bool:
        """Whether *result* has the form of an iteration's result.

        A warning tells what is wrong with it.
        """
        problem = importlib.import_module(RESULT_CHECK).problem_of(result)
        if problem is not None:
            LOG.warning("Task %s: %s", self["uuid"], problem)
        return problem is None


class Subtask:
    """Workloads of a task that belong together."""

    def __init__(
        self,
        task_uuid: str,
        title: str,
        description: str | None = None,
        contexts: Values | None = None,
        uuid: str | None = None,
    ) -> None:
        self.subtask = db.subtask_create(
            task_uuid, title, description=description, contexts=contexts,
            uuid=uuid,
        )

    def __getitem__(self, key: str) -> t.Any:
        return self.subtask[key]

    def update_status(self, status: str) -> None:
        self.subtask = db.subtask_update(self["uuid"], {"status": status})

    def add_workload(
        self,
        name: str,
        description: str | None,
        position: int,
        runner: Values,
        runner_type: str,
        contexts: Values,
        hooks: list[Values],
        sla: Values,
        args: Values,
        uuid: str | None = None,
    ) -> Workload:
        """Record a workload; with the same *uuid* once only."""
        return Workload(
            task_uuid=self["task_uuid"],
            subtask_uuid=self["uuid"],
            name=name,
            description=description,
            position=position,
            runner=runner,
            runner_type=runner_type,
            contexts=contexts,
            hooks=hooks,
            sla=sla,
            args=args,
            uuid=uuid,
        )


class Workload:
    """One scenario under one runner."""

    def __init__(self, *columns: t.Any, **named: t.Any) -> None:
        """Record a workload, see ``db.workload_create``."""
        self.workload = db.workload_create(*columns, **named)

    def __getitem__(self, key: str) -> t.Any:
        return self.workload[key]

    def add_chunks(self, chunks: t.Sequence[db.StoredChunk]) -> int:
        """Store chunks of results, all or none; tells how many were new."""
        return db.workload_chunks_create(
            self["task_uuid"], self["uuid"], chunks
        )

    def add_workload_data(
        self, chunk_order: int, workload_data: Values
    ) -> None:
        """Store a chunk of results in Rally's form, ``{"raw": [...]}``."""
        db.workload_data_create(
            self["task_uuid"], self["uuid"], chunk_order, workload_data
        )

    def update_progress(self, **values: t.Any) -> None:
        """Record how far it is, see ``db.workload_update_progress``."""
        db.workload_update_progress(self["uuid"], **values)

    def set_contexts(self, contexts_results: list[Values]) -> None:
        """Record what became of the contexts, as far as it is known."""
        db.workload_set_contexts(self["uuid"], contexts_results)

    def set_results(self, *outcome: t.Any, **named: t.Any) -> None:
        """Record the outcome, see ``db.workload_set_results``."""
        db.workload_set_results(
            self["uuid"], self["subtask_uuid"], self["task_uuid"],
            *outcome, **named,
        )

    @classmethod
    def to_task(cls, workload: Values) -> Values:
        """A task file, as data, that runs this workload alone."""
        return {
            "version": 2,
            "title": "A part of a task",
            "description": "One workload, taken out of a larger task",
            "subtasks": [
                {
                    "title": workload["name"],
                    "description": workload["description"],
                    "scenario": {workload["name"]: workload["args"]},
                    "contexts": workload["contexts"],
                    "runner": {workload["runner_type"]: workload["runner"]},
                    "hooks": [
                        # one that never ran is its config itself
                        _hook_config(hook.get("config", hook))
                        for hook in workload["hooks"]
                    ],
                    "sla": workload["sla"],
                }
            ],
        }


def _hook_config(config: Values) -> Values:
    """The section of a task file that a stored hook came from."""
    section = {}
    for key, value in config.items():
        if key in ("action", "trigger") and not isinstance(value, dict):
            name, plugin_config = value
            value = {name: plugin_config}
        section[key] = value
    return section


def _with_text_times(record: Values) -> Values:
    """A copy of a task, subtask or workload with its times as text."""
    shown: Values = {
        key: (
            value.strftime(_TIME_FORMAT)
            if isinstance(value, dt.datetime)
            else value
        )
        for key, value in record.items()
    }
    for children in ("subtasks", "workloads"):
        if children in shown:
            shown[children] = [_with_text_times(c) for c in shown[children]]
    return shown
