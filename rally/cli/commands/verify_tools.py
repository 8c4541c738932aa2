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

"""Commands about verifiers: install, configure, update, extend, delete."""

from __future__ import annotations

import configparser
import json
import os
import typing as t

import typer

from rally import exceptions
from rally.cli import cliutils, completion, envutils, terminal
from rally.cli.commands import verify_options as options
from rally.common import logging, masking

LOG = logging.getLogger(__name__)

LIST_FIELDS = ["UUID", "Name", "Type", "Platform", "Created at"]
LIST_FIELDS += ["Updated at", "Status", "Version", "System-wide", "Active"]
ACTIVE = ":-)"


def list_plugins(
    platform: t.Annotated[
        str | None,
        typer.Option("--platform", help="Only those of this platform."),
    ] = None,
) -> None:
    """List the types of verifiers that can be created."""
    found = cliutils.get_api().verifier.list_plugins(
        platform=platform.lower() if platform else None
    )
    fields = ["Plugin name", "Platform", "Description"]
    if logging.is_debug():
        fields.append("Location")
    cliutils.print_list(
        found, fields, formatters={"Plugin name": lambda x: x["name"]}
    )


def create_verifier(
    name: t.Annotated[str, typer.Option("--name", help="Its name.")],
    vtype: t.Annotated[
        str,
        typer.Option(
            "--type",
            help="Its type, as shown by `rally verify list-plugins`.",
            autocompletion=completion.verifier_types,
        ),
    ],
    platform: t.Annotated[
        str,
        typer.Option(
            "--platform",
            help="Platform of the plugin, if several have that name.",
        ),
    ] = "",
    source: t.Annotated[
        str | None,
        typer.Option("--source", help="Path or URL of a git repository."),
    ] = None,
    version: t.Annotated[
        str | None,
        typer.Option("--version", help="Branch, tag or commit to use."),
    ] = None,
    system_wide: t.Annotated[
        bool,
        typer.Option(
            "--system-wide",
            help="Use Rally's own Python environment, instead of a virtual "
            "environment for the verifier.",
        ),
    ] = False,
    extra: options.Settings = None,
    no_use: options.NoUse = False,
) -> None:
    """Install a verifier."""
    uuid = cliutils.get_api().verifier.create(
        name=name, vtype=vtype, platform=platform, source=source,
        version=version, system_wide=system_wide,
        extra_settings=_settings(extra),
    )
    if not no_use:
        use_verifier(uuid)


def _settings(text: str | None) -> dict[str, t.Any] | None:
    return options.mapping_of(text, "--extra-settings") if text else None


def use_verifier(verifier_id: options.NamedVerifier) -> None:
    """Make a verifier the default for later commands."""
    verifier = cliutils.get_api().verifier.get(verifier_id=verifier_id)
    envutils.update_globals_file(envutils.ENV_VERIFIER, verifier["uuid"])
    print("Using verifier '%(name)s' (UUID=%(uuid)s)" % verifier
          + " as the default verifier of later commands.")


def list_verifiers(
    status: t.Annotated[
        str | None, typer.Option("--status", help="Only with this status.")
    ] = None,
) -> None:
    """List the verifiers."""
    found = cliutils.get_api().verifier.list(status=status)
    if not found:
        terminal.say(
            "There are no verifiers with status '%s'." % status if status
            else "There are no verifiers. You can create one, using command "
            "`rally verify create-verifier`."
        )
        return
    current = envutils.get_global(envutils.ENV_VERIFIER)
    for verifier in found:
        verifier["active"] = ACTIVE if verifier["uuid"] == current else ""
        for field in ("created_at", "updated_at"):
            verifier[field] = _moment(verifier[field])
    cliutils.print_list(
        found, LIST_FIELDS, normalize_field_names=True, sortby_index=None,
        formatters={"System-wide": lambda x: x["system_wide"]},
    )


def _moment(text: str | None) -> str:
    return (text or "-").replace("T", " ")


def show_verifier(verifier_id: options.Verifier) -> None:
    """Show everything about a verifier."""
    from rally.verification import manager

    verifier = cliutils.get_api().verifier.get(verifier_id=verifier_id)
    folder = manager.folder_of(verifier["uuid"])
    current = envutils.get_global(envutils.ENV_VERIFIER)
    rows: dict[str, t.Any] = {
        "UUID": verifier["uuid"],
        "Status": verifier["status"],
        "Created at": _moment(verifier["created_at"]),
        "Updated at": _moment(verifier["updated_at"]),
        "Active": ACTIVE if verifier["uuid"] == current else "",
        "Name": verifier["name"],
        "Description": verifier["description"],
        "Type": verifier["type"],
        "Platform": verifier["platform"],
        "Source": masking.masked(verifier["source"]),
        "Version": verifier["version"],
        "System-wide": verifier["system_wide"],
        "Extra settings": _extra(verifier["extra_settings"]),
        "Location": os.path.join(folder, "repo"),
        "Venv location": (
            "" if verifier["system_wide"] else os.path.join(folder, ".venv")
        ),
    }
    print_rows(rows, "Verifier")
    terminal.say(
        "Attention! What you change there by hand is yours to maintain: "
        "`rally verify update-verifier` does not know about it."
    )


def _extra(settings: dict[str, t.Any] | None) -> str | None:
    return json.dumps(masking.masked(settings), indent=4) if settings else None


def print_rows(rows: t.Mapping[str, t.Any], label: str) -> None:
    """Print a table of two columns, in the order given."""
    cliutils.print_list(
        [
            {"name": name, "value": "-" if value is None else value}
            for name, value in rows.items()
        ],
        ["name", "value"], sortby_index=None, table_label=label,
        print_header=False,
    )


def delete_verifier(
    verifier_id: options.NamedVerifier,
    env: options.OptionalEnv = None,
    force: t.Annotated[
        bool,
        typer.Option("--force", help="Delete its verifications, too."),
    ] = False,
) -> None:
    """Delete a verifier, or only its data for one environment."""
    api = cliutils.get_api()
    uuid = api.verifier.get(verifier_id=verifier_id)["uuid"]
    api.verifier.delete(verifier_id=uuid, deployment_id=env, force=force)
    if env is None:
        envutils.forget(envutils.ENV_VERIFIER, uuid)


def update_verifier(
    verifier_id: options.Verifier,
    update_venv: t.Annotated[
        bool,
        typer.Option(
            "--update-venv", help="Recreate its virtual environment."
        ),
    ] = False,
    version: t.Annotated[
        str | None,
        typer.Option("--version", help="Branch, tag or commit to use."),
    ] = None,
    system_wide: t.Annotated[
        bool,
        typer.Option(
            "--system-wide", help="Use Rally's own Python environment."
        ),
    ] = False,
    no_system_wide: t.Annotated[
        bool,
        typer.Option(
            "--no-system-wide", help="Give it its own virtual environment."
        ),
    ] = False,
) -> None:
    """Change the version of a verifier, or where it is installed."""
    if not (update_venv or version or system_wide or no_system_wide):
        options.refuse(
            "There is nothing to update. Give --version, "
            "--update-venv, --system-wide or --no-system-wide."
        )
    if system_wide and (no_system_wide or update_venv):
        options.refuse(
            "--system-wide goes neither with --no-system-wide nor "
            "with --update-venv: a system-wide verifier has no virtual "
            "environment."
        )
    wanted = True if system_wide else False if no_system_wide else None
    cliutils.get_api().verifier.update(
        verifier_id=verifier_id, system_wide=wanted, version=version,
        update_venv=update_venv,
    )
    terminal.say(
        "Its configurations have not been changed. Renew them with `rally "
        "verify configure-verifier --reconfigure`."
    )


def configure_verifier(
    verifier_id: options.Verifier,
    env: options.RequiredEnv,
    reconfigure: t.Annotated[
        bool,
        typer.Option(
            "--reconfigure", help="Configure it again, from the beginning."
        ),
    ] = False,
    extra_options: t.Annotated[
        str | None,
        typer.Option(
            "--extend",
            help="More options: path of an INI file, or YAML or JSON of the "
            "form {section: {option: value}}.",
        ),
    ] = None,
    new_configuration: t.Annotated[
        str | None,
        typer.Option(
            "--override", help="File that replaces the configuration."
        ),
    ] = None,
    show: t.Annotated[
        bool, typer.Option("--show", help="Print the configuration.")
    ] = False,
) -> None:
    """Configure a verifier for an environment."""
    api = cliutils.get_api()
    if new_configuration is None:
        text = api.verifier.configure(
            verifier=verifier_id, deployment_id=env,
            extra_options=_options(extra_options) if extra_options else None,
            reconfigure=reconfigure,
        )
    elif reconfigure or extra_options:
        options.refuse(
            "--override replaces the whole configuration, so it goes "
            "neither with --reconfigure nor with --extend."
        )
    else:
        content = options.content_of(new_configuration, "--override")
        text = content.decode("utf-8")
        api.verifier.override_configuration(
            verifier_id=verifier_id, deployment_id=env,
            new_configuration=text,
        )
    if show:
        print("\n%s\n" % text.strip())


def _options(given: str) -> dict[str, dict[str, t.Any]]:
    """Section -> option -> value.

    :raises ValidationError: it has another form
    """
    if not os.path.isfile(os.path.expanduser(given)):
        found = options.mapping_of(given, "--extend")
        if not all(isinstance(x, dict) for x in found.values()):
            raise exceptions.ValidationError(
                "--extend has to be the path of a file that exists, or of "
                "the form {section: {option: value}}, and is neither."
            )
        return found
    conf = configparser.RawConfigParser(allow_no_value=True)
    conf.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        conf.read_string(options.content_of(given, "--extend").decode())
    except configparser.Error as e:
        raise exceptions.ValidationError(
            "%s, which --extend names, is not an INI file: %s" % (given, e)
        ) from None
    found = {name: dict(conf.items(name)) for name in conf.sections()}
    if conf.defaults():
        found["DEFAULT"] = dict(conf.defaults())
    return found


def list_verifier_tests(
    verifier_id: options.Verifier,
    pattern: t.Annotated[
        str,
        typer.Option(
            "--pattern",
            help="Only tests that match: a regular expression, or a form "
            "that the plugin knows, such as set=smoke.",
        ),
    ] = "",
) -> None:
    """List the tests of a verifier."""
    tests = cliutils.get_api().verifier.list_tests(
        verifier_id=verifier_id, pattern=pattern
    )
    print("\n".join(tests) if tests else "No tests found.")


def add_verifier_ext(
    verifier_id: options.Verifier,
    source: t.Annotated[
        str,
        typer.Option("--source", help="Path or URL of a git repository."),
    ],
    version: t.Annotated[
        str | None,
        typer.Option("--version", help="Branch, tag or commit to use."),
    ] = None,
    extra: options.Settings = None,
) -> None:
    """Install more tests for a verifier."""
    cliutils.get_api().verifier.add_extension(
        verifier_id=verifier_id, source=source, version=version,
        extra_settings=_settings(extra),
    )


def list_verifier_exts(verifier_id: options.Verifier) -> None:
    """List the extensions of a verifier."""
    found = cliutils.get_api().verifier.list_extensions(
        verifier_id=verifier_id
    )
    if not found:
        terminal.say(
            "There are no verifier extensions. You can add one with `rally "
            "verify add-verifier-ext`."
        )
        return
    fields = ["Name", "Entry point"]
    if logging.is_debug():
        fields.append("Location")
    cliutils.print_list(found, fields, normalize_field_names=True)


def delete_verifier_ext(
    verifier_id: options.Verifier,
    name: t.Annotated[
        str, typer.Option("--name", help="Name of the extension.")
    ],
) -> None:
    """Delete an extension of a verifier."""
    cliutils.get_api().verifier.delete_extension(
        verifier_id=verifier_id, name=name
    )
