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

"""What `use` remembers: lines ``NAME=value`` in ``~/.rally/globals``."""

from __future__ import annotations

import os
import sys
import tempfile

from rally import exceptions

PATH_GLOBALS = "~/.rally/globals"
ENV_ENV = "RALLY_ENV"
ENV_DEPLOYMENT = "RALLY_DEPLOYMENT"
ENV_TASK = "RALLY_TASK"
ENV_VERIFIER = "RALLY_VERIFIER"
ENV_VERIFICATION = "RALLY_VERIFICATION"
ENVVARS = [
    ENV_ENV,
    ENV_DEPLOYMENT,
    ENV_TASK,
    ENV_VERIFIER,
    ENV_VERIFICATION,
]
#: what to do where a default is needed and nobody has chosen one
HINTS = {
    ENV_ENV: "No environment is in use, either. Create one with `rally env "
    "create --name NAME`, or choose one of those that `rally env list` shows "
    "with `rally env use NAME`.",
    ENV_TASK: "No task is in use, either. Choose one of those that `rally "
    "task list` shows with `rally task use UUID`.",
    ENV_VERIFIER: "No verifier is in use, either. Create one with `rally "
    "verify create-verifier`, or choose one of those that `rally verify "
    "list-verifiers` shows with `rally verify use-verifier ID`.",
    ENV_VERIFICATION: "No verification is in use, either. Choose one of those "
    "that `rally verify list` shows with `rally verify use UUID`.",
}


def update_globals_file(key: str, value: str) -> None:
    """Write ``key=value`` into the file, in place of the line of *key*.

    The file is replaced as a whole: no reader sees half of it.

    :raises CannotKeepDefault: it cannot be read or written
    """
    path = os.path.expanduser(PATH_GLOBALS)
    try:
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        lines = [*_lines_without(path, key), "%s=%s\n" % (key, value)]
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=".globals-", delete=False
        ) as f:
            f.writelines(lines)
        os.replace(f.name, path)
    except (OSError, UnicodeError) as e:
        raise exceptions.CannotKeepDefault(
            path=path, reason=_reason(e), name=key, value=value
        ) from e


def _lines_without(path: str, key: str) -> list[str]:
    try:
        with open(path) as f:
            lines = f.readlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if line.partition("=")[0] != key]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def clear_global(global_key: str) -> None:
    """Forget one name: blank it in the file and in this process."""
    if global_key not in ENVVARS:
        raise exceptions.InvalidArgumentsException(
            "%s is not one of the names that are kept in %s (%s)"
            % (global_key, PATH_GLOBALS, ", ".join(ENVVARS))
        )
    update_globals_file(global_key, "")
    os.environ.pop(global_key, None)


def forget(global_key: str, value: str) -> None:
    """Forget one name if it stands for *value*, which is no more."""
    if value in (os.environ.get(global_key), _read().get(global_key)):
        clear_global(global_key)


def forget_env(uuid: str, name: str) -> None:
    """Forget an environment that is no more, under both its keys."""
    for key in (ENV_ENV, ENV_DEPLOYMENT):
        for value in (uuid, name):
            forget(key, value)


def clear_env() -> None:
    """Forget all names."""
    for name in ENVVARS:
        clear_global(name)


def get_global(global_key: str, do_raise: bool = False) -> str | None:
    """Value of a name: of the environment, then of the file.

    :param do_raise: complain if there is none
    """
    value = os.environ.get(global_key) or _read().get(global_key)
    if not value and do_raise:
        raise exceptions.InvalidArgumentsException(
            "%s is missing: set it, or run the `use` command that writes it "
            "to %s" % (global_key, PATH_GLOBALS)
        )
    return value or None


def load_globals() -> None:
    """Make the names of the file variables of this process's environment.

    Real variables win; ``RALLY_DEPLOYMENT`` stands in for ``RALLY_ENV``. A
    file that cannot be read is told of: not every command needs it.
    """
    _deployment_stands_in()
    for name, value in _read(warn=True).items():
        if name in ENVVARS and value and not os.environ.get(name):
            os.environ[name] = value
    _deployment_stands_in()


def _deployment_stands_in() -> None:
    deployment = os.environ.get(ENV_DEPLOYMENT)
    if deployment and not os.environ.get(ENV_ENV):
        os.environ[ENV_ENV] = deployment


def _read(warn: bool = False) -> dict[str, str]:
    path = os.path.expanduser(PATH_GLOBALS)
    try:
        with open(path) as f:
            pairs = (line.strip().partition("=") for line in f)
            return {name: value for name, _, value in pairs}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError) as e:
        if warn:
            print(
                "%s cannot be read: %s. It keeps the defaults of commands, "
                "such as the environment in use; this command goes on without "
                "them. Make the file readable, or remove it."
                % (path, _reason(e)), file=sys.stderr,
            )
        return {}
