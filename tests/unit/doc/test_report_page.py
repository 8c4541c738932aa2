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

"""*Reading a report* explains what reports show, by its name there."""

from __future__ import annotations

import re

import ddt

from rally.task.reporting import load_info
from rally.task.results import saturation
from tests.unit import test
from tests.unit.doc import test_examples

ROOT = test_examples.ROOT
PAGE = ROOT / "doc" / "source" / "task" / "report.rst"
SCRIPTS = ("report", "workload", "distributed")
#: of a controller, beside those that every run has
MORE_COUNTERS = {"dropped events"}


def first_cells(heading: str) -> list[str]:
    """Of the table below *heading*; a cell may name several things."""
    section = re.split(
        r"^%s\n[-=]+\n" % re.escape(heading), PAGE.read_text("utf-8"),
        flags=re.MULTILINE,
    )[1]
    section = re.split(r"^[-=]+$", section, flags=re.MULTILINE)[0]
    cells = re.findall(r"^   \* - (.+)$", section, re.MULTILINE)[1:]
    return [
        name for cell in cells for name in (
            [cell.strip("*")] if cell.startswith("*") else cell.split(", ")
        )
    ]


@ddt.ddt
class ReportPageTestCase(test.TestCase):
    def test_every_counter_is_explained(self) -> None:
        counters = {name.replace("_", " ") for name in load_info.COUNTERS}
        self.assertEqual(
            counters | MORE_COUNTERS, set(first_cells("Counters"))
        )

    @ddt.data("The verdict", "The figures of a workload", "Load and agents")
    def test_what_is_explained_is_what_reports_show(
        self, heading: str
    ) -> None:
        shown = "".join(
            (ROOT / "rally" / "ui" / "static" / (name + ".js")).read_text()
            for name in SCRIPTS
        )
        names = first_cells(heading)
        self.assertGreater(len(names), 4)
        self.assertEqual(
            [], [name for name in names if '"' + name not in shown]
        )

    def test_each_sentence_about_a_generator_is_explained(self) -> None:
        text = " ".join(PAGE.read_text("utf-8").split())
        source = " ".join(
            (ROOT / saturation.__file__).read_text("utf-8").split()
        )
        for sentence in (
            "its threads ran", "its threads waited for a CPU",
            "its workers used up their CPUs", "of its iterations started",
            "its iterations waited",
        ):
            self.assertIn(sentence, text)
            self.assertIn(sentence, source)
