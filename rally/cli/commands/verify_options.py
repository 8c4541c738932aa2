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

"""Options that several commands of verification share, and files they name.
"""

from __future__ import annotations

import os
import typing as t

import typer

from rally import exceptions
from rally.cli import argutils, completion, envutils, yamlutils

_VERIFIER: dict[str, t.Any] = {
    "help": "Name or UUID of the verifier.", "metavar": "ID",
    "autocompletion": completion.verifiers,
}
_VERIFICATION: dict[str, t.Any] = {
    "help": "UUID of the verification.", "metavar": "UUID",
    "autocompletion": completion.verifications,
}
_ENV = "UUID or name of the environment."

Verifier: t.TypeAlias = t.Annotated[
    str,
    argutils.ArgumentOrKeyword(
        "--id", envvar=envutils.ENV_VERIFIER, **_VERIFIER
    ),
]
NamedVerifier: t.TypeAlias = t.Annotated[
    str, argutils.ArgumentOrKeyword("--id", **_VERIFIER)
]
Verification: t.TypeAlias = t.Annotated[
    str,
    argutils.ArgumentOrKeyword(
        "--uuid", envvar=envutils.ENV_VERIFICATION, **_VERIFICATION
    ),
]
NamedVerification: t.TypeAlias = t.Annotated[
    str, argutils.ArgumentOrKeyword("--uuid", **_VERIFICATION)
]
RequiredEnv: t.TypeAlias = t.Annotated[
    str,
    argutils.DeprecatedAlias(
        "--env", deprecated="--deployment-id", envvar=envutils.ENV_ENV,
        help=_ENV, autocompletion=completion.envs,
    ),
]
OptionalEnv: t.TypeAlias = t.Annotated[
    str | None,
    argutils.DeprecatedAlias(
        "--env", deprecated="--deployment-id", help=_ENV,
        autocompletion=completion.envs,
    ),
]
Tags: t.TypeAlias = t.Annotated[
    list[str] | None,
    typer.Option(
        "--tag", help="Tag the verification; several tags may be given."
    ),
]
Detailed: t.TypeAlias = t.Annotated[
    bool,
    typer.Option("--detailed", help="Show the output of failed tests."),
]
NoUse: t.TypeAlias = t.Annotated[
    bool,
    typer.Option(
        "--no-use", help="Do not make it the default for later commands."
    ),
]
Settings: t.TypeAlias = t.Annotated[
    str | None,
    typer.Option(
        "--extra-settings",
        help="Further settings for the installation, as the plugin defines "
        "them: a mapping in YAML or JSON.",
    ),
]


#: exit status of a command that was asked for what cannot be
REFUSED = 1


def refuse(text: str) -> t.NoReturn:
    """Say why a command does nothing.

    :raises Exit: always
    """
    print(text)
    raise typer.Exit(REFUSED)


def content_of(path: str, option: str) -> bytes:
    """What is in the file that an option names.

    :raises Exit: there is none
    """
    full = os.path.expanduser(path)
    if not os.path.isfile(full):
        refuse(
            "There is no file %s, which option %s names, so nothing was "
            "done. Check the path." % (path, option)
        )
    with open(full, "rb") as f:
        return f.read()


def mapping_of(text: str | bytes, option: str) -> dict[str, t.Any]:
    """A mapping in YAML or JSON that an option gives.

    :raises ValidationError: it is something else
    """
    value = yamlutils.parse(text, option, exceptions.ValidationError)
    if not isinstance(value, dict):
        raise exceptions.ValidationError(
            "%s has to be a mapping in YAML or JSON, such as {name: value}, "
            "and is not." % option
        )
    return dict(value)
