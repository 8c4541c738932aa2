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

"""Modules that are started in Pythons of their own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import ddt

from rally.common import python
from tests.unit import test


@ddt.ddt
class CommandTestCase(test.TestCase):
    @ddt.data((3, 10), sys.version_info[:2])
    def test_the_current_folder_is_not_searched(self, release):
        folder = pathlib.Path(self.make_home())
        for name in ("random", "runpy", "sys", "mine"):
            (folder / (name + ".py")).write_text("raise SystemExit('%s')\n"
                                                 % name)
        own = folder / "own"
        own.mkdir()
        (own / "mine.py").write_text(
            "import random, sys\n"
            "import more\n"
            "if __name__ == '__main__':\n"
            "    print(sys.argv[1:], more.x, random.__name__)\n"
        )
        (own / "more.py").write_text("x = 3\n")
        done = subprocess.run(
            [*python.command("mine", release=release), "a", "-P"],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(own)},
            capture_output=True, text=True, timeout=60,
        )
        self.assertEqual("['a', '-P'] 3 random\n", done.stdout, done.stderr)
