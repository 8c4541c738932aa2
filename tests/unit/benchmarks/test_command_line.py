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

"""Options, lines and tasks fit together."""

from __future__ import annotations

import contextlib
import io
import pathlib
import tempfile

import ddt

from tests.benchmarks import __main__, figures, lines, sizes, tasks
from tests.unit import test


@ddt.ddt
class OptionsTestCase(test.TestCase):
    @ddt.data(
        ([], sizes.NORMAL), (["--quick"], sizes.QUICK),
        (["--full"], sizes.FULL), (["noop", "--tiny"], sizes.TINY),
    )
    @ddt.unpack
    def test_choose_how_much_is_done(self, argv, expected):
        self.assertEqual(
            expected, __main__.parser().parse_args(argv).sizes
        )

    def test_an_unknown_line_is_refused_before_anything_runs(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            error = self.assertRaises(SystemExit, __main__.main, ["nonsense"])

        self.assertEqual(2, error.code)
        for name in ("nonsense", *lines.LINES):
            self.assertIn(name, said.getvalue())

    def test_the_caption_tells_what_was_compared_and_where(self):
        self.assertEqual(
            "Measured beside Rally 5.1.1 on 2 CPUs with Python 3.12.1",
            __main__.caption(
                {"released": "5.1.1", "cpus": 2, "python": "3.12.1"}
            ),
        )

    def test_quick_and_tiny_do_less(self):
        for less in (sizes.QUICK, sizes.TINY):
            self.assertLess(less.stops, sizes.NORMAL.stops)
            self.assertLess(less.memory_times[1],
                            sizes.NORMAL.memory_times[1])


class TasksTestCase(test.TestCase):
    def test_a_task_has_one_workload(self):
        made = tasks.task(
            tasks.distributed(tasks.constant(10, 2), 4),
            sla={"failure_rate": {"max": 0}},
        )

        self.assertEqual(2, made["version"])
        (subtask,) = made["subtasks"]
        self.assertEqual({"Dummy.dummy": {}}, subtask["scenario"])
        self.assertEqual({"failure_rate": {"max": 0}}, subtask["sla"])
        self.assertEqual(
            {
                "distributed": {
                    "runner": {"constant": {"times": 10, "concurrency": 2}},
                    "local_agents": 4,
                }
            },
            subtask["runner"],
        )

    def test_what_is_shown_is_written_where_it_is_wanted(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        folder = pathlib.Path(kept.name)
        result = figures.Result("a", "1", "at least 1", True)
        about = {"released": "5.1.1", "cpus": 2, "python": "3.12.1"}

        with contextlib.redirect_stdout(io.StringIO()) as shown:
            __main__.show(
                [result], about, folder / "f.json", folder / "t.rst"
            )

        self.assertIn("at least 1", shown.getvalue())
        self.assertIn("list-table", (folder / "t.rst").read_text())
        self.assertIn('"cpus": 2', (folder / "f.json").read_text())
