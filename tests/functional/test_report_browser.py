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

"""Report pages in a real browser, without a network."""

from __future__ import annotations

import datetime as dt
import html
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

from rally.common import objects
from rally.plugins.verification import reporters
from rally.task.comparing import comparison, forms
from rally.task.processing import plot
from tests.unit import test
from tests.unit.task.processing import fakes
from tests.unit.verification.tools import results_of, test_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DEADLINE_S = 90


def browser():
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def output(widget, data):
    return {"title": "Shown " + widget, "chart_plugin": widget, "data": data}


def reported_task(**more):
    """A task with everything that a page can show."""
    shown = {
        "additive": [
            output("StackedArea", [["x", 1], ["y", 2]]),
            output("Lines", [["x", 1]]),
            output("Pie", [["x", 1], ["y", 3]]),
            output("StatsTable", [["x", 1]]),
        ],
        "complete": [
            output("Table", {"cols": ["c"], "rows": [["cell"]]}),
            output("TextArea", ["some text", fakes.BREAK_OUT]),
            output("EmbeddedChart", ["<b>embedded</b>"]),
        ],
    }
    rows = [fakes.iteration(0, 0.25, output=shown), fakes.iteration(1)]
    rows += [fakes.failed(2, fakes.BREAK_OUT)]
    error = {"etype": "E", "msg": "the hook failed", "details": ""}
    workload = fakes.workload(
        rows,
        runner_type="distributed",
        failed_iteration_count=1,
        hooks=[fakes.hook("failed", error=error)],
        load_info=fakes.load_info(),
    )
    other = fakes.workload([], "Zoo.empty", statistics={}, start_time=None)
    return fakes.task(workload, other, **more)


#: walks through the places of a page, and keeps what each one shows
WALK = """
<script>
const places = %s;
function visit(number) {
  if (number === places.length) return;
  location.hash = places[number];
  setTimeout(() => {
    window.dispatchEvent(new Event("beforeprint"));  // draws all
  }, 200);
  setTimeout(() => {
    const kept = document.createElement("pre");
    kept.className = "kept";
    kept.textContent = document.head.innerHTML + app.outerHTML;
    document.body.append(kept);
    visit(number + 1);
  }, 500);
}
visit(0);
</script>
"""


class BrowserTestCase(test.TestCase):
    """Opens pages."""

    def setUp(self):
        super().setUp()
        self.browser = browser()
        if not self.browser:
            self.skipTest(
                "no browser to open a report in; install chromium "
                "(looked for %s)" % ", ".join(BROWSERS)
            )
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def opened(self, page, place=""):
        """The document after its scripts have run, as HTML.

        Every address but the file's own leads nowhere.
        """
        path = self.folder / "page.html"
        path.write_text(page, encoding="utf-8")
        done = subprocess.run(
            [
                self.browser, "--headless", "--no-sandbox", "--disable-gpu",
                "--user-data-dir=%s" % (self.folder / "profile"),
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--window-size=1400,6000", "--virtual-time-budget=9000",
                "--enable-logging=stderr", "--dump-dom",
                path.as_uri() + place,
            ],
            capture_output=True, text=True, timeout=DEADLINE_S, check=True,
        )
        self.assertNotIn("Uncaught", done.stderr)
        return done.stdout

    def assertShows(self, texts, document):  # noqa: N802
        for text in texts:
            self.assertIn(text, document)


class ReportInBrowserTestCase(BrowserTestCase):
    def walked(self, page, *places):
        """What the page shows at each of *places*, as HTML."""
        walk = WALK % json.dumps(places)
        document = self.opened(page.replace("</body>", walk + "</body>"))
        kept = re.findall(
            r'<pre class="kept">(.*?)</pre>', document, flags=re.DOTALL
        )
        self.assertEqual(len(places), len(kept), "the page did not open")
        return [html.unescape(text) for text in kept]

    def assertDrawn(self, count, document):  # noqa: N802
        """That *count* charts are there, and all of them are drawn."""
        self.assertEqual(
            (count, count),
            (
                len(re.findall(r'class="chart[ "]', document)),
                len(re.findall(r'class="chart js-plotly-plot"', document)),
            ),
        )

    def test_report_shows_all_without_a_network_and_nothing_breaks_out(self):
        names = ("overview", "distributed", "details", "output", "hooks",
                 "failures", "input")
        (workloads, empty, overview, distributed, details, output, hooks,
         failures, source) = documents = self.walked(
            plot.plot([reported_task()]), "#/", "#/1/overview",
            *["#/0/" + name for name in names],
        )
        for document in documents:
            self.assertIn("Rally task report</title>", document)
            self.assertNotIn("Partial", document)
        self.assertShows(
            ("Dummy.dummy", "Zoo.empty", "111 ms", "222 ms", "333 ms",
             "+ 3 lost", "passed", ">generator<"),
            workloads,
        )
        self.assertShows(("Zoo.empty", "No statistics yet"), empty)
        self.assertShows(
            ("All well", "66.7%", "idle_duration",
             "limited by its generator", "its threads ran 43 ms late"),
            overview,
        )
        self.assertDrawn(5, overview)
        self.assertShows(
            ("node1", "node2", "10.0.0.1", "3.00 ms ± 200 µs",
             "missed its liveness deadline", "4–8 every 2",
             "agent node2 is gone", "2.00 /s", "1.00 /s",
             "Is it the generator?", "first agent began: node2",
             "31.0 ms", "600 ms", "Agents by label", "zone=east",
             "slower than one of a typical agent with a probability of 75"),
            distributed,
        )
        self.assertDrawn(3, distributed)
        self.assertDrawn(4, details)
        self.assertShows(
            ("Shown Lines", "some text", "cell", "<iframe"), output
        )
        self.assertDrawn(3, output)
        self.assertShows(("sys_call", "the hook failed"), hooks)
        self.assertShows(("ValueError", "&lt;/script&gt;"), failures)
        self.assertShows(('"Dummy.dummy"', '"distributed"'), source)

    def test_axes_of_durations_have_units(self):
        quick = fakes.workload(
            [fakes.iteration(i, 0.00004 * (i + 1)) for i in range(4)]
        )
        slow = fakes.workload(
            [fakes.iteration(i, 2000.0 * (i + 1)) for i in range(4)]
        )
        quick_page, slow_page = self.walked(
            plot.plot([fakes.task(quick, slow)]), "#/0/overview",
            "#/1/overview",
        )
        self.assertIn('data-unformatted="100\N{MICRO SIGN}s"', quick_page)
        self.assertIn('data-unformatted="2000 s"', slow_page)

    def test_idle_time_is_drawn_where_there_is_some(self):
        awake = fakes.workload([fakes.iteration(i) for i in range(3)])
        asleep = fakes.workload(
            [fakes.iteration(i, idle_duration=0.2) for i in range(3)]
        )
        pages = self.walked(
            plot.plot([fakes.task(awake, asleep)]), "#/0/overview",
            "#/1/overview",
        )
        for page, is_idle in zip(pages, (False, True)):
            self.assertEqual(
                is_idle, 'data-unformatted="idle_duration"' in page
            )

    def test_the_verdict_comes_with_its_reason(self):
        results = [
            {"criterion": "failure_rate", "success": False,
             "detail": "too many failed"},
            {"criterion": "max_avg_duration", "success": True,
             "detail": "Passed (nothing to judge: no iteration ran)"},
        ]
        rows = [fakes.failed(i, "port %d is taken" % i) for i in range(9)]
        failing = fakes.workload(
            rows, pass_sla=False, sla_results={"sla": results},
            failed_iteration_count=9,
        )
        other = fakes.workload([fakes.iteration(0)], "Zoo.quick")
        page = plot.plot([fakes.task(failing, other, pass_sla=False)])
        overview, workload, failures = self.walked(
            page, "#/", "#/0/overview", "#/0/failures"
        )
        reasons = (
            "Failed, because of:", "too many failed",
            "Passed, but had nothing to judge:", "no iteration ran",
        )
        self.assertShows(reasons, overview)
        self.assertLess(
            overview.index(reasons[0]), overview.index(">Workloads<")
        )
        self.assertDrawn(1, overview)
        self.assertShows(
            (*reasons, "passed: nothing to judge"), workload
        )
        kinds = failures[failures.index("Kinds of failure"):
                         failures.index("Failed iterations")]
        self.assertShows(
            ("port \u2026 is taken", "port 0 is taken", "port 2 is taken"),
            kinds,
        )
        self.assertNotIn("port 3", kinds)

    def test_report_of_a_running_task_says_that_it_is_partial(self):
        task = reported_task(status="running")
        document = self.opened(plot.plot([task]), "#/0/overview")
        app = document[document.index('<div class="frame"'):]
        self.assertIn("Partial: the task is still running", app)
        self.assertDrawn(5, app)  # those in view, without being asked

    def test_trends_are_drawn(self):
        tasks = [
            fakes.task(fakes.workload([], start_time=start))
            for start in (100.0, 200.0)
        ]
        overview, trend = self.walked(plot.trends(tasks), "#/", "#/0")
        self.assertIn("Dummy.dummy", overview)
        self.assertDrawn(4, trend)


    def test_a_comparison_is_drawn(self):
        rows = [fakes.iteration(i, 0.5 + i % 7 / 20) for i in range(200)]
        slow = [fakes.iteration(i, 0.7 + i % 7 / 20) for i in range(200)]
        before, after = (
            fakes.task(fakes.workload(each)) for each in (rows, slow)
        )
        found = forms.as_dict(
            comparison.compare(before, after, comparison.Rules())
        )
        overview, workload = self.walked(
            plot.comparison(found), "#/", "#/0"
        )
        self.assertShows(
            ("worse than the baseline", "Dummy.dummy", "outer", "95 %"),
            overview,
        )
        self.assertShows(("200 iterations", "p50", "p99"), workload)
        self.assertDrawn(1, workload)


#: what a person does on the page: shows tags, the details of the first test
#: that has some, and no test that failed
CLICKS = """
<script>
document.querySelector("button.fold").click();
for (const label of document.querySelectorAll("label")) {
  if (/^ (tags|failed)/.test(label.textContent)) label.firstChild.click();
}
document.querySelector("button.fold").click();
</script>
"""


class VerificationInBrowserTestCase(BrowserTestCase):
    def page(self, uuids=("u-one", "u-two"), names=None):
        tests = {
            "a.T.skipped[id-1]": test_of("a.T.skipped", "skip", tags=["id-1"],
                                         reason=fakes.BREAK_OUT),
            "a.T.failed": test_of("a.T.failed", "fail", traceback="boom"),
            "a.T.passed": test_of("a.T.passed", "success"),
        }
        tests = {name: tests[name] for name in names or tests}
        made = [
            objects.Verification({
                "uuid": uuid, "env_uuid": "e", "status": status,
                "run_args": {}, "tests": tests,
                "created_at": dt.datetime(2026, 1, 1),
                "updated_at": dt.datetime(2026, 1, 2),
                **results_of(tests).totals, "tests_duration": 0.3,
            })
            for uuid, status in zip(uuids, ("failed", "finished"))
        ]
        return reporters.HTMLReporter(made, None).generate()["print"]

    def test_page_shows_all_without_a_network(self):
        document = self.opened(self.page())
        self.assertShows(
            ("<title>Rally verification report</title>", "1 · u-one",
             "2 · u-two", "a.T.skipped", "a.T.failed", "a.T.passed",
             "3 of 3 tests", "failed (1)", "300 ms"), document,
        )

    def test_one_is_not_many(self):
        document = self.opened(self.page(["u-one"], ["a.T.failed"]))
        self.assertShows(
            ("1 verification \u00b7 1 test<", "1 of 1 test<"), document
        )

    def test_page_shows_what_is_asked_for(self):
        document = self.opened(
            self.page().replace("</body>", CLICKS + "</body>")
        )
        start = document.index("part of a name")
        shown = document[start:document.index("<script", start)]
        self.assertShows(("2 of 3 tests", ">id-1<"), shown)
        self.assertNotIn("a.T.failed", shown)
        self.assertIn('aria-expanded="true"', shown)
        self.assertNotIn('hidden=""', shown)
