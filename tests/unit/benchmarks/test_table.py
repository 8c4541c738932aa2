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

"""The table, in each of its forms."""

from __future__ import annotations

import json

from tests.benchmarks import figures, table
from tests.unit import test

RESULTS = (
    figures.Result("a", "2 times", "at least 1", True, {"value": 2}),
    figures.Result("b", "0.5", "at least 1", False),
    figures.Result("c", "17 s"),
)


class TableTestCase(test.TestCase):
    def test_says_what_holds(self):
        self.assertEqual(
            [
                ("a", "2 times", "at least 1", "yes"),
                ("b", "0.5", "at least 1", "no"),
                ("c", "17 s", "for information", "-"),
            ],
            [table.cells(result) for result in RESULTS],
        )

    def test_as_text_has_every_cell(self):
        text = table.as_text(RESULTS)

        for cells in (table.HEADINGS, *map(table.cells, RESULTS)):
            for cell in cells:
                self.assertIn(cell, text)

    def test_as_rst_is_a_list_table(self):
        self.assertEqual(
            ".. list-table:: Measured\n"
            "   :header-rows: 1\n"
            "   :widths: 34 40 16 10\n"
            "\n"
            "   * - What\n"
            "     - Measured\n"
            "     - Budget\n"
            "     - Holds\n"
            "\n"
            "   * - a\n"
            "     - 2 times\n"
            "     - at least 1\n"
            "     - yes\n",
            table.as_rst(RESULTS[:1], "Measured"),
        )

    def test_as_rst_keeps_to_the_columns_and_escapes_markup(self):
        result = figures.Result("word " * 40, "*`|")

        text = table.as_rst([result], "long " * 30)

        self.assertTrue(all(len(line) <= 79 for line in text.splitlines()))
        self.assertIn("\\*\\`\\|", text)

    def test_as_json_has_all_figures(self):
        document = json.loads(table.as_json(RESULTS, {"cpus": 2}))

        self.assertEqual({"cpus": 2}, document["machine"])
        self.assertEqual(
            {
                "what": "a", "measured": "2 times", "budget": "at least 1",
                "holds": True, "values": {"value": 2},
            },
            document["results"][0],
        )
