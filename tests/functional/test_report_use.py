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

"""Report pages as people use them: by keys, by ear, on phones, on paper."""

from __future__ import annotations

import importlib.resources
import json
import pathlib
import tempfile

import ddt

from rally.task.comparing import comparison, forms
from rally.task.processing import plot
from tests.functional import devtools
from tests.functional import test_report_browser as browsing
from tests.unit import test
from tests.unit.task.processing import fakes

#: what names of workloads, actions and tasks may look like
NAMES = (
    "Zoo.\u65e5\u672c\u8a9e", "Zoo.\u0639\u0631\u0628\u064a",
    "Zoo.\U0001f680", "Zoo." + "very_long_name_" * 20,
    "Zoo.\u202eturned", "Zoo." + fakes.BREAK_OUT,
    "Zoo.<b>bold</b><br><a href='http://example.com/'>link</a>",
)
WIDTHS = (390, 768, 1280, 2560)
TABS = ("overview", "distributed", "details", "output", "hooks", "failures",
        "input")
#: page -> the places in it that differ in what they are made of
PLACES = {
    "report": ("#/", "#/source", *["#/0/" + tab for tab in TABS]),
    "trends": ("#/", "#/0"),
    "compare": ("#/", "#/0"),
    "verification": ("",),
}

#: what does not fit: the page itself, and tables that nothing lets scroll
UNFIT = """
[...document.querySelectorAll("html, .scroll, .panel")].filter((box) =>
  box.scrollWidth > box.clientWidth
  && !(box.tabIndex === 0 && getComputedStyle(box).overflowX === "auto"))
  .map((box) => box.tagName + " " + box.className + " " + box.scrollWidth)
"""
#: what has the focus, and whether that can be seen
FOCUS = """
(() => {
  const at = document.activeElement, style = getComputedStyle(at);
  if (at === document.body) return null;
  const box = at.getBoundingClientRect();
  return [at.textContent.slice(0, 40) || at.id || at.tagName,
    box.width > 0 && box.right > 0 && style.outlineStyle !== "none"];
})()
"""


def named_workload(name):
    action = fakes.action(name, fakes.START, 0.5)
    rows = [
        fakes.iteration(number, atomic_actions=[action], error=error)
        for number, error in enumerate([[], ["E", name, name]])
    ]
    total = fakes.workload([])["statistics"]["durations"]["total"]
    durations = {"total": total, "atomics": [fakes.statistics_row(name)]}
    return fakes.workload(
        rows, name, description=name, failed_iteration_count=1,
        statistics={"durations": durations}, pass_sla=False,
        sla_results={"sla": [
            {"criterion": "c", "success": False, "detail": name}
        ]},
    )


def comparison_page():
    tasks = [
        fakes.task(*[
            fakes.workload(
                [fakes.iteration(i, s + i % 7 / 20) for i in range(100)], name
            )
            for name in (*NAMES, "Dummy.dummy")
        ])
        for s in (0.5, 0.7)
    ]
    found = comparison.compare(*tasks, comparison.Rules())
    return plot.comparison(forms.as_dict(found))


def pages():
    runs = [
        fakes.task(*[fakes.workload([], name, start_time=start)
                     for name in ("Dummy.dummy", *NAMES)])
        for start in (100.0, 200.0)
    ]
    verification = browsing.VerificationInBrowserTestCase.page
    return {
        "report": plot.plot([browsing.reported_task()]),
        "trends": plot.trends(runs),
        "compare": comparison_page(),
        "verification": verification(None),
    }


#: figures, and heads of columns, that have more lines than words
BROKEN_WORDS = """
[...document.querySelectorAll("td.number, th, th *")]
  .filter((each) => each.textContent && !each.children.length)
  .filter((each) => {
    const range = document.createRange();
    range.selectNodeContents(each);
    const bottoms = [...range.getClientRects()].map((box) => box.bottom);
    return new Set(bottoms.map(Math.round)).size
      > each.textContent.trim().split(/\\s+/).length;
  }).map((each) => each.textContent)
"""


@ddt.ddt
class ReportUseTestCase(test.TestCase):
    """One browser for all: it takes longer to start than a test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = devtools.find()
        cls.browser = devtools.Browser(path) if path else None
        if cls.browser:
            cls.addClassCleanup(cls.browser.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        for name, page in pages().items():
            cls.path(name).write_text(page, encoding="utf-8")

    @classmethod
    def path(cls, name):
        return cls.folder / (name + ".html")

    def setUp(self):
        super().setUp()
        if not self.browser:
            self.skipTest(
                "no browser to open a report in; install chromium "
                "(looked for %s)" % ", ".join(devtools.BROWSERS)
            )
        self.browser.resize(1280)
        self.browser.media()

    def open(self, name, place="", page=None):
        if page:
            self.path(name).write_text(page, encoding="utf-8")
        self.browser.open(self.path(name), place)

    def value(self, expression):
        return self.browser.evaluate(expression)

    def tabbed_to(self, selector):
        """Go on by Tab until what *selector* names has the focus."""
        for _ in range(100):
            self.browser.press("Tab")
            if self.value("document.activeElement.matches(%s)"
                          % json.dumps(selector)):
                return
        self.fail("Tab never comes to %s" % selector)

    @ddt.data(*PLACES)
    def test_screen_readers_and_eyes_are_served(self, name):
        script = importlib.resources.files("axe_core_python") / "axe.min.js"
        self.open(name)
        self.value(script.read_text(encoding="utf-8") + "; undefined")
        for scheme, places in (
            ("light", PLACES[name]), ("dark", PLACES[name][:1]),
        ):
            self.browser.media(scheme=scheme)
            for place in places:
                self.browser.go(place)
                found = self.value(
                    "axe.run(document.body, {resultTypes: ['violations'],"
                    " iframes: false}).then((all) =>"
                    " all.violations.map((one) => [one.id,"
                    " one.nodes.map((node) => node.html.slice(0, 200))]))"
                )
                self.assertEqual([], found, place + " " + scheme)

    @ddt.data(*PLACES)
    def test_fits_or_scrolls_and_asks_no_network(self, name):
        self.open(name)
        for place in PLACES[name]:
            self.browser.go(place)
            for width in WIDTHS if place == PLACES[name][0] else (390,):
                self.browser.resize(width)
                self.browser.settle()
                self.assertEqual([], self.value(UNFIT), (place, width))
        self.assertEqual([self.path(name).as_uri()], [
            url for url in self.browser.requests
            if not url.startswith(("data:", "blob:", "about:"))
        ])
        self.assertEqual([], self.browser.complaints)

    @ddt.data(*PLACES)
    def test_tab_comes_everywhere_and_round_again(self, name):
        self.open(name)
        shown = []
        for _ in range(200):
            self.browser.press("Tab")
            focus = self.value(FOCUS)
            if focus is None:
                break
            shown.append(focus)
        self.assertIsNone(focus, "Tab leads nowhere but in circles")
        self.assertEqual("Skip to the content", shown[0][0])
        self.assertEqual([], [at for at, is_seen in shown if not is_seen])
        reached = self.value(
            "[...document.querySelectorAll('a, button, input, select')]"
            ".filter((each) => each.getClientRects().length).length"
        )
        self.assertLessEqual(reached, len(shown))

    def test_the_navigation_can_be_skipped(self):
        self.open("report")
        self.browser.press("Tab")
        self.browser.press("Enter")
        self.assertEqual("main", self.value("document.activeElement.id"))
        self.browser.press("Tab")
        self.assertTrue(self.value(
            "document.activeElement.closest('main') !== null"))

    @ddt.data("Enter", " ")
    def test_a_table_is_sorted_by_keys(self, key):
        self.open("report")
        self.tabbed_to("th:first-child button")
        first = "document.querySelector('tbody a').textContent"
        self.assertEqual("Dummy.dummy", self.value(first))
        self.browser.press(key)
        self.browser.press(key)
        self.assertEqual("Zoo.empty", self.value(first))
        self.assertEqual("descending", self.value(
            "document.activeElement.parentNode.ariaSort"))

    def test_a_link_leads_to_the_content_of_another_place(self):
        self.open("report")
        self.tabbed_to("tbody a")
        self.browser.press("Enter")
        self.assertEqual("main", self.value("document.activeElement.id"))
        self.assertEqual(
            "Dummy.dummy - Rally task report", self.value("document.title")
        )
        self.browser.go("#/")
        self.assertEqual("Rally task report", self.value("document.title"))

    def test_details_are_opened_by_keys(self):
        self.open("report", "#/0/failures")
        self.tabbed_to("summary")
        self.browser.press("Enter")
        self.assertTrue(self.value("document.activeElement.parentNode.open"))
        self.open("verification")
        self.tabbed_to("button.fold")
        self.browser.press(" ")
        self.assertIn("</script>", self.value(
            "document.querySelector('tbody tr:not([hidden]) td pre')"
            ".textContent"))

    def test_the_contents_unfold_on_a_phone(self):
        self.browser.resize(390)
        self.open("report")
        is_shown = "document.getElementById('places').checkVisibility()"
        self.assertFalse(self.value(is_shown))
        self.tabbed_to("button.menu")
        self.browser.press("Enter")
        self.assertTrue(self.value(is_shown))

    def test_names_stay_what_they_are(self):
        task = fakes.task(*map(named_workload, NAMES), title=NAMES[5])
        self.open("names", page=plot.plot([task]))
        self.browser.settle()
        for place in ("#/", "#/0/details", "#/6/details", "#/6/failures"):
            self.browser.go(place)
            for width in (390, 1280):
                self.browser.resize(width)
                self.browser.settle()
                self.assertEqual([], self.value(UNFIT), (place, width))
        self.browser.go("#/")
        self.browser.settle()
        self.assertNotIn("broken out", self.value("document.title"))
        shown = self.value("document.querySelector('.chart').textContent")
        self.assertIn("Zoo.<b>bold</b><br>", shown)
        self.assertNotIn("\u202e", shown)
        self.assertEqual(0, self.value(
            "document.querySelectorAll('svg a, main b b, main br').length"))
        self.assertEqual(
            sorted(NAMES), sorted(self.value(
                "[...document.querySelectorAll('tbody a')]"
                ".map((link) => link.textContent)")),
        )
        self.assertEqual([], self.browser.complaints)

    def test_many_of_anything_stay_within_bounds(self):
        first = fakes.load_info()["agents"][0]
        agents = [{**first, "name": "n%d" % i, "share": 0} for i in range(500)]
        names = [agent["name"] for agent in agents]
        workload = fakes.workload([fakes.iteration(0)], load_info=(
            fakes.load_info(agents=agents, late_agents=names,
                            problems=names, generator_limited=names)
        ))
        others = [
            fakes.workload([fakes.iteration(0)]) for _ in range(199)
        ]
        self.open("many", page=plot.plot([fakes.task(workload, *others)]))
        main = "document.querySelector('main').textContent"
        self.assertIn("The 60 of 200 with the longest p99", self.value(main))
        self.browser.go("#/0/distributed")
        self.assertIn("n19 and 480 more", self.value(main))
        self.assertEqual(["0"] * 500, self.value(
            "[...document.querySelectorAll('table')].find((table) =>"
            " table.textContent.includes('Share of')).tBodies[0]"
            ".querySelectorAll('td:nth-child(7)').values()"
            ".map((cell) => cell.textContent).toArray()"))
        self.assertLess(self.value(
            "document.documentElement.scrollHeight"), 6000)

    @ddt.data(*PLACES)
    def test_paper_has_all_and_cuts_nothing_off(self, name):
        self.open(name)
        self.browser.resize(720)
        self.browser.media("print")
        for place in PLACES[name]:
            self.browser.go(place)
            self.value("window.dispatchEvent(new Event('beforeprint'))")
            self.browser.settle()
            wide = self.value(
                "[...document.querySelectorAll('.scroll')].filter((box) =>"
                " box.scrollWidth > box.clientWidth)"
                ".map((box) => box.textContent.slice(0, 60))"
            )
            self.assertEqual([], wide, place)
            self.assertEqual([], self.value(BROKEN_WORDS), place)
            self.assertFalse(self.value(
                "document.querySelector('.side').checkVisibility()"))
        self.assertTrue(self.browser.paper().startswith(b"%PDF"))

    @ddt.data(
        ("seconds(0.99996)", "1.00 s"), ("seconds(0.0009999)", "1.00 ms"),
        ("seconds(179.7)", "3 min 0 s"), ("seconds(7199.8)", "2 h 0 min"),
        ("percent(9996, 10000)", ">99.9 %"), ("percent(1, 1)", "100 %"),
    )
    @ddt.unpack
    def test_figures_are_rounded_within_their_unit(self, expression, text):
        self.open("report")
        self.assertEqual(text, self.value(expression))
