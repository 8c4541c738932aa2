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

"""``python -m tests.cloud``: install what the suite needs, then run it.

Elsewhere than on Linux with a package index the tests are skipped, with the
reason; in CI that is an error.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests import venvs
from tests.cloud import cloud, samples

#: the virtual environment with this tree and rally-openstack
VENV = venvs.TREE / ".venv-cloud"


def install() -> None:
    """:raises CannotInstall: the package index does not have it"""
    requirements = [
        line
        for name in ("requirements.txt", "test-requirements.txt")
        for line in (venvs.TREE / name).read_text().splitlines()
    ]
    base = venvs.shared(
        "rally-openstack", [*requirements, samples.PLUGINS],
        without=["rally"],  # the released one; this tree takes its place
    )
    venvs.with_this_tree(base, VENV)
    venvs.shared("cloud", cloud.packages())
    samples.folder()


def main() -> int:
    try:
        if not sys.platform.startswith("linux"):
            raise venvs.CannotInstall("the tests need Linux")
        install()
    except venvs.CannotInstall as e:
        if os.environ.get("CI"):
            raise
        print("The cloud tests are skipped: %s" % e)
        return 0
    # tests get a home of their own, but what is made once stays
    environ = {**os.environ, "XDG_CACHE_HOME": str(
        venvs.cache_folder().parent
    )}
    words = [str(VENV / "bin" / "python"), "-m", "tests.run", "cloud"]
    return subprocess.call(words, env=environ)


if __name__ == "__main__":
    sys.exit(main())
