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

"""Examples of the documentation do what it says."""

from __future__ import annotations

import pathlib
import re
import textwrap
import typing as t

import ddt
import yaml

from rally import plugins
from rally.task import runner, sla, task_cfg
from rally.verification import context
from tests.unit import test

ROOT = pathlib.Path(__file__).parent.parent.parent.parent
VERIFICATION = ROOT / "doc" / "source" / "verification.rst"
TUTORIAL = ROOT / "doc" / "source" / "plugins" / "tutorial.rst"
PAGES = (
    "README.rst", "doc/source/quickstart.rst",
    "doc/source/task/distributed.rst",
    "doc/source/task/http.rst", "doc/source/task/kubernetes.rst",
)
BLOCK = re.compile(
    r"^\.\. code-block:: (?P<language>\w+)\n\n(?P<text>(?:(?: {3,}.*)?\n)+)",
    re.MULTILINE,
)


def examples(path: pathlib.Path, language: str) -> list[str]:
    """Code blocks of a page in one language."""
    return [
        textwrap.dedent(match["text"])
        for match in BLOCK.finditer(path.read_text("utf-8") + "\n")
        if match["language"] == language
    ]


@ddt.ddt
class TaskTestCase(test.TestCase):
    @ddt.data(*PAGES)
    def test_tasks_in_the_documentation_are_tasks(self, page: str) -> None:
        plugins.load()
        tasks = [
            text for text in examples(ROOT / page, "yaml")
            if text.startswith("version")
        ]
        self.assertNotEqual([], tasks)
        for text in tasks:
            config = task_cfg.TaskConfig(yaml.safe_load(text))
            for subtask in config.subtasks:
                for workload in subtask["workloads"]:
                    self._check(workload)

    def _check(self, workload: dict[str, t.Any]) -> None:
        runner_type, config = workload["runner_type"], workload["runner"]
        self.assertEqual([], runner.ScenarioRunner.validate(
            name=runner_type, context=None, config=None, plugin_cfg=config
        ))
        cls = runner.ScenarioRunner.get(runner_type)
        self.assertEqual([], list(cls.check_workload(workload)))
        for name, value in workload["sla"].items():
            self.assertEqual([], sla.SLA.validate(
                name=name, context=None, config=None, plugin_cfg=value
            ))


class PluginTestCase(test.TestCase):
    def load(
        self, word: str, *classes: str, page: pathlib.Path = TUTORIAL
    ) -> t.Any:
        """The first of *classes*, which the example with *word* makes."""
        text = next(
            each for each in examples(page, "python") if word in each
        )
        names: dict[str, t.Any] = {"__name__": "tests.unit.doc.example"}
        exec(compile(text, str(page), "exec"), names)  # our own page
        for each in classes:
            self.addCleanup(names[each].unregister)
        return names[classes[0]]

    def test_the_shares_of_the_runner_are_the_whole(self) -> None:
        plugins.load()
        cls = self.load("@runner.configure", "PairsRunner")
        config = {"pairs": 5, "times": 100}
        shares = cls.split_config(config, 7)
        self.assertEqual(7, len(shares))
        self.assertEqual(5, sum(s["pairs"] for s in shares if s))
        self.assertEqual(
            cls.load_plan(config).concurrency,
            sum(cls.load_plan(s).concurrency for s in shares if s),
        )

    def test_the_verifier_has_contexts_that_there_are(self) -> None:
        plugins.load()
        cls = self.load("@manager.configure", "MyChecks", "NetworkContext",
                        page=VERIFICATION)
        context.ContextManager.validate(cls._meta_get("context"))
        self.assertIn("*pattern*", cls.get_info()["description"])
