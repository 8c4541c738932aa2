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

"""The report that the documentation shows is one."""

from __future__ import annotations

import json
import pathlib
import tempfile

from rally.cli import task_results_loader
from rally.common.objects import report_schema
from rally.plugins.common.exporters import json_exporter
from rally.task.processing import forms
from tests.unit import test
from tests.unit.doc import test_examples, test_reference

PAGE = test_reference.ROOT / "doc/source/task/results_format.rst"


class ExampleTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.text,) = test_examples.examples(PAGE, "json")
        self.report = json.loads(self.text)

    def test_it_obeys_the_schema(self) -> None:
        (task,) = self.report["tasks"]
        self.assertIsNone(report_schema.error_in(task))
        self.assertEqual(
            json_exporter.FORMAT_VERSION,
            self.report["info"]["format_version"],
        )
        del task["subtasks"][0]["workloads"][0]["sla_results"]
        self.assertIsNotNone(report_schema.error_in(task))

    def test_it_has_the_keys_that_a_report_has_in_their_order(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="rally-test-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "report.json"
        path.write_text(self.text, "utf-8")
        (task,) = task_results_loader.load(str(path))
        made = forms.task_report(task)
        (shown,) = self.report["tasks"]
        self.assertEqual(list(made), list(shown))
        made, shown = made["subtasks"][0], shown["subtasks"][0]
        self.assertEqual(list(made), list(shown))
        self.assertEqual(
            list(made["workloads"][0]), list(shown["workloads"][0])
        )


class KeysTestCase(test.TestCase):
    def test_every_key_of_the_schema_is_explained_and_no_other(self) -> None:
        keys = {
            key
            for schema in (
                report_schema.TASK_SCHEMA, report_schema.SUBTASK,
                report_schema.WORKLOAD,
            )
            for key in schema["properties"]
        }
        self.assertEqual(keys, set(test_reference.reference.MEANINGS))
