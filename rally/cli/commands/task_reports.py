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

"""Commands that make reports of tasks, import and delete them."""

from __future__ import annotations

import os
import pathlib
import sys
import typing as t

import typer

from rally import exceptions
from rally.cli import cliutils, completion
from rally.cli.commands import options


def trends(
    tasks: t.Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[tasks]...",
            help="UUIDs of tasks, or paths to JSON reports of tasks.",
            autocompletion=completion.tasks,
        ),
    ] = None,
    out: t.Annotated[
        str | None, typer.Option("--out", help="File to write.")
    ] = None,
    open_it: options.OpenIt = False,
    html_static: options.HtmlStatic = False,
) -> None:
    """Show how results changed from task to task."""
    if not tasks:
        print(
            "There is nothing to report: name at least one task.",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    kind = "trends-html-static" if html_static else "trends-html"
    _export(tasks, kind, out, open_it)


def report(
    tasks: options.ReportedTasks = None,
    out: options.Out = None,
    open_it: options.OpenIt = False,
    html: t.Annotated[
        bool, typer.Option("--html", help="An HTML page (the default).")
    ] = False,
    html_static: options.HtmlStatic = False,
    to_json: t.Annotated[
        bool, typer.Option("--json", help="A JSON report.")
    ] = False,
    env: options.OptionalEnv = None,
) -> None:
    """Make a report of tasks."""
    kind = "html-static" if html_static else "json" if to_json else "html"
    _export(_chosen(tasks, env), kind, out, open_it)


def export(
    tasks: options.ReportedTasks = None,
    output_type: t.Annotated[
        str, typer.Option(
            "--type", help="Name of an exporter.",
            autocompletion=completion.exporters,
        )
    ] = ...,  # type: ignore[assignment]
    output_dest: t.Annotated[
        str | None,
        typer.Option("--to", help="File to write, or where to send it."),
    ] = None,
    env: options.OptionalEnv = None,
) -> None:
    """Export results of tasks to another format or system."""
    _export(_chosen(tasks, env), output_type, output_dest)


def _chosen(tasks: t.Sequence[str] | None, env: str | None) -> list[str]:
    """Tasks of an environment, or those that were named.

    :raises BadParameter: neither is given
    """
    if env is not None:
        found = cliutils.get_api().task.list(deployment=env)
        return [task["uuid"] for task in found]
    if not tasks:
        raise typer.BadParameter(
            "name at least one task, or an environment with --env."
        )
    return list(tasks)


def _export(
    tasks: t.Sequence[str],
    output_type: str,
    destination: str | None,
    open_it: bool = False,
) -> None:
    report = cliutils.get_api().task.export(
        tasks=_loaded(tasks),
        output_type=output_type,
        output_dest=os.path.expanduser(destination) if destination else None,
        stream=sys.stdout,
    )
    for path, text in report.get("files", {}).items():
        _write(path, text)
    if "print" in report:
        print(report["print"])
    if open_it and report.get("open"):
        import webbrowser

        webbrowser.open_new_tab(report["open"])


def _loaded(tasks: t.Sequence[str]) -> list[str | dict[str, t.Any]]:
    """UUIDs as they are; files replaced by the tasks in them."""
    found: list[str | dict[str, t.Any]] = []
    for task in tasks:
        path = os.path.expanduser(task)
        if os.path.isfile(path):
            from rally.cli import task_results_loader

            found += task_results_loader.load(path)
        else:
            found.append(task)
    return found


def _write(path: str, text: str) -> None:
    """Write what an exporter made; what was there before stays till then."""
    from rally.task import exporter

    full = pathlib.Path(path).expanduser().absolute()
    with exporter.replacing(full) as stream:
        stream.write(text)


def delete(
    task_id: t.Annotated[
        list[str],
        options.argutils.ArgumentOrKeyword(
            "--uuid",
            help="UUIDs of tasks.",
            envvar=options.envutils.ENV_TASK,
            metavar="UUID...",
            autocompletion=completion.tasks,
        ),
    ],
    force: t.Annotated[
        bool,
        typer.Option(
            "--force", help="Delete even tasks that have not finished."
        ),
    ] = False,
) -> None:
    """Delete tasks with their results."""
    api = cliutils.get_api()
    uuids = [task_id] if isinstance(task_id, str) else task_id
    for uuid in uuids:
        try:
            api.task.delete(task_uuid=uuid, force=force)
        except exceptions.DBConflict as e:
            print(e)
            print("With --force it is deleted anyway.")
        else:
            print("Successfully deleted task `%s`" % uuid)
            options.envutils.forget(options.envutils.ENV_TASK, uuid)


def import_results(
    task_file: t.Annotated[
        str, typer.Option("--file", help="JSON file with results of tasks.")
    ],
    env: options.RequiredEnv,
    tags: options.Tags = None,
) -> None:
    """Store results that were reported elsewhere."""
    path = os.path.expanduser(task_file)
    if not os.path.exists(path):
        print(
            "There is no file %s to import. Check the path." % task_file,
            file=sys.stderr,
        )
        raise typer.Exit(1)
    from rally.cli import task_results_loader

    for results in task_results_loader.load(path):
        task = cliutils.get_api().task.import_results(
            deployment=env, task_results=results, tags=tags
        )
        print("Task UUID: %s." % task["uuid"])
