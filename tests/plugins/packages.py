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

"""Plugin packages of others, with this tree beside them.

What is downloaded is kept once per machine, see ``tests.venvs``. Each run lays
an environment of its own over that: several trees can be tested at a time.
"""

from __future__ import annotations

import pathlib

from tests import venvs

#: what is tested; not with what it needs, which is this tree
PACKAGES = ("xrally-docker==1.0.0", "xrally-kubernetes==1.1.1")
#: clients that the packages import; newer ones of Kubernetes lack the
#: extensions/v1beta1 API, without which xrally-kubernetes cannot be imported
CLIENTS = ("docker==7.2.0", "kubernetes==21.7.0")
#: what builds and installs; xrally-docker imports pkg_resources, which newer
#: releases of setuptools do not have
TOOLS = ("pip>=23", "setuptools>=68,<81", "wheel")


def install_tree(folder: pathlib.Path) -> pathlib.Path:
    """Lay an environment with this tree into *folder*; its ``bin``.

    :raises CannotInstall: what it rests on cannot be downloaded
    """
    needed = (venvs.TREE / "requirements.txt").read_text().splitlines()
    base = venvs.shared(
        "plugins", [*needed, *CLIENTS], alone=PACKAGES, tools=TOOLS
    )
    return venvs.with_this_tree(base, folder / "venv") / "bin"


def samples_of(package: str) -> list[pathlib.Path]:
    """Task files among the samples of *package*, by name."""
    found = venvs.sources("plugins-sources", *PACKAGES)
    (folder,) = found.glob(package.replace("==", "-") + "/samples")
    return sorted(
        path for path in folder.rglob("*.*")
        if path.suffix in (".json", ".yaml")
        and path.relative_to(folder).parts[0] in ("scenario", "tasks")
    )
