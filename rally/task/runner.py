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

"""Base of the runners: how much load is made, and in which rhythm.

A runner produces two streams: chunks of results (``result_queue``) and
aggregates (``board``). Whoever runs it, the engine or an agent, reads both.
"""

from __future__ import annotations

import abc
import importlib
import multiprocessing
import typing as t

from rally import exceptions
from rally.common import logging, utils, validation
from rally.common.plugin import plugin
from rally.task import scenario, sla, task_scope, types
from rally.task.load import (
    builder,
    gate,
    legacy,
    outbox,
    output,
    stream_adapters,
)
from rally.task.load import plan as plan_module
from rally.task.load import source as source_module
from rally.task.load.errors import (
    JudgingFailed,
    NotDistributable,
    NotWeighable,
    WorkersKeepDying,
)
from rally.task.load.single import (
    ScenarioRunnerResult,
    _get_scenario_context,
    _log_worker_info,
    _run_scenario_once,
    _worker_thread,
    format_result_on_timeout,
)
from rally.task.reporting import load_info
from rally.task.results import row as row_module
from rally.task.results.progressions import Lost

__all__ = [
    "Config", "JudgingFailed", "Lost", "NotDistributable", "NotWeighable",
    "ScenarioRunner", "ScenarioRunnerResult", "WorkersKeepDying",
    "_get_scenario_context", "_log_worker_info", "_run_scenario_once",
    "_worker_thread", "configure", "format_result_on_timeout",
]

LOG = logging.getLogger(__name__)
configure = plugin.configure

Config: t.TypeAlias = t.Mapping[str, t.Any]


@validation.add_default("jsonschema")
@plugin.base()
class ScenarioRunner(
    output.RunnerOutput,
    plugin.Plugin,
    validation.ValidatablePluginMixin,
    metaclass=abc.ABCMeta,
):
    """Makes the load of a workload.

    A subclass implements ``_run_scenario``, which blocks until the load is
    over and either calls ``_run_plan`` or makes iterations itself and hands
    each result to ``_send_result``.
    """

    CONFIG_SCHEMA: t.ClassVar[dict[str, t.Any]] = {"type": "null"}
    #: said by the class that defines ``_run_scenario``: it makes no
    #: iteration but with ``_run_plan``, which waits at the gate. Then it is
    #: called before the start, so that workers stand ready
    STANDS_READY: t.ClassVar[bool] = False

    def __init__(
        self, task: t.Any, config: t.Any, batch_size: int = 0
    ) -> None:
        """Prepare a run.

        :param task: record of the task
        :param config: configuration of the runner
        :param batch_size: results per chunk; 0: each goes out at once
        """
        super().__init__(batch_size)
        self.task = task
        self.config = config
        self.aborted = multiprocessing.get_context("fork").Event()
        self.run_duration = 0.0
        #: None: numbers from 1, as the configuration says
        self.source: source_module.IterationSource | None = None
        #: where a load that stands ready waits for its start; None: nowhere
        self.gate: gate.StartGate | None = None
        #: what the runners of one task share; None: nobody runs a task
        self.scope: task_scope.TaskScope | None = None
        #: arguments come preprocessed, from another host
        self.is_preprocessed = False
        #: who makes the load; scenarios find it as ``context["agent"]``
        self.agent: dict[str, t.Any] = {
            "name": load_info.LOCAL, "index": 0, "count": 1, "labels": {},
        }
        self._failure: exceptions.RallyException | None = None

    # ---- how the load is made and split

    @classmethod
    def load_plan(cls, config: Config) -> plan_module.LoadPlan:
        """The load that *config* asks for.

        :raises NotDistributable: the plugin does not say
        """
        raise NotDistributable(runner=cls.get_name(), cls=cls.__name__)

    @classmethod
    def split_config(
        cls, config: Config, parts: int
    ) -> list[dict[str, t.Any] | None]:
        """Configurations for *parts* agents; together exactly *config*.

        :returns: one for each agent, the larger shares first; None: nothing
            is left for this one
        :raises NotDistributable: the plugin does not say
        """
        raise NotDistributable(runner=cls.get_name(), cls=cls.__name__)

    @classmethod
    def weigh_config(
        cls, config: Config, weights: t.Sequence[int]
    ) -> list[dict[str, t.Any] | None]:
        """Configurations for groups of agents; together exactly *config*.

        :returns: one for each of *weights*, in proportion to them, which
            ``split_config`` can split further; None: nothing is left for it
        :raises NotWeighable: the plugin does not say
        """
        raise NotWeighable(runner=cls.get_name(), cls=cls.__name__)

    @classmethod
    def check_workload(
        cls, workload: t.Mapping[str, t.Any]
    ) -> t.Iterable[str]:
        """What keeps the runner from running *workload* as a whole."""
        return ()

    @classmethod
    def stands_ready(cls) -> bool:
        """Whether ``run`` itself waits for the start, at the gate."""
        for each in cls.__mro__:
            if "_run_scenario" in vars(each):
                return bool(vars(each).get("STANDS_READY"))
        return False

    @property
    def asked(self) -> int | None:
        """Iterations asked for; None: until a duration has passed."""
        try:
            return self.load_plan(self.config).times
        except NotDistributable:
            times = (self.config or {}).get("times")
            return times if isinstance(times, int) else None

    @property
    def offered_rate(self) -> float | None:
        """Iterations per second an open model asks for, on average."""
        try:
            plan = self.load_plan(self.config)
        except NotDistributable:
            return None
        if plan.schedule is None or plan.times is None:
            return None
        return plan.schedule.mean_rate(plan.times)

    # ---- running

    def get_ready(self, name: str, context: t.Mapping[str, t.Any]) -> None:
        """Start what takes long: contexts are about to be set up.

        It must not wait for that, and ``run`` may come without it.

        :param name: of the scenario
        :param context: context of the workload, of which nothing is set up
        """

    def run(
        self, name: str, context: dict[str, t.Any], args: dict[str, t.Any]
    ) -> None:
        """Make the load; returns when it is over.

        :param name: of the scenario
        :param context: context of the workload
        :param args: arguments of the scenario, as in the task file
        """
        context = {**context, "agent": self.agent}
        try:
            scenario_cls = scenario.Scenario.get(name)
            for module in scenario_cls.IMPORTS:
                importlib.import_module(module)
            if not self.is_preprocessed:
                args = types.preprocess(name, context, args)
            with utils.Timer() as timer:
                self._run_scenario(scenario_cls, "run", context, args)
            self.run_duration = timer.duration()
        finally:
            self._finish()
        if self._failure is not None:
            raise self._failure

    @abc.abstractmethod
    def _run_scenario(
        self,
        cls: type[scenario.Scenario],
        method_name: str,
        context: dict[str, t.Any],
        args: dict[str, t.Any],
    ) -> None:
        """Make the load; blocks until it is over.

        :param cls: scenario plugin
        :param method_name: method of its instances to call: ``run``
        :param context: context of the workload
        :param args: arguments, preprocessed
        """

    def abort(self) -> None:
        """Start nothing more; iterations that run may finish."""
        self.aborted.set()
        if self.source is not None:
            self.source.stop()

    def _claim_source(
        self, plan: plan_module.LoadPlan
    ) -> source_module.IterationSource:
        """Where iteration numbers come from."""
        if self.source is None:
            self.source = source_module.CounterSource(plan.times)
        if self.aborted.is_set():
            self.source.stop()
        return self.source

    def _run_plan(
        self,
        plan: plan_module.LoadPlan,
        cls: type[scenario.Scenario],
        method_name: str,
        context: dict[str, t.Any],
        args: dict[str, t.Any],
    ) -> None:
        """Make the load of *plan* with worker processes.

        :raises WorkersKeepDying: results until then have been delivered
        :raises JudgingFailed: likewise
        """
        from rally.task.load import pool as pool_module
        from rally.task.load import worker

        chunks = builder.ChunkBuilder(
            self.batch_size or outbox.BLOCK_ROWS, self.result_queue.append
        )
        work = worker.Work(
            scenario_cls=cls, method_name=method_name, context=context,
            args=args, plan=plan, source=self._claim_source(plan),
            sla_config=self._carriable_sla(),
            all_events=self.iteration_events, log_prefix=self._log_prefix(),
        )
        pool = pool_module.WorkerPool(
            work, chunks, stream_adapters.RunnerListener(self),
            self.sla_config, self.gate,
        )
        try:
            pool.run()
        finally:
            self.lost.extend(pool.lost)
            self.count("late", chunks.late_rows)
        if pool.deaths.fatal:
            raise WorkersKeepDying(problem=pool.deaths.fatal)

    def _carriable_sla(self) -> Config | None:
        """The criteria, if a worker can send what they have learnt."""
        for name, value in self.sla_config.items():
            if sla.SLA.get(name).state_problem(value):
                return None
        return self.sla_config

    # ---- what a runner sends

    def _send_result(self, result: t.Any) -> None:
        """Hand over the result of one iteration, in Rally's form."""
        row = self.row_of(result)
        if row is not None:
            self._send_row(row)

    def row_of(self, result: t.Any) -> row_module.Row | None:
        """*result* as a row, unless it has the wrong form."""
        try:
            if not self.task.result_has_valid_schema(result):
                raise row_module.ResultRefused("it has the wrong form")
            return row_module.checked_row(result, next(self._numbers))
        except row_module.ResultRefused as e:
            LOG.warning(
                "%s | Runner `%s` sent a result that is dropped: %s"
                % (self._log_prefix(), self.get_name(), e)
            )
        self.count("dropped")
        self.problem(
            "A result of runner '%s' had the wrong form, or a time that is "
            "negative or not a number, and was dropped, so statistics and SLA "
            "know nothing of that iteration. This is an error in the plugin "
            "of the runner; the log says what was wrong." % self.get_name()
        )
        return None

    def fail(self, type_name: str, message: str, trace: str) -> None:
        """Stop the load; ``run`` will raise this failure of a plugin."""
        if self._failure is None:
            self._failure = JudgingFailed(
                type=type_name, message=message, trace=trace
            )
        self.abort()

    # ---- for plugins that make their processes themselves

    @staticmethod
    def _create_process_pool(
        processes_to_start: int,
        worker_process: t.Callable[..., t.Any],
        worker_args_gen: t.Iterator[tuple[t.Any, ...]],
    ) -> legacy.ProcessPool:
        """Start processes.

        :param worker_process: body; also gets ``info=``, a dict with
            ``processes_to_start`` and ``processes_counter``
        :param worker_args_gen: gives the arguments of each process
        """
        return legacy.create(
            processes_to_start, worker_process, worker_args_gen
        )

    def _join_processes(
        self,
        process_pool: legacy.ProcessPool,
        result_queue: t.Any,
        event_queue: t.Any,
    ) -> None:
        """Send what the processes put into the queues, until they end."""
        failed = legacy.join(
            process_pool, self._send_result,
            lambda event: self.send_event(**event),
            result_queue, event_queue,
        )
        for process in failed:
            reason = (
                "load process %s ended with exit code %s"
                % (process.pid, process.exitcode)
            )
            self.lost.append(Lost((), reason))
            self.problem("A %s; its iterations are lost." % reason)
        self._flush_results()

    def _log_debug_info(self, **info: t.Any) -> None:
        """Log how the load is made."""
        LOG.debug("%s | Runner: %s" % (
            self._log_prefix(),
            ", ".join("%s=%s" % item for item in sorted(info.items())),
        ))

    def _log_prefix(self) -> str:
        try:
            return "Task %s" % self.task["uuid"]
        except (KeyError, TypeError):
            return "Task"
