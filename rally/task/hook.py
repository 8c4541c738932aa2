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

"""Hooks: what is done beside the load, at an iteration or at a time."""

from __future__ import annotations

import abc
import collections
import threading
import time
import typing as t

import typing_extensions as te

from rally import consts
from rally.common import clock, logging, moved, utf8, utils, validation
from rally.common.plugin import plugin
from rally.task import utils as task_utils

LOG = logging.getLogger(__name__)

configure = plugin.configure

if not t.TYPE_CHECKING:
    __getattr__ = moved.earlier_names(__name__)


class HookResult(te.TypedDict):
    """What became of one run of an action."""

    status: str
    started_at: float  # seconds since the epoch
    finished_at: float
    triggered_by: t.Any  # event_type, and value: iteration or seconds
    error: te.NotRequired[dict[str, str]]  # etype, msg, details
    output: te.NotRequired[dict[str, list[dict[str, t.Any]]]]


class TriggerResults(te.TypedDict):
    """What became of all runs of one hook of a workload."""

    config: dict[str, t.Any]
    results: list[HookResult]
    summary: dict[str, int]  # status -> count


@validation.add_default("jsonschema")
@plugin.base()
class HookAction(
    plugin.Plugin, validation.ValidatablePluginMixin, metaclass=abc.ABCMeta
):
    """What a hook does. It runs in a thread of its own."""

    CONFIG_SCHEMA: t.Any = {"type": "null"}

    def __init__(
        self, task: t.Any, config: t.Any, triggered_by: t.Any
    ) -> None:
        self.task = task
        self.config = config
        self._triggered_by = triggered_by  # plugins read it
        self._thread: threading.Thread | None = None
        self._has_ended = False
        self._is_settled = threading.Event()  # it has ended, or is given up
        self._result: HookResult = {
            "status": consts.HookStatus.SUCCESS,
            "started_at": 0.0,
            "finished_at": 0.0,
            "triggered_by": triggered_by,
        }

    @abc.abstractmethod
    def run(self) -> None:
        """Do it. What it raises makes the result a failed one."""

    def set_status(self, status: str) -> None:
        """Set the status of the result."""
        self._result["status"] = status

    def set_error(
        self, exception_name: str, description: str, details: str
    ) -> None:
        """Say that the action failed, and why."""
        self.set_status(consts.HookStatus.FAILED)
        self._result["error"] = {
            "etype": utf8.text_of(exception_name),
            "msg": utf8.text_of(description),
            "details": utf8.text_of(details),
        }

    def add_output(
        self,
        additive: dict[str, t.Any] | None = None,
        complete: dict[str, t.Any] | None = None,
    ) -> None:
        """Add data for charts of the report; see ``Scenario.add_output``.

        :raises RallyException: a chart is not described as it must be
        """
        # of the whole module only hooks with output need it
        from rally.task.processing import charts

        output = self._result.setdefault(
            "output", {"additive": [], "complete": []}
        )
        charts.add_output(output, additive, complete)

    def run_async(self) -> None:
        """Begin to run in a thread; ``result`` waits for it."""
        self._thread = threading.Thread(
            target=self._run_and_tell, name=f"hook {self.get_name()}",
            daemon=True,
        )
        self._thread.start()

    def _run_and_tell(self) -> None:
        self.run_sync()
        self._has_ended = True
        self._is_settled.set()

    def run_sync(self) -> None:
        """Run here and now."""
        timer = utils.Timer()
        self._result["started_at"] = time.time()
        try:
            with timer:
                self.run()
        except BaseException as e:  # a plugin's: the result of this run
            LOG.error(
                "Hook %s failed: %s: %s",
                self.get_name(),
                type(e).__name__,
                e,
                exc_info=logging.is_debug(),
            )
            self.set_error(*task_utils.format_exc(e))
        self._result["started_at"] = timer.timestamp()
        self._result["finished_at"] = timer.finish_timestamp()

    def give_up(self) -> None:
        """Nobody waits for it any longer; from any thread.

        An action that keeps something running ends it here.
        """
        self._is_settled.set()

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for what ``run``, which goes on, does."""
        return self._is_settled.is_set() and not self._has_ended

    @property
    def is_running(self) -> bool:
        """Whether ``result`` would have to wait."""
        return self._thread is not None and not self._is_settled.is_set()

    def result(self) -> HookResult:
        """The result; waits until the action is over, or is given up."""
        if self._thread is None:
            return self._result
        self._is_settled.wait()
        return self._result if self._has_ended else self._given_up()

    def _given_up(self) -> HookResult:
        """The result of a run that goes on, perhaps for ever."""
        return {
            "status": consts.HookStatus.FAILED,
            "started_at": self._result["started_at"],
            "finished_at": time.time(),
            "triggered_by": self._result["triggered_by"],
            "error": {
                "etype": "HookGivenUp",
                "msg": "It still ran when the task was aborted, so nobody "
                       "knows whether it did what it was to do. If it "
                       "changed something for the time of the run, look "
                       "whether that has to be undone.",
                "details": "",
            },
        }


@validation.add_default("jsonschema")
@plugin.base()
class HookTrigger(
    plugin.Plugin, validation.ValidatablePluginMixin, metaclass=abc.ABCMeta
):
    """When an action of a workload runs.

    A trigger calls ``super().on_event`` for the events it wants.
    """

    CONFIG_SCHEMA: t.Any = {"type": "null"}

    def __init__(
        self,
        hook_cfg: dict[str, t.Any],
        task: t.Any,
        hook_cls: type[HookAction],
    ) -> None:
        self.hook_cfg = hook_cfg
        self.config = hook_cfg["trigger"][1]
        self.task = task
        self.hook_cls = hook_cls
        self._runs: list[HookAction] = []

    @abc.abstractmethod
    def get_listening_event(self) -> str:
        """``iteration`` or ``time``: which events it is to be told."""

    def on_event(self, event_type: str, value: t.Any = None) -> bool:
        """Start the action.

        :param event_type: kind of the event
        :param value: which one
        :returns: whether it was started
        """
        LOG.info(
            "Hook action %s is triggered for Task %s by %s=%s",
            self.hook_cls.get_name(),
            self.task["uuid"],
            event_type,
            value,
        )
        action = self.hook_cls(
            self.task,
            self.hook_cfg["action"][1],
            {"event_type": event_type, "value": value},
        )
        action.run_async()
        self._runs.append(action)
        return True

    def running(self) -> list[HookAction]:
        """Runs that are not over."""
        return [action for action in self._runs if action.is_running]

    def get_results(self) -> TriggerResults:
        """Results of all runs; waits for those that are not over."""
        results = [action.result() for action in self._runs]
        return TriggerResults(
            config=self.hook_cfg,
            results=results,
            summary=dict(collections.Counter(r["status"] for r in results)),
        )


class HookExecutor:
    """Tells the hooks of a workload what happens in its run.

    If a trigger listens to ``time``, a thread sends it 0, 1, 2, ... at each
    whole second after the first iteration started.
    """

    def __init__(self, config: dict[str, t.Any], task: t.Any) -> None:
        self.config = config
        self.task = task
        self.triggers: dict[str, list[HookTrigger]] = {}  # by event
        self._triggers: list[HookTrigger] = []  # as in the task file
        for hook in config.get("hooks", []):
            action_cls = HookAction.get(hook["action"][0])
            trigger_cls = HookTrigger.get(hook["trigger"][0])
            trigger = trigger_cls(hook, task, action_cls)
            event_type = trigger.get_listening_event()
            self.triggers.setdefault(event_type, []).append(trigger)
            self._triggers.append(trigger)
        self._timer_thread: threading.Thread | None = None
        self._timer_stop_event = threading.Event()
        #: what a trigger raised at a second; it was the last one
        self.error: BaseException | None = None
        self._is_given_up = False

    def _timer_method(self) -> None:
        started_ns = clock.now_ns()
        second = 0
        try:
            while not self._timer_stop_event.is_set():
                self.on_event(event_type="time", value=second)
                second += 1
                due_ns = started_ns + second * 1_000_000_000
                wait_s = max(0, due_ns - clock.now_ns()) / 1e9
                self._timer_stop_event.wait(wait_s)
        except BaseException as e:  # a trigger's
            LOG.error("The timer of the hooks failed: %s", e)
            self.error = e

    def stop(self) -> None:
        """Send no more seconds. May be repeated."""
        self._timer_stop_event.set()
        if self._timer_thread is not None:
            self._timer_thread.join()

    def on_event(self, event_type: str, value: t.Any) -> None:
        """Tell the triggers that listen to it of an event.

        :param event_type: ``iteration`` or ``time``
        :param value: number of the iteration, or of the second
        """
        if (
            event_type == "iteration"
            and "time" in self.triggers
            and self._timer_thread is None
        ):
            self._timer_thread = threading.Thread(
                target=self._timer_method, name="hook timer", daemon=True
            )
            self._timer_thread.start()
        for trigger in self.triggers.get(event_type, ()):
            trigger.on_event(event_type, value)

    def running(self) -> list[HookAction]:
        """Actions that are not over."""
        return [
            action for trigger in self._triggers
            for action in trigger.running()
        ]

    def give_up(self) -> None:
        """Wait no longer for actions that run; from any thread."""
        self._is_given_up = True
        self._timer_stop_event.set()
        for action in self.running():
            LOG.warning(
                "Hook action %s still runs, and is given up: the task is "
                "aborted.", action.get_name(),
            )
            try:
                action.give_up()
            except Exception as e:  # a plugin's
                LOG.error("Hook action %s could not be ended: %s",
                          action.get_name(), e)

    def results(self) -> list[TriggerResults]:
        """Stop the timer, wait for all actions, and return their results.
        """
        self.stop()
        if self._is_given_up:  # perhaps before the last one was triggered
            self.give_up()
        return [trigger.get_results() for trigger in self._triggers]
