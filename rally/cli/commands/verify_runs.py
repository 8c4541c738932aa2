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

"""Commands that run tests, and what they print of the results."""

from __future__ import annotations

import typing as t

import typer

from rally import consts, exceptions
from rally.cli import cliutils, envutils, terminal
from rally.cli.commands import verify_options as options
from rally.common.counting import counted

UNEXPECTED_SUCCESS = 2
FAILED = 3

TOTALS = (
    ("Success", "success"), ("Skipped", "skipped"),
    ("Expected failures", "expected_failures"),
    ("Unexpected success", "unexpected_success"), ("Failures", "failures"),
)


Pattern: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--pattern",
        help="Only tests that match: a regular expression, or a form that "
        "the plugin knows, such as set=smoke.",
    ),
]
Concurrency: t.TypeAlias = t.Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        help="How many processes run tests (0: one per CPU).",
    ),
]
LoadList: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--load-list", help="File with ids of tests to run, one per line."
    ),
]
SkipList: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--skip-list",
        help="File (YAML or JSON) with tests to skip: a mapping from id, "
        "name or regular expression to the reason.",
    ),
]
XfailList: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--xfail-list",
        help="File (YAML or JSON) with tests that are expected to fail: a "
        "mapping from id or name to the reason.",
    ),
]


def start(
    verifier_id: options.Verifier,
    env: options.RequiredEnv,
    tags: options.Tags = None,
    pattern: Pattern = None,
    concur: Concurrency = 0,
    load_list: LoadList = None,
    skip_list: SkipList = None,
    xfail_list: XfailList = None,
    detailed: options.Detailed = False,
    do_not_use: options.NoUse = False,
) -> None:
    """Run tests.

    Exit codes: 0 all results are as expected, 1 wrong options, 2 a test that
    was expected to fail did not, 3 tests failed. Any other: they did not run.
    """
    if pattern and load_list:
        options.refuse(
            "--pattern and --load-list both say which tests to run. "
            "Give one of them."
        )
    run_args: dict[str, t.Any] = {
        "pattern": pattern,
        "concurrency": concur,
        "load_list": _lines(load_list),
        "skip_list": _tests(skip_list, "--skip-list"),
        "xfail_list": _tests(xfail_list, "--xfail-list"),
    }
    try:
        results = cliutils.get_api().verification.start(
            verifier_id=verifier_id, deployment_id=env, tags=tags,
            **{name: value for name, value in run_args.items() if value},
        )
    except exceptions.DeploymentNotFinishedStatus as e:
        options.refuse(e.format_message())
    conclude(results, detailed, do_not_use)
    _exit_by(results)


def _lines(path: str | None) -> list[str]:
    if not path:
        return []
    text = options.content_of(path, "--load-list").decode("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _tests(path: str | None, option: str) -> dict[str, t.Any]:
    if not path:
        return {}
    content = options.content_of(path, option)
    if not content.strip():
        return {}
    return options.mapping_of(content, "%s, which %s names," % (path, option))


def rerun(
    verification_uuid: options.Verification,
    env: options.RequiredEnv,
    failed: t.Annotated[
        bool,
        typer.Option(
            "--failed", help="Only tests whose result was not as expected."
        ),
    ] = False,
    tags: options.Tags = None,
    concur: Concurrency = None,
    detailed: options.Detailed = False,
    do_not_use: options.NoUse = False,
) -> None:
    """Run the tests of a verification again.

    The same tests are skipped or expected to fail as before. Exit codes are
    those of `rally verify start`.
    """
    results = cliutils.get_api().verification.rerun(
        verification_uuid=verification_uuid, deployment_id=env,
        failed=failed, tags=tags, concurrency=concur or 0,
    )
    conclude(results, detailed, do_not_use)
    _exit_by(results)


def conclude(
    results: dict[str, t.Any], detailed: bool, do_not_use: bool
) -> None:
    """Print what came out, and make it the default if that is wanted."""
    if detailed:
        print_failures(results["tests"], results["totals"])
    _print_totals(results["totals"], results["tests"])
    uuid = results["verification"]["uuid"]
    if do_not_use:
        print("Verification UUID: %s." % uuid)
    else:
        envutils.update_globals_file(envutils.ENV_VERIFICATION, uuid)
        print_use(uuid)


def print_use(uuid: str) -> None:
    print("Using verification (UUID=%s) as the default verification of later "
          "commands." % uuid)


def print_failures(
    tests: t.Mapping[str, t.Any], totals: t.Mapping[str, t.Any]
) -> None:
    """Print what tests that failed have put out."""
    failed = [test for test in tests.values() if test["status"] == "fail"]
    if failed:
        print("\nFailed %s - output below:\n"
              % counted(len(failed), "test"))
    elif totals.get("unexpected_success"):
        print("\nNo test has failed, but tests have passed that were "
              "expected to fail.")
    elif not any(test["status"] == "init" for test in tests.values()):
        print("\nCongratulations! Verification doesn't have failed tests! "
              ":)")
    for test in failed:
        print("%s\n%s" % (test["name"], "-" * len(test["name"])))
        said = test.get("traceback") or test.get("reason") or "no details"
        print(said.strip() + "\n")


def _print_totals(
    totals: t.Mapping[str, t.Any], tests: t.Mapping[str, t.Any]
) -> None:
    print("\n%s" % cliutils.make_header("Totals", size=6, symbol="=").strip())
    print("\nRan: %(tests_count)s tests in %(tests_duration)s sec." % totals)
    for name, key in TOTALS:
        print(" - %s: %s" % (name, totals[key]))
    unfinished = [x["name"] for x in tests.values() if x["status"] == "init"]
    if unfinished:
        terminal.say(
            "\nTests that never finished, because the process that ran them "
            "died: %s" % ", ".join(unfinished)
        )
    print()


def _exit_by(results: dict[str, t.Any]) -> None:
    """:raises Exit: not all is as expected"""
    if results["totals"]["unexpected_success"]:
        raise typer.Exit(UNEXPECTED_SUCCESS)
    status = results["verification"]["status"]
    if status != consts.VerificationStatus.FINISHED:
        raise typer.Exit(FAILED)
