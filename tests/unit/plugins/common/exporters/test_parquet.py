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

"""Tests of the export to Parquet files, which DuckDB reads back."""

from __future__ import annotations

import pathlib
import re
import sys
import tempfile
import typing as t
import unittest.mock

import ddt
import duckdb
import hypothesis
from hypothesis import strategies as st

from rally import exceptions
from rally.common import validation
from rally.plugins.common.exporters import parquet_exporter as exporter
from rally.task.processing import parquet_tables as tables
from rally.task.results.row import Node
from tests.unit import test
from tests.unit.task.processing import fakes

PAGE = pathlib.Path(__file__).parents[5].joinpath(
    "doc", "source", "task", "exporting.rst"
)
OUTPUT = {"additive": [], "complete": [{"title": "x", "data": [["a", 1]],
                                        "chart_plugin": "Lines"}]}


def rows() -> list[fakes.Record]:
    inside = fakes.failed(
        1, atomic_actions=[fakes.action("a", fakes.START, 1.0, failed=True)]
    )
    return [
        fakes.iteration(0, 0.5, output=OUTPUT), inside, fakes.failed(2),
        fakes.iteration(3, 0.25),
    ]


@ddt.ddt
class ParquetTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "new" / "here"

    def export(self, *workloads: fakes.Record) -> None:
        task = fakes.task(*workloads)
        exporter.ParquetExporter([task], str(self.folder)).generate()

    def ask(self, query: str) -> list[t.Any]:
        """What DuckDB answers; ``{x}`` stands for the file of table x."""
        paths = {
            name: "'%s/%s.parquet'" % (self.folder, name)
            for name in tables.SCHEMAS
        }
        with duckdb.connect() as connection:
            return connection.execute(query.format(**paths)).fetchall()

    def test_a_row_for_each_iteration(self) -> None:
        self.export(fakes.workload(rows()))
        self.assertEqual(
            [
                (1, 0.5, False, None), (2, 0.5, True, "it broke"),
                (3, 0.5, True, "it broke"), (4, 0.25, False, None),
            ],
            self.ask("SELECT iteration, duration_s, failed, error_message "
                     "FROM {iterations} ORDER BY iteration"),
        )
        (started, output), = self.ask(
            "SELECT epoch_ms(started_at), output->>'$.complete[0].title' "
            "FROM {iterations} WHERE iteration = 1"
        )
        self.assertEqual((fakes.START * 1000, "x"), (started, output))

    def test_a_row_for_each_action_with_what_it_ran_in(self) -> None:
        self.export(fakes.workload(rows()))
        self.assertEqual(
            [
                (1, "outer", None, 0.5, False), (1, "inner", 0, 0.25, False),
                (2, "a", None, 1.0, True),
                (3, "outer", None, 0.5, False), (3, "inner", 0, 0.25, False),
                (4, "outer", None, 0.25, False),
                (4, "inner", 0, 0.125, False),
            ],
            self.ask("SELECT iteration, name, parent, duration_s, failed "
                     "FROM {actions} ORDER BY iteration, action"),
        )

    def test_tables_can_be_joined(self) -> None:
        self.export(
            fakes.workload(rows()),
            fakes.workload(rows()[:1], "Zoo.one", uuid="other", position=1),
        )
        self.assertEqual(
            [("Dummy.dummy", "constant", 2), ("Zoo.one", "constant", 0)],
            self.ask(
                "SELECT w.scenario, w.runner_type, "
                "sum(i.failed::int)::int FROM {workloads} w JOIN "
                "{iterations} i USING (workload_uuid) GROUP BY ALL ORDER BY 1"
            ),
        )

    def test_the_query_of_the_documentation_works(self) -> None:
        self.export(fakes.workload(rows()))
        block = re.search(
            r"code-block:: sql\n\n((?: {3}.*\n)+)", PAGE.read_text("utf-8")
        )
        assert block is not None
        query = block[1]
        query = re.sub(r"'results/(\w+)\.parquet'", r"{\1}", query)
        found = dict(self.ask(query))
        self.assertEqual({"outer", "inner"}, set(found))
        self.assertAlmostEqual(0.4975, found["outer"])

    def test_a_task_without_results_makes_empty_tables(self) -> None:
        self.export()
        for name in tables.SCHEMAS:
            (count,), = self.ask("SELECT count(*) FROM {%s}" % name)
            self.assertEqual(0, count)

    def test_results_are_walked_over_once(self) -> None:
        stored = fakes.StoredRows(5000)
        self.export(fakes.workload([], data=stored))
        self.assertEqual(1, stored.passes)
        self.assertEqual(
            [(5000, 10000)],
            self.ask("SELECT (SELECT count(*) FROM {iterations}), "
                     "(SELECT count(*) FROM {actions})"),
        )

    def test_a_failed_export_leaves_what_was_there(self) -> None:
        self.export(fakes.workload(rows()))
        wrong = fakes.workload([{"timestamp": "never"}])
        self.assertRaises(Exception, self.export, wrong)  # noqa: B017
        self.assertEqual([(4,)], self.ask("SELECT count(*) FROM {iterations}"))
        self.assertEqual(3, len(list(self.folder.iterdir())))

    def test_a_folder_that_cannot_be_made_is_named(self) -> None:
        self.folder.parent.parent.joinpath("new").write_text("a file")
        error = self.assertRaises(exceptions.RallyException, self.export)
        self.assertEqual(190, error.error_code)

    @ddt.data(None, "", __file__)
    def test_only_a_folder_is_a_destination(self, where: str | None) -> None:
        self.assertRaises(
            validation.ValidationError,
            exporter.Validator().validate, {}, {}, None, where,
        )

    def test_without_pyarrow_it_says_what_to_install(self) -> None:
        with unittest.mock.patch.dict(sys.modules, {tables.__name__: None}):
            error = self.assertRaises(exporter.ParquetMissing, self.export)
        self.assertIn("rally[parquet]", str(error))


class ParentsTestCase(test.TestCase):
    @hypothesis.given(st.lists(st.integers(0, 5), max_size=20))
    def test_law_of_parents(self, wanted: list[int]) -> None:
        """A parent is the last action before that is one level above."""
        shape, deepest = [], 0
        for each in wanted:
            depth = min(each, deepest)
            shape.append(Node("x", depth, False))
            deepest = depth + 1
        for i, parent in enumerate(tables._parents(tuple(shape))):
            above = [
                j for j in range(i) if shape[j].depth == shape[i].depth - 1
            ]
            self.assertEqual(above[-1] if above else -1, parent)
