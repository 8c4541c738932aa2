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

"""Reading a task file."""

from __future__ import annotations

import contextlib
import io
import pathlib
import unittest.mock

import ddt

from rally.api import templates
from rally.cli import task_input
from tests.unit.cli import base


class FakeTasks:
    """Renders as the API does, without one."""

    def render_template(self, task_template, template_dir, **values):
        return templates.render(task_template, template_dir, values)


class FakeAPI:
    task = FakeTasks()


@ddt.ddt
class LoadTestCase(base.HomeTestCase):
    def load(self, *args, stdin=""):
        self.out = io.StringIO()
        with (
            contextlib.redirect_stdout(self.out),
            unittest.mock.patch("sys.stdin", io.StringIO(stdin)),
        ):
            return task_input.load(FakeAPI(), *args)

    def refused(self, *args):
        error = self.assertRaises(
            task_input.FailedToLoadTask, self.load, *args
        )
        self.assertEqual(117, error.error_code)
        return str(error)

    def test_prints_what_it_rendered(self):
        path = self.write("t.yaml", "a: {{ x }}\n")
        self.assertEqual({"a": 1}, self.load(path, "x=1"))
        self.assertEqual(
            "%s\nPreparing input task\n%s\n\nTask is:\na: 1\n\n"
            "Task syntax is correct :)\n" % ("-" * 80, "-" * 80),
            self.out.getvalue(),
        )

    def test_dash_is_standard_input(self):
        self.assertEqual({"a": 1}, self.load("-", stdin="{a: 1}"))

    def test_includes_are_found_beside_the_file(self):
        self.write("tasks/part.yaml", "b: 2")
        path = self.write("tasks/t.yaml", "a: 1\n{% include 'part.yaml' %}")
        self.assertEqual({"a": 1, "b": 2}, self.load(path))

    @ddt.data('{"x": 1}', "x: 1", "x=1", "y=2,x=1", "{x: 1}")
    def test_arguments_come_in_three_forms(self, args):
        path = self.write("t.yaml", "a: {{ x }}")
        self.assertEqual({"a": 1}, self.load(path, args))

    def test_arguments_win_over_those_of_the_file(self):
        path = self.write("t.yaml", "a: {{ x }}\nb: {{ y }}")
        args_file = self.write("args.yaml", "x: 1\ny: 2")
        self.assertEqual({"a": 3, "b": 2}, self.load(path, "x=3", args_file))

    @ddt.data("{x: 1", "word", "x=1,y", "=1", "[1]")
    def test_wrong_arguments_are_refused(self, args):
        path = self.write("t.yaml", "a: 1")
        self.assertIn("Invalid --task-args passed", self.refused(path, args))

    def test_wrong_file_of_arguments_is_refused(self):
        path = self.write("t.yaml", "a: 1")
        args_file = self.write("args.yaml", "x=1")
        text = self.refused(path, None, args_file)
        self.assertIn("Invalid --task-args-file passed", text)
        text = self.refused(path, None, self.path("nope"))
        self.assertIn("nope cannot be read: No such file", text)

    @ddt.data(
        ("a: {{ x }}", "The task file has a variable without a value: x"),
        ("a: {{ 1/0 }}", "division by zero"),
        ("{% if %}", "Failed to render task template"),
        ("{", "It should be YAML or JSON"),
        ("a: 1\na: 2", "It should be YAML or JSON"),
    )
    @ddt.unpack
    def test_wrong_file_is_refused(self, text, reason):
        message = self.refused(self.write("t.yaml", text))
        self.assertIn("Invalid task file passed", message)
        self.assertIn(reason, message)

    def test_a_file_that_is_no_text_is_refused(self):
        path = pathlib.Path(self.path("t.yaml"))
        path.write_bytes(b"a: \xff")
        self.assertIn("is not text in UTF-8", self.refused(str(path)))

    def test_ends_of_lines_may_be_those_of_windows(self):
        path = pathlib.Path(self.path("t.yaml"))
        path.write_bytes(b"a: 1\r\nb: 2\r\n")
        self.assertEqual({"a": 1, "b": 2}, self.load(str(path)))
        self.assertNotIn("\r", self.out.getvalue())

    def test_missing_file_is_refused(self):
        self.assertIn(
            "nope cannot be read: No such file or directory. Check",
            self.refused(self.path("nope")),
        )
