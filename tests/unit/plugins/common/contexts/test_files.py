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


from __future__ import annotations

import os
import pathlib
import tempfile

from rally.plugins.common import validators  # noqa: F401 (registers)
from rally.plugins.common.contexts import files
from rally.task import context
from tests.unit import test


class ExtraFilesTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)

    def made(self, *paths):
        return files.ExtraFiles({
            "config": {"extra_files": {"paths": list(paths)}},
            "task": {"uuid": "t"},
        })

    def test_each_is_found_by_the_name_that_the_task_has(self):
        (self.folder / "rows").touch()
        relative = os.path.relpath(self.folder / "rows")
        made = self.made(relative, str(self.folder))

        made.setup()

        self.assertEqual(
            {relative: str(self.folder / "rows"),
             str(self.folder): str(self.folder)},
            made.context["extra_files"],
        )
        made.cleanup()
        self.assertNotIn("extra_files", made.context)

    def test_one_that_is_missing_is_named(self):
        missing = str(self.folder / "missing")
        error = self.assertRaises(
            files.ExtraFileMissing, self.made(missing).setup
        )
        self.assertIn(missing, str(error))

    def test_there_is_at_least_one(self):
        for config in ({}, {"paths": []}, {"paths": [""]}, {"paths": "a"}):
            self.assertTrue(context.Context.validate(
                "extra_files", None, None, config, vtype="syntax"
            ), config)
