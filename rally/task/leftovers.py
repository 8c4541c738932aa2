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

"""Contexts that a controller had set up when it died.

It recorded each before it was begun, so another process can clean up.
"""

from __future__ import annotations

import typing as t

from rally.common import db, objects
from rally.env import env_mgr
from rally.task import cleanup_notes, context, workload_context

Values: t.TypeAlias = dict[str, t.Any]


class Leftovers:
    """What is left of the contexts of one workload.

    :param task: record of the task
    :param workload: the workload, from the database
    :raises PluginNotFound: a context of it is not installed here
    """

    def __init__(self, task: Values, workload: Values) -> None:
        self._workload = workload
        stored = workload["contexts_results"] or []
        begun = cleanup_notes.applied(workload["uuid"], stored)
        self._left = [
            result for result in begun if not context.is_cleaned_up(result)
        ]
        self._untold = [
            result for result, known in zip(begun, stored)
            if context.is_cleaned_up(result)
            and not context.is_cleaned_up(known)
        ]
        workload["contexts_results"] = begun
        self._manager = self._manager_of(task, begun) if self._left else None

    def _manager_of(
        self, task: Values, begun: list[t.Any]
    ) -> context.ContextManager:
        workload = self._workload
        manager = context.ContextManager(
            workload_context.prepare(
                objects.Task(task),
                env_mgr.EnvManager.get(task["env_uuid"]).data,
                workload["contexts"],
                workload["name"],
                workload["uuid"],
            ),
            lambda results: db.workload_set_contexts(
                workload["uuid"], [dict(each) for each in results]
            ),
        )
        manager.resume(begun)
        return manager

    def clean_up(self) -> list[str]:
        """Clean up, as the controller would have done.

        What it could only note on this host is recorded, too.

        :raises DBException: that cannot be recorded; the note is kept
        :returns: a sentence for each context, in the order of its clean-up
        """
        workload = self._workload
        if self._manager is not None:
            self._manager.cleanup()
            results = self._manager.contexts_results()
            workload["contexts_results"] = [dict(each) for each in results]
        if self._untold:  # not before the database knows it for certain
            db.workload_set_contexts(
                workload["uuid"], workload["contexts_results"]
            )
            cleanup_notes.forget(workload["uuid"])
        done = [*self._left, *self._untold]
        return [_sentence(result) for result in reversed(done)]


def is_left(workload: Values) -> bool:
    """Whether a context of *workload* waits to be cleaned up."""
    return not all(
        map(context.is_cleaned_up, workload["contexts_results"] or [])
    )


def _sentence(result: Values) -> str:
    name, error = result["plugin_name"], result["cleanup"]["error"]
    if error:
        return "cleaning up context %s failed: %s: %s" % (name, *error[:2])
    return "context %s is cleaned up" % name
