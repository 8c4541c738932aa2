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

"""Commands that run tasks: validate, start, restart, abort, recover."""

from __future__ import annotations

import contextlib
import types
import typing as t

import typer

from rally import exceptions
from rally.cli import (
    cliutils,
    envutils,
    task_details,
    task_input,
    terminal,
)
from rally.cli.commands import options, task_views
from rally.common import stop_signals
from rally.task.processing import records

if t.TYPE_CHECKING:
    from rally import api as rally_api
    from rally.common import openmetrics
    from rally.task.reporting import progress

SLA_FAILED = 2
NOT_READY = 1


def validate(
    task_file: options.TaskFile,
    env: options.RequiredEnv,
    task_args: options.TaskArgs = None,
    task_args_file: options.TaskArgsFile = None,
) -> None:
    """Validate a task file against an environment."""
    api = cliutils.get_api()
    config = task_input.load(api, task_file, task_args, task_args_file)
    api.task.validate(deployment=env, config=config)
    print("Input Task is valid :)")


def start(
    task_file: options.TaskFile,
    env: options.RequiredEnv,
    task_args: options.TaskArgs = None,
    task_args_file: options.TaskArgsFile = None,
    tags: options.Tags = None,
    no_use: options.NoUse = False,
    abort_on_sla_failure: options.AbortOnSlaFailure = False,
    metrics: options.Metrics = None,
    ship_plugins: options.ShipPlugins = False,
) -> None:
    """Run a task.

    Exit codes: 0 success, 1 the task could not run, 2 an SLA criterion failed,
    183 a clean-up failed (but no criterion did).
    Ctrl-C stops the load and stores the results so far; a second one gives up.
    Closing the terminal does what Ctrl-C does, unless the command was started
    with nohup.
    """
    from rally.common import openmetrics, version

    api = cliutils.get_api()
    config = task_input.load(api, task_file, task_args, task_args_file)
    print("Running Rally version %s" % version.version_string())
    with openmetrics.serving(metrics) as endpoint:
        _run(
            api, env, config, tags or [], no_use, abort_on_sla_failure,
            ship_plugins, endpoint,
        )


def restart(
    env: options.RequiredEnv,
    task_id: options.TaskId,
    scenarios: t.Annotated[
        list[str] | None,
        typer.Option("--scenario", help="Only workloads of these scenarios."),
    ] = None,
    tags: options.Tags = None,
    no_use: options.NoUse = False,
    abort_on_sla_failure: options.AbortOnSlaFailure = False,
    ship_plugins: options.ShipPlugins = False,
) -> None:
    """Run an earlier task again, as a new one."""
    api = cliutils.get_api()
    before = api.task.get(task_id=task_id, detailed=True, lazy=True)
    config = _config_of(before, scenarios or [])
    if not config["subtasks"]:
        print("The task has no such scenario.")
        raise typer.Exit(1)
    _run(
        api, env, config, tags or [], no_use, abort_on_sla_failure,
        ship_plugins,
    )


def _config_of(
    task: dict[str, t.Any], names: t.Sequence[str]
) -> dict[str, t.Any]:
    """The task file that would make *task*, or some scenarios of it."""
    from rally.common import objects

    subtasks = []
    for subtask in task["subtasks"]:
        workloads = []
        for workload in subtask["workloads"]:
            if names and workload["name"] not in names:
                continue
            (single,) = objects.Workload.to_task(workload)["subtasks"]
            single.pop("title", None)
            workloads.append(single)
        if workloads:
            subtasks.append(
                {
                    "title": subtask["title"] or workloads[0]["description"],
                    "description": subtask["description"] or "",
                    "workloads": workloads,
                }
            )
    return {
        "version": 2,
        "title": task["title"] or "Restart of task %s" % task["uuid"],
        "description": task["description"] or "",
        "subtasks": subtasks,
    }


def _run(
    api: rally_api.API,
    env: str,
    config: t.Any,
    tags: t.Sequence[str],
    no_use: bool,
    abort_on_sla_failure: bool,
    ship_plugins: bool,
    endpoint: openmetrics.Endpoint | None = None,
) -> None:
    parsed = api.task.parse_config(config)
    try:
        task = api.task.create(
            env,
            tags=[*parsed.tags, *tags],
            title=parsed.title,
            description=parsed.description,
        )
    except exceptions.DeploymentNotFinishedStatus as e:
        print("The task cannot start: %s" % e)
        raise typer.Exit(NOT_READY) from None
    with _closed_if_given_up(api, task["uuid"]):
        _announce(task, no_use)
        from rally.cli import live

        with live.view() as listener:
            api.task.start(
                deployment=env,
                config=config,
                task=task["uuid"],
                abort_on_sla_failure=abort_on_sla_failure,
                listener=_with_metrics(listener, task["uuid"], endpoint),
                ship_plugins=ship_plugins,
            )
    results = api.task.get(task_id=task["uuid"], detailed=True, lazy=True)
    if not task_details.print_task(results):
        raise typer.Exit(SLA_FAILED)
    _check_cleaned_up(results)


@contextlib.contextmanager
def _closed_if_given_up(api: rally_api.API, task: str) -> t.Iterator[None]:
    """Leave no task that waits to be run by a process that is gone.

    As soon as it runs, its engine handles signals.
    """
    def interrupt(number: int, frame: types.FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        with stop_signals.handled(interrupt):
            yield
    except KeyboardInterrupt:
        api.task.give_up(task)
        raise


def _with_metrics(
    listener: progress.Listener, task: str,
    endpoint: openmetrics.Endpoint | None,
) -> progress.Listener:
    if endpoint is None:
        return listener
    from rally.task.reporting import metrics, progress

    return progress.Listeners(
        listener, metrics.MetricsListener(task, endpoint.publish)
    )


def _check_cleaned_up(task: dict[str, t.Any]) -> None:
    """:raises CleanupsFailed: `rally task recover` has to clean up"""
    from rally.task.cleanup import leftovers

    leftovers.check(task["uuid"], [
        name
        for _, _, workload in records.workloads_of([task])
        for name in leftovers.names(workload)
    ])


def _announce(task: dict[str, t.Any], no_use: bool) -> None:
    tags = task["tags"]
    shown = "[tags: %s]" % task_views.quoted(tags) if tags else ""
    title = "Task %s %s: started" % (shown, task["uuid"])
    print(cliutils.make_header(title))
    print("The task runs.\n")
    print("To track task status use:\n")
    print("\trally task status\n\tor\n\trally task detailed\n")
    if not no_use:
        task_views.use(task["uuid"])


def abort(
    task_id: options.TaskId,
    soft: t.Annotated[
        bool,
        typer.Option(
            "--soft", help="Let the running workload finish first."
        ),
    ] = False,
) -> None:
    """Stop a running task, and wait until it has stopped."""
    if soft:
        terminal.say(
            "INFO: a soft abort lets the running workload finish and starts "
            "no further ones."
        )
    cliutils.get_api().task.abort(task_uuid=task_id, soft=soft, wait=True)
    print("Task %s successfully stopped." % task_id)


def recover(task_id: options.TaskId) -> None:
    """Finish a task whose controller is gone, or whose clean-up failed.

    Results that agents still keep are stored, contexts that are left are
    cleaned up, other resources that bear the name of the task are looked for
    and deleted, and the task is closed. If a clean-up fails, so does the
    command (exit status 183), and it can be run again.
    """
    task = cliutils.get_api().task.recover(task_id, say=print)
    print("Task %(uuid)s: %(status)s" % task)
    envutils.update_globals_file(envutils.ENV_TASK, task_id)
