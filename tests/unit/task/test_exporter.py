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

"""Tests of the bases of exporters."""

from __future__ import annotations

import io
import os
import pathlib
import tempfile

import ddt

from rally.task import exporter
from tests.unit import test


class Printing(exporter.TaskExporter):
    def generate(self):
        return self.tasks_results[0]


class Writing(exporter.StreamingExporter):
    def write(self, stream):
        for text in self.tasks_results:
            stream.write(text)


@exporter.configure("test-exporter-of-nonsense")
class Nonsense(Printing):
    """Returns what it is given."""


def broken():
    yield "begun"
    raise ZeroDivisionError


@ddt.ddt
class MakeTestCase(test.TestCase):
    @ddt.data({}, {"print": "x"}, {"files": {"a": "b"}, "open": "c"})
    def test_accepts_reports(self, report):
        made = exporter.TaskExporter.make(Printing, [report], None)
        self.assertEqual(report, made)

    @ddt.data({"foo": 1}, {"print": 1}, {"files": {"a": 1}}, [])
    def test_refuses_anything_else_and_names_the_exporter(self, report):
        error = self.assertRaises(
            exporter.InvalidReport,
            exporter.TaskExporter.make, Nonsense, [report], None,
        )
        self.assertIn("test-exporter-of-nonsense@default", str(error))


class StreamingExporterTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / "report"

    def make(self, pieces, path):
        return exporter.TaskExporter.make(Writing, pieces, path)

    def test_prints_without_a_destination(self):
        self.assertEqual({"print": "ab"}, self.make(["a", "b"], None))

    def test_prints_piece_by_piece_where_it_can(self):
        stream = io.StringIO()

        made = exporter.TaskExporter.make(Writing, ["a", "b"], None, None,
                                          stream)

        self.assertEqual({}, made)
        self.assertEqual("ab\n", stream.getvalue())

    def test_writes_its_file_itself(self):
        report = self.make(["a", "b"], str(self.path))
        self.assertEqual({"files": {}, "open": self.path.as_uri()}, report)
        self.assertEqual("ab", self.path.read_text())

    def test_replaces_an_earlier_report(self):
        self.path.write_text("earlier and longer")
        self.make(["new"], str(self.path))
        self.assertEqual("new", self.path.read_text())
        self.assertEqual(["report"], os.listdir(self.folder))

    def test_leaves_an_earlier_report_alone_when_it_fails(self):
        self.path.write_text("earlier")
        self.assertRaises(
            ZeroDivisionError, self.make, broken(), str(self.path)
        )
        self.assertEqual("earlier", self.path.read_text())
        self.assertEqual(["report"], os.listdir(self.folder))

    def test_keeps_a_link_and_replaces_what_it_points_to(self):
        link = self.folder / "link"
        link.symlink_to(self.path)
        self.make(["new"], str(link))
        self.assertTrue(link.is_symlink())
        self.assertEqual("new", self.path.read_text())

    def test_writes_into_devices(self):
        self.make(["x"], "/dev/null")
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    def test_says_why_it_cannot_write(self):
        error = self.assertRaises(
            exporter.ReportNotWritten,
            self.make, ["x"], str(self.folder / "none" / "report"),
        )
        self.assertIn("No such file or directory", str(error))
        self.assertIn("none/report", str(error))
