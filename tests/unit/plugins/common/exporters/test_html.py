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

"""Tests of HTML exporters."""

from __future__ import annotations

import ddt

from rally.plugins.common.exporters import html, trends
from rally.task import exporter
from tests.unit import test
from tests.unit.task.processing import fakes


@ddt.ddt
class HTMLExportersTestCase(test.TestCase):
    @ddt.data(
        ("html", html.HTMLExporter),
        ("html-static", html.HTMLStaticExporter),
        ("trends-html", trends.TrendsExporter),
        ("trends-html-static", trends.TrendsStaticExport),
    )
    @ddt.unpack
    def test_make_a_page_by_their_name(self, name, exporter_cls):
        found = exporter.TaskExporter.get(name)
        self.assertIs(exporter_cls, found)
        self.assertTrue(found.streams)
        tasks = [fakes.task(fakes.workload([fakes.iteration(0)]))]
        report = exporter.TaskExporter.make(found, tasks, None)
        self.assertIn("<!doctype html>", report["print"])
        self.assertIn("Dummy.dummy", report["print"])
