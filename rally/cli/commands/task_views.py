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

"""Commands that look at tasks: status, detailed, results, list, and so on."""

from __future__ import annotations

import enum
import json
import sys
import typing as t

import typer

from rally import consts, exceptions
from rally.cli import (
    cliutils,
    completion,
    envutils,
    fleet_lines,
    task_details,
    terminal,
)
from rally.cli.commands import options
from rally.common import logging, owners
from rally.common.counting import counted
from rally.task.processing import records

LOG = logging.getLogger(__name__)

Status = enum.Enum(  # type: ignore[misc]
    "Status", {x: x for x in sorted(consts.TaskStatus)}, type=str
)
NO_SLA_DATA = 2
#: agents in a line; `rally task detailed` has them all
AGENTS_SHOWN = 12
LIST_LABELS = ["UUID", "Environment", "Created at", "Load duration"]
LIST_LABELS += ["Status", "Tag(s)"]
#: before what continues a line
GAP = "  "
RECOVER_HINT = (
    "The process that ran task %(uuid)s is gone. Fetch what its agents kept, "
    "clean up its contexts and close it with `rally task recover %(uuid)s`."
)


def quoted(tags: t.Iterable[str]) -> str:
    return ", ".join("'%s'" % tag for tag in tags)


def status(
    task_id: options.TaskId,
    watch: t.Annotated[
        bool,
        typer.Option(
            "--watch", help="Refresh once a second, until the task has "
                            "ended or Ctrl-C is pressed.",
        ),
    ] = False,
) -> None:
    """Print the status of a task, and its progress."""
    if watch:
        from rally.cli import watching

        watching.watch(lambda width: _status_lines(task_id, width))
        return
    lines, _ = _status_lines(task_id, terminal.width())
    print("\n".join(lines))


def _status_lines(task_id: str, width: int) -> tuple[list[str], bool]:
    """What there is to say of a task, and whether that is the last word."""
    lines, is_last = _status_of_task(task_id)
    if width == terminal.UNLIMITED:
        return lines, is_last
    return [
        each for line in lines for each in terminal.broken(line, width, GAP)
    ], is_last


def _status_of_task(task_id: str) -> tuple[list[str], bool]:
    api = cliutils.get_api()
    task = api.task.get(task_id=task_id)
    lines = ["Task %s: %s" % (task["uuid"], _status_of(task))]
    is_abandoned = _is_abandoned(task)
    if is_abandoned:
        lines.append(RECOVER_HINT % task)
    if task["status"] != consts.TaskStatus.RUNNING:
        return lines, is_abandoned or task["status"] in task_details.FINAL
    task = api.task.get(task_id=task_id, detailed=True, lazy=True)
    for _, _, workload in records.workloads_of([task]):
        lines += _progress_of(workload)
    lines.append(
        "These numbers are partial. Iterations count as soon as they end; "
        "their results are stored in chunks, a few seconds later."
    )
    return lines, is_abandoned


def _progress_of(workload: records.Record) -> list[str]:
    info = workload.get("load_info") or {}
    asked = info.get("asked")
    count = workload["total_iteration_count"]
    line = "\t%s (position %s): %s, %s failed, %s stored" % (
        workload["name"],
        workload["position"],
        "%d of %s" % (count, counted(asked, "iteration")) if asked
        else counted(count, "iteration"),
        workload["failed_iteration_count"],
        # earlier releases counted what they stored
        info.get("stored", workload["total_iteration_count"]),
    )
    known = info.get("percentiles") or {}
    percentiles = [known.get(key) for key in ("50", "95", "99")]
    if percentiles != [None, None, None]:  # an iteration has ended well
        line += ", p50/p95/p99 %s s" % "/".join(
            fleet_lines.seconds(each) for each in percentiles
        )
    shortfalls = info.get("shortfalls") or ()
    return [
        line,
        *("\t\tLess than was asked for: %s" % each for each in shortfalls),
        *("\t\t%s" % each for each in _agents_of(info)),
    ]


def _agents_of(info: records.Record) -> list[str]:
    """Lines on agents: one by one, or by label if they are too many."""
    agents = info.get("agents") or ()
    if not agents:
        return []
    if len(agents) > AGENTS_SHOWN and info.get("by_label"):
        return fleet_lines.of_record(info)
    return [_one_by_one(agents), *fleet_lines.standing_out(info)]


def _one_by_one(agents: t.Sequence[dict[str, t.Any]]) -> str:
    """A line with what each agent has done."""
    shown = [
        "%s %s (%s)" % (
            agent["name"], agent.get("iterations") or 0, agent["state"]
        )
        for agent in agents[:AGENTS_SHOWN]
    ]
    if len(agents) > AGENTS_SHOWN:
        shown.append("%d more" % (len(agents) - AGENTS_SHOWN))
    return "by agent: %s" % ", ".join(shown)


def detailed(
    task_id: options.TaskId,
    iterations_data: t.Annotated[
        bool,
        typer.Option("--iterations-data", help="Show each iteration."),
    ] = False,
    filters: t.Annotated[
        list[str] | None,
        typer.Option(
            "--filter-by",
            help="Only some workloads: 'sla-failures', "
            "'scenario=<name>[,<name>]'.",
        ),
    ] = None,
) -> None:
    """Print the results of a task."""
    api = cliutils.get_api()
    task = api.task.get(task_id=task_id, detailed=True, lazy=True)
    task_details.print_task(task, iterations_data, filters or ())


def results(task_id: options.TaskId) -> None:
    """Print the results of a task in the old format (deprecated)."""
    LOG.warning(
        "`rally task results` is deprecated and will be removed. Use "
        "`rally task report --json` instead."
    )
    api = cliutils.get_api()
    task = api.task.get(task_id=task_id)
    if task["status"] not in task_details.FINAL:
        terminal.say(
            "Task %(uuid)s is in status '%(status)s': its results are not "
            "complete. See what is stored so far with `rally task detailed "
            "%(uuid)s`" % task
            + (", or wait for its end." if _is_running(task) else ".")
        )
        raise typer.Exit(1)
    try:
        report = api.task.export(
            tasks=[task_id], output_type="old-json-results",
            stream=sys.stdout,
        )
    except exceptions.RallyException as e:
        terminal.say(str(e))
        raise typer.Exit(1) from None
    if "print" in report:  # a plugin of this name may not write to streams
        print(report["print"])


AllEnvs: t.TypeAlias = t.Annotated[
    bool, typer.Option("--all-envs", help="Tasks of all environments.")
]
AllDeployments: t.TypeAlias = t.Annotated[
    bool, typer.Option("--all-deployments", hidden=True)
]
WantedStatus: t.TypeAlias = t.Annotated[
    Status | None,  # type: ignore[valid-type]
    typer.Option("--status", help="Only tasks with this status."),
]
WantedTags: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only tasks with any of these tags."),
]
UuidsOnly: t.TypeAlias = t.Annotated[
    bool, typer.Option("--uuids-only", help="Print nothing but UUIDs.")
]


def list_(
    env: options.RequiredEnv,
    all_envs: AllEnvs = False,
    all_deployments: AllDeployments = False,
    status: WantedStatus = None,
    tags: WantedTags = None,
    uuids_only: UuidsOnly = False,
) -> None:
    """List tasks."""
    if all_deployments:
        LOG.warning(
            "The `--all-deployments` option is deprecated; use `--all-envs` "
            "instead."
        )
    wanted = getattr(status, "value", status)
    filters: dict[str, t.Any] = {"uuids_only": uuids_only}
    if not (all_envs or all_deployments):
        filters["deployment"] = env
    if wanted:
        filters["status"] = wanted
    if tags:
        filters["tags"] = tags
    tasks = cliutils.get_api().task.list(**filters)
    if uuids_only:
        for task in tasks:
            print(task["uuid"])
    elif tasks:
        _print_tasks(tasks)
    else:
        where = " in '%s' status" % wanted if wanted else ""
        terminal.say(
            "There are no tasks%s. To run a new task, use:\n"
            "\trally task start" % where
        )


def _is_unfinished(task: t.Mapping[str, t.Any]) -> bool:
    from rally.common.objects import task as task_object

    return task["status"] in task_object.UNFINISHED


def _is_running(task: t.Mapping[str, t.Any]) -> bool:
    return _is_unfinished(task) and not owners.is_gone(task)


def _is_abandoned(task: t.Mapping[str, t.Any]) -> bool:
    """Whether the process that runs *task* ended without closing it."""
    return _is_unfinished(task) and owners.is_gone(task)


def _status_of(task: t.Mapping[str, t.Any]) -> str:
    if _is_abandoned(task):
        return "%s (controller gone)" % task["status"]
    return str(task["status"])


def _print_tasks(tasks: t.Sequence[dict[str, t.Any]]) -> None:
    rows = [
        {
            "uuid": task["uuid"],
            "env": task["env_name"],
            "created": str(task["created_at"]).replace("T", " "),
            "duration": round(task["task_duration"] or 0.0, 3),
            "status": _status_of(task),
            "tags": quoted(task["tags"]),
        }
        for task in sorted(tasks, key=lambda task: str(task["created_at"]))
    ]
    cliutils.print_list(
        rows,
        ["uuid", "env", "created", "duration", "status", "tags"],
        field_labels=LIST_LABELS,
        sortby_index=None,
    )
    for task in filter(_is_abandoned, tasks):
        terminal.say(RECOVER_HINT % task)


def sla_check(
    task_id: options.TaskId,
    tojson: t.Annotated[
        bool, typer.Option("--json", help="Print JSON.")
    ] = False,
) -> None:
    """Show whether SLA criteria hold; exit with the number that do not."""
    api = cliutils.get_api()
    task = api.task.get(task_id=task_id, detailed=True, lazy=True)
    rows = [
        {
            "criterion": result["criterion"],
            "detail": result["detail"],
            "status": "PASS" if result["success"] else "FAIL",
            "benchmark": workload["name"],
            "pos": workload["position"],
        }
        for _, _, workload in records.workloads_of([task])
        for result in sorted(
            records.criteria_of(workload),
            key=lambda result: str(result["criterion"]),
        )
    ]
    if tojson:
        print(json.dumps(rows))
    else:
        for row in rows:
            row["detail"] = task_details.shortened(row["detail"], task_id)
        cliutils.print_list(
            rows,
            ["benchmark", "pos", "criterion", "status", "detail"],
            sortby_index=None,
        )
    if not rows:
        raise typer.Exit(NO_SLA_DATA)
    failed = sum(row["status"] == "FAIL" for row in rows)
    if failed:
        raise typer.Exit(min(failed, 255))  # an exit status has 8 bits


def use(
    task_id: t.Annotated[
        str,
        options.argutils.ArgumentOrKeyword(
            "--uuid", help="UUID of the task.", metavar="UUID",
            autocompletion=completion.tasks,
        ),
    ],
) -> None:
    """Make a task the default for later commands."""
    task = cliutils.get_api().task.get(task_id=task_id)
    print("Using task: %s" % task["uuid"])
    envutils.update_globals_file(envutils.ENV_TASK, task["uuid"])
