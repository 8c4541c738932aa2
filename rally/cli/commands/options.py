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

"""Options that several commands share."""

from __future__ import annotations

import typing as t

import typer

from rally.cli import argutils, completion, envutils

TaskFile: t.TypeAlias = t.Annotated[
    str,
    argutils.ArgumentOrKeyword(
        "--task",
        "--filename",
        help="Path to the input task file (or '-' for stdin).",
        metavar="TASK",
    ),
]
TaskArgs: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--task-args",
        help="Values for the variables in the task file: YAML, JSON or "
        "key=value,key=value. They take precedence over --task-args-file.",
    ),
]
TaskArgsFile: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--task-args-file",
        help="File with values for the variables in the task file (a "
        "dictionary in YAML or JSON).",
    ),
]
RequiredEnv: t.TypeAlias = t.Annotated[
    str,
    argutils.DeprecatedAlias(
        "--env",
        deprecated="--deployment",
        envvar=envutils.ENV_ENV,
        help="UUID or name of the environment.",
        autocompletion=completion.envs,
    ),
]
OptionalEnv: t.TypeAlias = t.Annotated[
    str | None,
    argutils.DeprecatedAlias(
        "--env",
        deprecated="--deployment",
        help="All tasks of this environment (UUID or name).",
        autocompletion=completion.envs,
    ),
]
TaskId: t.TypeAlias = t.Annotated[
    str,
    argutils.ArgumentOrKeyword(
        "--uuid",
        help="UUID of the task.",
        envvar=envutils.ENV_TASK,
        autocompletion=completion.tasks,
        metavar="UUID",
    ),
]
ReportedTasks: t.TypeAlias = t.Annotated[
    list[str] | None,
    argutils.ArgumentOrKeyword(
        "--uuid",
        help="UUIDs of tasks, or paths to JSON reports of tasks.",
        envvar=envutils.ENV_TASK,
        autocompletion=completion.tasks,
        metavar="UUID...",
    ),
]
Tags: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option("--tag", help="Tag the task; several tags may be given."),
]
NoUse: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--no-use", help="Do not make it the default for later commands."
    ),
]
AbortOnSlaFailure: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--abort-on-sla-failure",
        help="Stop the task as soon as an SLA criterion fails.",
    ),
]
Metrics: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--metrics", metavar="[HOST:]PORT",
        help="Serve metrics in OpenMetrics format; without a host, on "
        "localhost only.",
    ),
]
ShipPlugins: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--ship-plugins",
        help="Send the plugin files of this host, including those of "
        "--plugin-paths, to the agents of distributed runs, which use them "
        "for this task instead of their own.",
    ),
]
Out: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option("--out", help="File to write, or where to send it."),
]
HtmlStatic: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--html-static",
        help="An HTML page that needs no network, like the default.",
    ),
]
OpenIt: t.TypeAlias = t.Annotated[
    bool, typer.Option("--open", help="Open the output in a browser.")
]
