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

from __future__ import annotations

from rally.task.work import selection
from tests.unit import test


def of(agents, weights=None):
    config = {"agents": agents}
    if weights:
        config["weights"] = weights
    return selection.Selection.of_config(config)


class SelectionTestCase(test.TestCase):
    def test_a_number_takes_whoever_comes(self):
        chosen = of(2)
        self.assertEqual("", chosen.group_of({}))
        self.assertEqual("", chosen.group_of({"zone": "a"}))
        self.assertEqual("", chosen.shortfall([{}]))

    def test_all_labels_must_be_as_wanted(self):
        chosen = of({"count": 2, "select": {"zone": ["a", "b"], "disk": "x"}})
        self.assertEqual("", chosen.group_of({"zone": "b", "disk": "x"}))
        self.assertIsNone(chosen.group_of({"zone": "b"}))
        self.assertIsNone(chosen.group_of({"zone": "c", "disk": "x"}))

    def test_with_weights_only_those_with_one_are_used(self):
        chosen = of(3, {"zone": {"a": 3, "b": 1}})
        self.assertEqual("a", chosen.group_of({"zone": "a"}))
        self.assertIsNone(chosen.group_of({"zone": "c"}))
        self.assertIsNone(chosen.group_of({}))

    def test_one_of_each_group_begins_and_then_who_comes_first(self):
        chosen = of(3, {"zone": {"a": 3, "b": 1}})
        self.assertEqual({"a": 2, "b": 1}, chosen.sizes("aaab", 3))
        self.assertEqual({"a": 1, "b": 2}, chosen.sizes("abba", 3))
        self.assertIsNone(chosen.sizes("aaaa", 3))
        self.assertIsNone(chosen.sizes("ab", 3))
        self.assertEqual({"": 2}, of(2).sizes(["", "", ""], 2))

    def test_a_shortfall_says_which_labels_there_are(self):
        chosen = of({"count": 2, "select": {"zone": ["a", "b"]}})
        self.assertEqual(
            "; wanted are agents with zone=a|b, and these are there: 2 with "
            "zone=c, 1 with no label",
            chosen.shortfall([{"zone": "c"}, {}, {"zone": "c"}]),
        )
        many = chosen.shortfall([{"host": "n%d" % i} for i in range(100)])
        self.assertIn("others with 92 more", many)
        self.assertLess(len(many), 300)
