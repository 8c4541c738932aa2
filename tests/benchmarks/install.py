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

"""Gets the two Rallies that are compared."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import typing as t

from tests.benchmarks import errors, site

RELEASE = "5.1.1"
HERE = "this tree"


def this_tree() -> site.Rally:
    """The Rally that is installed beside this interpreter.

    :raises BenchmarkError: there is none
    """
    path = pathlib.Path(sys.executable).absolute().with_name("rally")
    if not path.exists():
        raise errors.BenchmarkError(
            "There is no %s, so the command line of this tree cannot be "
            "measured. Install the tree with `%s -m pip install --editable "
            ".`, or run `make benchmarks`." % (path, sys.executable)
        )
    return site.Rally(HERE, path)


def released(folder: pathlib.Path) -> site.Rally:
    """The released Rally, installed into an environment below *folder*.

    What was installed before is used again.

    :raises BenchmarkError: it cannot be installed
    """
    venv = environment(
        folder / ("rally-%s" % RELEASE), ["rally==%s" % RELEASE]
    )
    return named(venv / "bin" / "rally")


def environment(
    venv: pathlib.Path, packages: t.Sequence[str]
) -> pathlib.Path:
    """A virtual environment with *packages*, made if it is not there.

    :raises BenchmarkError: they cannot be installed
    """
    done = venv / ".installed"
    if not done.exists():
        _must([sys.executable, "-m", "venv", "--clear", str(venv)])
        _must([
            str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", *packages,
        ])
        done.touch()
    return venv


def named(path: pathlib.Path) -> site.Rally:
    """The released Rally at *path*.

    :raises BenchmarkError: it is not the release to compare with
    """
    said = _must([str(path), "--version"])
    if RELEASE not in said:
        raise errors.BenchmarkError(
            "%s is not Rally %s, with which the budgets compare: it says %s"
            % (path, RELEASE, said.strip())
        )
    return site.Rally("rally " + RELEASE, path.absolute())


def _must(argv: list[str]) -> str:
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )
    except OSError as e:
        raise errors.BenchmarkError(
            "`%s` cannot be run: %s" % (" ".join(argv), e)
        ) from None
    if done.returncode:
        raise errors.BenchmarkError(
            "What is compared with has to be there, but `%s` failed. If the "
            "package index cannot be reached, pass --released PATH/TO/rally "
            "for the released Rally. It said: %s"
            % (" ".join(argv), done.stdout[-1500:])
        )
    return done.stdout
