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

"""Tasks: create, validate, run, abort, look at, export, import."""

from __future__ import annotations

import typing as t

from rally import consts, exceptions, plugins
from rally.api import aborts, group
from rally.common import db, logging, objects, owners
from rally.common.objects import report_schema

if t.TYPE_CHECKING:
    from rally.env import env_mgr
    from rally.task import task_cfg
    from rally.task.reporting import progress

LOG = logging.getLogger(__name__)

TaskDict: t.TypeAlias = dict[str, t.Any]


class _Task(group.APIGroup):
    """Methods about tasks."""

    TASK_SCHEMA = report_schema.TASK_SCHEMA

    def list(self, **filters: t.Any) -> list[TaskDict]:
        """Tasks, oldest first.

        :param status: of this status only
        :param deployment: of this environment only (uuid or name); ``env``
            says the same
        :param tags: with any of these tags
        """
        if "env" in filters:
            filters["deployment"] = filters.pop("env")
        return [task.to_dict() for task in objects.Task.list(**filters)]

    def get(
        self, task_id: str, detailed: bool = False, lazy: bool = False
    ) -> TaskDict:
        """One task.

        :param detailed: with its subtasks, workloads and results
        :param lazy: results are read from the database when they are
            iterated over, instead of being held in memory
        """
        task = objects.Task.get(task_id, detailed=detailed, lazy=lazy)
        return task.to_dict()

    def render_template(
        self, task_template: str, template_dir: str = "./", **kwargs: t.Any
    ) -> str:
        """Render a task file.

        :param template_dir: where ``include`` and ``import`` look
        :param kwargs: values of the variables
        :raises TypeError: a variable has neither value nor default
        """
        from rally.api import templates

        return templates.render(task_template, template_dir, kwargs)

    def create_template_functions(
        self,
    ) -> dict[str, t.Callable[..., t.Any]]:
        """Functions that task files can call, by name."""
        from rally.api import templates

        return templates.functions()

    def create(
        self,
        deployment: str,
        tags: t.Sequence[str] | None = None,
        title: str = "",
        description: str = "",
    ) -> TaskDict:
        """Record a task that is going to be started.

        :param deployment: uuid or name of an environment
        :raises DeploymentNotFinishedStatus: it is not ready
        """
        env = self._ready_env(deployment)
        return self._record(env, tags or (), title, description).to_dict()

    @plugins.ensure_plugins_are_loaded
    def validate(
        self,
        deployment: str,
        config: TaskDict,
        task_instance: objects.Task | None = None,
        task: str | None = None,
    ) -> None:
        """Check a task file against an environment.

        :param deployment: uuid or name of the environment
        :param config: the task file, parsed
        :param task: uuid of the task it is for; None: none is recorded
        :raises InvalidTaskException: the file cannot be run
        """
        from rally.env import env_mgr
        from rally.task import engine, task_cfg

        parsed = task_cfg.TaskConfig(config)
        env = env_mgr.EnvManager.get(deployment)
        if task is not None:
            task_instance = objects.Task.get(task)
        record = task_instance or objects.Task(
            temporary=True, env_uuid=env.uuid
        )
        engine.TaskEngine(parsed, record, env).validate()

    @plugins.ensure_plugins_are_loaded
    def start(
        self,
        deployment: str,
        config: TaskDict,
        task: str | None = None,
        abort_on_sla_failure: bool = False,
        listener: progress.Listener | None = None,
        ship_plugins: bool = False,
    ) -> tuple[str, str]:
        """Run a task and wait for its end.

        :param deployment: uuid or name of the environment
        :param config: the task file, parsed
        :param task: uuid of the task that ``create`` recorded; None: it is
            recorded here
        :param abort_on_sla_failure: stop when a criterion cannot hold any
            more
        :param listener: told of the progress
        :param ship_plugins: send the plugin files of this host to agents
        :returns: uuid and final status of the task
        :raises InvalidTaskException: the file cannot be run
        """
        from rally.task import engine, task_cfg

        parsed = task_cfg.TaskConfig(config)
        env = self._ready_env(deployment)
        if task is None:
            record = self._record(
                env, parsed.tags, parsed.title, parsed.description
            )
        else:
            record = objects.Task.get(_uuid_of(task))
        task_engine = engine.TaskEngine(
            parsed, record, env, abort_on_sla_failure, listener,
            ship_plugins,
        )
        with owners.alive():
            db.task_update(record["uuid"], {"owner": owners.own_name()})
            try:
                task_engine.validate()
            except KeyboardInterrupt:
                self.give_up(record["uuid"])
                raise
            LOG.info("Task %s input file is valid." % record["uuid"])
            LOG.info("Task %s runs in environment %s" % (record["uuid"], env))
            task_engine.run()
        return record["uuid"], objects.Task.get_status(record["uuid"])

    @staticmethod
    def _ready_env(deployment: str) -> env_mgr.EnvManager:
        from rally.env import env_mgr

        env = env_mgr.EnvManager.get(deployment)
        if env.status != env_mgr.STATUS.READY:
            data = env.cached_data
            raise exceptions.DeploymentNotFinishedStatus(
                name=data["name"], uuid=env.uuid, status=env.status
            )
        return env

    @staticmethod
    def _record(
        env: env_mgr.EnvManager,
        tags: t.Sequence[str],
        title: str,
        description: str,
    ) -> objects.Task:
        return objects.Task(
            env_uuid=env.uuid,
            tags=sorted(set(tags)),
            title=title,
            description=description,
            owner=owners.claim(),
        )

    @plugins.ensure_plugins_are_loaded
    def parse_config(self, config: t.Any) -> task_cfg.TaskConfig:
        """Check the form of a task file, before anything is recorded.

        :param config: the file, parsed
        :raises InvalidTaskException: it is not a task
        """
        from rally.task import task_cfg

        return task_cfg.TaskConfig(config)

    def give_up(self, task_uuid: str) -> None:
        """Close a task that its user gave up before it ran.

        Nothing if it had begun to: the engine has closed it then.
        """
        if objects.Task.get_status(task_uuid) in aborts.NOT_YET_RUNNING:
            objects.Task.get(task_uuid).update_status(
                consts.TaskStatus.ABORTED
            )

    def abort(
        self,
        task_uuid: str,
        soft: bool = False,
        wait: bool = False,
        **kwargs: t.Any,
    ) -> None:
        """End a task that some process runs.

        If that process is gone, the task is marked as aborted as soon as
        its agents have certainly stopped.

        :param soft: let the workload that runs come to its end
        :param wait: come back when the task has ended
        :raises RallyException: the task does not run
        """
        aborts.abort(aborts.Tasks(), _uuid_of(task_uuid), soft, wait)

    def recover(
        self,
        task_uuid: str,
        say: t.Callable[[str], None] = LOG.info,
    ) -> TaskDict:
        """Finish a task whose controller is gone.

        What agents keep of it is stored, and contexts are cleaned up.

        :param say: told what was done, in sentences
        :raises CleanupsFailed: after all else was done; try it again
        :returns: the task as it is then
        """
        from rally.task.distributed import recovery

        recovery.recover(task_uuid, say=say)
        return self.get(task_uuid)

    def delete(self, task_uuid: str, force: bool = False) -> None:
        """Delete a task with its results, and what its clean-ups need.

        :param force: even if it has not finished
        :raises DBConflict: it has not
        """
        from rally.task.cleanup import notes

        workloads = notes.workloads_of_task(task_uuid)
        objects.Task.delete_by_uuid(
            task_uuid, status=None if force else consts.TaskStatus.FINISHED
        )
        notes.forget_all(workloads)

    @plugins.ensure_plugins_are_loaded
    def import_results(
        self,
        deployment: str,
        task_results: TaskDict,
        tags: t.Sequence[str] | None = None,
    ) -> TaskDict:
        """Store a task of a JSON report.

        :param deployment: uuid or name of the environment it is put into
        :param task_results: an element of ``tasks`` of such a report
        :param tags: tags of the new task
        :raises RallyException: it violates the schema of results
        """
        from rally.api import imports

        env = self._ready_env(deployment)
        return imports.import_task(env.uuid, task_results, tags or ())

    @plugins.ensure_plugins_are_loaded
    def export(
        self,
        tasks: t.Sequence[str | TaskDict],
        output_type: str,
        output_dest: str | None = None,
        stream: t.TextIO | None = None,
    ) -> dict[str, t.Any]:
        """Make a report of tasks.

        :param tasks: uuids, or tasks as ``get`` gives them
        :param output_type: name of an exporter
        :param output_dest: a path or address, as that exporter has it
        :param stream: where to write what would be in ``print``, without
            holding all of it, if the exporter can
        :returns: ``files``, ``open`` and ``print``, each if there is any
        :raises ValidationError: no such exporter, or a wrong destination
        """
        from rally.task import exporter

        problems = exporter.TaskExporter.validate(
            output_type, context={}, config={}, plugin_cfg=output_dest,
            vtype="syntax",
        )
        if problems:
            raise exceptions.ValidationError("; ".join(problems))
        exporter_cls = exporter.TaskExporter.get(output_type)
        streams = getattr(exporter_cls, "streams", False)
        results = [
            self.get(task, detailed=True, lazy=streams)
            if isinstance(task, str)
            else task if streams else _with_lists(task)
            for task in tasks
        ]
        LOG.info(
            "Making a report of kind '%s' of tasks '%s'."
            % (output_type, "', '".join(str(x["uuid"]) for x in results))
        )
        report = exporter.TaskExporter.make(
            exporter_cls, results, output_dest, api=self.api, stream=stream
        )
        LOG.info("The report has been successfully built.")
        return report


def _with_lists(task: TaskDict) -> TaskDict:
    """*task* with its results in memory, wherever they were."""
    return {**task, "subtasks": [
        {**subtask, "workloads": [
            {**workload, "data": list(workload["data"])}
            for workload in subtask["workloads"]
        ]}
        for subtask in task.get("subtasks") or ()
    ]}


def _uuid_of(task: str | t.Mapping[str, t.Any]) -> str:
    return task if isinstance(task, str) else str(task["uuid"])
