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

"""Virtual environments that suites share, made once per machine.

They hold what is too large to be installed for each clone of the tree:
services of a cloud, plugins of others with their clients. A folder is named
after what is in it, so another set of versions makes another folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tarfile
import typing as t

TREE = pathlib.Path(__file__).parent.parent
#: in a folder once all is installed
COMPLETE = "complete"
#: for one step of an installation; more means that nobody answers
INSTALL_S = 900


class CannotInstall(Exception):
    """The package index did not give what was asked for; says what it said."""


def cache_folder() -> pathlib.Path:
    """Where this user keeps what tests make once per machine."""
    home = pwd.getpwuid(os.getuid()).pw_dir  # suites run in another one
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return pathlib.Path(base) / "rally-tests"


def key_of(*parts: str) -> str:
    """A short name for *parts*."""
    text = "\0".join((sys.version, *parts))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextlib.contextmanager
def made_once(folder: pathlib.Path) -> t.Iterator[bool]:
    """A block that fills *folder* unless that is done: False then.

    Several processes may want the same one at once; one that was left
    half-way is made anew.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_wanting = not (folder / COMPLETE).exists()
        if is_wanting:
            shutil.rmtree(folder, ignore_errors=True)
        yield is_wanting
        if is_wanting:
            (folder / COMPLETE).touch()


def shared(
    name: str, requirements: t.Sequence[str],
    alone: t.Sequence[str] = (), without: t.Sequence[str] = (),
    tools: t.Sequence[str] = ("pip>=23", "setuptools>=68", "wheel"),
) -> pathlib.Path:
    """A virtual environment with *requirements*.

    :param name: what it is for; first part of the folder's name
    :param requirements: as on the command line of pip
    :param alone: what is installed without what it requires
    :param without: distributions to be removed again: they came as
        requirements of others
    :param tools: what installs and builds
    :raises CannotInstall: pip failed
    """
    key = key_of(
        *requirements, "alone", *alone, "without", *without, *tools
    )
    folder = cache_folder() / ("%s-%s" % (name, key))
    with made_once(folder) as is_wanting:
        if is_wanting:
            print("Installing %s, once per machine ..." % name, flush=True)
            run(sys.executable, "-m", "venv", folder)
            pip(folder, "install", "--upgrade", *tools)
            pip(folder, "install", *requirements)
            if alone:
                pip(folder, "install", "--no-deps", *alone)
            for each in without:
                pip(folder, "uninstall", "--yes", each)
    return folder


def with_this_tree(
    base: pathlib.Path, folder: pathlib.Path
) -> pathlib.Path:
    """A virtual environment in which this tree is installed over *base*.

    :param base: of ``shared``; it holds what the tree requires
    :param folder: where to make it, unless it is there
    """
    python = folder / "bin" / "python"
    link = "sysconfig.get_path('purelib')"
    if not python.exists():
        run(sys.executable, "-m", "venv", "--without-pip", folder)
    packages = [
        run(each, "-c", "import sysconfig; print(%s)" % link).strip()
        for each in (base / "bin" / "python", python)
    ]
    path = pathlib.Path(packages[1]) / "shared.pth"
    path.write_text(packages[0] + "\n")
    run(
        base / "bin" / "python", "-m", "pip", "--python", python,
        "--disable-pip-version-check", "--quiet", "install", "--no-deps",
        "--no-build-isolation", "--editable", TREE,
    )
    return folder


def sources(name: str, *pins: str) -> pathlib.Path:
    """A folder with the source distributions of *pins*, unpacked.

    :raises CannotInstall: the package index does not have them
    """
    folder = cache_folder() / ("%s-%s" % (name, key_of(*pins)))
    tools = shared("download", ["pip>=23"])
    with made_once(folder) as is_wanting:
        if is_wanting:
            folder.mkdir()
            pip(
                tools, "download", "--no-deps", "--no-binary", ":all:",
                "--dest", str(folder), *pins,
            )
            for archive in folder.glob("*.tar.gz"):
                with tarfile.open(archive) as packed:
                    packed.extractall(folder, filter="data")
    return folder


def pip(venv: pathlib.Path, *words: str) -> None:
    """:raises CannotInstall: it failed; the end of its output"""
    run(
        venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check",
        "--quiet", *words,
    )


def run(*words: t.Any, **options: t.Any) -> str:
    """Run a command that has to succeed; its output.

    :raises CannotInstall: it failed
    """
    line = [str(word) for word in words]
    try:
        done = subprocess.run(
            line, text=True, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            timeout=INSTALL_S, **options,
        )
    except subprocess.TimeoutExpired:
        raise CannotInstall(
            "%s is not done after %d s" % (" ".join(line), INSTALL_S)
        ) from None
    if done.returncode:
        raise CannotInstall(
            "%s failed:\n%s" % (" ".join(line), done.stdout[-2000:])
        )
    return done.stdout
