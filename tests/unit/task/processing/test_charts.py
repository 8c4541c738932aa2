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

"""Tests of charts."""

from __future__ import annotations

import ddt
import hypothesis
import hypothesis.strategies as st

from rally.task.processing import charts
from rally.task.results import names
from tests.unit import test
from tests.unit.task.processing import fakes


def rendered(chart, rows):
    for row in rows:
        chart.add_iteration(row)
    return chart.render()


class SeriesTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.rows = [fakes.iteration(0), fakes.failed(1), fakes.iteration(2)]
        self.workload = fakes.workload(self.rows, failed_iteration_count=1)

    def test_show_failed_iterations_apart(self):
        self.assertEqual(
            [
                ("duration", [[1, 0.5], [2, 0], [3, 0.5]]),
                ("idle_duration", [[1, 0.0], [2, 0], [3, 0.0]]),
                ("failed_duration", [[1, 0], [2, 0.5], [3, 0]]),
            ],
            rendered(charts.MainStackedAreaChart(self.workload), self.rows),
        )

    def test_show_no_series_of_failures_without_failures(self):
        workload = fakes.workload(self.rows)
        result = rendered(
            charts.MainStackedAreaChart(workload), [fakes.iteration(0)]
        )
        self.assertEqual(["duration", "idle_duration"], [n for n, _ in result])

    def test_show_actions_that_did_not_run_as_zero(self):
        rows = [fakes.iteration(0), fakes.iteration(1, atomic_actions=[])]
        result = dict(
            rendered(
                charts.AtomicStackedAreaChart(fakes.workload(rows)), rows
            )
        )
        self.assertEqual([[1, 0.5], [2, 0.0]], result["outer"])

    def test_show_what_a_failed_iteration_did_outside_of_actions(self):
        row = fakes.failed(0, atomic_actions=[])
        result = dict(
            rendered(charts.AtomicStackedAreaChart(self.workload), [row])
        )
        self.assertEqual([[1, 0.5]], result["failed_duration"])

    def test_name_repeated_actions_by_their_count(self):
        self.assertEqual(
            [("a (x2)", 3.0), ("b", 1.0)],
            rendered(
                charts.AtomicAvgChart(
                    {
                        "statistics": {
                            "durations": {
                                "atomics": [
                                    fakes.statistics_row("a (x2)"),
                                    fakes.statistics_row("b"),
                                    fakes.statistics_row("<no-name-action>"),
                                ]
                            }
                        }
                    }
                ),
                [
                    fakes.iteration(
                        0,
                        atomic_actions=[
                            fakes.action("a", 0.0, 1.0),
                            fakes.action("b", 1.0, 1.0),
                            fakes.action("a", 2.0, 2.0),
                        ],
                    )
                ],
            ),
        )


class ManyActionsTestCase(test.TestCase):
    """More names of actions than charts show one by one."""

    def setUp(self):
        super().setUp()
        self.rows = [
            fakes.iteration(i, atomic_actions=[
                fakes.action("boot", 0.0, 2.0),
                fakes.action("port-%d" % i, 2.0, 0.25),
                fakes.action("disk-%d" % i, 2.0, 0.75),
            ])
            for i in range(300)
        ]
        # those that come last take longest
        self.names = [
            *("port-%d" % i for i in range(100)), "boot",
        ]
        atomics = [fakes.statistics_row(name) for name in self.names]
        atomics[-1]["data"].update(avg=2.0)
        others = fakes.statistics_row(names.OTHER_ACTIONS)
        self.workload = fakes.workload(self.rows, statistics={
            "durations": {"atomics": [*atomics, others]},
        })
        self.shown = [
            *("port-%d" % i for i in range(49)), "boot", names.OTHER_ACTIONS,
        ]

    def test_are_shown_as_one_but_for_those_that_took_longest(self):
        found = rendered(
            charts.AtomicStackedAreaChart(self.workload), self.rows
        )
        self.assertEqual(self.shown, [name for name, _ in found])
        series = dict(found)
        self.assertEqual([1, 0.25], series["port-0"][0])
        others = series[names.OTHER_ACTIONS]
        self.assertEqual([[1, 0.75], [300, 1.0]], [others[0], others[-1]])

    def test_take_as_much_of_the_mean_as_they_took(self):
        found = dict(rendered(
            charts.AtomicAvgChart(self.workload), self.rows
        ))
        self.assertEqual(self.shown, list(found))
        self.assertAlmostEqual(3.0, sum(found.values()))

    def test_have_one_histogram(self):
        for workload in self.workload, {}:
            view = rendered(
                charts.AtomicHistogramChart(workload), self.rows
            )["data"][0]
            self.assertLessEqual(len(view), 51)
            count = sum(
                each["y"] for one in view for each in one["values"]
            )
            self.assertEqual(900, count)

    def test_series_of_output_are_bounded(self):
        for name in "StackedArea", "Pie", "StatsTable":
            chart = charts.OutputChart.get(name)({})
            self.assertFalse(chart.has_too_many_series)
            for i in range(charts.MAX_SERIES + 1):
                chart.add_iteration([["name-%d" % i, 1.0]])
            self.assertTrue(chart.has_too_many_series)
            data = chart.render()["data"]
            rows = data["rows"] if isinstance(data, dict) else data
            self.assertEqual(charts.MAX_SERIES, len(rows))


class LoadProfileTestCase(test.TestCase):
    def profile(self, rows, seconds):
        workload = fakes.workload(rows, load_duration=float(seconds))
        chart = charts.LoadProfileChart(workload, scale=10)
        [(_, points)] = rendered(chart, rows)
        return points

    def test_is_the_mean_over_each_step(self):
        rows = [fakes.iteration(0, 2.5), fakes.iteration(1, 1.0)]
        points = self.profile(rows, 10)
        self.assertEqual([0.0, 0], points[0])
        self.assertEqual([1, 2, 0.5], [y for _, y in points[1:4]])
        self.assertEqual(11, len(points))

    @hypothesis.given(
        st.lists(
            st.tuples(st.integers(0, 9), st.floats(0, 20)), max_size=30
        )
    )
    @hypothesis.settings(max_examples=100)
    def test_has_as_many_seconds_as_iterations_ran(self, spans):
        rows = [fakes.iteration(at, seconds) for at, seconds in spans]
        ran = sum(min(seconds, 10 - at) for at, seconds in spans)
        points = self.profile(rows, 10)
        self.assertAlmostEqual(ran, sum(y for _, y in points), places=5)

    def test_is_flat_without_a_load(self):
        points = self.profile([fakes.iteration(0)], 0)
        self.assertEqual({0}, {y for _, y in points})


class HistogramTestCase(test.TestCase):
    @hypothesis.given(
        st.lists(st.floats(min_value=0, max_value=1e6), min_size=1)
    )
    @hypothesis.settings(max_examples=100)
    def test_has_each_iteration_in_one_bin_of_each_view(self, durations):
        rows = [fakes.iteration(i, d) for i, d in enumerate(durations)]
        result = rendered(
            charts.MainHistogramChart(fakes.workload(rows)), rows
        )
        self.assertEqual(3, len(result["views"]))
        for [histogram] in result["data"]:
            bins = histogram["values"]
            self.assertEqual(len(rows), sum(each["y"] for each in bins))
            self.assertAlmostEqual(max(durations), bins[-1]["x"], places=3)

    def test_leaves_out_iterations_without_the_action(self):
        rows = [fakes.iteration(0), fakes.iteration(1, atomic_actions=[])]
        result = rendered(
            charts.AtomicHistogramChart(fakes.workload(rows)), rows
        )
        [histogram] = result["data"][0]
        self.assertEqual("outer", histogram["key"])
        self.assertEqual(1, sum(each["y"] for each in histogram["values"]))

    def test_is_empty_without_iterations(self):
        chart = charts.AtomicHistogramChart(fakes.workload([]))
        self.assertEqual({"data": [], "views": []}, chart.render())


class MainStatsTableTestCase(test.TestCase):
    def test_holds_the_statistics_of_iterations_and_actions(self):
        rows = [fakes.iteration(0), fakes.iteration(1), fakes.failed(2)]
        table = rendered(
            charts.MainStatsTable(fakes.workload(rows)), rows
        )
        self.assertEqual(charts.MainStatsTable.columns, table["cols"])
        by_name = {row[0]: row[1:] for row in table["rows"]}
        self.assertEqual(
            [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, "66.7%", 3], by_name["total"]
        )
        self.assertEqual(0.25, by_name[" -> inner"][0])
        names = [row[0] for row in table["rows"]]
        self.assertEqual("rich", table["styles"][names.index("total")])


class OutputChartsTestCase(test.TestCase):
    def test_take_values_along_the_iterations(self):
        chart = charts.OutputChart.get("Lines")(
            {"total_iteration_count": 2}, title="T", label="L"
        )
        self.assertEqual(
            {
                "title": "T", "description": "", "widget": "Lines",
                "label": "L", "axis_label": "Iteration sequence number",
                "data": [("x", [[1, 1], [2, 3]]), ("y", [[1, 2]])],
            },
            rendered(chart, [[["x", 1], ["y", 2]], [["x", 3]]]),
        )

    def test_average_the_shares_of_a_pie(self):
        chart = charts.OutputChart.get("Pie")({}, title="T")
        result = rendered(chart, [[["x", 1]], [["x", 2]]])
        self.assertEqual([("x", 1.5)], result["data"])

    def test_make_statistics_of_numbers(self):
        chart = charts.OutputChart.get("StatsTable")({}, title="T")
        result = rendered(chart, [[["x", 1]], [["x", 3]], [["x", 5]]])
        self.assertEqual("Table", result["widget"])
        self.assertEqual(
            [["x", 1, 3, 4.6, 4.8, 5, 3.0, 3]], result["data"]["rows"]
        )

    def test_cut_embedded_pages_off(self):
        item = {"title": "T", "data": "<b>page</b>"}
        self.assertEqual(
            {
                "title": "T", "widget": "EmbedChart",
                "data": {"embedded": "<b>page</b>", "source": None},
            },
            charts.OutputEmbeddedChart.render_complete_data(item),
        )
        external = charts.OutputEmbeddedExternalChart.render_complete_data(
            {"title": "T", "data": ["http://other/page"]}
        )
        self.assertEqual("http://other/page", external["data"]["source"])

    def test_leave_other_complete_data_as_it_is(self):
        item = {"title": "T", "data": ["a"]}
        self.assertEqual(
            item, charts.OutputTextArea.render_complete_data(item)
        )


@ddt.ddt
class ValidateOutputTestCase(test.TestCase):
    @ddt.data(
        {"title": "T", "chart_plugin": "Pie", "data": []},
        {"title": "T", "chart_plugin": "Pie", "data": {}, "label": "L"},
    )
    def test_accepts(self, output):
        self.assertIsNone(charts.validate_output("additive", output))
        self.assertIsNone(charts.validate_output("complete", output))

    @ddt.data(
        (1, "must be a dict"),
        ({"chart_plugin": "Pie", "data": []}, "lacks the key 'title'"),
        ({"title": "T", "data": []}, "lacks the key 'chart_plugin'"),
        (
            {"title": "T", "chart_plugin": "Pie", "data": "x"},
            "'data' of additive output must be list or dict, not 'str'",
        ),
        (
            {"title": "T", "chart_plugin": "Pie", "data": [], "foo": 1},
            "unknown key 'foo'",
        ),
    )
    @ddt.unpack
    def test_says_what_is_wrong(self, output, message):
        self.assertIn(message, charts.validate_output("additive", output))

    def test_refuses_other_kinds(self):
        self.assertIn("'other'", charts.validate_output("other", {}))
