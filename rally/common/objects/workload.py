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

"""Workloads of a subtask."""

from __future__ import annotations

import typing as t

from rally.common import db

Values: t.TypeAlias = dict[str, t.Any]


class Workload:
    """One scenario under one runner."""

    def __init__(
        self,
        task_uuid: str,
        subtask_uuid: str,
        name: str,
        description: str | None,
        position: int,
        runner: Values,
        runner_type: str,
        hooks: list[Values],
        contexts: Values,
        sla: Values,
        args: Values,
        uuid: str | None = None,
    ) -> None:
        self.workload = db.workload_create(
            task_uuid=task_uuid,
            subtask_uuid=subtask_uuid,
            name=name,
            description=description,
            position=position,
            runner=runner,
            runner_type=runner_type,
            hooks=hooks,
            contexts=contexts,
            sla=sla,
            args=args,
            uuid=uuid,
        )

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

    def update_progress(
        self,
        *,
        statistics: Values,
        total: int,
        failed: int,
        min_duration: float | None,
        max_duration: float | None,
        start_time: float | None,
        load_duration: float,
        load_info: Values,
        sla_results: list[Values] | None = None,
    ) -> None:
        """Record how far the workload is while it runs."""
        db.workload_update_progress(
            self["uuid"],
            statistics=statistics,
            total=total,
            failed=failed,
            min_duration=min_duration,
            max_duration=max_duration,
            start_time=start_time,
            load_duration=load_duration,
            load_info=load_info,
            sla_results=sla_results,
        )

    def set_contexts(self, contexts_results: list[Values]) -> None:
        """Record what became of the contexts, as far as it is known."""
        db.workload_set_contexts(self["uuid"], contexts_results)

    def set_results(
        self,
        load_duration: float,
        full_duration: float,
        start_time: float | None,
        sla_results: list[Values],
        contexts_results: list[Values],
        hooks_results: list[Values] | None = None,
        aggregate: Values | None = None,
    ) -> None:
        """Record the outcome.

        :param aggregate: see ``db.workload_set_results``
        """
        db.workload_set_results(
            workload_uuid=self["uuid"],
            subtask_uuid=self["subtask_uuid"],
            task_uuid=self["task_uuid"],
            load_duration=load_duration,
            full_duration=full_duration,
            start_time=start_time,
            sla_results=sla_results,
            contexts_results=contexts_results,
            hooks_results=hooks_results,
            aggregate=aggregate,
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
