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

"""Tests of the resource types that work with files."""

from __future__ import annotations

import os
import tempfile
import typing as t

from rally.plugins.common import types
from tests.unit import test


class FileTypesTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        home = os.environ.get("HOME")
        os.environ["HOME"] = folder.name
        if home is None:
            self.addCleanup(os.environ.pop, "HOME")
        else:
            self.addCleanup(os.environ.__setitem__, "HOME", home)
        self.path = os.path.join(folder.name, "f.txt")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("d\u00e9j\u00e0")

    def convert(self, cls: t.Any, spec: t.Any) -> t.Any:
        return cls(context={}).pre_process(
            resource_spec=spec, config={}, output_type=None
        )

    def test_the_home_folder_is_filled_in(self) -> None:
        self.assertEqual(
            self.path, self.convert(types.ExpandUserPath, "~/f.txt")
        )
        self.assertEqual(self.path, self.convert(types.PathOrUrl, "~/f.txt"))

    def test_the_content_of_a_file(self) -> None:
        for spec in (self.path, "~/f.txt"):
            self.assertEqual(
                "d\u00e9j\u00e0", self.convert(types.FileType, spec)
            )

    def test_the_contents_of_files(self) -> None:
        self.assertEqual(
            {self.path: "d\u00e9j\u00e0"},
            self.convert(types.FileTypeDict, ["~/f.txt"]),
        )

    def test_a_file_that_is_not_there(self) -> None:
        for cls, spec in (
            (types.FileType, "/no/such"),
            (types.FileTypeDict, ["/no/such"]),
        ):
            self.assertRaises(FileNotFoundError, self.convert, cls, spec)
