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

"""Tests of the data of pages, and of pages themselves."""

from __future__ import annotations

import json
import re

import hypothesis
import hypothesis.strategies as st

from rally.task.processing import outputdata, plot, workloadpage
from rally.task.results import chunk, ordered
from tests.unit import test
from tests.unit.task.processing import fakes


def data_of(page):
    """What the script of a page finds as its data."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page
    )
    return json.loads(found[1])


class WorkloadPageTestCase(test.TestCase):
    def page(self, rows, **more):
        return workloadpage.workload_page(
            fakes.workload(rows, **more), 0, fakes.task()
        )

    def test_reads_rows_in_one_pass(self):
        rows = fakes.StoredRows(300)
        page = self.page(rows)
        self.assertEqual(1, rows.passes)
        self.assertEqual(300, page["iterations_count"])

    def test_shows_stored_statistics_without_computing_them_again(self):
        page = self.page([fakes.iteration(0)])
        names = [row[0] for row in page["table"]["rows"]]
        self.assertEqual(
            ["outer", " -> inner", "total", " -> duration",
             " -> idle_duration"],
            names,
        )
        self.assertEqual("66.7%", page["table"]["rows"][0][7])

    def test_prefers_stored_percentiles(self):
        rows = [fakes.iteration(0)]
        self.assertEqual(0.5, self.page(rows)["percentiles"]["99"])
        page = self.page(rows, load_info=fakes.load_info())
        self.assertEqual(0.333, page["percentiles"]["99"])

    def test_counts_rows_that_are_newer_than_the_record(self):
        rows = [fakes.iteration(0), fakes.iteration(1)]
        page = self.page(rows, total_iteration_count=0)
        self.assertEqual(2, page["iterations_count"])
        self.assertEqual(2, len(page["iterations"]["iter"][0][1]))

    def test_of_a_workload_without_results_has_nothing_drawn(self):
        page = self.page([], statistics={}, start_time=None)
        self.assertEqual([], page["table"]["rows"])
        self.assertEqual([], page["timeline"]["at"])
        self.assertIsNone(page["percentiles"]["50"])


actions = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 8)), max_size=4
)


class InChunks(ordered.ChunkedResults):
    """Rows as chunks of so many."""

    def __init__(self, rows, size):
        self._rows, self._size = rows, size

    def __len__(self):
        return len(self._rows)

    def chunks(self, only_failures=False):
        for at in range(0, len(self), self._size):
            yield chunk.Chunk.of_results(self._rows[at:at + self._size], at)


class ColumnsTestCase(test.TestCase):
    @hypothesis.given(
        st.lists(st.tuples(actions, st.booleans()), min_size=1, max_size=40),
        st.integers(1, 9),
    )
    @hypothesis.settings(max_examples=60, deadline=None)
    def test_however_rows_are_cut_into_chunks_the_page_is_the_same(
        self, given, size
    ):
        rows = [
            fakes.iteration(
                number, 0.25 * len(taken), error=["E", "m", "t"] * is_failed,
                atomic_actions=[
                    fakes.action(name, fakes.START + number, quarters / 4)
                    for name, quarters in taken
                ],
            )
            for number, (taken, is_failed) in enumerate(given)
        ]
        names = sorted({
            "a", "b", *(f"{c} (x{n})" for c in "abc" for n in (2, 3, 4))
        })
        more = {
            "failed_iteration_count": sum(is_failed for _, is_failed in given),
            "statistics": {"durations": {
                "atomics": [fakes.statistics_row(name) for name in names],
            }},
        }

        whole = workloadpage.workload_page(fakes.workload(rows, **more), 0)
        cut = workloadpage.workload_page(
            fakes.workload(InChunks(rows, size), **more), 0
        )

        self.assertEqual(whole, cut)
        total = sum(
            quarters / 4 for taken, _ in given for name, quarters in taken
            if not (name == "c" and sum(n == "c" for n, _ in taken) == 1)
        )
        series = dict(whole["atomic"]["iter"])
        series.pop("failed_duration", None)
        self.assertEqual(
            total, sum(y for points in series.values() for _, y in points)
        )


class OutputDataTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.output = outputdata.OutputData({"total_iteration_count": 3})

    def item(self, **more):
        item = {"title": "T", "chart_plugin": "Pie", "data": [["x", 1]]}
        return {**item, **more}

    def test_is_charted_over_all_iterations(self):
        for number in (1, 2):
            other = self.item(chart_plugin="Lines", title="Other")
            self.output.add(number, {"additive": [other, self.item()]})
        first, second = self.output.additive()
        self.assertEqual(("Other", "T"), (first["title"], second["title"]))
        self.assertEqual([("x", [[1, 1], [2, 1]])], first["data"])

    def test_a_value_that_is_no_number_costs_itself_only(self):
        for number, value in enumerate(("none", 1, "nor this", 3), 1):
            item = self.item(chart_plugin="StatsTable", data=[["x", value]])
            self.output.add(number, {"additive": [item]})
        (table,) = self.output.additive()
        self.assertEqual(
            [["x", 1, 2.0, 2.8, 2.9, 3, 2.0, 2]], table["data"]["rows"]
        )
        self.assertEqual([1, 3], [number for number, _ in self.output.errors])

    def test_keeps_two_charts_of_one_title_apart(self):
        items = [self.item(), self.item(data=[["x", 5]])]
        self.output.add(1, {"additive": items})
        self.assertEqual(
            [[("x", 1)], [("x", 5)]],
            [chart["data"] for chart in self.output.additive()],
        )

    def test_that_cannot_be_drawn_costs_itself_only(self):
        broken = [
            self.item(chart_plugin="NoSuchChart"),
            self.item(title="Broken", data=[["x", "no number"]]),
            self.item(chart_plugin="Table"),
        ]
        self.output.add(7, {"additive": [*broken, self.item(title="Good")]})
        self.assertEqual(
            ["Good"], [chart["title"] for chart in self.output.additive()]
        )
        self.assertEqual([7, 7, 7], [n for n, _ in self.output.errors])
        self.assertIn("NoSuchChart", self.output.errors[0][1])
        self.assertIn("Broken", self.output.errors[1][1])

    def test_names_charts_with_too_many_series_and_too_many_charts(self):
        output = outputdata.OutputData(fakes.workload([]))
        for i in range(250):
            output.add(i, {"additive": [
                {"title": "one", "chart_plugin": "Pie",
                 "data": [["name-%d" % i, 1]]},
                {"title": "title-%d" % i, "chart_plugin": "Pie",
                 "data": [["a", 1]]},
            ]})
        additive = output.additive()
        self.assertEqual(outputdata.SHOWN_CHARTS, len(additive))
        self.assertEqual(200, len(additive[0]["data"]))
        self.assertEqual(
            outputdata.SHOWN_ERRORS, len(output.errors)
        )
        problems = "\n".join(message for _, message in output.errors)
        self.assertIn("a report has 100 charts", problems)

    def test_of_single_iterations_is_bounded(self):
        text = self.item(chart_plugin="TextArea", data=["line"])
        for number in range(1, 1000):
            self.output.add(number, {"complete": [text]})
        self.assertEqual(999, self.output.complete_count)
        self.assertEqual(
            outputdata.SHOWN_ITERATIONS, len(self.output.complete)
        )
        self.assertEqual("TextArea", self.output.complete[0][0]["widget"])


class HookChartsTestCase(test.TestCase):
    def test_show_failed_hooks_without_description(self):
        error = {"etype": "E", "msg": "m", "details": "d"}
        shown = outputdata.hook_charts(fakes.hook("failed", error=error))
        self.assertEqual("sys_call", shown["name"])
        self.assertEqual("", shown["desc"])
        [result] = shown["complete"]
        self.assertEqual(["E", "m", "d"], result["error"])
        self.assertEqual("iteration: 2", result["triggered_by"])

    def test_show_hooks_of_a_report_of_an_earlier_release(self):
        config = {
            "action": {"sys_call": "true"}, "trigger": {"event": {}},
            "description": "D",
        }
        shown = outputdata.hook_charts(
            fakes.hook("failed", config=config, error=["E", "m", "d"])
        )
        self.assertEqual(("sys_call", "D"), (shown["name"], shown["desc"]))
        self.assertEqual(["E", "m", "d"], shown["complete"][0]["error"])

    def test_show_output(self):
        item = {"title": "T", "chart_plugin": "TextArea", "data": ["line"]}
        output = {"additive": [], "complete": [item]}
        shown = outputdata.hook_charts(fakes.hook(output=output))
        self.assertEqual(["T"], [
            chart["title"] for chart in shown["complete"][0]["charts"]
        ])

    def test_of_a_running_task_show_that_nothing_happened_yet(self):
        shown = outputdata.hook_charts(fakes.hook()["config"])
        self.assertEqual([], shown["complete"])


class PlotTestCase(test.TestCase):
    def test_sorts_workloads_by_name_and_position(self):
        task = fakes.task(
            *[
                fakes.workload([fakes.iteration(0)], name)
                for name in ("Zoo.one", "Dummy.two", "Dummy.one", "Dummy.two")
            ]
        )
        data = data_of(plot.plot([task]))
        self.assertEqual(
            [("Dummy", "one"), ("Dummy", "two"), ("Dummy", "two [2]"),
             ("Zoo", "one")],
            [(page["cls"], page["name"]) for page in data["workloads"]],
        )

    def test_nothing_in_the_data_breaks_out_of_its_script(self):
        rows = [fakes.failed(0, fakes.BREAK_OUT)]
        page = plot.plot([fakes.task(fakes.workload(rows))])
        self.assertNotIn(fakes.BREAK_OUT, page)
        [failure] = data_of(page)["workloads"][0]["errors"]
        self.assertEqual(fakes.BREAK_OUT, failure["message"])

    def test_needs_no_network(self):
        page = plot.plot([fakes.task(fakes.workload([]))])
        self.assertEqual([], re.findall(r"<script[^>]*\ssrc=", page))
        self.assertEqual([], re.findall(r"<link\s", page))
        self.assertIn("Plotly", page)

    def test_holds_a_task_file_that_runs_it_all_again(self):
        hooked = fakes.workload([], hooks=[fakes.hook()])
        task = fakes.task(hooked)
        source = json.loads(data_of(plot.plot([task]))["source"])
        self.assertEqual(2, source["version"])
        [workload] = source["subtasks"][0]["workloads"]
        self.assertEqual({"Dummy.dummy": {"sleep": 0.5}},
                         workload["scenario"])
        self.assertEqual({"sys_call": "true"}, workload["hooks"][0]["action"])

    def test_combines_several_tasks(self):
        data = data_of(plot.plot([fakes.task(), fakes.task()]))
        self.assertEqual(2, len(data["tasks"]))
        self.assertEqual(2, len(json.loads(data["source"])["subtasks"]))

    def test_marks_a_running_task(self):
        running = fakes.task(fakes.workload([]), status="running")
        data = data_of(plot.plot([running]))
        self.assertFalse(data["tasks"][0]["is_final"])
        self.assertFalse(data["workloads"][0]["is_final"])


class TrendsTestCase(test.TestCase):
    def trends(self, *workloads):
        found = plot.Trends()
        for workload in workloads:
            found.add_result("task-uuid", workload)
        return found.get_data()

    def test_match_workloads_of_equal_configuration(self):
        first, second = self.trends(
            fakes.workload([], start_time=200.0, pass_sla=False),
            fakes.workload([], args={"sleep": 9}),
            fakes.workload([], start_time=100.0, description="Other"),
        )
        self.assertEqual(("Dummy.dummy", 2), (first["name"], first["length"]))
        self.assertEqual("Dummy.dummy [2]", second["name"])
        self.assertEqual(1, first["sla_failures"])

    def test_are_in_the_order_of_time(self):
        [trend] = self.trends(
            fakes.workload([], start_time=200.0),
            fakes.workload([], start_time=100.0),
        )
        self.assertEqual(
            ("min", [[100_000, 0.1], [200_000, 0.1]]), trend["durations"][0]
        )
        self.assertEqual(
            [("success", [[100_000, 66.7], [200_000, 66.7]])],
            trend["success"],
        )
        self.assertEqual(["outer"], [each["name"] for each in
                                     trend["actions"]])

    def test_bear_workloads_without_results(self):
        [trend] = self.trends(
            fakes.workload([], statistics={}, start_time=None)
        )
        self.assertIsNone(trend["stat"]["min"])

    def test_show_the_actions_that_most_runs_have(self):
        found = plot.Trends()
        for run in range(2):
            own = ["port-%d-%d" % (run, i) for i in range(80)]
            atomics = map(fakes.statistics_row, [*own, "boot"])
            found.add_result("task-%d" % run, fakes.workload(
                [], statistics={"durations": {"atomics": list(atomics)}},
            ))
        (group,) = found.get_data()
        shown = [action["name"] for action in group["actions"]]
        self.assertEqual(50, len(shown))
        self.assertIn("boot", shown)
        self.assertEqual(111, group["actions_left_out"])

    def test_become_a_page(self):
        task = fakes.task(fakes.workload([]))
        page = plot.trends([task, task])
        self.assertEqual(2, data_of(page)["trends"][0]["length"])
