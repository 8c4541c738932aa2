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

"""Text that holds whole characters only."""

from __future__ import annotations

import json
import typing as t

import hypothesis
from hypothesis import strategies as st

from rally.common import db, utf8
from tests.unit import test

TEXTS = st.text(
    st.sampled_from('a\\u"\ud800\udcff\ude00\ud83dd8\U0001f600\u20ac\n')
)
VALUES: t.Any = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=5,
)


def healed(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return utf8.text_of(value)
    if isinstance(value, list):
        return [healed(item) for item in value]
    if isinstance(value, dict):
        return {healed(key): healed(item) for key, item in value.items()}
    return value


class TextTestCase(test.TestCase):
    @hypothesis.given(TEXTS)
    def test_what_is_carried_stays_as_it_is(self, text):
        shown = utf8.text_of(text)
        self.assertTrue(utf8.is_carried(shown))
        if utf8.is_carried(text):
            self.assertEqual(text, shown)

    # halves that follow each other in a text are one character in JSON
    @hypothesis.given(VALUES.map(
        lambda value: json.loads(json.dumps(value))
    ))
    def test_in_json_the_same_is_escaped_as_in_text(self, value):
        text = utf8.json_of(json.dumps(value))
        self.assertEqual(healed(value), json.loads(text))


class DatabaseTestCase(test.DBTestCase):
    def test_what_contexts_and_hooks_say_can_be_reported(self):
        workload = self.make_workload()
        error = ["OSError", "no file \udcff.txt", "\ud83d"]
        db.workload_set_contexts(workload["uuid"], [{"error": error}])
        (kept,) = db.workload_get(workload["uuid"])["contexts_results"]
        self.assertEqual(
            ["OSError", "no file \\udcff.txt", "\\ud83d"], kept["error"]
        )
