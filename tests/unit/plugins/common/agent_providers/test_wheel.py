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

import importlib.metadata
import pathlib
import subprocess
import sys
import tempfile

import yaml

import rally
from rally.plugins.common.agent_providers import wheel
from tests.unit import test

PACKAGE = pathlib.Path(rally.__file__).parent


class WheelTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)

    def files(self, folder):
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    def installed(self, package):
        """Where pip has put it."""
        path = self.folder / package.file_name
        package.write(path)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
             "--no-index", "--disable-pip-version-check", "--no-compile",
             "--target", str(self.folder / "there"), str(path)],
            check=True, timeout=120, stdin=subprocess.DEVNULL,
        )
        return self.folder / "there"

    def test_pip_installs_what_runs_here(self):
        there = self.installed(wheel.of(importlib.metadata.distribution(
            "rally"
        )))
        self.assertEqual(self.files(PACKAGE), self.files(there / "rally"))
        self.assertTrue((there / "bin" / "rally").exists())

    def test_pip_installs_what_is_compiled_and_not_lower_case(self):
        package = wheel.of(importlib.metadata.distribution("PyYAML"))
        here = pathlib.Path(yaml.__file__).parent

        there = self.installed(package)

        self.assertFalse(package.is_portable)
        self.assertEqual(self.files(here), self.files(there / "yaml"))
        self.assertIn(
            "Version: %s" % package.version,
            next(there.glob("*.dist-info/METADATA")).read_text(),
        )

    def test_the_same_tree_makes_the_same_one(self):
        written = []
        for name in ("one", "other"):
            package = wheel.of(importlib.metadata.distribution("rally"))
            package.write(self.folder / name)
            written.append(
                (package.digest, (self.folder / name).read_bytes())
            )
        self.assertEqual(written[0], written[1])

    def tree(self, text):
        """A package that is installed as a link to its sources."""
        sys.modules.pop("rally_of_somebody", None)
        package = self.folder / "rally_of_somebody"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(text)
        about = self.folder / "rally_of_somebody-1.0.dist-info"
        about.mkdir(exist_ok=True)
        (about / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: rally-of-somebody\nVersion: 1.0\n"
        )
        (about / "top_level.txt").write_text("rally_of_somebody\n")
        (about / "direct_url.json").write_text(
            '{"url": "file:///x", "dir_info": {"editable": true}}'
        )
        return importlib.metadata.Distribution.at(about)

    def test_a_change_of_the_sources_makes_another_one(self):
        sys.path.insert(0, str(self.folder))
        self.addCleanup(sys.path.remove, str(self.folder))
        before = wheel.of(self.tree("x = 1")).digest
        after = wheel.of(self.tree("x = 2"))

        self.assertNotEqual(before, after.digest)
        self.assertEqual(
            b"x = 2", self.files(self.installed(after))[
                "rally_of_somebody/__init__.py"
            ]
        )

    def test_without_a_list_of_its_files_there_is_none(self):
        about = self.folder / "lost-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Name: lost\nVersion: 1.0\n")
        self.assertIsNone(wheel.of(importlib.metadata.Distribution.at(about)))
