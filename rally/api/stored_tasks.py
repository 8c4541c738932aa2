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

"""Records of tasks, as an abort sees them."""

from __future__ import annotations

import typing as t

from rally import consts

#: how much longer than its lease an agent may go on, seconds
LATENESS_S = 1.0


class StoredTasks:
    """Tasks in the database; see ``rally.api.aborts.Tasks``."""

    def get(self, uuid: str) -> t.Mapping[str, t.Any]:
        from rally.common import db

        return t.cast(t.Mapping[str, t.Any], db.task_get(uuid))

    def get_status(self, uuid: str) -> str:
        from rally.common import objects

        return objects.Task.get_status(uuid)

    def request_abort(self, uuid: str, soft: bool) -> None:
        from rally.common import objects

        objects.Task.get(uuid).abort(soft=soft)

    def settling_s(self, uuid: str) -> float:
        from rally.common import db
        from rally.plugins.common.runners import distributed

        task = db.task_get(uuid, detailed=True, lazy=True)
        leases = [
            workload["runner"].get("lease", distributed.DEFAULT_LEASE_S)
            for subtask in task["subtasks"]
            for workload in subtask["workloads"]
            # agents on this host end together with their controller
            if not workload["full_duration"] and "agents" in workload["runner"]
        ]
        return max((lease + LATENESS_S for lease in leases), default=0.0)

    def close(self, uuid: str) -> None:
        from rally.common import db

        task = db.task_get(uuid, detailed=True, lazy=True)
        # nobody has judged what there is, so it has not passed
        aborted = {"status": consts.TaskStatus.ABORTED, "pass_sla": False}
        for subtask in task["subtasks"]:
            if subtask["status"] == consts.SubtaskStatus.RUNNING:
                db.subtask_update(subtask["uuid"], aborted)
        db.task_update(uuid, aborted)
