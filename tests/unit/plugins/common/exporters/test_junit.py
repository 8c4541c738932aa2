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

"""Tests of JUnit reports."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

from rally.plugins.common.exporters import junit
from tests.unit import test
from tests.unit.task.processing import fakes


class JUnitXMLExporterTestCase(test.TestCase):
    def suite(self, *workloads):
        stream = io.StringIO()
        tasks = [fakes.task(*workloads)]
        junit.JUnitXMLExporter(tasks, None).write(stream)
        [suite] = ET.fromstring(stream.getvalue()).findall("testsuite")
        return suite

    def test_has_a_case_for_each_workload(self):
        suite = self.suite(fakes.workload([]), fakes.workload([], "Zoo.one"))
        self.assertEqual(
            {
                "id": "task-uuid", "errors": "0", "failures": "0",
                "skipped": "0", "tests": "2", "time": "60.00",
                "timestamp": "2023-11-14T22:13:20",
            },
            suite.attrib,
        )
        first, second = suite.findall("testcase")
        self.assertEqual(
            {
                "classname": "Dummy", "name": "dummy",
                "id": "workload-uuid", "time": "1.00",
                "timestamp": "2023-11-14T22:13:20",
            },
            first.attrib,
        )
        self.assertEqual("Zoo", second.attrib["classname"])

    def test_tells_which_criteria_failed(self):
        criteria = [
            {"criterion": "a", "success": False, "detail": "a <failed>"},
            {"criterion": "b", "success": True, "detail": "b passed"},
            {"criterion": "c", "success": False, "detail": "c failed"},
        ]
        suite = self.suite(
            fakes.workload(
                [], pass_sla=False, sla_results={"sla": criteria}
            )
        )
        self.assertEqual("1", suite.attrib["failures"])
        self.assertEqual(
            "a <failed>\nc failed", suite.findtext("testcase/failure")
        )
