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
import copy
import json
import signal
import threading
import traceback
import types
import typing as t

from rally import consts, exceptions
from rally.common import cfg, db, logging, objects, owners
from rally.task import context, hook, progress, runner, scenario, sla, task_cfg
from rally.task.consumer import ResultConsumer

if t.TYPE_CHECKING:
    from rally.env import env_mgr

__all__ = ["ResultConsumer", "TaskAborted", "TaskEngine", "TASK_ENGINE_OPTS"]

LOG = logging.getLogger(__name__)
CONF = cfg.CONF

#: registered by rally.common.opts
TASK_ENGINE_OPTS = [
    cfg.IntOpt(
        "raw_result_chunk_size",
        default=1000,
        min=1,
        help="Iterations per stored chunk of results",
    ),
]


class TaskAborted(Exception):
    """Raised inside the engine where a task ends because it was aborted."""


class TaskEngine:
    """Runs one task in one environment: ``validate``, then ``run``.

    :param config: a TaskConfig
    :param task: an objects.Task
    :param env: an EnvManager
    :param abort_on_sla_failure: stop the load as soon as a criterion fails
    :param listener: told of the progress while the task runs
    """

    def __init__(
        self,
        config: task_cfg.TaskConfig,
        task: objects.Task,
        env: env_mgr.EnvManager,
        abort_on_sla_failure: bool = False,
        listener: progress.Listener | None = None,
    ) -> None:
        self.config = config
        self.task = task
        self.env = env
        self.abort_on_sla_failure = abort_on_sla_failure
        self.listener = listener
        self.interrupted = threading.Event()
        self._consumer: ResultConsumer | None = None

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
        problems = list(self._problems(workload, vcontext, vtype))
        if problems:
            raise exceptions.InvalidTaskConfig(
                name=workload["name"],
                pos=workload["position"],
                config=json.dumps(
                    objects.Workload.to_task(workload), indent=2
                ),
                reason="\n ".join(problems),
            )

    def _problems(
        self,
        workload: dict[str, t.Any],
        vcontext: dict[str, t.Any] | None,
        vtype: str | tuple[str, ...] | None,
    ) -> t.Iterator[str]:
        name = workload["name"]
        scenario_cls = scenario.Scenario.get(name)
        yield from scenario.Scenario.validate(
            name=name, context=vcontext, config=workload, plugin_cfg=None,
            vtype=vtype,
        )

        def check(
            base: t.Any, plugin: str, plugin_cfg: t.Any, hidden: bool = False
        ) -> list[str]:
            return base.validate(
                name=plugin, context=vcontext, config=None,
                plugin_cfg=plugin_cfg, allow_hidden=hidden, vtype=vtype,
            )

        found = check(
            runner.ScenarioRunner, workload["runner_type"], workload["runner"]
        )
        yield from found
        if not found and vtype == "syntax":
            runner_cls = runner.ScenarioRunner.get(workload["runner_type"])
            yield from runner_cls.check_workload(workload)
        for ctx_name, ctx_cfg in scenario_cls.get_default_context().items():
            yield from check(context.Context, ctx_name, ctx_cfg, hidden=True)
        for ctx_name, ctx_cfg in workload["contexts"].items():
            yield from check(context.Context, ctx_name, ctx_cfg)
        for criterion, value in workload["sla"].items():
            yield from check(sla.SLA, criterion, value)
        for hook_cfg in workload["hooks"]:
            yield from check(hook.HookAction, *hook_cfg["action"])
            yield from check(hook.HookTrigger, *hook_cfg["trigger"])

    def _workloads(self) -> t.Iterator[dict[str, t.Any]]:
        for subtask in self.config.subtasks:
            yield from subtask["workloads"]

    def _validate_config_syntax(self, config: task_cfg.TaskConfig) -> None:
        for workload in self._workloads():
            try:
                self._validate_workload(workload, vtype="syntax")
            except exceptions.PluginNotFound as e:
                raise exceptions.InvalidTaskConfig(
                    name=workload["name"],
                    pos=workload["position"],
                    config=json.dumps(
                        objects.Workload.to_task(workload), indent=2
                    ),
                    reason=e.format_message(),
                ) from None

    def _validate_config_platforms(self, config: task_cfg.TaskConfig) -> None:
        vcontext = self._validation_context()
        for workload in self._workloads():
            self._validate_workload(
                workload, vcontext=vcontext, vtype="platform"
            )

    def _validation_context(self) -> dict[str, t.Any]:
        platforms = self.env.data["platforms"]
        return {
            "task": self.task,
            "platforms": {
                name: platform["platform_data"]
                for name, platform in platforms.items()
            },
        }

    def _validate_config_semantic(self, config: task_cfg.TaskConfig) -> None:
        for name, health in self.env.check_health().items():
            if not health["available"]:
                raise exceptions.ValidationError(
                    "Platform %s of environment %s is not available, so no "
                    "task can be run on it: %s. Check it with `rally env "
                    "check --detailed`."
                    % (name, self.env, health.get("message", "no reason "
                                                  "was given"))
                )
        vcontext = self._validation_context()
        vcontext["config"] = self.env.get_validation_context()
        vcontext["env"] = self.env.data
        vcontext["owner_id"] = self.task["uuid"]
        with context.ContextManager(vcontext):
            for workload in self._workloads():
                self._validate_workload(
                    workload, vcontext=vcontext, vtype="semantic"
                )

    def validate(self, only_syntax: bool = False) -> None:
        """Check the task in stages: syntax, platforms, semantics.

        A failure is recorded in the task before it is raised.

        :param only_syntax: stop after the first stage
        :raises InvalidTaskConfig: a workload cannot be run as it stands
        :raises ValidationError: a platform is not available
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

    def _prepare_context(
        self, ctx: dict[str, t.Any], scenario_name: str, owner_id: str
    ) -> dict[str, t.Any]:
        """The context object of a workload, before any set-up."""
        scenario_cls = scenario.Scenario.get(scenario_name)
        wanted = copy.deepcopy(scenario_cls.get_default_context())
        wanted.update(copy.deepcopy(ctx))
        return {
            "task": self.task,
            "owner_id": owner_id,
            "scenario_name": scenario_name,
            "config": {
                self._context_fullname(name): value
                for name, value in wanted.items()
            },
            "env": self.env.data,
        }

    @staticmethod
    def _context_fullname(name: str) -> str:
        return context.Context.get(name, allow_hidden=True).get_fullname()

    def run(self) -> None:
        """Run all workloads, one after another, and record the outcome."""
        self.task.update_status(consts.TaskStatus.RUNNING)
        db.task_update(self.task["uuid"], {"owner": owners.own_name()})
        with self._signals():
            try:
                for position, subtask in enumerate(self.config.subtasks):
                    self._run_subtask(subtask, position)
                self._check_aborted()
            except TaskAborted:
                self.task.update_status(consts.TaskStatus.ABORTED)
            except BaseException:
                self.task.update_status(consts.TaskStatus.CRASHED)
                raise
            else:
                self.task.update_status(consts.TaskStatus.FINISHED)

    @contextlib.contextmanager
    def _signals(self) -> t.Iterator[None]:
        """SIGINT and SIGTERM stop the load once; a second one is hard."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_signal(number: int, frame: types.FrameType | None) -> None:
            if self.interrupted.is_set():
                raise KeyboardInterrupt
            self.interrupted.set()
            if self._consumer is not None:
                self._consumer.interrupt()

        previous = {
            number: signal.signal(number, on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _check_aborted(self) -> None:
        """:raises TaskAborted: somebody asked for an end of the task"""
        if self.interrupted.is_set() or (
            ResultConsumer.is_task_in_aborting_status(self.task["uuid"])
        ):
            raise TaskAborted()

    def _run_subtask(
        self, subtask: dict[str, t.Any], subtask_position: int
    ) -> None:
        subtask_obj = self.task.add_subtask(
            title=subtask["title"],
            description=subtask["description"],
            contexts=subtask["contexts"],
        )
        try:
            for workload in subtask["workloads"]:
                self._check_aborted()
                self._run_workload(subtask_obj, workload)
            self._check_aborted()
        except TaskAborted:
            subtask_obj.update_status(consts.SubtaskStatus.ABORTED)
            raise
        except BaseException:
            subtask_obj.update_status(consts.SubtaskStatus.CRASHED)
            raise
        subtask_obj.update_status(consts.SubtaskStatus.FINISHED)

    def _run_workload(
        self, subtask_obj: objects.Subtask, workload: dict[str, t.Any]
    ) -> None:
        LOG.info(
            "Task %s: workload %s at position %d starts"
            % (self.task["uuid"], workload["name"], workload["position"])
        )
        workload_obj = subtask_obj.add_workload(
            **{
                key: workload[key]
                for key in (
                    "name", "description", "position", "runner",
                    "runner_type", "hooks", "contexts", "sla", "args",
                )
            }
        )
        runner_obj = self._make_runner(workload)
        ctx_manager = context.ContextManager(
            self._prepare_context(
                workload["contexts"], workload["name"], workload_obj["uuid"]
            )
        )
        consumer = ResultConsumer(
            workload, self.task, subtask_obj, workload_obj, runner_obj,
            self.abort_on_sla_failure, ctx_manager, self.listener,
            self.interrupted,
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
        if failure is not None:  # outside: the log shows it once
            LOG.error("Workload %s failed: %s" % (workload["name"], failure))
            LOG.debug("".join(traceback.format_exception(failure)))

    @staticmethod
    def _load(
        consumer: ResultConsumer,
        ctx_manager: context.ContextManager,
        runner_obj: runner.ScenarioRunner,
        workload: dict[str, t.Any],
    ) -> None:
        """Set the contexts up, make the load, clean up."""
        with ctx_manager:
            consumer.enter_phase("running")
            if not consumer.interrupted.is_set():
                runner_obj.run(
                    workload["name"], ctx_manager.context_obj,
                    workload["args"],
                )
            consumer.enter_phase("cleanup")

    def _make_runner(
        self, workload: dict[str, t.Any]
    ) -> runner.ScenarioRunner:
        chunk_size = CONF.raw_result_chunk_size
        runner_cls = runner.ScenarioRunner.get(workload["runner_type"])
        runner_obj = runner_cls(
            self.task, workload["runner"], batch_size=chunk_size
        )
        runner_obj.configure_streams(
            sla_config=workload["sla"],
            chunk_size=chunk_size,
            iteration_events=any(
                self._listens_to_iterations(cfg) for cfg in workload["hooks"]
            ),
        )
        return runner_obj

    def _listens_to_iterations(self, hook_cfg: dict[str, t.Any]) -> bool:
        trigger_name, _ = hook_cfg["trigger"]
        action_name, _ = hook_cfg["action"]
        trigger = hook.HookTrigger.get(trigger_name)(
            hook_cfg, self.task, hook.HookAction.get(action_name)
        )
        return trigger.get_listening_event() == "iteration"
