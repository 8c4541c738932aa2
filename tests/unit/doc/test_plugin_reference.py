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

"""The reference of plugins names all of them, and its samples are true."""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
import types
import typing as t

import ddt
import docutils.core
import docutils.utils
import yaml

from rally import plugins
from rally.common.plugin import plugin
from rally.task import agent_provider, context, scenario
from tests.unit import test
from tests.unit.doc.test_examples import BLOCK
from tests.unit.doc.test_reference import ROOT

sys.path.insert(0, str(ROOT / "doc" / "ext"))
reference = importlib.import_module("plugin_reference")

PAGES = ROOT / "doc" / "source" / "plugins" / "reference"
BASES = sorted(
    base
    for path in PAGES.glob("*.rst")
    for base in re.findall(r"^\.\. plugins:: (\w+)$", path.read_text(), re.M)
)


def samples_of(cls: t.Any, language: str) -> list[str]:
    """Code of one language in the section of a plugin."""
    return [
        textwrap.dedent(match["text"])
        for match in BLOCK.finditer(reference.entry(cls))
        if match["language"] == language
    ]


class WholeTestCase(test.TestCase):
    def test_each_base_with_plugins_has_its_place(self) -> None:
        plugins.load()
        there = {
            cls._get_base().__name__
            for cls in plugin.Plugin.get_all(allow_hidden=True)
            if cls.__module__.startswith("rally.")
        }
        self.assertEqual(sorted(there), BASES)


@ddt.ddt
class EntryTestCase(test.TestCase):
    @ddt.data(*BASES)
    def test_says_what_the_plugin_is_and_shows_it(self, base: str) -> None:
        for cls in reference.plugins_of(base):
            name = cls.get_fullname()
            title = cls.get_info()["title"]
            self.assertRegex(title, r"^[A-Z].*\.$", name)
            self.assertIn(".. code-block::", reference.entry(cls), name)

    @ddt.data(*BASES)
    def test_says_what_each_argument_means(self, base: str) -> None:
        for cls in reference.plugins_of(base):
            rows = re.findall(
                r"^   \* - (.*)\n((?:     - .*\n|     -\n)*)",
                reference.entry(cls), re.M,
            )
            for name, rest in rows:
                meaning = rest.splitlines()[-1].removeprefix("     -").strip()
                is_said = meaning.replace("*Required.*", "").strip()
                self.assertTrue(is_said, "%s: %s" % (cls.__name__, name))

    @ddt.data(*BASES)
    def test_is_good_markup(self, base: str) -> None:
        for cls in reference.plugins_of(base):
            text = "A page\n======\n\n" + reference.entry(cls)
            try:
                docutils.core.publish_doctree(text, settings_overrides={
                    "halt_level": 2, "report_level": 5,
                    "_disable_config": True,
                })
            except docutils.utils.SystemMessage as e:
                self.fail("%s: %s" % (cls.get_fullname(), e))


class WordsTestCase(test.TestCase):
    def assert_said(self, said: str, schema: dict[str, t.Any]) -> None:
        self.assertEqual(said, reference.value_text(schema))

    def test_kinds_of_values(self) -> None:
        self.assert_said("any value", {})
        self.assert_said("``a`` or ``1``", {"enum": ["a", 1]})
        self.assert_said("string or null", {"type": ["string", "null"]})
        self.assert_said(
            "integer, boolean or string",
            {"anyOf": [{"type": "integer"}, {"type": ["boolean", "string"]}]},
        )

    def test_limits(self) -> None:
        self.assert_said(
            "integer, at least 1, at most 9",
            {"type": "integer", "minimum": 1, "maximum": 9},
        )
        self.assert_said(  # as draft 4 says it
            "number, above 0",
            {"type": "number", "minimum": 0.0, "exclusiveMinimum": True},
        )
        self.assert_said(
            "number, above 2; or string",
            {"anyOf": [
                {"type": "number", "exclusiveMinimum": 2}, {"type": "string"},
            ]},
        )

    def test_lists_and_mappings(self) -> None:
        self.assert_said("list", {"type": "array"})
        self.assert_said(
            "list of strings",
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
        )
        self.assert_said(
            "list, each integer, at least 1",
            {"type": "array", "items": {"type": "integer", "minimum": 1}},
        )
        self.assert_said(
            "mapping to numbers",
            {"type": "object", "additionalProperties": {"type": "number"}},
        )

    def test_what_is_below_comes_after_with_a_dotted_name(self) -> None:
        schema = {
            "properties": {
                "rps": {"description": "a rate", "anyOf": [
                    {"type": "number"},
                    {"type": "object", "required": ["end"], "properties": {
                        "end": {"type": "number", "description": "the last"},
                    }},
                ]},
                "times": {"type": "integer", "description": "How many."},
            },
        }
        self.assertEqual(
            [
                ["``rps``", "number or mapping", "A rate."],
                ["``rps.end``", "number", "The last. *Required.*"],
                ["``times``", "integer", "How many. Default: ``7``."],
            ],
            list(reference.argument_rows(schema, {"times": 7})),
        )


class SampleTestCase(test.TestCase):
    """Those of docstrings; files in ``samples`` have tests of their own."""

    def test_validators_are_made_as_shown(self) -> None:
        recorder = types.SimpleNamespace(add=lambda name, **kw: (name, kw))
        shown = 0
        for cls in reference.plugins_of("Validator"):
            for text in samples_of(cls, "python"):
                if text.startswith("@"):
                    # our own page
                    name, kwargs = eval(text[1:], {"validation": recorder})
                    self.assertEqual(cls.get_name(), name)
                    cls(**kwargs)
                    shown += 1
        self.assertGreater(shown, 10)

    def test_output_is_drawn_as_shown(self) -> None:
        for cls in reference.plugins_of("Chart"):
            [text] = samples_of(cls, "python")
            one = scenario.Scenario({})
            exec(text, {"self": one})  # our own page
            for chart in one._output["complete"]:
                self.assertEqual(cls.get_name(), chart["chart_plugin"])
                self.assertTrue(cls.render_complete_data(chart)["data"])
            for chart in one._output["additive"]:
                self.assertEqual(cls.get_name(), chart["chart_plugin"])
                drawn = cls({"total_iteration_count": 1}, title="x")
                drawn.add_iteration(chart["data"])
                self.assertTrue(drawn.render()["data"])

    def test_configurations_are_valid(self) -> None:
        shown = 0
        for base in (agent_provider.AgentProvider, context.Context):
            for cls in reference.plugins_of(base.__name__):
                [text] = samples_of(cls, "yaml")
                part = yaml.safe_load(text)
                given = part.get("contexts") or (
                    part["runner"]["distributed"].get("agents")
                )
                self.assertEqual([], base.validate(
                    cls.get_name(), None, None, given[cls.get_name()]
                ))
                shown += 1
        self.assertGreater(shown, 5)
