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

"""What clean-ups of tasks have put on this host, to be removed with them."""

from __future__ import annotations

import typing as t

from rally.common import db
from rally.task.cleanup import context_store, notes


def of_task(task_uuid: str) -> list[str]:
    """Uuids of the workloads of a task, to be asked before it is deleted."""
    task = db.task_get(task_uuid, detailed=True, lazy=True)
    return [
        workload["uuid"]
        for subtask in task["subtasks"] for workload in subtask["workloads"]
    ]


def of_env(env_uuid: str) -> list[str]:
    """As ``of_task``, of all tasks of an environment."""
    return [
        workload
        for task in db.task_list(env=env_uuid)
        for workload in of_task(task["uuid"])
    ]


def forget(workload_uuids: t.Iterable[str]) -> None:
    """Remove what is kept for clean-ups, credentials included, and noted.

    :raises OSError: a file cannot be removed
    """
    for uuid in workload_uuids:
        context_store.ContextStore(uuid).forget()
        notes.forget(uuid)
