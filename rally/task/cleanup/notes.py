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


"""What became of contexts, for as long as the database cannot be told.

A file on the controller's host for each workload concerned. A recovery on
that host reads it, so that it does not clean up what is cleaned up. With
their tasks, these files and what is kept for clean-ups are removed.
"""

from __future__ import annotations

import json
import pathlib
import typing as t

from rally import exceptions
from rally.common import db, logging, private_files
from rally.task import context
from rally.task.cleanup import context_store

LOG = logging.getLogger(__name__)

Results: t.TypeAlias = t.Sequence[t.Mapping[str, t.Any]]


class CleanupRecorder:
    """Tells the database what becomes of contexts, or keeps it on this host.

    :param store: tells the database; raises DBException if it cannot
    """

    def __init__(
        self,
        workload_uuid: str,
        store: t.Callable[[list[dict[str, t.Any]]], None],
    ) -> None:
        self._uuid = workload_uuid
        self._store = store
        self._is_kept = False

    def __call__(self, results: Results) -> None:
        """Record *results*.

        :raises DBException: it cannot be recorded, and nothing is cleaned up
            yet or that cannot be kept on this host either
        """
        known = [dict(each) for each in results]
        try:
            self._store(known)
        except exceptions.DBException as e:
            if not any(map(context.is_cleaned_up, known)):
                raise
            self._keep(known, e)
        else:
            if self._is_kept:
                forget(self._uuid)

    def _keep(self, results: Results, failure: Exception) -> None:
        try:
            path = keep(self._uuid, results)
        except OSError as e:
            LOG.error("It cannot be noted on this host either: %s" % e)
            raise failure from e
        if self._is_kept:
            return
        self._is_kept = True
        LOG.warning(
            "The database cannot be told that contexts are cleaned up. "
            "`rally task recover` on this host knows it from %s; elsewhere "
            "it would clean them up once more." % path
        )


def _path_of(workload_uuid: str) -> pathlib.Path:
    return pathlib.Path.home() / ".rally" / "cleaned-up" / workload_uuid


def keep(workload_uuid: str, results: Results) -> pathlib.Path:
    """Note what became of the clean-up of each context.

    What contexts keep for their clean-up may be secret and is not written.

    :param results: one for each context, in the order of their set-up
    :returns: the file
    :raises OSError: it cannot be written
    """
    path = _path_of(workload_uuid)
    private_files.make_folder(path.parent)
    noted = [[each["plugin_name"], each["cleanup"]] for each in results]
    private_files.write(path, [json.dumps(noted).encode()])
    return path


def applied(workload_uuid: str, results: Results) -> list[dict[str, t.Any]]:
    """*results* with what is noted of them; they may lack it.

    A note that cannot be read, or is of other contexts, counts as none:
    cleaning up once more does less harm than not at all.
    """
    try:
        noted = json.loads(_path_of(workload_uuid).read_bytes())
        return [
            _with(each, name, cleanup)
            for each, (name, cleanup) in zip(results, noted, strict=True)
        ]
    except (OSError, ValueError, TypeError, LookupError):
        return [dict(each) for each in results]


def _with(
    result: t.Mapping[str, t.Any], name: str, cleanup: dict[str, t.Any]
) -> dict[str, t.Any]:
    """:raises ValueError: it is noted of another context"""
    if name != result["plugin_name"]:
        raise ValueError(name)
    known = {**result, "cleanup": cleanup}
    if context.is_cleaned_up(known):
        known.pop("state", None)
    return known


def forget(workload_uuid: str) -> None:
    """The database knows it now.

    :raises OSError: the file cannot be removed
    """
    _path_of(workload_uuid).unlink(missing_ok=True)


def workloads_of_task(task_uuid: str) -> list[str]:
    """Uuids of the workloads of a task, to be asked before it is deleted."""
    task = db.task_get(task_uuid, detailed=True, lazy=True)
    return [
        workload["uuid"]
        for subtask in task["subtasks"] for workload in subtask["workloads"]
    ]


def workloads_of_env(env_uuid: str) -> list[str]:
    """The same of all tasks of an environment."""
    return [
        workload
        for task in db.task_list(env=env_uuid)
        for workload in workloads_of_task(task["uuid"])
    ]


def forget_all(workload_uuids: t.Iterable[str]) -> None:
    """Remove what is noted and kept for clean-ups, credentials included.

    :raises OSError: a file cannot be removed
    """
    for uuid in workload_uuids:
        context_store.ContextStore(uuid).forget()
        forget(uuid)
