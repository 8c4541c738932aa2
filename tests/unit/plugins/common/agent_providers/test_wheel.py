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


"""The running Rally as a package: pip takes it, and all of it is there."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import rally
from rally.plugins.common.agent_providers import wheel
from tests.unit import test

PACKAGE = pathlib.Path(rally.__file__).parent


class WheelTestCase(test.TestCase):
    def files(self, folder):
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    def test_pip_installs_what_runs_here(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        folder = pathlib.Path(made.name)
        package = wheel.of_rally()
        path = folder / package.name
        path.write_bytes(package.data)

        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
             "--no-index", "--disable-pip-version-check", "--no-compile",
             "--target", str(folder / "there"), str(path)],
            check=True, timeout=120, stdin=subprocess.DEVNULL,
        )

        self.assertEqual(
            self.files(PACKAGE), self.files(folder / "there" / "rally")
        )
        self.assertTrue((folder / "there" / "bin" / "rally").exists())

    def test_the_same_tree_makes_the_same_one(self):
        self.assertEqual(wheel.of_rally(), wheel.of_rally())
