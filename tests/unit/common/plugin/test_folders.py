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

"""Tests of what is imported from plugin files and folders, how often."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import types

from rally.common import logging
from rally.common.plugin import discover, failures, folders
from tests.unit.common.plugin import test_discover

ROOT = pathlib.Path(discover.__file__).parents[3]


class Watched(types.ModuleType):
    """Counts how often somebody wants to know where it comes from."""

    looked_at = 0

    @property
    def __file__(self) -> str:  # type: ignore[override]
        type(self).looked_at += 1
        return "/nowhere/watched.py"


class FolderTestCase(test_discover.FolderTestCase):
    def executions(self, name: str) -> int:
        """How often the file that notes its executions was imported."""
        path = self.folder / name
        return len(path.read_text()) if path.exists() else 0

    def noting(self, name: str) -> str:
        """Code that notes that it is executed."""
        return "open(%r, 'a').write('x')\n" % str(self.folder / name)

    def load(self, loader: folders.Loader, path: str = "") -> list[str]:
        """Load the folder; what is said about it."""
        with logging.LogCatcher(failures.LOG) as catcher:
            loader.load(str(self.folder / path), failures.COMMAND)
        return catcher.fetchLogs()


class EffortTestCase(FolderTestCase):
    def test_modules_are_looked_at_once_however_many_files_there_are(
        self
    ) -> None:
        sys.modules["watched_zzz"] = Watched("watched_zzz")
        self.write("many_zzz/__init__.py", "")
        for number in range(40):
            self.write("many_zzz/file_%d_zzz.py" % number, "")

        self.load(folders.Loader())

        self.assertEqual(1, Watched.looked_at)


class OnceTestCase(FolderTestCase):
    def test_a_broken_file_is_not_tried_again(self) -> None:
        self.write("a/broken_zzz.py", self.noting("ran") + "1 / 0")
        loader = folders.Loader()

        said = [*self.load(loader, "a"), *self.load(loader)]

        self.assertEqual(1, self.executions("ran"))
        self.assertEqual(1, len(said))

    def test_a_broken_package_is_not_tried_again(self) -> None:
        self.write("a_zzz/__init__.py", self.noting("ran") + "1 / 0")
        loader = folders.Loader()

        said = [*self.load(loader), *self.load(loader)]

        self.assertEqual(1, self.executions("ran"))
        self.assertEqual(1, len(said))

    def test_a_file_that_was_mended_is_loaded(self) -> None:
        path = self.write("mended_zzz.py", self.noting("ran") + "1 / 0")
        loader = folders.Loader()
        self.load(loader)

        self.write("mended_zzz.py", self.noting("ran"))
        os.utime(path, ns=(1, 1))
        said = self.load(loader)

        self.assertEqual([], said)
        self.assertEqual(2, self.executions("ran"))

    def test_what_came_later_is_loaded(self) -> None:
        self.write("sub/one_zzz.py", "")
        loader = folders.Loader()
        self.load(loader)

        self.write("sub/two_zzz.py", "")
        self.load(loader)

        self.assertEqual(1, len(self.loaded("one_zzz")))
        self.assertEqual(1, len(self.loaded("two_zzz")))

    def test_a_link_to_nowhere_is_no_end(self) -> None:
        os.symlink("nowhere", self.folder / "a_zzz.py")
        self.write("b_zzz.py", "")

        said = self.load(folders.Loader())

        self.assertEqual(1, len(said))
        self.assertIn("nowhere", said[0])
        self.assertEqual(1, len(self.loaded("b_zzz")))

    def test_a_module_that_was_removed_is_imported_again(self) -> None:
        path = self.write("gone_zzz.py", self.noting("ran"))
        loader = folders.Loader()
        self.load(loader)

        del sys.modules["gone_zzz"]
        os.utime(path, ns=(1, 1))
        self.load(loader)

        self.assertEqual(2, self.executions("ran"))


class PackageTestCase(FolderTestCase):
    def test_what_was_imported_before_its_package_has_both_names(
        self
    ) -> None:
        self.write("a_zzz.py", "import sys; sys.path.append(%r)\n"
                   "import inner_zzz" % str(self.folder / "pkg_zzz"))
        self.write("pkg_zzz/__init__.py", "")
        self.write("pkg_zzz/inner_zzz.py", self.noting("ran"))
        self.write("pkg_zzz/other_zzz.py", "from pkg_zzz import inner_zzz")

        said = self.load(folders.Loader())

        self.assertEqual([], said)
        self.assertEqual(1, self.executions("ran"))


class PathsTestCase(FolderTestCase):
    def test_paths_of_a_command_are_loaded_once_in_its_process(self) -> None:
        self.write("paths/broken_zzz.py", self.noting("ran") + (
            "from rally.task import scenario\n"
            "@scenario.configure(name='Once.once')\n"
            "class Once(scenario.Scenario):\n"
            "    def run(self): pass\n"
            "1 / 0\n"
        ))

        done = subprocess.run(
            [
                sys.executable, "-c",
                "from rally import plugins\n"
                "plugins.load_paths([%r])\n"
                "plugins.load()" % str(self.folder / "paths"),
            ],
            cwd=ROOT, env={"HOME": str(self.folder)},
            capture_output=True, text=True, check=True, timeout=120,
        )

        self.assertEqual(1, self.executions("ran"))
        self.assertEqual(1, done.stderr.count("broken_zzz.py"), done.stderr)
        self.assertIn("ZeroDivisionError", done.stderr)
