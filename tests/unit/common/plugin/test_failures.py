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

"""Tests of how it is said that plugins cannot be loaded."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap

from rally.common import logging
from rally.common.plugin import failures
from tests.unit import test

#: a package that somebody has installed
PACKAGE = {
    "whole_zzz/__init__.py": "",
    "whole_zzz/fine.py": "import sys; sys.fine_zzz = True",
    "whole_zzz/service.py": "import third_party_zzz",
    "whole_zzz/user.py": "from whole_zzz import service",
    "whole_zzz/user_of_user.py": "from whole_zzz import user",
    "whole_zzz/typo.py": "def (:",
    "whole_zzz-1.2.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: whole-zzz\nVersion: 1.2\n"
    ),
    "whole_zzz-1.2.dist-info/entry_points.txt": (
        "[rally_plugins]\npath = whole_zzz\noptions = whole_zzz:missing\n"
    ),
    "files/broken_zzz.py": "1 / 0",
}
MISSING = (
    "Cannot load whole_zzz.service of plugin package whole-zzz 1.2, so what "
    "it offers is missing, like that of 2 modules that import it: "
    "ModuleNotFoundError: No module named 'third_party_zzz'"
)
TYPO = "Cannot load whole_zzz.typo of plugin package whole-zzz 1.2, so what "
OPTIONS = "Cannot register the options whole_zzz:missing of plugin package "
FILE = "Cannot load plugin file "


class PackageTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for name, text in PACKAGE.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def said(self, code: str) -> list[str]:
        """Level and text of what a process logs that does *code*."""
        done = subprocess.run(
            [sys.executable, "-c", "import logging, sys\n"
             "logging.basicConfig(level=1, format='%(levelname)s "
             "%(message)s')\n" + textwrap.dedent(code)
             + "\nassert sys.fine_zzz"],
            capture_output=True, text=True, timeout=60, check=True,
            env={
                **os.environ, "HOME": str(self.folder),
                "PYTHONPATH": str(self.folder),
                "RALLY_PLUGIN_PATHS": str(self.folder / "files"),
            },
        )
        return done.stderr.splitlines()

    def assert_said(self, lines: list[str], *expected: str) -> None:
        """Warnings are those that begin like *expected*."""
        warnings = sorted(x for x in lines if x.startswith("WARNING"))
        self.assertEqual(len(expected), len(warnings), warnings)
        for start, line in zip(sorted(expected), warnings):
            self.assertTrue(line.startswith("WARNING " + start), line)

    def test_a_command_names_each_broken_file_once(self) -> None:
        lines = self.said(
            """
            import os
            from rally import plugins
            plugins.load_paths([os.environ["RALLY_PLUGIN_PATHS"]])
            plugins.load()
            """
        )
        self.assert_said(lines, MISSING, TYPO, OPTIONS, FILE)

    def test_a_load_process_repeats_none_of_it(self) -> None:
        lines = self.said(
            "from rally import plugins; plugins.load(broken=11)"
        )
        self.assert_said(lines)
        self.assertIn("RALLYDEBUG " + MISSING, lines)


class ReportTestCase(test.TestCase):
    def test_an_error_is_one_line(self) -> None:
        self.assertEqual(
            "ValueError: one two", failures.describe(ValueError("one\n two"))
        )

    def test_the_same_is_said_once(self) -> None:
        with logging.LogCatcher(failures.LOG) as catcher:
            for _ in range(2):
                failures.report_file(
                    "/only_zzz.py", ValueError("x"), failures.Levels()
                )
        self.assertEqual(1, len(catcher.fetchLogs()))
