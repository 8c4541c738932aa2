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

"""Tests of the conversion of arguments."""

from __future__ import annotations

import typing as t

import ddt

from rally import exceptions
from rally.common.plugin import plugin
from rally.task import scenario, types
from tests.unit import test


class TypesTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        calls: list[t.Any] = []
        self.calls = calls

        class Modern(types.ResourceType):
            """Knows all there is to know."""

            def pre_process(
                self,
                *,
                resource_spec: str | int,
                config: t.Any,
                output_type: t.Any,
            ) -> t.Any:
                self._cache[resource_spec] = self
                calls.append((self, resource_spec, config, output_type))
                return ("converted", resource_spec)

        class Keeps(types.ResourceType):
            def pre_process(
                self,
                *,
                resource_spec: t.Any,
                config: t.Any,
                output_type: t.Any,
            ) -> t.Any:
                return None

        class Legacy(types.ResourceType):
            def __init__(self, context: t.Any, cache: t.Any = None) -> None:
                super().__init__(context, cache)
                self._cache["made"] = True

            def pre_process(  # type: ignore[override]
                self, resource_spec: t.Any, config: t.Any
            ) -> t.Any:
                calls.append((self, resource_spec, config))
                return [resource_spec]

        for name, cls in (
            ("test_modern", Modern),
            ("test_keeps", Keeps),
            ("test_legacy", Legacy),
        ):
            plugin.configure(name=name)(cls)
            self.addCleanup(cls.unregister)
        self.modern, self.legacy = Modern, Legacy

    def scenario(self, run: t.Any, **converted: t.Any) -> t.Any:
        cls: t.Any = type("Made", (scenario.Scenario,), {"run": run})
        scenario.configure(name="Test.made")(cls)
        types.convert(**converted)(cls)
        self.addCleanup(cls.unregister)
        return cls


def _run(self: t.Any, a: t.Any = None, b: t.Any = None) -> None:
    pass


class PreprocessTestCase(TypesTestCase):
    def test_given_arguments_are_converted_in_a_copy(self) -> None:
        self.scenario(
            _run, a={"type": "test_modern", "k": 1}, b={"type": "test_modern"}
        )
        args = {"a": "x", "other": [1]}
        processed = types.preprocess("Test.made", {"c": 1}, args)
        self.assertEqual({"a": ("converted", "x"), "other": [1]}, processed)
        self.assertEqual({"a": "x", "other": [1]}, args)
        self.assertIsNot(args["other"], processed["other"])
        ((_, _, config, output_type),) = self.calls
        self.assertEqual({"type": "test_modern", "k": 1}, config)
        self.assertIsNone(output_type)

    def test_one_instance_serves_all_arguments_of_its_type(self) -> None:
        cls = self.scenario(
            _run, a={"type": "test_modern"}, b={"type": "test_modern"}
        )
        types.preprocess("Test.made", {"c": 1}, {"a": "x", "b": "y"})
        (first, *_), (second, *_) = self.calls
        self.assertIs(first, second)
        self.assertIs(cls, first._scenario_cls)
        self.assertEqual({"c": 1}, first._context)
        self.assertEqual({"x", "y"}, set(first._cache))
        self.assertEqual({"test_modern": first._cache}, first._global_cache)

    def test_none_leaves_an_argument_as_it_is(self) -> None:
        self.scenario(_run, a={"type": "test_keeps"})
        args = {"a": {"name": "x"}}
        self.assertEqual(args, types.preprocess("Test.made", {}, args))

    def test_an_annotation_wins_and_tells_the_output_type(self) -> None:
        def run(self: t.Any, a: t.Any) -> None:
            pass

        run.__annotations__["a"] = (
            t.Annotated[float, types.Convert("test_modern", k=2)] | None
        )
        self.scenario(run, a={"type": "test_legacy"})
        types.preprocess("Test.made", {}, {"a": 5})
        ((_, _, config, output_type),) = self.calls
        self.assertEqual({"type": "test_modern", "k": 2}, config)
        self.assertIs(float, output_type)

    def test_types_of_older_releases_still_work(self) -> None:
        self.scenario(_run, a={"type": "test_legacy"})
        self.assertEqual(
            {"a": ["x"]}, types.preprocess("Test.made", {}, {"a": "x"})
        )
        ((instance, *_),) = self.calls
        self.assertEqual(
            {"test_legacy": {"made": True}}, instance._global_cache
        )

    def test_an_unknown_type_is_an_error(self) -> None:
        self.scenario(_run, a={"type": "no such type"})
        self.assertRaises(
            exceptions.PluginNotFound,
            types.preprocess,
            "Test.made",
            {},
            {"a": 1},
        )

    def test_annotations_that_cannot_be_resolved_are_ignored(self) -> None:
        def run(self: t.Any, a: t.Any) -> None:
            pass

        run.__annotations__["a"] = "NoSuchName"
        self.scenario(run)
        self.assertEqual({"a": 1}, types.preprocess("Test.made", {}, {"a": 1}))


@ddt.ddt
class MarkerTestCase(test.TestCase):
    MARKED = t.Annotated[int, types.Convert("x")]

    @ddt.data(
        (t.Annotated[int, types.Convert("x")], int),
        (t.Annotated[int, "note", types.Convert("x")], int),
        (t.Annotated[int, types.Convert("x")] | None, int),
        (t.Annotated[t.Annotated[int, types.Convert("x")] | None, 1], int),
        (t.Annotated[int | None, types.Convert("x")], int | None),
    )
    @ddt.unpack
    def test_it_is_found(self, hint: t.Any, output_type: t.Any) -> None:
        found = types._find_convert_marker(hint)
        assert found is not None
        self.assertEqual({"type": "x"}, found[0].type_cfg)
        self.assertEqual(output_type, found[1])

    @ddt.data(int, None, list[MARKED], t.Annotated[int, "note"], int | str)
    def test_there_is_none(self, hint: t.Any) -> None:
        self.assertIsNone(types._find_convert_marker(hint))


class ResourceTypeTestCase(TypesTestCase):
    def test_it_needs_a_context(self) -> None:
        error = self.assertRaises(TypeError, self.modern)
        self.assertIn("test_modern", str(error))

    def test_positional_arguments_are_still_taken(self) -> None:
        cache: dict[str, t.Any] = {}
        instance = self.modern({"c": 1}, cache)
        self.assertEqual({"c": 1}, instance._context)
        self.assertIs(cache["test_modern"], instance._cache)

    def test_its_schema_is_that_of_its_spec(self) -> None:
        self.assertEqual(
            {"string", "integer"},
            set(self.modern.get_info()["schema"]["type"]),
        )
        self.assertEqual(
            "Knows all there is to know.", self.modern.get_info()["title"]
        )
        self.assertEqual({}, self.legacy.get_info()["schema"])
