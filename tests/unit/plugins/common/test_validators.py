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

"""Tests of the validators that do not depend on a platform."""

from __future__ import annotations

import os
import tempfile
import typing as t

import ddt

from rally import exceptions
from rally.common import validation
from rally.plugins.common import validators
from rally.plugins.common.sla import max_percentile_duration as percentile
from rally.utils import typeutils
from tests.unit import test


class FakeScenario:
    """What ``args-spec`` needs of a scenario."""

    @classmethod
    def _args_schema(cls) -> t.Any:
        return typeutils.arguments_schema(cls.run)[0]

    @classmethod
    def get_name(cls) -> str:
        return "Fake.one"

    @classmethod
    def get_platform(cls) -> str:
        return "default"

    def run(
        self,
        a: int,
        b: str = "x",
        c: t.Annotated[t.Any, typeutils.Field(le=100)] = None,
    ) -> None:
        """Do nothing."""


class OpenScenario(FakeScenario):
    def run(self, a, **kwargs):  # type: ignore
        """Do nothing."""


class UnresolvedScenario(OpenScenario):
    @classmethod
    def _args_schema(cls) -> t.Any:
        return None


class StrictScenario(FakeScenario):
    @classmethod
    def _args_schema(cls) -> t.Any:
        raise exceptions.InvalidScenarioArgument("no schema")


class FakePlugin:
    CONFIG_SCHEMA = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "additionalProperties": False,
    }


class NewDraftPlugin:
    CONFIG_SCHEMA = {
        "$schema": "http://json-schema.org/draft-07/schema",
        "exclusiveMinimum": 0,
    }


class OldDraftPlugin:
    CONFIG_SCHEMA = {
        "$schema": "http://json-schema.org/draft-04/schema",
        "minimum": 0,
        "exclusiveMinimum": True,
    }


class TestCase(test.TestCase):
    def problem(
        self,
        validator: validation.Validator,
        args: t.Any = None,
        contexts: t.Any = None,
        plugin_cls: t.Any = None,
        plugin_cfg: t.Any = None,
    ) -> str | None:
        config = {"args": args, "contexts": contexts}
        try:
            validator.validate({}, config, plugin_cls, plugin_cfg)
        except validation.ValidationError as e:
            return e.message
        return None


class TypedPlugin:
    CONFIG_SCHEMA: t.Any = {
        "type": "object",
        "properties": {
            "inner": {
                "type": "object",
                "properties": {"times": {}, "concurrency": {}},
                "additionalProperties": False,
            },
        },
    }


def at(unit: str) -> dict[str, t.Any]:
    return {
        "type": "object",
        "properties": {
            "unit": {"enum": [unit]}, "at": {"type": "array"},
            "percentile": {},
        },
        "additionalProperties": False,
    }


class PluginWithAlternatives:
    CONFIG_SCHEMA: t.Any = {
        "oneOf": [
            at("time"), at("iteration"),
            {"type": "array", "items": at("percent")},
        ],
    }


@ddt.ddt
class JsonSchemaTestCase(TestCase):
    @ddt.data(
        (FakePlugin, {"a": 1}, None),
        (FakePlugin, {"a": "x"}, "is not of type 'integer'"),
        (FakePlugin, {"b": "x"}, "'b' was unexpected"),
        (NewDraftPlugin, 1, None),
        (NewDraftPlugin, 0, "exclusiveMinimum"),
        (OldDraftPlugin, 1, None),
        (OldDraftPlugin, 0, "minimum"),
    )
    @ddt.unpack
    def test_config_follows_schema(
        self, plugin_cls: t.Any, config: t.Any, expected: str | None
    ) -> None:
        problem = self.problem(
            validators.JsonSchemaValidator(),
            plugin_cls=plugin_cls,
            plugin_cfg=config,
        )

        self.assertEqual(expected is None, problem is None)
        self.assertIn(expected or "", problem or "")

    def test_a_typo_is_answered_in_one_line(self) -> None:
        problem = self.problem(
            validators.JsonSchemaValidator(),
            plugin_cls=TypedPlugin,
            plugin_cfg={"inner": {"concurency": 3}},
        )

        self.assertEqual(
            "Additional properties are not allowed ('concurency' was "
            "unexpected). It is at ['inner']. Known keys: "
            "concurrency, times. Did you mean concurrency?", problem,
        )

    @ddt.data(
        ({"unit": "time", "at": "x"}, "'x' is not of type 'array'"),
        ({"unit": "time", "step": "x"}, "'step' was unexpected"),
        ({"unit": "noon"}, "'noon' is not one of ['time']; 'noon' is not"),
        ([{"percentil": 9}], "Did you mean percentile?"),
        (["x"], "'x' is not of type 'object'. It is at [0]. Known keys: at, "),
        ("x", "none of the allowed forms fits ('x' is not of type "
              "'object'; 'x' is not of type 'array')"),
    )
    @ddt.unpack
    def test_of_alternatives_the_one_that_is_meant_is_explained(
        self, config: t.Any, expected: str
    ) -> None:
        problem = self.problem(
            validators.JsonSchemaValidator(),
            plugin_cls=PluginWithAlternatives, plugin_cfg=config,
        )

        self.assertIn(expected, problem or "")

    def test_a_typo_comes_before_what_it_leaves_out(self) -> None:
        problem = self.problem(
            validators.JsonSchemaValidator(),
            plugin_cls=percentile.MaxPercentileDuration,
            plugin_cfg={"percentil": 99, "max": 1},
        )

        self.assertIn("Did you mean percentile?", problem or "")

    def test_a_key_need_not_be_a_text(self) -> None:
        problem = self.problem(
            validators.JsonSchemaValidator(),
            plugin_cls=TypedPlugin, plugin_cfg={"inner": {1: 3}},
        )

        self.assertIn("(1 was unexpected)", problem or "")


@ddt.ddt
class ArgsTestCase(TestCase):
    @ddt.data(
        (FakeScenario, {"a": 1}, None),
        (FakeScenario, {"a": 1, "b": "y"}, None),
        (FakeScenario, {}, "Missing argument 'a'"),
        (FakeScenario, None, "Missing argument 'a'"),
        (FakeScenario, {"a": "x"}, "Argument 'a' is invalid: 'x' is not"),
        (FakeScenario, {"a": "100%s"}, "'100%s' is not of type"),
        (FakeScenario, {"a": 1, "c": 101}, "Argument 'c' is invalid"),
        (FakeScenario, {"a": 1, "z": 1}, "It takes no argument 'z'"),
        (FakeScenario, {"aa": 1}, "Missing argument 'a'. It takes no "
                                  "argument 'aa'. Did you mean a?"),
        (OpenScenario, {"a": 1, "z": 1}, None),
        (OpenScenario, {"z": 1}, "Missing argument 'a'"),
        (UnresolvedScenario, {"a": 1, "z": 1}, None),
        (UnresolvedScenario, {}, "Missing argument 'self'"),
        (StrictScenario, {}, "no schema"),
    )
    @ddt.unpack
    def test_arguments_are_those_of_run(
        self, plugin_cls: t.Any, args: t.Any, expected: str | None
    ) -> None:
        if plugin_cls is UnresolvedScenario and expected:
            expected = "Missing argument 'a'"

        problem = self.problem(
            validators.ArgsValidator(), args, plugin_cls=plugin_cls
        )

        self.assertEqual(expected is None, problem is None, problem or "")
        self.assertIn(expected or "", problem or "")


@ddt.ddt
class ArgumentTestCase(TestCase):
    @ddt.data(
        (["a", "b"], None, {"a": None, "b": 1}, True),
        (["a", "b"], None, {"a": 1}, False),
        ([("a", "b"), "c"], None, {"b": 1, "c": 1}, True),
        ([["a", "b"], "c"], None, {"c": 1}, False),
        (["a"], "sub", {"sub": {"a": 1}}, True),
        (["a"], "sub", {"sub": {}}, False),
        (["a"], "sub", {"sub": None}, False),
        (["a"], "sub", {"a": 1}, False),
        (None, None, {}, True),
    )
    @ddt.unpack
    def test_required_params(
        self, params: t.Any, subdict: t.Any, args: t.Any, is_good: bool
    ) -> None:
        validator = validators.RequiredParameterValidator(params, subdict)

        self.assertEqual(is_good, self.problem(validator, args) is None)

    @ddt.data(
        ({"minval": 1, "maxval": 5}, 1, True),
        ({"minval": 1, "maxval": 5}, 5.0, True),
        ({"minval": 1, "maxval": 5}, 0, False),
        ({"minval": 1, "maxval": 5}, 6, False),
        ({"minval": 1, "maxval": 5}, float("nan"), False),
        ({"minval": 1}, "3", True),
        ({"minval": 1}, "x", False),
        ({}, [1], False),
        ({}, None, False),
        ({"nullable": True}, None, True),
        ({"integer_only": True}, 1, True),
        ({"integer_only": True}, "2", True),
        ({"integer_only": True}, "2.5", False),
        ({"integer_only": True}, 1.0, False),
    )
    @ddt.unpack
    def test_number(self, kwargs: t.Any, value: t.Any, is_good: bool) -> None:
        validator = validators.NumberValidator("p", **kwargs)

        problem = self.problem(validator, {"p": value})

        self.assertEqual(is_good, problem is None, problem or "")

    @ddt.data(
        ({"values": ["a", "B"]}, {"p": "a"}, True),
        ({"values": ["a", "B"]}, {"p": "b"}, False),
        ({"values": ["a", "B"], "case_insensitive": True}, {"p": "b"}, True),
        ({"values": ["a", 1], "case_insensitive": True}, {"p": 1}, True),
        ({"values": ["a"]}, {}, False),
        ({"values": ["a"], "missed": True}, {}, True),
        ({"values": ["a"], "missed": True}, {"p": "b"}, False),
    )
    @ddt.unpack
    def test_enum(self, kwargs: t.Any, args: t.Any, is_good: bool) -> None:
        validator = validators.EnumValidator("p", **kwargs)

        self.assertEqual(is_good, self.problem(validator, args) is None)

    @ddt.data(
        ({"required": ["a", "b"]}, {"a": 1}, False),
        ({"required": ["a"]}, {"a": 1, "b": 2}, True),
        ({"required": ["a"], "allowed": ["b"]}, {"a": 1, "b": 2}, False),
        ({"required": ["a"], "allowed": ["a", "b"]}, {"a": 1, "b": 2}, True),
        ({"required": ["a"], "additional": False}, {"a": 1}, True),
        ({"required": ["a"], "additional": False}, {"a": 1, "c": 2}, False),
        ({"allowed": ["b"]}, {"c": 2}, False),
        ({"required": ["a"]}, None, False),
        ({"required": ["a"], "missed": True}, None, True),
        ({"required": ["a"]}, "text", False),
    )
    @ddt.unpack
    def test_map_keys(
        self, kwargs: t.Any, value: t.Any, is_good: bool
    ) -> None:
        validator = validators.MapKeysParameterValidator("p", **kwargs)

        self.assertEqual(
            is_good, self.problem(validator, {"p": value}) is None
        )

    @ddt.data(
        ("a", None, {"a": 1}, False),
        ("ab", None, {"a": 1}, True),
        (["a", "b"], None, {"b": 1}, False),
        (["a"], "sub", {"sub": {"a": 1}}, False),
        (["a"], "sub", {"a": 1}, True),
    )
    @ddt.unpack
    def test_restricted_parameters(
        self, names: t.Any, subdict: t.Any, args: t.Any, is_good: bool
    ) -> None:
        validator = validators.RestrictedParametersValidator(names, subdict)

        self.assertEqual(is_good, self.problem(validator, args) is None)


@ddt.ddt
class ContextTestCase(TestCase):
    @ddt.data(
        (("x", "y"), {"x": 1, "y@default": 1}, True),
        (("x", "y"), {"x": 1}, False),
        ((["x", "y"],), {"x": 1}, False),
        ((("x", "y"),), {"y": 1}, True),
        ((("x", "y"), "z"), {"y": 1}, False),
        (("x@openstack",), {"x": 1}, False),
        (("x@openstack",), {"x@openstack": 1}, True),
        (("x",), None, False),
    )
    @ddt.unpack
    def test_required_contexts(
        self, args: t.Any, contexts: t.Any, is_good: bool
    ) -> None:
        validator = validators.RequiredContextsValidator(*args)

        problem = self.problem(validator, contexts=contexts)

        self.assertEqual(is_good, problem is None, problem or "")

    def test_required_contexts_by_keyword(self) -> None:
        for contexts in ("x", ["x"], [("x", "y")]):
            validator = validators.RequiredContextsValidator(contexts=contexts)

            self.assertIsNone(self.problem(validator, contexts={"x@any": 1}))
            self.assertIsNotNone(self.problem(validator, contexts={"z": 1}))

    @ddt.data(
        ({}, {}, False),
        ({"p": None}, {}, True),
        ({}, {"c": 1}, True),
        ({}, {"c@x": 1}, True),
        (None, None, False),
    )
    @ddt.unpack
    def test_required_param_or_context(
        self, args: t.Any, contexts: t.Any, is_good: bool
    ) -> None:
        validator = validators.RequiredParamOrContextValidator("p", "c")

        self.assertEqual(
            is_good, self.problem(validator, args, contexts) is None
        )


class FileExistsTestCase(TestCase):
    def test_file_can_be_used(self) -> None:
        validator = validators.FileExistsValidator("p")
        with tempfile.NamedTemporaryFile() as file:
            self.assertIsNone(self.problem(validator, {"p": file.name}))
        problem = self.problem(validator, {"p": file.name})
        self.assertIn(f"but {file.name} is not", problem or "")

    def test_may_be_absent_unless_required(self) -> None:
        optional = validators.FileExistsValidator(
            "p", mode=os.R_OK, required=False
        )

        self.assertIsNone(self.problem(optional, {}))
        self.assertIsNotNone(
            self.problem(validators.FileExistsValidator("p"), {})
        )
