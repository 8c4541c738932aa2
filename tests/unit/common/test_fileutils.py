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

"""Tests of archives."""

from __future__ import annotations

import os
import tempfile
import zipfile

from rally.common import fileutils
from tests.unit import test


class PackDirTestCase(test.TestCase):
    def test_archive_holds_the_files_below(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "sub"))
            for name in ("a", "sub/b"):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(name)

            path = fileutils.pack_dir(folder)

        self.addCleanup(os.remove, path)
        with zipfile.ZipFile(path) as archive:
            self.assertEqual(["a", "sub/b"], sorted(archive.namelist()))
            self.assertEqual(b"sub/b", archive.read("sub/b"))
