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

"""Tests of the base of the scenarios."""

from __future__ import annotations

import time
import typing as t

import ddt

from rally import exceptions
from rally.common import cfg
from rally.common.plugin import plugin
from rally.task import context, scenario, types
from tests.unit import test


class _Opaque:
    """A type that no JSON schema stands for."""


@ddt.ddt
class ScenarioTestCase(test.TestCase):
    def configure(self, cls: t.Any, name: str, **kwargs: t.Any) -> t.Any:
        scenario.configure(name=name, **kwargs)(cls)
        self.addCleanup(cls.unregister)
        return cls

    @ddt.data("nodot", ".name", "group.", "", ".")
    def test_a_name_needs_a_group_and_a_dot(self, name: str) -> None:
        error = self.assertRaises(
            exceptions.RallyException, scenario.configure, name=name
        )
        self.assertIn("must include a dot", str(error))

    def test_defaults_of_an_instance(self) -> None:
        instance = scenario.Scenario()
        self.assertEqual({}, instance.context)
        self.assertEqual({}, instance.task)
        self.assertEqual(0.0, instance.idle_duration())
        self.assertEqual([], instance.atomic_actions())
        self.assertEqual({"additive": [], "complete": []}, instance._output)

    def test_the_context_is_the_one_that_was_given(self) -> None:
        ctx = {"task": {"uuid": "t"}, "owner_id": "o"}
        instance = scenario.Scenario(ctx)
        self.assertIs(ctx, instance.context)
        self.assertEqual("o", instance.get_owner_id())
        del ctx["owner_id"]
        self.assertEqual("t", instance.get_owner_id())

    def test_constructors_of_other_bases_are_called(self) -> None:
        class Mixin:
            def __init__(self) -> None:
                super().__init__()
                self.is_made = True

        class Mixed(scenario.Scenario, Mixin):
            pass

        self.assertTrue(Mixed({}).is_made)

    def test_default_contexts_are_added_up_and_copied(self) -> None:
        @context.add_default_context("base@x", {"deep": [1]})
        class Base(scenario.Scenario):
            pass

        class One(Base):
            pass

        self.configure(One, "Test.one", context={"own@x": {}})
        expected = {"base@x": {"deep": [1]}, "own@x": {}}
        One.get_default_context()["base@x"]["deep"].append(2)
        self.assertEqual(expected, One.get_default_context())

        class Two(Base):
            pass

        self.configure(Two, "Test.two")
        self.assertEqual({"base@x": {"deep": [1]}}, Two.get_default_context())

    def test_idle_time_is_what_was_slept(self) -> None:
        instance = scenario.Scenario()
        started = time.monotonic()
        instance.sleep_between(0.001, 0.02)
        instance.sleep_between(0.01)
        passed = time.monotonic() - started
        self.assertGreaterEqual(instance.idle_duration(), 0.011)
        self.assertLessEqual(instance.idle_duration(), passed)

    @ddt.data((-1, None), (2, 1), (-2, -1))
    @ddt.unpack
    def test_sleep_between_wants_an_interval(
        self, low: float, high: float | None
    ) -> None:
        self.assertRaises(
            exceptions.InvalidArgumentsException,
            scenario.Scenario().sleep_between,
            low,
            high,
        )

    def test_output_is_kept_by_kind(self) -> None:
        instance = scenario.Scenario()
        chart = {"title": "T", "chart_plugin": "Pie", "data": [["a", 1]]}
        instance.add_output(additive=chart)
        instance.add_output(complete=chart)
        self.assertEqual(
            {"additive": [chart], "complete": [chart]}, instance._output
        )

    def test_output_without_a_title_is_refused(self) -> None:
        instance = scenario.Scenario()
        self.assertRaises(
            exceptions.RallyException,
            instance.add_output,
            additive={"chart_plugin": "Pie", "data": []},
        )
        self.assertEqual([], instance._output["additive"])

    def test_names_of_resources_follow_the_option(self) -> None:
        instance = scenario.Scenario({"owner_id": "abcdefgh12"})
        self.assertTrue(
            instance.generate_random_name().startswith("s_rally_abcdefgh_")
        )
        cfg.CONF.set_override("scenario_resource_name_format", "q_XXX_XXXX")
        self.addCleanup(
            cfg.CONF.clear_override, "scenario_resource_name_format"
        )
        self.assertTrue(instance.generate_random_name().startswith("q_abc_"))


class ArgumentsSchemaTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()

        class Spec(types.ResourceType):
            def pre_process(
                self,
                *,
                resource_spec: dict[str, str],
                config: t.Any,
                output_type: t.Any,
            ) -> t.Any:
                return resource_spec

        plugin.configure(name="test_spec")(Spec)
        self.addCleanup(Spec.unregister)

    def make(self, run: t.Any, **converted: t.Any) -> t.Any:
        cls: t.Any = type("Made", (scenario.Scenario,), {"run": run})
        scenario.configure(name="Test.made")(cls)
        types.convert(**converted)(cls)
        self.addCleanup(cls.unregister)
        return cls

    def test_a_converted_argument_has_the_schema_of_its_type(self) -> None:
        def run(self: t.Any, image: _Opaque, size: int = 1) -> None:
            """Title.

            :param image: what to boot
            """

        cls = self.make(run, image={"type": "test_spec"})
        info = cls.get_info()
        self.assertEqual("Title.", info["title"])
        self.assertEqual("Title.", cls.get_title())
        self.assertEqual(["image", "size"], list(info["schema"]["properties"]))
        image = info["schema"]["properties"]["image"]
        self.assertEqual("object", image["type"])
        self.assertEqual("what to boot", image["description"].strip())
        self.assertEqual(["image"], info["schema"]["required"])

    def test_a_marker_in_an_annotation_does_the_same(self) -> None:
        def run(
            self: t.Any,
            size: int,
            image: t.Annotated[_Opaque, types.Convert("test_spec")]
            | None = None,
        ) -> None:
            pass

        run.__annotations__["image"] = t.Optional[  # noqa: UP045
            t.Annotated[_Opaque, types.Convert("test_spec")]
        ]
        run.__annotations__["size"] = int
        schema = self.make(run)._args_schema()
        self.assertEqual("object", schema["properties"]["image"]["type"])
        self.assertEqual(["size"], schema["required"])

    def test_an_unknown_type_leaves_the_annotation(self) -> None:
        def run(self: t.Any, image: str) -> None:
            pass

        cls = self.make(run, image={"type": "no such type"})
        schema = cls._args_schema()
        self.assertEqual("string", schema["properties"]["image"]["type"])

    def test_an_annotation_without_schema_allows_anything(self) -> None:
        def run(self: t.Any, thing: _Opaque) -> None:
            pass

        run.__annotations__["thing"] = _Opaque
        cls = self.make(run)
        self.assertEqual({}, cls._args_schema()["properties"]["thing"])

        cfg.CONF.set_override("strict_type_annotations", True)
        self.addCleanup(cfg.CONF.clear_override, "strict_type_annotations")
        self.assertRaises(exceptions.InvalidScenarioArgument, cls._args_schema)

    def test_annotations_that_cannot_be_resolved_give_no_schema(self) -> None:
        def run(self: t.Any, thing: int) -> None:
            pass

        run.__annotations__["thing"] = "NoSuchName"
        cls = self.make(run)
        self.assertIsNone(cls._args_schema())
        self.assertIsNone(cls.get_info()["schema"])
