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

from rally import exceptions
from rally.common import db, objects, owners
from rally.common.counting import counted
from rally.env import env_mgr
from rally.task import context
from rally.task import workload as workloads
from rally.task.cleanup import context_store, notes

Values: t.TypeAlias = dict[str, t.Any]


class CleanupsFailed(exceptions.RallyException):
    error_code = 183
    msg_fmt = (
        "Task %(uuid)s may have left something behind: %(cleanups)s failed "
        "(%(failed)s). What should have been deleted may still be there and "
        "in use. Once the cause is fixed, `rally task recover %(uuid)s` tries "
        "again."
    )


class Leftovers:
    """What is left of the contexts of one workload.

    :param task: record of the task
    :param workload: the workload, from the database
    :raises PluginNotFound: a context of it is not installed here
    """

    def __init__(self, task: Values, workload: Values) -> None:
        self._workload = workload
        stored = workload["contexts_results"] or []
        begun = notes.applied(workload["uuid"], stored)
        self._left = [
            result for result in begun if not context.is_cleaned_up(result)
        ]
        self._untold = [
            result for result, known in zip(begun, stored)
            if context.is_cleaned_up(result)
            and not context.is_cleaned_up(known)
        ]
        workload["contexts_results"] = begun
        self._store = context_store.ContextStore(workload["uuid"])
        self._omitted: list[str] = []
        self._hindrances: dict[str, Exception] = {}
        self._has_users_of_others = False
        self._is_lost = (
            owners.is_of_this_host(task) and not self._store.path.exists()
        )
        self._manager = self._manager_of(task, begun) if self._left else None

    def _manager_of(
        self, task: Values, begun: list[t.Any]
    ) -> context.ContextManager:
        workload = self._workload
        shared = workloads.context_object(
            objects.Task(task),
            env_mgr.EnvManager.get(task["env_uuid"]).data,
            workload["contexts"],
            workload["name"],
            workload["uuid"],
        )
        kept, problem = self._kept(begun)
        shared.update(kept.shared)
        self._omitted = kept.omitted
        manager = context.ContextManager(
            shared,
            lambda results: db.workload_set_contexts(
                workload["uuid"], [dict(each) for each in results]
            ),
            self._store,
        )
        # what is granted to users that were there before has no name
        self._has_users_of_others = "existing_users" in shared["config"]
        if problem is not None:
            self._hindrances = {
                result["plugin_name"]: problem
                for result in begun if self._needs(result, kept)
            }
        manager.resume(begun, kept.own, self._hindrances)
        return manager

    def _kept(
        self, begun: list[t.Any]
    ) -> tuple[context_store.Kept, Exception | None]:
        """What set-ups made known, and why that is not all, if it is not."""
        try:
            kept = self._store.read()
        except context_store.ContextsNotKept as e:
            nothing = context_store.Kept([], {}, {}, [])
            if any(_has_ended(each["setup"]) for each in begun):
                return nothing, e
            return nothing, None
        if all(each["plugin_name"] in kept.contexts
               for each in begun if _has_ended(each["setup"])):
            return kept, None
        return kept, context_store.ContextsNotKept(
            workload=self._workload["uuid"], path=self._store.path,
            reason="it could not be written after the last set-ups",
        )

    @staticmethod
    def _needs(result: Values, kept: context_store.Kept) -> bool:
        """Whether a clean-up would lack what set-ups made known."""
        return (
            result["plugin_name"] not in kept.contexts
            and result.get("state") is None
        )

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
            notes.forget(workload["uuid"])
        if not is_left(workload):
            self._store.forget()
        done = [*self._left, *self._untold]
        return [self._sentence(result) for result in reversed(done)]

    @property
    def failed(self) -> list[str]:
        """Full names of contexts that are not cleaned up."""
        return [result["plugin_name"] for result in self._failed()]

    def _failed(self) -> list[Values]:
        return [
            result for result in self._left
            if not context.is_cleaned_up(result)
        ]

    @property
    def is_stuck(self) -> bool:
        """Whether a clean-up failed that can be made again, here or where
        what it needs is kept.

        If this host kept it and does not have it any more, it cannot.
        """
        return any(
            not self._is_lost if result["plugin_name"] in self._hindrances
            else _has_ended(result["setup"])
            for result in self._failed()
        )

    def settle(self, clean: t.Collection[str]) -> list[str]:
        """Take note that nothing is left on some platforms.

        That is all that a context can want that never learned what it had
        made, since it was being set up when its controller died.

        :param clean: names of the platforms
        :returns: a sentence for each context whose clean-up is done by that
        """
        settled = [
            result for result in self._failed()
            if not _has_ended(result["setup"])
            and result["plugin_name"] not in self._hindrances
            and result["plugin_name"].partition("@")[2] in clean
            and not self._has_users_of_others
        ]
        for result in settled:
            result["cleanup"]["error"] = None
        if settled:
            workload = self._workload
            db.workload_set_contexts(
                workload["uuid"], workload["contexts_results"]
            )
            if not is_left(workload):
                self._store.forget()
        return [
            "context %s, whose set-up had not ended, has left nothing"
            % result["plugin_name"] for result in settled
        ]

    def _sentence(self, result: Values) -> str:
        name, error = result["plugin_name"], result["cleanup"]["error"]
        if not error:
            return "context %s is cleaned up" % name
        text = "cleaning up context %s failed: %s: %s" % (name, *error[:2])
        if not _has_ended(result["setup"]):
            text = (
                "context %s was being set up when the controller died, so "
                "its clean-up does not know what there is: %s: %s"
                % (name, *error[:2])
            )
        if self._omitted:
            text += " What could not be kept for it: %s" % "; ".join(
                self._omitted
            )
        return text


def is_left(workload: Values) -> bool:
    """Whether a context of *workload* waits to be cleaned up."""
    return bool(names(workload))


def names(workload: t.Mapping[str, t.Any]) -> list[str]:
    """Full names of the contexts of *workload* that are not cleaned up."""
    return [
        result["plugin_name"] for result in workload["contexts_results"] or []
        if not context.is_cleaned_up(result)
    ]


def check(task_uuid: str, failed: t.Sequence[str]) -> None:
    """:raises CleanupsFailed: with the names, if there are any"""
    if failed:
        raise CleanupsFailed(
            uuid=task_uuid, cleanups=counted(len(failed), "clean-up"),
            failed=", ".join(failed),
        )


def _has_ended(phase: Values) -> bool:
    return phase["finished_at"] is not None
