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

"""The reference of the task file has all keys, and an example of each."""

from __future__ import annotations

import re
import typing as t

import ddt
import yaml

from rally.task import task_cfg
from tests.unit import test
from tests.unit.doc import test_examples

PAGE = test_examples.ROOT / "doc" / "source" / "task" / "file.rst"
CONFIG = task_cfg.TaskConfig
SHORT = CONFIG.CONFIG_SCHEMA_V2_SUBTASK_SIMPLE["properties"]
LONG = CONFIG.CONFIG_SCHEMA_V2_SUBTASK_COMPLEX["properties"]
WORKLOAD = LONG["workloads"]["items"]["properties"]
KEYS = {
    "The task": set(CONFIG.V2_TOP_ALLOWED_KEYS),
    "A subtask": set(LONG),
    "A workload": set(WORKLOAD),
    "A hook": set(CONFIG.CONFIG_SCHEMA_V2_HOOK["properties"]),
}


def keys_of(heading: str) -> set[str]:
    """First cells of the table below *heading*."""
    section = re.split(
        r"^%s\n-+\n" % heading, PAGE.read_text("utf-8"), flags=re.MULTILINE
    )[1]
    table = re.split(r"\n\n(?! )", section.strip())[0]
    return set(re.findall(r"^   \* - ``(\w+)``$", table, re.MULTILINE))


@ddt.ddt
class TaskFilePageTestCase(test.TestCase):
    @ddt.data(*sorted(KEYS))
    def test_a_table_has_the_keys_of_the_schema(self, heading: str) -> None:
        self.assertEqual(KEYS[heading], keys_of(heading))

    def test_the_short_form_has_what_subtask_and_workload_have(self) -> None:
        self.assertEqual(
            set(SHORT), (set(LONG) | set(WORKLOAD))
            - {"workloads", "run_in_parallel"},
        )

    def test_the_example_has_every_key_that_has_an_effect(self) -> None:
        text = test_examples.examples(PAGE, "yaml")[0]
        task = yaml.safe_load(text)
        CONFIG(task)
        short, long = task["subtasks"]
        self.assertEqual(KEYS["The task"], set(task))
        self.assertEqual(set(SHORT), set(short))
        self.assertEqual(KEYS["A hook"], set(short["hooks"][0]))
        self.assertEqual({"title", "workloads"}, set(long))

    def test_what_the_page_calls_a_default_is_one(self) -> None:
        workload = self._normal({"title": "t", "scenario": {"A.b": {}}})
        self.assertEqual(("serial", {}), (
            workload["runner_type"], workload["runner"]
        ))
        self.assertEqual({}, workload["contexts"])
        self.assertEqual({"failure_rate": {"max": 0}}, workload["sla"])
        self.assertEqual([], workload["hooks"])
        workload = self._normal(
            {"title": "t", "scenario": {"A.b": {}}, "sla": {}}
        )
        self.assertEqual({}, workload["sla"])

    @staticmethod
    def _normal(subtask: dict[str, t.Any]) -> dict[str, t.Any]:
        config = CONFIG({"version": 2, "title": "t", "subtasks": [subtask]})
        return t.cast("dict[str, t.Any]", config.subtasks[0]["workloads"][0])
