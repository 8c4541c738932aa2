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

"""Commands about environments: what is tested."""

from __future__ import annotations

import json
import traceback
import typing as t

import typer

from rally import exceptions
from rally.cli import (
    argutils,
    cliutils,
    completion,
    env_tables,
    envutils,
    terminal,
)
from rally.cli.commands import options
from rally.common import logging, masking
from rally.common.counting import counted

if t.TYPE_CHECKING:
    from rally.env import env_mgr

YES = env_tables.YES
NO = env_tables.NO

MSG_NO_ENVS = (
    "There are no environments. To create a new environment, use the "
    "command:\nrally env create --name NAME"
)

MSG_NOT_MADE = (
    "A platform of environment %(env)s could not be made, so no task can be "
    "run in it; the log says why. Fix the cause, then make room for a new "
    "environment of this name with `rally env destroy %(env)s` and `rally "
    "env delete %(env)s`."
)

env_app = typer.Typer(help="Manage the environments that Rally tests.")

Env: t.TypeAlias = t.Annotated[
    str,
    argutils.ArgumentOrKeyword(
        "--env",
        help="UUID or name of the environment.",
        envvar=envutils.ENV_ENV,
        metavar="ENV",
        autocompletion=completion.envs,
    ),
]
AsJson: t.TypeAlias = t.Annotated[
    bool, typer.Option("--json", help="Print JSON.")
]
Name: t.TypeAlias = t.Annotated[
    str, typer.Option("--name", "-n", help="Name of the environment.")
]
Description: t.TypeAlias = t.Annotated[
    str | None, typer.Option("--description", "-d", help="Description.")
]
Extras: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--extras", "-e", help="More data to keep with it (JSON or YAML)."
    ),
]
Spec: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option("--spec", "-s", help="File with the spec (JSON or YAML)."),
]
FromSysenv: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--from-sysenv", help="Take the spec from environment variables."
    ),
]


@env_app.command()
def create(
    name: Name,
    description: Description = None,
    extras: Extras = None,
    spec: Spec = None,
    from_sysenv: FromSysenv = False,
    to_json: AsJson = False,
    no_use: options.NoUse = False,
) -> None:
    """Create a new environment."""
    from rally.env import env_mgr

    try:
        content = _spec(spec, from_sysenv, quiet=to_json)
        given = None if extras is None else _parsed(extras, "--extras")
        env = env_mgr.EnvManager.create(
            name, content, description=description or None, extras=given
        )
    except exceptions.ManagerInvalidSpec as e:
        print("The specification is not valid:")
        print(json.dumps(masking.masked(e.kwargs.get("spec")), indent=2))
        for error in e.kwargs["errors"]:
            print(error)
        raise typer.Exit(1) from None
    except Exception as e:  # a platform plugin's, or its author's
        print("The environment could not be created:")
        terminal.say(masking.masked_text(_reason(e)))
        if logging.is_debug():
            text = "".join(traceback.format_exception(e))
            print(masking.masked_text(text))
        raise typer.Exit(1) from None
    if not no_use:
        _use(env.data, quiet=to_json)
    env_tables.print_env(env.data, to_json=to_json)
    if env.status == env_mgr.STATUS.FAILED_TO_CREATE:
        if not to_json:
            terminal.say(MSG_NOT_MADE % {"env": name})
        raise typer.Exit(1)


def _reason(error: Exception) -> str:
    """Rally's own errors are sentences; those of plugins may be anything."""
    if isinstance(error, (exceptions.RallyException, OSError)):
        return str(error)
    return "%s: %s" % (type(error).__name__, error)


def _spec(path: str | None, from_sysenv: bool, quiet: bool) -> t.Any:
    """Content of a spec: of a file, of the process's environment, none."""
    if path is not None:
        content = cliutils.content_of(path)
        return _parsed(content, "The env spec %s" % path) or {}
    return _discovered_spec(quiet) if from_sysenv else {}


def _parsed(text: str | bytes, what: str) -> t.Any:
    from rally.cli import yamlutils

    return yamlutils.parse(text, what, exceptions.InvalidArgumentsException)


def _discovered_spec(quiet: bool) -> dict[str, t.Any]:
    from rally.env import env_mgr

    found = env_mgr.EnvManager.create_spec_from_sys_environ()
    if not quiet:
        _print_discovered(found["discovery_details"])
    return t.cast(dict[str, t.Any], found["spec"])


def _print_discovered(details: dict[str, t.Any]) -> None:
    available = [name for name, x in details.items() if x["available"]]
    terminal.say(
        "The environment of this shell describes %s."
        % counted(len(available), "platform")
    )
    print("Discovery information:")
    for name, result in sorted(details.items()):
        if result["available"]:
            print("\t- %s : %s" % (YES, name))
        else:
            print("\t- %s : %s: %s" % (NO, name, result.get("message", "")))


@env_app.command()
def cleanup(env: Env, to_json: AsJson = False) -> None:
    """Delete what tasks have left behind on the platforms."""
    manager = _get(env)
    if not to_json:
        terminal.say("Removing what tasks have left in %s" % manager)
    result = manager.cleanup()
    failed = any(x["errors"] for x in result.values())
    if to_json:
        print(json.dumps(result, indent=2))
    else:
        print("This is what was removed:")
        env_tables.print_cleanup(result, logging.is_debug())
    if failed:
        raise typer.Exit(1)


@env_app.command()
def destroy(
    env: Env,
    skip_cleanup: t.Annotated[
        bool,
        typer.Option("--skip-cleanup", help="Do not clean up first."),
    ] = False,
    to_json: AsJson = False,
    detailed: t.Annotated[
        bool, typer.Option("--detailed", help="Show all details.")
    ] = False,
) -> None:
    """Destroy the platforms of an environment; keep its records."""
    manager = _get(env)
    if not to_json:
        terminal.say("Destroying %s" % manager)
    result = manager.destroy(skip_cleanup)
    cleanup_failed = _has_errors(result["cleanup_info"])
    failed = cleanup_failed or _has_errors(result["destroy_info"])
    if to_json:
        print(json.dumps(result, indent=2))
    elif failed:
        terminal.say("%s Could not destroy env %s" % (NO, manager))
        env_tables.print_destroyed(result, detailed or logging.is_debug())
    else:
        terminal.say("%s Destroyed env %s" % (YES, manager))
        if detailed:
            print(json.dumps(result, indent=2))
    if failed:
        raise typer.Exit(1)


def _has_errors(info: dict[str, t.Any]) -> bool:
    """Whether clean-up or destruction of any platform went wrong."""
    if info.get("skipped"):
        return False
    cleaned = (info.get("info") or {}).values()
    destroyed = (info.get("platforms") or {}).values()
    return (
        any(x.get("errors") for x in cleaned)
        or any("FAILED" in str(x.get("status", "")) for x in destroyed)
        or bool(info.get("failed"))
    )


@env_app.command()
def delete(
    env: Env,
    force: t.Annotated[
        bool,
        typer.Option("--force", help="Delete it even if it is not destroyed."),
    ] = False,
) -> None:
    """Delete all records of an environment; leave its platforms alone."""
    manager = _get(env)
    manager.delete(force=force)
    envutils.forget_env(manager.uuid, manager.cached_data["name"])


@env_app.command("list")
def list_(to_json: AsJson = False) -> None:
    """List environments."""
    from rally.env import env_mgr

    envs = [manager.cached_data for manager in env_mgr.EnvManager.list()]
    if to_json:
        print(json.dumps(envs, indent=2))
        return
    if not envs:
        terminal.say(MSG_NO_ENVS)
        return
    env_tables.print_envs(envs, envutils.get_global(envutils.ENV_ENV))


@env_app.command()
def show(
    env: Env,
    to_json: AsJson = False,
    only_spec: t.Annotated[
        bool,
        typer.Option(
            "--only-spec",
            help="Print the spec alone, as `env create --spec` takes it, "
            "including its passwords.",
        ),
    ] = False,
) -> None:
    """Show an environment. Only JSON includes its passwords."""
    env_tables.print_env(_get(env).data, to_json=to_json, only_spec=only_spec)


@env_app.command()
def info(env: Env, to_json: AsJson = False) -> None:
    """Show what the platforms say about themselves."""
    manager = _get(env)
    found = manager.get_info()
    failed = any(x.get("error") for x in found.values())
    if to_json:
        print(json.dumps(found, indent=2))
    else:
        terminal.say(str(manager))
        env_tables.print_info(manager.data, found, logging.is_debug())
    if failed:
        raise typer.Exit(1)


@env_app.command()
def check(
    env: Env,
    to_json: AsJson = False,
    detailed: t.Annotated[
        bool,
        typer.Option("--detailed", help="Show plugins and tracebacks."),
    ] = False,
) -> None:
    """Check whether the platforms are available."""
    manager = _get(env)
    health = manager.check_health()
    available = all(x["available"] for x in health.values())
    if to_json:
        print(json.dumps(health, indent=2))
    else:
        terminal.say("%s %s" % (manager, YES if available else NO))
        env_tables.print_health(
            manager.data, health, detailed or logging.is_debug()
        )
    if not available:
        raise typer.Exit(1)


@env_app.command()
def use(
    env: t.Annotated[
        str,
        argutils.ArgumentOrKeyword(
            "--env", help="UUID or name of the environment.", metavar="ENV",
            autocompletion=completion.envs,
        ),
    ],
    to_json: AsJson = False,
) -> None:
    """Make an environment the default for later commands."""
    try:
        data = _get(env).cached_data
    except exceptions.DBRecordNotFound:
        message = (
            "There is no environment %s, so it cannot be the default." % env
        )
        if to_json:
            print(json.dumps({"error": message}))
        else:
            terminal.say(message)
        raise typer.Exit(1) from None
    _use(data, quiet=to_json)


def _use(data: dict[str, t.Any], quiet: bool) -> None:
    if not quiet:
        print("Using environment: %s" % data["uuid"])
    envutils.update_globals_file(envutils.ENV_ENV, data["uuid"])


def _get(env: str) -> env_mgr.EnvManager:
    from rally.env import env_mgr

    return env_mgr.EnvManager.get(env)
