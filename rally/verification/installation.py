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

"""Where a verifier's packages are: an environment of its own, or Rally's."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import shutil
import sys
import typing as t

from rally.common import python
from rally.verification import utils


def environ_of(venv: str | None) -> dict[str, str]:
    """Variables for commands of a verifier.

    :param venv: its virtual environment; None: the one that Rally is in
    """
    environ = dict(os.environ)
    if venv is None:
        # Rally may have been called by its path, out of no environment
        programs = os.path.dirname(sys.executable)
    else:
        programs = os.path.join(venv, "bin")
        environ["VIRTUAL_ENV"] = venv
        environ.pop("PYTHONHOME", None)
    environ["PATH"] = os.pathsep.join(
        x for x in (programs, environ.get("PATH")) if x
    )
    return environ


def make_venv(venv: str, project: str, environ: dict[str, str]) -> None:
    """Make a virtual environment with the project in a folder.

    The project is installed so that a change in the folder takes effect.

    :raises CalledProcessError: Python cannot make one, or the project or
        what it requires cannot be installed
    """
    shutil.rmtree(venv, ignore_errors=True)
    utils.check_output(
        [*python.command("venv"), venv], cwd=project,
        msg_on_err="No virtual environment can be made. Some systems have a "
        "separate package for that, such as python3-venv",
    )
    # by the environment's Python: `pip` may be found elsewhere
    utils.check_output(
        [*python.command("pip", os.path.join(venv, "bin", "python")),
         "install", "-e", "./"],
        cwd=project, env=environ,
        msg_on_err="%s and what it requires cannot be installed" % project,
    )


def missing_requirements(path: str) -> list[str]:
    """What a file of requirements asks for and Rally's Python lacks.

    :param path: as pip reads it; without such a file nothing is missing
    """
    from packaging import requirements

    missing = []
    for line in _lines_of(pathlib.Path(path)):
        try:
            wanted = requirements.Requirement(line)
        except requirements.InvalidRequirement:
            continue  # an address or a path: there is no version to compare
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append("%s (not installed)" % line)
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            missing.append("%s (installed: %s)" % (line, found))
    return missing


def _lines_of(path: pathlib.Path) -> t.Iterator[str]:
    """Requirements in a file and in those that it includes."""
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        text = line.partition(" #")[0].strip()
        flag, _, value = text.partition(" ")
        if flag in ("-r", "--requirement"):
            yield from _lines_of(path.parent / value.strip())
        elif text and text[0] not in "#-":
            yield text
