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

"""The command that compares two tasks, on files of their reports."""

from __future__ import annotations

import json

import ddt

from rally.plugins.common.exporters import json_exporter
from tests import screens
from tests.unit.cli import base
from tests.unit.task.comparing import test_comparison as tasks


@ddt.ddt
class CompareTestCase(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.rally("db", "ensure")
        self.before = self.report("before.json", 0.5)
        self.same = self.report("same.json", 0.5)

    def report(self, name, seconds, count=200, tasks_count=1, **more):
        task = tasks.task(tasks.one(tasks.rows(seconds, count, **more)))
        made = json_exporter.JSONExporter([task] * tasks_count, None)
        return self.write(name, made.generate()["print"])

    def test_nothing_worse_exits_with_0(self):
        done = self.rally("task", "compare", self.before, self.same)
        self.assertEqual(0, done.code, done.out)
        self.assertIn("Nothing is worse.", done.out)

    def test_something_worse_exits_with_1_and_is_shown(self):
        after = self.report("after.json", 0.6)
        done = self.rally("task", "compare", self.before, after)
        self.assertEqual(1, done.code, done.out)
        self.assertIn("WORSE than the baseline.", done.out)
        line = next(x for x in done.out.splitlines() if " p50 " in x)
        self.assertRegex(
            line, r"p50 +549\.5 ms -> +659\.4 ms +\+20\.0 % "
            r"\(\+\d+\.\d to \+\d+\.\d\) +worse"
        )

    def test_what_cannot_be_compared_exits_with_2(self):
        few = self.report("few.json", 0.5, 10)
        done = self.rally("task", "compare", self.before, few)
        self.assertEqual(2, done.code)
        self.assertIn("NOT COMPARABLE", done.out)

    def test_a_baseline_may_be_named(self):
        after = self.report("after.json", 0.6)
        done = self.rally("task", "compare", after, "--baseline", self.before)
        self.assertEqual(1, done.code)

    @ddt.data(
        (["--threshold", "50"], 0), (["--threshold", "1"], 1),
        (["--percentile", "50", "90"], 1), (["--percentile", "100"], 2),
        (["--ignore", "weather"], 2), (["--confidence", "20"], 2),
    )
    @ddt.unpack
    def test_limits_can_be_chosen(self, words, code):
        after = self.report("after.json", 0.6)
        done = self.rally("task", "compare", self.before, after, *words)
        self.assertEqual(code, done.code, done.out + done.err)

    @ddt.data(40, 80, 120)
    def test_it_fits_into_a_terminal(self, columns):
        after = self.report("after.json", 0.6, failing=9)
        done = self.rally(
            "task", "compare", self.before, after, columns=columns
        )
        self.assertEqual([], screens.offences(done.out, columns))
        seen = screens.masked(done.out.splitlines())
        self.assertEqual(
            screens.kept("task-compare-worse-%d" % columns, seen), seen
        )

    def test_a_change_may_be_a_million_fold(self):
        before = self.report("short.json", 1e-5)
        after = self.report("long.json", 500.0)
        done = self.rally("task", "compare", before, after, columns=80)
        self.assertIn("worse", done.out)
        self.assertEqual([], screens.offences(done.out, 80))

    def test_a_task_may_be_compared_with_itself(self):
        done = self.rally("task", "compare", self.before, self.before)
        self.assertEqual(0, done.code, done.out + done.err)

    def test_it_fits_into_80_columns_of_a_file(self):
        after = self.report("after.json", 0.6, failing=9)
        done = self.rally("task", "compare", self.before, after)
        long = [line for line in done.out.splitlines() if len(line) > 80]
        self.assertEqual([], long)

    def test_json_is_nothing_but_json(self):
        done = self.rally("task", "compare", self.before, self.same,
                          "--json")
        self.assertEqual("passed", json.loads(done.out)["outcome"])

    def test_a_page_is_written(self):
        page = self.path("page.html")
        done = self.rally("task", "compare", self.before, self.same,
                          "--out", page)
        self.assertEqual(0, done.code, done.out)
        self.assertIn("Rally comparison of tasks", self.read("page.html"))

    def test_one_task_is_not_enough(self):
        done = self.rally("task", "compare", self.before)
        self.assertEqual(2, done.code)
        self.assertIn("1 is given", " ".join(done.err.split()))

    def test_a_file_of_several_tasks_is_refused(self):
        both = self.report("both.json", 0.5, 20, tasks_count=2)
        done = self.rally("task", "compare", self.before, both)
        self.assertEqual(194, done.code)
        self.assertIn("holds 2 tasks", done.out)

    def test_unknown_tasks_exit_with_203(self):
        done = self.rally("task", "compare", self.before, "nobody")
        self.assertEqual(203, done.code)
