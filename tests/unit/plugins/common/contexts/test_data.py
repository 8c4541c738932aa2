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

"""Rows of files, dealt out to iterations."""

from __future__ import annotations

import pathlib
import tempfile

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.plugins.common.contexts import data
from rally.task import scenario
from rally.task.load import iteration
from tests.unit import test

SEEN: list[object] = []


@scenario.configure(name="DataTest.see")
class See(scenario.Scenario):
    def run(self):
        SEEN.append(self.context["data"])
        self.context["data"]["user"] = "changed"


def config(**more):
    return {"path": "f", "mode": "unique", "at_end": "fail", "seed": 0,
            **more}


class DealingLawTestCase(test.TestCase):
    @hypothesis.given(
        rows=st.integers(1, 200), agents=st.integers(1, 7), pick=st.randoms(),
    )
    def test_unique_rows_are_unique_over_any_split(self, rows, agents, pick):
        shares = [[] for _ in range(agents)]
        for number in range(1, rows + 1):
            pick.choice(shares).append(number)

        dealt = [
            data.row_index(config(), rows, number)
            for share in shares for number in share
        ]

        self.assertEqual(list(range(rows)), sorted(dealt))

    @hypothesis.given(
        rows=st.integers(1, 50), number=st.integers(1, 2**64 - 1),
        seed=st.integers(), mode=st.sampled_from(["circle", "random"]),
    )
    def test_each_number_has_a_row(self, rows, number, seed, mode):
        index = data.row_index(config(mode=mode, seed=seed), rows, number)

        self.assertIn(index, range(rows))

    def test_random_rows_are_all_used_and_depend_on_the_seed(self):
        def dealt(seed):
            return [
                data.row_index(config(mode="random", seed=seed), 10, number)
                for number in range(1, 1001)
            ]

        self.assertEqual(dealt(1), dealt(1))
        self.assertNotEqual(dealt(1), dealt(2))
        counts = [dealt(1).count(row) for row in range(10)]
        self.assertGreater(min(counts), 50)


@ddt.ddt
class DataTestCase(test.TestCase):
    def path(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "rows"
        path.write_text(text)
        return str(path)

    def rows_of(self, name, numbers, text, **more):
        """What iterations see, and whether they failed."""
        SEEN.clear()
        cls = {"csv_data": data.CsvData, "jsonl_data": data.JsonlData}[name]
        ctx = {"config": {name: {"path": self.path(text), **more}}}
        cls(ctx).setup()
        runner = iteration.IterationRunner(See, "run", ctx, {})
        rows = [runner.run(n, iteration.Slot()) for n in numbers]
        return list(SEEN), [row.error for row in rows]

    @ddt.data(
        ("csv_data", 'user,pin\nann,1\n\n"b,c",2\n'),
        ("jsonl_data", '{"user": "ann", "pin": "1"}\n'
                       '{"user": "b,c", "pin": "2"}\n'),
    )
    @ddt.unpack
    def test_an_iteration_sees_its_row_and_no_other(self, name, text):
        class See2(See):
            def run(self):
                SEEN.append((dict(self.context["data"]),
                             sorted(self.context)))
                self.context["data"]["user"] = "changed"

        ctx = {"config": {name: {"path": self.path(text), "mode": "circle"}}}
        {"csv_data": data.CsvData,
         "jsonl_data": data.JsonlData}[name](ctx).setup()
        runner = iteration.IterationRunner(See2, "run", ctx, {})
        SEEN.clear()
        for number in (2, 1, 3):
            runner.run(number, iteration.Slot())

        users = [row["user"] for row, _ in SEEN]
        self.assertEqual(["b,c", "ann", "ann"], users)
        self.assertEqual(["config", "data", "iteration"], SEEN[0][1])

    def test_beyond_the_last_row_iterations_fail(self):
        seen, found = self.rows_of("csv_data", (1, 2), "user\nann\n")

        self.assertEqual(1, len(seen))
        self.assertIsNone(found[0])
        self.assertEqual("DataRowsUsedUp", found[1][0])
        self.assertIn("no row for iteration 2", found[1][1])

    def test_or_begin_again(self):
        seen, _ = self.rows_of(
            "csv_data", (1, 2), "ann\n", columns=["user"], at_end="circle"
        )

        self.assertEqual(2, len(seen))

    @ddt.data(
        ("csv_data", "a,b\n1\n", "line 2 has 1 field, not 2"),
        ("csv_data", "a,b\n", "it has no rows"),
        ("jsonl_data", "{}\n[]\n", "line 2: it is no object"),
        ("jsonl_data", "{\n", "line 1"),
    )
    @ddt.unpack
    def test_a_file_that_cannot_be_used_says_why(self, name, text, reason):
        error = self.assertRaises(
            data.DataFileUnusable, self.rows_of, name, (1,), text
        )

        self.assertIn(reason, str(error))

    def test_a_file_that_is_missing_says_so(self):
        ctx = {"config": {"csv_data": {"path": "/nowhere"}}}

        self.assertRaises(data.DataFileUnusable, data.CsvData(ctx).setup)
