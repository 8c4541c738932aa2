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

"""One iteration at a time, for runners that make their load themselves.

These are names that runner plugins import from ``rally.task.runner``.
"""

from __future__ import annotations

import typing as t

from rally.common import clock, logging
from rally.task.load import coroutines, isolation
from rally.task.load import iteration as iteration_module
from rally.task.results import row as row_module

if t.TYPE_CHECKING:
    from rally.task import scenario

LOG = logging.getLogger(__name__)


class ScenarioRunnerResult(t.TypedDict):
    """What is known of one iteration; times in seconds."""

    duration: float  # without idle time
    timestamp: float  # start, since the epoch
    idle_duration: float
    error: list[str]  # empty, or type, message, traceback
    output: dict[str, t.Any]
    atomic_actions: list[dict[str, t.Any]]


def format_result_on_timeout(
    exc: BaseException, timeout: float
) -> ScenarioRunnerResult:
    """The result of an iteration that was cut off.

    :param exc: what was raised
    :param timeout: seconds that it ran
    """
    return {
        "duration": timeout,
        "timestamp": clock.now() - timeout,
        "idle_duration": 0,
        "output": {"additive": [], "complete": []},
        "atomic_actions": [],
        "error": list(iteration_module.describe(exc)),
    }


def _get_scenario_context(
    iteration: int, context_obj: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """A copy of the context for one iteration (from 0)."""
    copied: dict[str, t.Any] = isolation.copier(dict(context_obj))()
    copied["iteration"] = iteration + 1
    return copied


def _run_scenario_once(
    cls: type[scenario.Scenario],
    method_name: str,
    context_obj: t.Mapping[str, t.Any],
    scenario_kwargs: t.Mapping[str, t.Any],
    event_queue: t.Any,
) -> ScenarioRunnerResult:
    """Run one iteration here and now."""
    number = context_obj["iteration"]
    event_queue.put({"type": "iteration", "value": number})
    runner = iteration_module.IterationRunner(
        cls, method_name, context_obj, scenario_kwargs
    )
    with coroutines.one_at_a_time(runner) as run:
        row = run(number, iteration_module.Slot())
    return t.cast(ScenarioRunnerResult, row_module.result_of(
        row.started_ns, row.duration_ns, row.idle_ns, row.shape,
        row_module.times_of(row.times, row.started_ns), row.error,
        row.output,
    ))


def _worker_thread(
    queue: t.Any,
    cls: type[scenario.Scenario],
    method_name: str,
    context_obj: t.Mapping[str, t.Any],
    scenario_kwargs: t.Mapping[str, t.Any],
    event_queue: t.Any,
) -> None:
    """Body of a thread that runs one iteration."""
    queue.put(_run_scenario_once(
        cls, method_name, context_obj, scenario_kwargs, event_queue
    ))


def _log_worker_info(**info: t.Any) -> None:
    """Log how a worker process was set up."""
    LOG.debug("Starting a worker.\n\t" + "\n\t".join(
        "%s: %s" % item for item in sorted(info.items())
    ))
