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

"""Tests that plugins written for earlier series load and work."""

from __future__ import annotations

import importlib
import typing as t

from rally.task import context, scenario, sla, types
from tests.unit import test


class OldStyleTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.plugins = importlib.import_module(
            "tests.unit.fixtures.old_style_plugin"
        )

    def test_its_scenario_runs_in_its_context(self) -> None:
        ctx: dict[str, t.Any] = {
            "task": {"uuid": "t"},
            "owner_id": "owner",
            "config": scenario.Scenario.get(
                "OldStyle.greet"
            ).get_default_context(),
        }
        with context.ContextManager(ctx):
            args = types.preprocess("OldStyle.greet", ctx, {"text": "hi"})
            self.assertEqual({"text": "HI!"}, args)
            ctx["iteration"] = 2
            instance = scenario.Scenario.get("OldStyle.greet")(ctx)
            instance.run(times=2, **args)
        self.assertEqual(
            ["old_style.greet"] * 2,
            [action["name"] for action in instance.atomic_actions()],
        )
        self.assertGreaterEqual(instance.idle_duration(), 0.002)
        self.assertEqual(1, len(instance._output["additive"]))
        self.assertEqual("owner", ctx["owner_of_names"])
        self.assertNotIn("greetings", ctx)

    def test_its_arguments_are_validated(self) -> None:
        importlib.import_module("rally.plugins.common.validators")

        def problems(**args: t.Any) -> int:
            config = {"args": args, "contexts": {"old_style_greetings": {}}}
            found = scenario.Scenario.validate(
                "OldStyle.greet", {}, config, None
            )
            return len(found)

        self.assertEqual(0, problems(text="x", times=1))
        self.assertEqual(1, problems(text=""))
        self.assertEqual(1, problems(times=0))
        self.assertEqual(1, problems(other=1))

    def test_its_criterion_judges(self) -> None:
        cls: t.Any = sla.SLA.get("old_style_max_count")
        one, other = cls({"max": 1}), cls({"max": 1})
        self.assertTrue(one.add_iteration({"duration": 1.0, "error": []}))
        other.add_iteration({"duration": 2.0, "error": []})
        self.assertFalse(one.merge(other))
        self.assertIn("2 <= 1 - Failed", one.result()["detail"])

    def test_its_helpers_work(self) -> None:
        log: list[str] = []
        for action in self.plugins.build_actions(log):
            action()
        self.assertEqual(["hi", "hi"], log)
        self.assertEqual({0: "a", 1: "b"}, self.plugins.NUMBERS)
