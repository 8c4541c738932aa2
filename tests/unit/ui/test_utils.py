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

"""Tests of page templates."""

from __future__ import annotations

import json

import hypothesis
import hypothesis.strategies as st

from rally.ui import utils
from tests.unit import test

texts = st.text() | st.sampled_from(
    ["</script>", "<!--<script>", "]]>", "&lt;", "\u2028\u2029", "\\u003c"]
)


class ScriptJSONTestCase(test.TestCase):
    @hypothesis.given(st.lists(texts | st.dictionaries(texts, texts)))
    @hypothesis.settings(max_examples=150)
    def test_is_the_same_data_and_cannot_end_its_element(self, data):
        text = utils.script_json(data)
        self.assertEqual(data, json.loads(text))
        for character in "<>&\u2028\u2029":
            self.assertNotIn(character, text)


class TemplatesTestCase(test.TestCase):
    def test_are_found_by_their_path(self):
        template = utils.get_template("task/report.html")
        self.assertEqual("task/report.html", template.name)

    def test_bring_styles_and_scripts_along(self):
        page = utils.render_page("task/trends.html", {"trends": []})
        self.assertIn(utils.static_text("page.css"), page)
        self.assertIn(utils.static_text("trends.js"), page)
        self.assertIn(utils.chart_library()[:1000], page)
