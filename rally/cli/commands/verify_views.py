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

"""Commands that look at verifications: show, list, use, delete."""

from __future__ import annotations

import datetime as dt
import enum
import json
import typing as t

import typer

from rally.cli import argutils, cliutils, envutils, terminal
from rally.cli.commands import verify_options as options
from rally.cli.commands import verify_runs
from rally.cli.commands.verify_tools import print_rows

Values: t.TypeAlias = dict[str, t.Any]
Key = enum.Enum(  # type: ignore[misc]
    "Key", {x: x for x in ("name", "duration", "status")}, type=str
)

LIST_FIELDS = ["UUID", "Tags", "Verifier name", "Environment", "Started at"]
LIST_FIELDS += ["Finished at", "Duration", "Status"]


def show(
    verification_uuid: options.Verification,
    sort_by: t.Annotated[
        Key, typer.Option("--sort-by", help="Column to sort tests by.")
    ] = Key["name"],
    detailed: options.Detailed = False,
) -> None:
    """Show a verification and the results of its tests."""
    api = cliutils.get_api()
    verification = api.verification.get(verification_uuid=verification_uuid)
    verifier = api.verifier.get(verifier_id=verification["verifier_uuid"])
    env = api.deployment.get(deployment=verification["env_uuid"])
    print_rows(_rows_of(verification, verifier, env), "Verification")
    tests = list((verification["tests"] or {}).values())
    if sort_by.value == "duration":
        tests.sort(key=lambda test: float(test["duration"]))
    else:
        tests.sort(key=lambda test: (test[sort_by.value], test["name"]))
    if detailed:
        print("\nRun arguments:\n%s\n"
              % json.dumps(verification["run_args"] or {}, indent=4))
    cliutils.print_list(
        tests, ["Name", "Duration, sec", "Status"], sortby_index=None,
        table_label="Tests",
        formatters={"Duration, sec": lambda test: test["duration"]},
    )
    if verification["error"]:
        terminal.say("It crashed: %s" % verification["error"])
    if detailed and tests:
        verify_runs.print_failures(verification["tests"], verification)


def _rows_of(verification: Values, verifier: Values, env: Values) -> Values:
    rows = {
        "UUID": verification["uuid"],
        "Status": verification["status"],
        "Started at": _moment(verification["created_at"]),
        "Finished at": _moment(verification["updated_at"]),
        "Duration": _duration(verification),
        "Run arguments": _run_args(verification["run_args"] or {}),
        "Tags": ", ".join(verification["tags"]) or None,
        "Verifier name": "%(name)s (UUID: %(uuid)s)" % verifier,
        "Verifier type": "%(type)s (platform: %(platform)s)" % verifier,
        "Environment": "%(name)s (UUID: %(uuid)s)" % env,
        "Tests count": verification["tests_count"],
        "Tests duration, sec": verification["tests_duration"],
    }
    for name, key in verify_runs.TOTALS:
        rows[name] = verification[key]
    return rows


def _run_args(run_args: Values) -> str | None:
    lines = [
        "%s: %s" % (
            name,
            "(value is too long, use '--detailed' flag to display it)"
            if isinstance(value, (list, dict)) else value,
        )
        for name, value in sorted(run_args.items())
    ]
    return "\n".join(lines) or None


def _moment(text: str) -> str:
    return text.replace("T", " ")


def _duration(verification: Values) -> str:
    """From its record to the last change of that."""
    started, finished = (
        dt.datetime.fromisoformat(verification[key])
        for key in ("created_at", "updated_at")
    )
    return str(finished - started)


def list_(
    verifier_id: t.Annotated[
        str | None,
        typer.Option("--id", help="Only those of this verifier."),
    ] = None,
    env: options.OptionalEnv = None,
    tags: t.Annotated[
        list[str] | None,
        typer.Option("--tag", help="Only those with one of these tags."),
    ] = None,
    status: t.Annotated[
        str | None, typer.Option("--status", help="Only with this status.")
    ] = None,
) -> None:
    """List verifications."""
    api = cliutils.get_api()
    found = api.verification.list(
        verifier_id=verifier_id, deployment_id=env, tags=tags, status=status
    )
    if not found:
        is_filtered = verifier_id or env or tags or status
        terminal.say(
            "There are no verifications that meet the specified filter "
            "arguments." if is_filtered else
            "There are no verifications. You can start one with `rally "
            "verify start`."
        )
        return
    verifiers = {x["uuid"]: x["name"] for x in api.verifier.list()}
    envs = {x["uuid"]: x["name"] for x in api.deployment.list()}
    rows = [
        {
            "uuid": x["uuid"],
            "tags": ", ".join(x["tags"]) or "-",
            "verifier_name": verifiers.get(x["verifier_uuid"], "-"),
            "environment": envs.get(x["env_uuid"], "-"),
            "started_at": _moment(x["created_at"]),
            "finished_at": _moment(x["updated_at"]),
            "duration": _duration(x),
            "status": x["status"],
        }
        for x in found
    ]
    cliutils.print_list(rows, LIST_FIELDS, sortby_index=None)


def use(verification_uuid: options.NamedVerification) -> None:
    """Make a verification the default for later commands."""
    found = cliutils.get_api().verification.get(
        verification_uuid=verification_uuid
    )
    envutils.update_globals_file(envutils.ENV_VERIFICATION, found["uuid"])
    verify_runs.print_use(found["uuid"])


def delete(
    verification_uuid: t.Annotated[
        list[str],
        argutils.ArgumentOrKeyword(
            "--uuid", help="UUIDs of verifications.", metavar="UUID..."
        ),
    ],
) -> None:
    """Delete verifications with their results."""
    api = cliutils.get_api()
    for uuid in verification_uuid:
        api.verification.delete(verification_uuid=uuid)
        envutils.forget(envutils.ENV_VERIFICATION, uuid)
