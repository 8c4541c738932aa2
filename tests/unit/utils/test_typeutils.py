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

"""Tests of JSON schemas out of type annotations."""

from __future__ import annotations

import enum
import typing as t

import ddt
import jsonschema
import typing_extensions

from rally.common import logging
from rally.utils import typeutils
from tests.unit import test

Field = typeutils.Field


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Open(t.TypedDict):
    a: int
    b: typing_extensions.NotRequired[str]


class Partly(t.TypedDict, total=False):
    a: int
    b: typing_extensions.Required[str]


class Closed(typing_extensions.TypedDict, closed=True):  # type: ignore
    a: int


class Thing:
    def __init__(self, a: int, b: float = 1.0) -> None:
        """Do nothing."""


INTEGERS = {"type": "array", "items": {"type": "integer"}}
OPEN = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
    "additionalProperties": True,
    "required": ["a"],
}

HINTS: list[tuple[t.Any, t.Any]] = [
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (str, {"type": "string"}),
    (t.Any, {}),
    (t.Optional[t.Any], {}),  # noqa: UP045
    (list, {"type": "array"}),
    (list[int], INTEGERS),
    (t.List[int], INTEGERS),  # noqa: UP006
    (tuple[int, ...], INTEGERS),
    (set[int], INTEGERS),
    (frozenset[int], INTEGERS),
    (tuple[int, str], {"type": "array"}),
    (dict, {"type": "object"}),
    (dict[str, t.Any], {"type": "object"}),
    (
        dict[str, int],
        {"type": "object", "additionalProperties": {"type": "integer"}},
    ),
    (t.Literal["a", 1], {"enum": ["a", 1]}),
    (t.Literal["a"] | None, {"enum": ["a", None]}),
    (Colour, {"enum": [1, "blue"]}),
    (Open, OPEN),
    (list[Open], {"type": "array", "items": OPEN}),
    (
        Partly,
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
            "additionalProperties": True,
            "required": ["b"],
        },
    ),
    (
        Closed,
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "additionalProperties": False,
            "required": ["a"],
        },
    ),
    (int | str, {"type": ["integer", "string"]}),
    (int | None, {"type": ["integer", "null"]}),
    (
        list[int] | None,
        {"type": ["array", "null"], "items": {"type": "integer"}},
    ),
    (
        int | list[int] | None,
        {"anyOf": [{"type": "integer"}, INTEGERS, {"type": "null"}]},
    ),
    (
        t.Annotated[int, Field(ge=1, lt=5, description="d")],
        {
            "type": "integer",
            "minimum": 1,
            "exclusiveMaximum": 5,
            "description": "d",
        },
    ),
    (
        t.Annotated[str, Field(min_length=1, max_length=2, pattern="x")],
        {"type": "string", "minLength": 1, "maxLength": 2, "pattern": "x"},
    ),
    (
        t.Annotated[list[int], Field(min_length=1)],
        {**INTEGERS, "minItems": 1},
    ),
    (
        t.Annotated[dict, Field(max_length=1)],
        {"type": "object", "maxProperties": 1},
    ),
    (t.Annotated[int, "a remark"], {"type": "integer"}),
    (
        list[t.Annotated[int, Field(gt=0)]],
        {"type": "array", "items": {"type": "integer", "exclusiveMinimum": 0}},
    ),
]

UNSUPPORTED: list[t.Any] = [
    None,
    object,
    Thing,
    bytes,
    list[Thing],
    int | Thing,
    t.Sequence[int],
    "int",
    t.Callable,
]


def example(  # type: ignore[no-untyped-def]
    self: t.Any,
    a: int,
    b: str = "x",
    *args: t.Any,
    c: list[int] | None = None,
    d=5,
    e: t.Annotated[int, Field(description="dd")] = 3,
    f: t.Any = (1,),
    g: t.Any = {"x": [1, True]},  # noqa: B006
    h: t.Any = {"x": None},  # noqa: B006
    **kwargs: t.Any,
) -> None:
    """Do nothing."""


def strange(a: Thing, b: int) -> None:
    """Do nothing."""


def nested(a: Nested, b: t.Annotated[dict, typeutils.ArgsOf(Thing)]) -> None:
    """Do nothing."""


class Nested(t.TypedDict):
    inner: Thing


@ddt.ddt
class HintToSchemaTestCase(test.TestCase):
    @ddt.data(*range(len(HINTS)))
    def test_supported(self, number: int) -> None:
        hint, expected = HINTS[number]

        schema = typeutils.hint_to_schema(hint)

        self.assertEqual(expected, schema)
        jsonschema.Draft7Validator.check_schema(schema)

    @ddt.data(*range(len(UNSUPPORTED)))
    def test_unsupported(self, number: int) -> None:
        self.assertRaises(
            typeutils.UnsupportedType,
            typeutils.hint_to_schema,
            UNSUPPORTED[number],
        )

    def test_arguments_of_another_callable(self) -> None:
        schema = typeutils.hint_to_schema(
            t.Annotated[dict, typeutils.ArgsOf(Thing, ignore=["a"])]
        )

        self.assertEqual(
            {
                "type": "object",
                "properties": {"b": {"type": "number", "default": 1.0}},
                "additionalProperties": False,
            },
            schema,
        )


class ArgumentsSchemaTestCase(test.TestCase):
    def test_types_defaults_and_what_is_required(self) -> None:
        schema, signature, hints = typeutils.arguments_schema(example)

        self.assertEqual(
            {
                "type": "object",
                "properties": {
                    "a": {"type": "integer"},
                    "b": {"type": "string", "default": "x"},
                    "c": {
                        "type": ["array", "null"],
                        "items": {"type": "integer"},
                    },
                    "d": {"default": 5},
                    "e": {
                        "type": "integer",
                        "description": "dd",
                        "default": 3,
                    },
                    "f": {},
                    "g": {"default": {"x": [1, True]}},
                    "h": {},
                },
                "additionalProperties": True,
                "required": ["a"],
            },
            schema,
        )
        self.assertEqual("x", signature.parameters["b"].default)
        self.assertIs(int, hints["a"])
        self.assertNotIn("return", hints)

    def test_arguments_can_be_left_out(self) -> None:
        schema, _, _ = typeutils.arguments_schema(Thing, ignore=["a"])

        self.assertEqual({"b"}, set(schema["properties"]))
        self.assertNotIn("required", schema)

    def test_unsupported_argument_is_named(self) -> None:
        error = self.assertRaises(
            typeutils.UnsupportedType, typeutils.arguments_schema, strange
        )
        self.assertEqual(("a",), error.location)

        error = self.assertRaises(
            typeutils.UnsupportedType, typeutils.arguments_schema, nested
        )
        self.assertIn("(at a -> inner)", str(error))

    def test_unless_strict_it_only_warns(self) -> None:
        with logging.LogCatcher(typeutils.LOG) as catcher:
            schema, _, _ = typeutils.arguments_schema(
                strange, target_name="Some.name", strict=False
            )

        self.assertEqual(
            {"a": {}, "b": {"type": "integer"}}, schema["properties"]
        )
        catcher.assertInLogs("Some.name")

    def test_unknown_names_are_an_error(self) -> None:
        def wrong(a) -> None:  # type: ignore
            """Do nothing."""

        wrong.__annotations__["a"] = "NoSuchName"

        error = self.assertRaises(
            typeutils.UnsupportedType, typeutils.arguments_schema, wrong
        )
        self.assertIn("wrong", str(error))
