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

"""The command that compares two tasks."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import typer

from rally import exceptions
from rally.cli import cliutils, completion, envutils, task_changes
from rally.cli.commands import options
from rally.common.counting import counted
from rally.task.processing import records

if t.TYPE_CHECKING:
    from rally.task.comparing import comparison

WORSE = 1
NOT_COMPARABLE = 2
IGNORABLE = ("args", "contexts", "runner", "hooks")


class NotOneTask(exceptions.RallyException):
    error_code = 194
    msg_fmt = (
        "%(path)s holds %(count)d tasks, and a comparison is between one "
        "task and one other. Make a file of one of them with `rally task "
        "report UUID --json --out FILE`."
    )


Tasks: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[BASELINE] [TASK]",
        help="UUIDs of tasks, or paths to their JSON reports. If only one "
        "is given, the task in use is compared with it.",
        autocompletion=completion.tasks,
    ),
]
Baseline: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--baseline",
        help="UUID or JSON report of the task to compare with, if it is not "
        "the first of two.",
        autocompletion=completion.tasks,
    ),
]
Threshold: t.TypeAlias = t.Annotated[
    float,
    typer.Option(
        "--threshold", min=0.0,
        help="Change of durations to tolerate, percent.",
    ),
]
FailureThreshold: t.TypeAlias = t.Annotated[
    float,
    typer.Option(
        "--failure-threshold", min=0.0, max=100.0,
        help="Change of the failure rate to tolerate, percentage points.",
    ),
]
Confidence: t.TypeAlias = t.Annotated[
    float,
    typer.Option(
        "--confidence", min=50.0, max=99.999,
        help="Confidence that all intervals hold together, percent.",
    ),
]
Percentiles: t.TypeAlias = t.Annotated[
    list[float] | None,
    typer.Option(
        "--percentile",
        help="Percentiles of durations to compare (default: 50, 95, 99).",
    ),
]
Ignored: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        help="Parts of the configuration of a workload that may differ: %s."
        % ", ".join(IGNORABLE),
    ),
]
Page: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--out",
        help="File to write: an HTML page, or JSON with --json.",
    ),
]
ToJson: t.TypeAlias = t.Annotated[
    bool, typer.Option("--json", help="Print JSON.")
]


def compare(
    tasks: Tasks = None,
    baseline: Baseline = None,
    threshold: Threshold = 5.0,
    failure_threshold: FailureThreshold = 0.0,
    confidence: Confidence = 95.0,
    percentiles: Percentiles = None,
    ignored: Ignored = None,
    out: Page = None,
    open_it: options.OpenIt = False,
    to_json: ToJson = False,
) -> None:
    """Show what got slower or fails more from one task to another.

    The exit status is 0 if nothing is worse, 1 if something is worse beyond
    the threshold, 2 if something cannot be compared.
    """
    from rally.task.comparing import comparison

    before, after = _sides(tasks or (), baseline)
    rules = comparison.Rules(
        threshold=threshold / 100,
        failure_threshold=failure_threshold / 100,
        error_rate=1 - confidence / 100,
        percentiles=_percentiles(percentiles),
        ignored=_ignored(ignored),
    )
    found = comparison.compare(_task(before), _task(after), rules)
    _tell(found, out, open_it, to_json)
    if found.outcome is comparison.Outcome.WORSE:
        raise typer.Exit(WORSE)
    if found.outcome is comparison.Outcome.NOT_COMPARABLE:
        raise typer.Exit(NOT_COMPARABLE)


def _sides(
    tasks: t.Sequence[str], baseline: str | None
) -> tuple[str, str]:
    """What to compare with, and what.

    :raises BadParameter: it cannot be told from what is given
    """
    given = [*([baseline] if baseline else []), *tasks]
    if len(given) == 1:
        in_use = envutils.get_global(envutils.ENV_TASK)
        given += [in_use] if in_use else []
    if len(given) != 2:
        raise typer.BadParameter(
            "two tasks are compared, and %s given. Name the baseline and "
            "the task, or one of them and `rally task use` the other."
            % counted(len(given), "is", "are")
        )
    return given[0], given[1]


def _percentiles(given: t.Sequence[float] | None) -> tuple[float, ...]:
    from rally.task.comparing import comparison

    for each in given or ():
        if not 0 < each < 100:
            raise typer.BadParameter(
                "a percentile is between 0 and 100, which %g is not." % each
            )
    return tuple(dict.fromkeys(given or comparison.PERCENTILES))


def _ignored(given: t.Sequence[str] | None) -> tuple[str, ...]:
    for each in given or ():
        if each not in IGNORABLE:
            raise typer.BadParameter(
                "%s cannot be ignored. These can: %s."
                % (each, ", ".join(IGNORABLE))
            )
    return tuple(given or ())


def _task(name: str) -> records.Record:
    """A task by its uuid, or the one in a file; results stay where they are.

    :raises NotOneTask: the file holds none or several
    """
    path = os.path.expanduser(name)
    if not os.path.isfile(path):
        return cliutils.get_api().task.get(
            task_id=name, detailed=True, lazy=True
        )
    from rally.cli import task_results_loader

    found = task_results_loader.load(path)
    if len(found) != 1:
        raise NotOneTask(path=name, count=len(found))
    return found[0]


def _tell(
    found: comparison.Comparison,
    out: str | None,
    open_it: bool,
    to_json: bool,
) -> None:
    from rally.task.comparing import forms

    values = forms.as_dict(found)
    if to_json:
        text = json.dumps(values, indent=4)
    elif out:
        from rally.task.processing import plot

        text = plot.comparison(values)
    if out:
        path = pathlib.Path(out).expanduser().absolute()
        _write(path, text)
        if open_it:
            import webbrowser

            webbrowser.open_new_tab(path.as_uri())
    if to_json and not out:
        print(text)
    else:
        task_changes.print_comparison(values)


def _write(path: pathlib.Path, text: str) -> None:
    from rally.task import exporter

    with exporter.replacing(path) as stream:
        stream.write(text)
