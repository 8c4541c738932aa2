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

"""A virtual environment with packages of others and this tree.

What is downloaded is kept once per machine, in a folder whose name stands for
the versions in it. Each run lays an environment of its own over that, with
this tree: several trees can be tested at a time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import pwd
import subprocess
import sys
import tarfile
import typing as t

from tests.functional.sandbox import TREE

#: what is tested; not with what it needs, which is this tree
PACKAGES = ("xrally-docker==1.0.0", "xrally-kubernetes==1.1.1")
#: clients that the packages import; newer ones of Kubernetes lack the
#: extensions/v1beta1 API, without which xrally-kubernetes cannot be imported
CLIENTS = ("docker==7.2.0", "kubernetes==21.7.0")
#: what builds and installs; xrally-docker imports pkg_resources, which newer
#: releases of setuptools do not have
TOOLS = ("pip>=23", "setuptools>=68,<81", "wheel")
INSTALL_S = 900


class NoPackages(Exception):
    """The package index did not give what was asked for; says why."""


def cache_folder() -> pathlib.Path:
    """Where tests keep downloads, whatever home they run in."""
    home = pwd.getpwuid(os.getuid()).pw_dir
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return pathlib.Path(root) / "rally-tests"


def shared_folder() -> pathlib.Path:
    """The folder with everything that is downloaded; made if need be.

    :raises NoPackages: it cannot be made
    """
    needed = (TREE / "requirements.txt").read_text()
    versions = repr((PACKAGES, CLIENTS, TOOLS, needed, sys.version_info[:2]))
    digest = hashlib.sha256(versions.encode()).hexdigest()[:12]
    folder = cache_folder() / ("plugins-" + digest)
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever has it makes it
        if not done.exists():
            _download(folder)
            done.touch()
    return folder


def _download(folder: pathlib.Path) -> None:
    venv = folder / "venv"
    _run(sys.executable, "-m", "venv", "--clear", venv)
    pip = venv / "bin" / "python", "-m", "pip", "--quiet"
    _run(*pip, "install", "--upgrade", *TOOLS)
    _run(*pip, "install", "-r", TREE / "requirements.txt", *CLIENTS)
    _run(*pip, "install", "--no-deps", *PACKAGES)
    _fetch_sources(pip, folder / "sources")


def _fetch_sources(pip: t.Sequence[t.Any], folder: pathlib.Path) -> None:
    """The packages' own archives, unpacked: samples are there only."""
    _run(*pip, "download", "--no-deps", "--no-binary", ":all:",
         "--dest", folder, *PACKAGES)
    for archive in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def install_tree(folder: pathlib.Path) -> pathlib.Path:
    """Lay an environment with this tree into *folder*; its ``bin``.

    :raises NoPackages: what it rests on cannot be downloaded
    """
    shared = shared_folder() / "venv"
    venv = folder / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", venv)
    inside = pathlib.Path("lib", "python%d.%d" % sys.version_info[:2],
                          "site-packages")
    (venv / inside / "shared.pth").write_text("%s\n" % (shared / inside))
    _run(shared / "bin" / "python", "-m", "pip", "--quiet",
         "--python", venv / "bin" / "python",
         "install", "--no-deps", "--no-build-isolation", "--editable", TREE)
    return venv / "bin"


def samples_of(package: str) -> list[pathlib.Path]:
    """Task files among the samples of *package*, by name."""
    sources = shared_folder() / "sources"
    (folder,) = sources.glob(package.replace("==", "-") + "/samples")
    return sorted(
        path for path in folder.rglob("*.*")
        if path.suffix in (".json", ".yaml")
        and path.relative_to(folder).parts[0] in ("scenario", "tasks")
    )


def _run(*words: t.Any) -> None:
    try:
        subprocess.run(
            list(map(str, words)), check=True, timeout=INSTALL_S, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        )
    except subprocess.TimeoutExpired:
        raise NoPackages(
            "not done after %d s: %s" % (INSTALL_S, words)
        ) from None
    except subprocess.CalledProcessError as e:
        last = (e.stdout.strip() or "no output").splitlines()[-1]
        raise NoPackages("%s: %s" % (" ".join(map(str, words[:6])), last))
