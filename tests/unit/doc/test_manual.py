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

"""The manual page is made of the command line reference."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import tempfile

import testtools

from tests.unit import test
from tests.unit.doc import test_reference

SOURCE = test_reference.ROOT / "doc" / "source"


class ManualPageTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="rally-test-man-")
        self.addCleanup(folder.cleanup)
        source = pathlib.Path(folder.name) / "doc" / "source"
        source.mkdir(parents=True)
        ext = source.parent / "ext"
        ext.symlink_to(test_reference.ROOT / "doc" / "ext")
        for name in ("conf.py", "cli_reference.rst"):
            shutil.copy(SOURCE / name, source / name)
        for name in ("configuration.rst", "troubleshooting.rst"):
            # what the page refers to, as HTML alone
            (source / name).write_text(":orphan:\n\nTitle\n=====\n")
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "man",
             "-D", "root_doc=cli_reference", str(source), folder.name],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual("", done.stdout + done.stderr)
        self.page = pathlib.Path(folder.name) / "rally.1"

    @testtools.skipUnless(shutil.which("groff"), "there is no groff")
    def test_it_reads_well(self) -> None:
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-o",
             "-P-u", str(self.page)],
            capture_output=True, text=True, check=True,
        )
        self.assertEqual("", done.stderr)
        self.assertIn("rally - test framework of cloud operators", done.stdout)
        self.assertNotIn("<>", done.stdout)
        lines = [line.strip() for line in done.stdout.splitlines()]
        for heading in ("SYNOPSIS", "EXIT CODES", "FILES",
                        "rally task start", "rally verify import"):
            self.assertIn(heading, lines)
        for option in ("--ship-plugins", "--install-completion"):
            self.assertIn(option, done.stdout)
