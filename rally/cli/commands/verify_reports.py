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

"""Commands that report verifications, and store those of others."""

from __future__ import annotations

import os
import pathlib
import typing as t

import typer

from rally.cli import argutils, cliutils, completion, envutils
from rally.cli.commands import verify_options as options
from rally.cli.commands import verify_runs

#: reporters of Rally; plugins may bring more
DEFAULT_REPORT_TYPES = ("json", "html", "html-static", "junit-xml")


def report(
    verification_uuid: t.Annotated[
        list[str],
        argutils.ArgumentOrKeyword(
            "--uuid", help="UUIDs of verifications.",
            envvar=envutils.ENV_VERIFICATION, metavar="UUID...",
            autocompletion=completion.verifications,
        ),
    ],
    output_type: t.Annotated[
        str,
        typer.Option(
            "--type", autocompletion=completion.reporters,
            help="Name of a reporter: %s, or one of a plugin."
            % ", ".join(DEFAULT_REPORT_TYPES),
        ),
    ] = "json",
    output_dest: t.Annotated[
        str | None,
        typer.Option("--to", help="File to write, or where to send it."),
    ] = None,
    open_it: t.Annotated[
        bool,
        typer.Option("--open", help="Open the report in a browser."),
    ] = False,
) -> None:
    """Make a report of verifications, side by side if there are several."""
    kind = output_type
    if kind.lower() in DEFAULT_REPORT_TYPES:
        kind = kind.lower()
    if output_dest:
        print("Building '%s' report..." % kind)
        output_dest = os.path.expanduser(output_dest)
    made = cliutils.get_api().verification.report(
        uuids=verification_uuid, output_type=kind, output_dest=output_dest
    )
    for path, text in made.get("files", {}).items():
        _write(path, text)
        print("The report was written to %s" % path)
    if made.get("print"):
        print(made["print"])
    if open_it:
        if not made.get("open"):
            options.refuse(
                "The report is made, but reporter %s names no file to open. "
                "Leave out --open." % kind
            )
        import webbrowser

        webbrowser.open_new_tab("file://" + os.path.abspath(made["open"]))


def _write(path: str, text: str) -> None:
    """Write a file; what was there before stays till it is whole."""
    from rally.task import exporter

    full = pathlib.Path(path).expanduser().absolute()
    full.parent.mkdir(parents=True, exist_ok=True)
    with exporter.replacing(full) as stream:
        stream.write(text)


def import_results(
    verifier_id: options.Verifier,
    env: options.RequiredEnv,
    file_to_parse: t.Annotated[
        str,
        typer.Option(
            "--file",
            help="Output of the verifier's launcher: a subunit v2 stream.",
        ),
    ],
    run_args: t.Annotated[
        str | None,
        typer.Option(
            "--run-args",
            help="Arguments that the tests were run with: a mapping in YAML "
            "or JSON.",
        ),
    ] = None,
    do_not_use: options.NoUse = False,
) -> None:
    """Store results of tests that were run elsewhere."""
    data = options.content_of(file_to_parse, "--file")
    arguments = options.mapping_of(run_args, "--run-args") if run_args else {}
    results = cliutils.get_api().verification.import_results(
        verifier_id=verifier_id, deployment_id=env, data=data, **arguments
    )
    verify_runs.conclude(results, detailed=False, do_not_use=do_not_use)
