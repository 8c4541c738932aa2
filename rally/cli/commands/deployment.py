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

"""Commands about deployments: the legacy view of environments."""

from __future__ import annotations

import json
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
from rally.common import logging

if t.TYPE_CHECKING:
    from rally import api as rally_api

LOG = logging.getLogger(__name__)

LIST_FIELDS = ["uuid", "created_at", "name", "status", "active"]

Deployment: t.TypeAlias = t.Annotated[
    str,
    argutils.ArgumentOrKeyword(
        "--deployment",
        help="UUID or name of the deployment.",
        envvar=envutils.ENV_ENV,
        metavar="DEPLOYMENT",
        autocompletion=completion.envs,
    ),
]
Filename: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option("--filename", help="File with the configuration."),
]

deployment_app = typer.Typer(
    help="Legacy environments (superseded by env)."
)


def _api(instead: str) -> rally_api.API:
    LOG.warning(
        "The `rally deployment` commands are deprecated; use `rally env %s` "
        "instead of this one." % instead
    )
    return cliutils.get_api()


@deployment_app.command()
def create(
    name: t.Annotated[
        str, typer.Option("--name", help="Name of the deployment.")
    ],
    fromenv: t.Annotated[
        bool,
        typer.Option(
            "--fromenv", help="Take the spec from environment variables."
        ),
    ] = False,
    filename: Filename = None,
    no_use: options.NoUse = False,
) -> None:
    """Create a new deployment."""
    config: dict[str, t.Any] = {}
    if fromenv:
        from rally.env import env_mgr

        config = env_mgr.EnvManager.create_spec_from_sys_environ()["spec"]
        if not config:
            LOG.warning(
                "The variables of this shell describe no platform, so the "
                "deployment has none. `rally env create --from-sysenv` says "
                "which variables are missing."
            )
    elif filename:
        config = _read(filename)
    api = _api("create")
    deployment = api.deployment.create(config=config, name=name)
    _print([deployment])
    if not no_use:
        _use(deployment["uuid"])


@deployment_app.command()
def recreate(deployment: Deployment, filename: Filename = None) -> None:
    """No longer possible; says what to do instead."""
    config = _read(filename) if filename else None
    api = _api("destroy` and `rally env create")
    api.deployment.recreate(deployment=deployment, config=config)


@deployment_app.command()
def destroy(deployment: Deployment) -> None:
    """Delete a deployment and everything recorded in it."""
    api = _api("destroy` and `rally env delete")
    found = api.deployment.get(deployment=deployment)
    api.deployment.destroy(deployment=deployment)
    envutils.forget_env(found["uuid"], found["name"])


@deployment_app.command("list")
def list_() -> None:
    """List deployments."""
    deployments = _api("list").deployment.list()
    if deployments:
        _print(deployments)
    else:
        print(
            "There are no deployments. To create a new deployment, use:"
            "\nrally deployment create"
        )


@deployment_app.command()
def config(deployment: Deployment) -> None:
    """Print the configuration of a deployment, with its passwords."""
    found = _api("show --only-spec").deployment.get(deployment=deployment)
    print(json.dumps(found["config"], sort_keys=True, indent=4))


@deployment_app.command()
def show(deployment: Deployment) -> None:
    """Show the credentials of a deployment, without passwords."""
    found = _api("show").deployment.get(deployment=deployment)
    fields = ["auth_url", "username", "password", "tenant_name"]
    fields += ["region_name", "endpoint_type"]
    rows = [
        {**user, "password": "***"}
        for credentials in found["credentials"].get("openstack", ())
        for user in (credentials.get("admin"), *credentials.get("users", ()))
        if user
    ]
    cliutils.print_list(rows, fields, sortby_index=None)


@deployment_app.command()
def check(deployment: Deployment) -> None:
    """Check that the platforms answer; list their services."""
    api = _api("check` and `rally env info")
    name = api.deployment.get(deployment=deployment)["name"]
    found = api.deployment.check(deployment=deployment)
    failed = False
    for platform, checks in sorted(found.items()):
        print(cliutils.make_header("Platform %s:" % platform).strip())
        for result in checks:
            error = result.get("admin_error") or result.get("user_error")
            if error:
                failed = True
                _print_error(platform, name, error)
            else:
                _print_services(result["services"])
    if failed:
        raise typer.Exit(1)


def _print_error(
    platform: str, deployment: str, error: dict[str, t.Any]
) -> None:
    answer = {"message": error["msg"], "traceback": error.get("trace")}
    terminal.say(env_tables.unavailable(platform, deployment, answer))
    if logging.is_debug() and error.get("trace"):
        print("\n" + error["trace"])


def _print_services(services: list[dict[str, t.Any]]) -> None:
    if not services:
        print("The platform is available. It names no services.")
        return
    print("Available services:")
    rows = [
        {
            "service": x.get("name", "__unknown__"),
            "service_type": x.get("type", ""),
            "status": x.get("status", "Available"),
        }
        for x in services
    ]
    cliutils.print_list(rows, ["Service", "Service Type", "Status"])


@deployment_app.command()
def use(
    deployment: t.Annotated[
        str,
        argutils.ArgumentOrKeyword(
            "--deployment",
            help="UUID or name of the deployment.",
            metavar="DEPLOYMENT",
            autocompletion=completion.envs,
        ),
    ],
) -> None:
    """Make a deployment the default for later commands."""
    api = _api("use")
    try:
        found = api.deployment.get(deployment=deployment)
    except exceptions.DBRecordNotFound:
        print("Deployment %s is not found." % deployment)
        raise typer.Exit(1) from None
    _use(found["uuid"])


def _use(uuid: str) -> None:
    print("Using deployment: %s" % uuid)
    envutils.update_globals_file(envutils.ENV_DEPLOYMENT, uuid)
    envutils.update_globals_file(envutils.ENV_ENV, uuid)


def _read(filename: str) -> t.Any:
    from rally.cli import yamlutils

    return yamlutils.parse(
        cliutils.content_of(filename), filename,
        exceptions.InvalidConfigException,
    )


def _print(deployments: list[dict[str, t.Any]]) -> None:
    current = envutils.get_global(envutils.ENV_ENV)
    rows = [
        {**x, "active": "*" if x["uuid"] == current else ""}
        for x in deployments
    ]
    cliutils.print_list(rows, LIST_FIELDS, sortby_index=1)
