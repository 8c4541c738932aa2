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

"""Ending a task that another process runs.

The database is the only channel between the two: one writes that the task is
to end, the other reads it and writes when it has.
"""

from __future__ import annotations

import time
import typing as t

from rally import consts, exceptions
from rally.common import db, logging, objects, owners
from rally.task.processing import records

LOG = logging.getLogger(__name__)
STATUS = consts.TaskStatus

#: seconds between two reads of a status that another process will change
STATUS_INTERVAL_S = 0.5
#: how much longer than its lease an agent may go on, seconds
LATENESS_S = 1.0
ENDED = frozenset((
    STATUS.ABORTED, STATUS.FINISHED, STATUS.CRASHED,
    STATUS.VALIDATION_FAILED, STATUS.SLA_FAILED,
))
NOT_YET_RUNNING = frozenset((STATUS.INIT, STATUS.VALIDATING))


class Tasks:
    """Tasks in the database."""

    def get(self, uuid: str) -> t.Mapping[str, t.Any]:
        return t.cast(t.Mapping[str, t.Any], db.task_get(uuid))

    def get_status(self, uuid: str) -> str:
        return objects.Task.get_status(uuid)

    def request_abort(self, uuid: str, soft: bool) -> None:
        """Ask the process that runs it for its end."""
        objects.Task.get(uuid).abort(soft=soft)

    def settling_s(self, uuid: str) -> float:
        """How long agents of a process that is gone may go on, seconds."""
        from rally.plugins.common.runners import distributed

        task = db.task_get(uuid, detailed=True, lazy=True)
        leases = [
            workload["runner"].get("lease", distributed.DEFAULT_LEASE_S)
            for _, _, workload in records.workloads_of([task])
            # agents on this host end together with their controller
            if not workload["full_duration"] and "agents" in workload["runner"]
        ]
        return max((lease + LATENESS_S for lease in leases), default=0.0)

    def close(self, uuid: str) -> None:
        """Mark it, and what of it is unfinished, as aborted."""
        # nobody has judged what there is, so it has not passed
        aborted = {"status": STATUS.ABORTED, "pass_sla": False}
        for subtask in db.task_get(uuid, detailed=True, lazy=True)["subtasks"]:
            if subtask["status"] == consts.SubtaskStatus.RUNNING:
                db.subtask_update(subtask["uuid"], aborted)
        db.task_update(uuid, aborted)


def abort(
    tasks: Tasks,
    uuid: str,
    soft: bool = False,
    wait: bool = False,
    pause: t.Callable[[float], None] = time.sleep,
) -> None:
    """Ask for the end of a task, and wait for it if *wait*.

    A task whose process is gone is closed here instead: nobody else would.

    :param soft: let the workload that runs come to its end
    :param pause: waits so many seconds
    """
    if _close_if_abandoned(tasks, uuid, pause):
        return
    if wait:
        status = tasks.get_status(uuid)
        while status in NOT_YET_RUNNING:
            pause(STATUS_INTERVAL_S)
            if _close_if_abandoned(tasks, uuid, pause):
                return
            status = tasks.get_status(uuid)
    _request(tasks, uuid, soft)
    if not wait:
        return
    LOG.info("Waiting until task %s stops." % uuid)
    while tasks.get_status(uuid) not in ENDED:
        if _close_if_abandoned(tasks, uuid, pause):
            return
        pause(STATUS_INTERVAL_S)


def _request(tasks: Tasks, uuid: str, soft: bool) -> None:
    """:raises RallyException: the task has ended or does not run yet"""
    status = tasks.get_status(uuid)
    if status in ENDED:
        raise exceptions.RallyException(
            "Task '%s' has ended already (its status is '%s')."
            % (uuid, status)
        )
    if status in NOT_YET_RUNNING:
        raise exceptions.RallyException(
            "Task '%s' cannot be stopped: it is in status '%s', and only a "
            "running task can be stopped. Wait until it runs, or let `rally "
            "task abort` wait for that." % (uuid, status)
        )
    tasks.request_abort(uuid, soft)


def _close_if_abandoned(
    tasks: Tasks, uuid: str, pause: t.Callable[[float], None]
) -> bool:
    task = tasks.get(uuid)
    if task["status"] in ENDED or not owners.is_gone(task):
        return False
    LOG.warning(
        "The process (%s) that ran task %s is gone. The task is marked as "
        "aborted; what it had stored by then stays. `rally task recover %s` "
        "cleans up the contexts it has left, and fetches what load agents "
        "still keep." % (owners.shown(task["owner"]), uuid, uuid)
    )
    settling_s = tasks.settling_s(uuid)
    if settling_s:
        LOG.info(
            "Waiting %g s: until then agents may start iterations."
            % settling_s
        )
        pause(settling_s)
    tasks.close(uuid)
    return True
