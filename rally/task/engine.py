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

"""TaskEngine: validates a task and runs it, workload after workload."""

from __future__ import annotations

import contextlib
import json
import threading
import traceback
import types
import typing as t
import uuid

from rally import consts, exceptions
from rally.common import cfg, logging, objects, opts, stop_signals
from rally.common.db.retrying import RetryPolicy
from rally.env import reasons
from rally.task import (
    context,
    hook,
    runner,
    scenario,
    sla,
    task_cfg,
    task_scope,
)
from rally.task import workload as workloads
from rally.task.cleanup import context_store, notes
from rally.task.consumer import ResultConsumer
from rally.task.reporting import progress

if t.TYPE_CHECKING:
    from rally.env import env_mgr

__all__ = ["ResultConsumer", "TaskAborted", "TaskEngine", "TASK_ENGINE_OPTS"]

LOG = logging.getLogger(__name__)
CONF = cfg.CONF

#: registered by rally.common.opts
TASK_ENGINE_OPTS = opts.TASK_ENGINE_OPTS


class TaskAborted(Exception):
    """Raised inside the engine where a task ends because it was aborted."""


class TaskEngine:
    """Runs one task in one environment: ``validate``, then ``run``.

    :param config: a TaskConfig
    :param task: an objects.Task
    :param env: an EnvManager
    :param abort_on_sla_failure: stop the load as soon as a criterion fails
    :param listener: told of the progress while the task runs
    :param ship_plugins: send plugin files of this host to agents
    """

    def __init__(
        self,
        config: task_cfg.TaskConfig,
        task: objects.Task,
        env: env_mgr.EnvManager,
        abort_on_sla_failure: bool = False,
        listener: progress.Listener | None = None,
        ship_plugins: bool = False,
    ) -> None:
        self.config = config
        self.task = task
        self.env = env
        self.abort_on_sla_failure = abort_on_sla_failure
        self.listener = listener
        self.interrupted = threading.Event()
        self.retry = RetryPolicy(
            task["uuid"], CONF.database_patience, self._say
        )
        self._consumer: ResultConsumer | None = None
        self._scope = task_scope.TaskScope(ship_plugins)

    # ---- validation

    def _validate_workload(
        self,
        workload: dict[str, t.Any],
        vcontext: dict[str, t.Any] | None = None,
        vtype: str | tuple[str, ...] | None = None,
    ) -> None:
        """Check one workload with all its plugins.

        :raises InvalidTaskConfig: naming workload, position and causes
        """
        try:
            problems = _problems(workload, vcontext, vtype)
        except exceptions.PluginNotFound as e:
            problems = [e.format_message()]
        if problems:
            raise exceptions.InvalidTaskConfig(
                name=workload["name"],
                pos=workload["position"],
                config=json.dumps(
                    objects.Workload.to_task(workload), indent=2
                ),
                reason="\n".join(problems),
            )

    def _workloads(self) -> t.Iterator[dict[str, t.Any]]:
        for subtask in self.config.subtasks:
            yield from subtask["workloads"]

    def _validate_config_syntax(self, config: task_cfg.TaskConfig) -> None:
        for workload in self._workloads():
            self._validate_workload(workload, vtype="syntax")

    def _validate_config_platforms(self, config: task_cfg.TaskConfig) -> None:
        vcontext = self._validation_context()
        for workload in self._workloads():
            self._validate_workload(
                workload, vcontext=vcontext, vtype="platform"
            )

    def _validation_context(self) -> dict[str, t.Any]:
        return {
            "task": self.task,
            "platforms": workloads.platforms_data(self.env.data),
        }

    def _validate_config_semantic(self, config: task_cfg.TaskConfig) -> None:
        for name, health in self.env.check_health().items():
            if not health["available"]:
                raise exceptions.ValidationError(
                    reasons.paragraph(
                        name.rpartition("@")[2],
                        self.env.cached_data["name"],
                        reasons.in_answer(health),
                    )
                )
        vcontext = self._validation_context()
        vcontext["config"] = self.env.get_validation_context()
        vcontext["env"] = workloads.as_plugins_see(self.env.data)
        vcontext["owner_id"] = self.task["uuid"]
        ctx_manager = context.ContextManager(vcontext)
        try:
            with self._signals(), ctx_manager:
                for workload in self._workloads():
                    if self.interrupted.is_set():
                        break
                    self._validate_workload(
                        workload, vcontext=vcontext, vtype="semantic"
                    )
        finally:
            self._say_what_is_left(ctx_manager, "validation")
        if self.interrupted.is_set():  # contexts are cleaned up by now
            raise KeyboardInterrupt

    def validate(self, only_syntax: bool = False) -> None:
        """Check the task in stages: syntax, platforms, semantics.

        A failure is recorded in the task before it is raised.

        :param only_syntax: stop after the first stage
        :raises InvalidTaskConfig: a workload cannot be run as it stands
        :raises ValidationError: a platform is not available
        :raises KeyboardInterrupt: a signal ended it; what it had set up for
            the checks is cleaned up
        """
        self.task.update_status(consts.TaskStatus.VALIDATING)
        try:
            self._validate_config_syntax(self.config)
            if only_syntax:
                return
            self._validate_config_platforms(self.config)
            self._validate_config_semantic(self.config)
        except Exception as e:  # recorded for `rally task detailed`, raised
            self.task.set_failed(
                type(e).__name__, str(e),
                json.dumps(traceback.format_exc()),
            )
            raise

    # ---- the run

    def run(self) -> None:
        """Run all workloads, one after another, and record the outcome."""
        with self._signals():
            try:
                self._mark(self.task, consts.TaskStatus.RUNNING)
                with self._scope:
                    for position, subtask in enumerate(self.config.subtasks):
                        self._run_subtask(subtask, position)
                self._check_aborted()
            except TaskAborted:
                self._mark(self.task, consts.TaskStatus.ABORTED)
            except BaseException:
                self._mark_crashed(self.task, consts.TaskStatus.CRASHED)
                raise
            else:
                self._mark(self.task, consts.TaskStatus.FINISHED)

    def _mark(self, record: objects.Task | objects.Subtask, status: str
              ) -> None:
        self.retry(record.update_status, status)

    def _mark_crashed(
        self, record: objects.Task | objects.Subtask, status: str
    ) -> None:
        """Mark what ends with an error, which is what has to be told."""
        try:
            self._mark(record, status)
        except exceptions.DBException as e:
            LOG.error(
                "Task %s: that it ended could not be recorded: %s"
                % (self.task["uuid"], e)
            )

    def _say(self, sentence: str) -> None:
        """Something about the database that a person should know."""
        LOG.warning("Task %s: %s" % (self.task["uuid"], sentence))
        if self._consumer is not None:
            self._consumer.runner.problem(sentence)

    def _signals(self) -> contextlib.AbstractContextManager[None]:
        """The first signal stops the load; a second one gives up on it."""

        def on_signal(number: int, frame: types.FrameType | None) -> None:
            if self.interrupted.is_set():
                self.retry.give_up()
                raise KeyboardInterrupt
            self.interrupted.set()
            if self._consumer is not None:
                self._consumer.interrupt()

        return stop_signals.handled(on_signal)

    def _check_aborted(self) -> None:
        """:raises TaskAborted: somebody asked for an end of the task"""
        if self.interrupted.is_set() or (
            self.retry(
                ResultConsumer.is_task_in_aborting_status, self.task["uuid"]
            )
        ):
            raise TaskAborted()

    def _run_subtask(
        self, subtask: dict[str, t.Any], subtask_position: int
    ) -> None:
        subtask_obj = self.retry(
            self.task.add_subtask,
            title=subtask["title"],
            description=subtask["description"],
            contexts=subtask["contexts"],
            uuid=str(uuid.uuid4()),
        )
        try:
            for workload in subtask["workloads"]:
                self._check_aborted()
                self._run_workload(subtask_obj, workload)
            self._check_aborted()
        except TaskAborted:
            self._mark(subtask_obj, consts.SubtaskStatus.ABORTED)
            raise
        except BaseException:
            self._mark_crashed(subtask_obj, consts.SubtaskStatus.CRASHED)
            raise
        self._mark(subtask_obj, consts.SubtaskStatus.FINISHED)

    def _run_workload(
        self, subtask_obj: objects.Subtask, workload: dict[str, t.Any]
    ) -> None:
        LOG.info(
            "Task %s: workload %s at position %d starts"
            % (self.task["uuid"], workload["name"], workload["position"])
        )
        workload_obj = self.retry(
            subtask_obj.add_workload,
            uuid=str(uuid.uuid4()),
            **{
                key: workload[key]
                for key in (
                    "name", "description", "position", "runner",
                    "runner_type", "hooks", "contexts", "sla", "args",
                )
            },
        )
        runner_obj = self._make_runner(workload)
        ctx_manager = self._context_manager(workload, workload_obj)
        consumer = ResultConsumer(
            workload, self.task, subtask_obj, workload_obj, runner_obj,
            self.abort_on_sla_failure, ctx_manager, self.listener,
            self.interrupted, self.retry,
        )
        failure = None
        self._consumer = consumer
        try:
            with consumer:
                self._load(consumer, ctx_manager, runner_obj, workload)
        except exceptions.DBException:
            raise
        except Exception as e:  # shown as SLA something_went_wrong
            failure = e
        finally:
            consumer.hooks.give_up()  # what nobody has waited for
        if failure is not None:  # outside: the log shows it once
            LOG.error("Workload %s failed: %s" % (workload["name"], failure))
            LOG.debug("".join(traceback.format_exception(failure)))

    def _context_manager(
        self, workload: dict[str, t.Any], workload_obj: objects.Workload
    ) -> context.ContextManager:
        return context.ContextManager(
            workloads.context_object(
                self.task,
                self.retry(lambda: self.env.data),
                workload["contexts"],
                workload["name"],
                workload_obj["uuid"],
            ),
            notes.CleanupRecorder(
                workload_obj["uuid"],
                lambda known: self.retry(workload_obj.set_contexts, known),
            ),
            context_store.ContextStore(workload_obj["uuid"]),
        )

    def _load(
        self,
        consumer: ResultConsumer,
        ctx_manager: context.ContextManager,
        runner_obj: runner.ScenarioRunner,
        workload: dict[str, t.Any],
    ) -> None:
        """Set the contexts up, make the load, clean up."""
        runner_obj.get_ready(workload["name"], ctx_manager.context_obj)
        try:
            with ctx_manager:
                consumer.enter_phase("running")
                consumer.record_run()
                if not consumer.interrupted.is_set():
                    runner_obj.run(
                        workload["name"], ctx_manager.context_obj,
                        workload["args"],
                    )
                consumer.enter_phase("cleanup")
        except SystemExit as e:
            raise exceptions.RallyException(
                "A context or the runner of the workload raised SystemExit "
                "(%s), which ends a program, and not a workload. The "
                "workload has failed; let the plugin raise another exception."
                % e
            ) from e
        finally:
            self._say_what_is_left(ctx_manager, "workload")

    def _say_what_is_left(
        self, ctx_manager: context.ContextManager, user: str
    ) -> None:
        """Tell of clean-ups that failed.

        :param user: for what the contexts were set up
        """
        left = [
            result["plugin_name"]
            for result in ctx_manager.contexts_results()
            if not context.is_cleaned_up(result)
        ]
        if not left:
            return
        what_to_do = "`rally task recover %s` tries it again"
        if self.task.is_temporary:
            what_to_do = "delete what bears the name of %s by hand"
        elif user == "validation":  # which keeps no record of its contexts
            what_to_do = "`rally task recover %s` looks for it by its name"
        self._say(
            "the clean-up of %s failed, so what was made for the %s may "
            "still be there; %s"
            % (", ".join(left), user, what_to_do % self.task["uuid"])
        )

    def _make_runner(
        self, workload: dict[str, t.Any]
    ) -> runner.ScenarioRunner:
        chunk_size = CONF.raw_result_chunk_size
        runner_cls = runner.ScenarioRunner.get(workload["runner_type"])
        runner_obj = runner_cls(
            self.task, workload["runner"], batch_size=chunk_size
        )
        runner_obj.scope = self._scope
        hooks = hook.HookExecutor(workload, self.task)
        runner_obj.configure_streams(
            sla_config=workload["sla"],
            chunk_size=chunk_size,
            iteration_events="iteration" in hooks.triggers,
        )
        return runner_obj


def _problems(
    workload: dict[str, t.Any],
    vcontext: dict[str, t.Any] | None,
    vtype: str | tuple[str, ...] | None,
) -> list[str]:
    """What is wrong with a workload, as sentences.

    :param vtype: which kinds of validators are asked; None: all
    """
    found = list(_problems_of_plugins(workload, vcontext, vtype))
    if not found and vtype == "syntax":  # as a whole: each part is right
        runner_cls = runner.ScenarioRunner.get(workload["runner_type"])
        found = list(runner_cls.check_workload(workload))
    return found


def _problems_of_plugins(
    workload: dict[str, t.Any],
    vcontext: dict[str, t.Any] | None,
    vtype: str | tuple[str, ...] | None,
) -> t.Iterator[str]:
    """What each plugin of a workload says of its configuration."""
    name = workload["name"]

    def check(
        base: t.Any, plugin: str, plugin_cfg: t.Any, hidden: bool = False
    ) -> list[str]:
        return base.validate(
            name=plugin, context=vcontext, config=None,
            plugin_cfg=plugin_cfg, allow_hidden=hidden, vtype=vtype,
        )

    yield from scenario.Scenario.validate(
        name=name, context=vcontext, config=workload, plugin_cfg=None,
        vtype=vtype,
    )
    yield from check(
        runner.ScenarioRunner, workload["runner_type"], workload["runner"]
    )
    for ctx_name, ctx_cfg in _default_contexts(name).items():
        yield from check(context.Context, ctx_name, ctx_cfg, hidden=True)
    for ctx_name, ctx_cfg in workload["contexts"].items():
        yield from check(context.Context, ctx_name, ctx_cfg)
    for criterion, value in workload["sla"].items():
        yield from check(sla.SLA, criterion, value)
    for hook_cfg in workload["hooks"]:
        yield from check(hook.HookAction, *hook_cfg["action"])
        yield from check(hook.HookTrigger, *hook_cfg["trigger"])


def _default_contexts(scenario_name: str) -> dict[str, t.Any]:
    """Contexts that a scenario always has; none if it does not exist."""
    try:
        cls = scenario.Scenario.get(scenario_name)
    except exceptions.PluginNotFound:
        return {}
    return cls.get_default_context()
