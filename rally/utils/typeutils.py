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

"""JSON schemas out of type annotations."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import types
import typing as t

import typing_extensions

from rally.common import logging

LOG = logging.getLogger(__name__)

Schema: t.TypeAlias = dict[str, t.Any]

_SIMPLE: t.Mapping[t.Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
}
_ARRAYS = (list, tuple, set, frozenset)


class UnsupportedType(Exception):
    """An annotation that no schema stands for.

    :param detail: which, and why
    :param location: path to it: names of arguments and keys
    """

    def __init__(self, detail: str, *, location: t.Sequence[str] = ()) -> None:
        self.detail = detail
        self.location = tuple(location)
        where = " -> ".join(self.location)
        super().__init__(f"{detail} (at {where})" if where else detail)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """Limits of a value, for ``t.Annotated[int, Field(ge=1)]``."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    description: str | None = None

    def as_schema(self) -> Schema:
        """The limits as JSON schema has them for numbers and strings."""
        keywords = {
            "minimum": self.ge,
            "exclusiveMinimum": self.gt,
            "maximum": self.le,
            "exclusiveMaximum": self.lt,
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "pattern": self.pattern,
            "description": self.description,
        }
        return {k: v for k, v in keywords.items() if v is not None}


@dataclasses.dataclass(frozen=True)
class ArgsOf:
    """A dict of the arguments of another callable.

    :param target: the callable, or a class
    :param ignore: names of arguments that are not part of the dict
    """

    target: t.Callable[..., t.Any]
    ignore: t.Sequence[str] = ()


def hint_to_schema(hint: t.Any) -> Schema:
    """JSON schema of the values that an annotation allows.

    :param hint: the annotation itself, not its text
    :raises UnsupportedType: no schema stands for it
    """
    origin, args = t.get_origin(hint), t.get_args(hint)
    if origin is t.Annotated:
        return _annotated(args[0], args[1:])
    if hint is t.Any:
        return {}
    if hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    if origin in (t.Union, types.UnionType):
        return _union(args)
    if origin in (t.Literal, typing_extensions.Literal):
        return {"enum": list(args)}
    if (origin or hint) in _ARRAYS:
        return _array(args)
    if (origin or hint) is dict:
        return _object(args)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if typing_extensions.is_typeddict(hint):
        return _typed_dict(hint)
    raise UnsupportedType(
        f"There is no JSON schema for the type annotation `{hint!r}`"
    )


def _annotated(hint: t.Any, extras: t.Sequence[t.Any]) -> Schema:
    for extra in extras:
        if isinstance(extra, ArgsOf):
            schema = arguments_schema(extra.target, ignore=extra.ignore)[0]
            break
    else:
        schema = hint_to_schema(hint)
    for extra in extras:
        if isinstance(extra, Field):
            schema.update(_fit(extra.as_schema(), schema))
    return schema


def _fit(limits: Schema, schema: Schema) -> Schema:
    """Name the limits of length as the type of the value has them."""
    kind = schema.get("type", "")  # or several, the first one counts
    unit = {"array": "Items", "object": "Properties"}.get(
        kind if isinstance(kind, str) else kind[0], "Length"
    )
    return {
        key.replace("Length", unit): value for key, value in limits.items()
    }


def _array(args: t.Sequence[t.Any]) -> Schema:
    items = [arg for arg in args if arg is not Ellipsis]
    if len(items) != 1:  # also tuple[int, str], which differs by position
        return {"type": "array"}
    return {"type": "array", "items": hint_to_schema(items[0])}


def _object(args: t.Sequence[t.Any]) -> Schema:
    values = hint_to_schema(args[1]) if len(args) == 2 else {}
    if values:
        return {"type": "object", "additionalProperties": values}
    return {"type": "object"}


def _union(args: t.Sequence[t.Any]) -> Schema:
    is_nullable = type(None) in args
    members = [hint_to_schema(a) for a in args if a is not type(None)]
    if {} in members:
        return {}
    if len(members) == 1:
        return _nullable(members[0]) if is_nullable else members[0]
    if is_nullable:
        members.append({"type": "null"})
    if all(_is_bare(member) for member in members):
        return {"type": [member["type"] for member in members]}
    return {"anyOf": members}


def _is_bare(schema: Schema) -> bool:
    return schema.keys() == {"type"} and isinstance(schema["type"], str)


def _nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {"anyOf": [schema, {"type": "null"}]}


def _typed_dict(cls: t.Any) -> Schema:
    hints = typing_extensions.get_type_hints(cls, include_extras=True)
    schema: Schema = {
        "type": "object",
        "properties": {
            name: _located(name, _without_presence(hint))
            for name, hint in hints.items()
        },
        "additionalProperties": getattr(cls, "__closed__", None) is not True,
    }
    required = sorted(_required_keys(cls, hints))
    if required:
        schema["required"] = required
    return schema


def _required_keys(cls: t.Any, hints: t.Mapping[str, t.Any]) -> set[str]:
    """Keys that must be there.

    ``__required_keys__`` alone is wrong where annotations are texts: Python
    then does not see ``NotRequired`` and ``Required``.
    """
    required = set(cls.__required_keys__)
    for name, hint in hints.items():
        if t.get_origin(hint) is typing_extensions.NotRequired:
            required.discard(name)
        elif t.get_origin(hint) is typing_extensions.Required:
            required.add(name)
    return required


def _without_presence(hint: t.Any) -> t.Any:
    presence = (
        typing_extensions.NotRequired,
        typing_extensions.Required,
        typing_extensions.ReadOnly,
    )
    while t.get_origin(hint) in presence:
        hint = t.get_args(hint)[0]
    return hint


def _located(name: str, hint: t.Any) -> Schema:
    try:
        return hint_to_schema(hint)
    except UnsupportedType as e:
        raise UnsupportedType(
            e.detail, location=(name, *e.location)
        ) from None


def arguments_schema(
    target: t.Callable[..., t.Any],
    *,
    target_name: str | None = None,
    ignore: t.Collection[str] = (),
    strict: bool = True,
) -> tuple[Schema, inspect.Signature, dict[str, t.Any]]:
    """JSON schema of the keyword arguments of a callable.

    :param target: a function, a method, or a class
    :param target_name: what to call it in messages
    :param ignore: names of arguments to leave out
    :param strict: raise for annotations that no schema stands for; else
        warn, and allow any value
    :returns: the schema; the signature; the resolved annotations by name
    :raises UnsupportedType: see *strict*; also if annotations cannot be
        evaluated
    """
    is_class = isinstance(target, type)
    function = getattr(target, "__init__") if is_class else target  # noqa: B009
    name = target_name or str(getattr(target, "__name__", "a callable"))
    signature = inspect.signature(target)
    try:
        hints = t.get_type_hints(function, include_extras=True)
    except Exception as e:  # annotations are code of the plugin
        raise UnsupportedType(
            f"The type annotations of `{name}` cannot be resolved: {e}"
        ) from None
    hints.pop("return", None)
    hints = _as_written(hints, signature)
    schema = signature_schema(signature, hints, ignore, name, strict)
    return schema, signature, hints


def _as_written(
    hints: dict[str, t.Any], signature: inspect.Signature
) -> dict[str, t.Any]:
    """Undo that Python 3.10 reads ``x: int = None`` as ``int | None``."""
    written = {}
    for name, hint in hints.items():
        parameter = signature.parameters.get(name)
        annotation = parameter.annotation if parameter else None
        is_widened = (
            parameter is not None
            and parameter.default is None
            and not isinstance(annotation, str)
            and t.Optional[annotation] == hint  # noqa: UP045
        )
        written[name] = annotation if is_widened else hint
    return written


def signature_schema(
    signature: inspect.Signature,
    hints: t.Mapping[str, t.Any],
    ignore: t.Collection[str] = (),
    target_name: str = "",
    strict: bool = True,
) -> Schema:
    """JSON schema of the arguments in a signature; see `arguments_schema`.

    :param hints: resolved annotations by name; what lacks allows any value
    """
    properties: dict[str, Schema] = {}
    required = []
    is_open = False
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            is_open = True
            continue
        is_rest = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        if is_rest or name in ("self", "cls") or name in ignore:
            continue
        schema = _argument(name, hints, target_name, strict)
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
        elif _is_plain(parameter.default):
            schema["default"] = parameter.default
        properties[name] = schema
    result: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": is_open,
    }
    if required:
        result["required"] = required
    return result


def _argument(
    name: str, hints: t.Mapping[str, t.Any], target_name: str, strict: bool
) -> Schema:
    if name not in hints:
        return {}
    try:
        return _located(name, hints[name])
    except UnsupportedType as e:
        if strict:
            raise
        LOG.warning("%s: %s. Any value is allowed.", target_name, e)
        return {}


def _is_plain(value: t.Any) -> bool:
    """Whether a default is worth showing, and the same in JSON."""
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, collections.abc.Mapping):
        return all(
            isinstance(key, str) and _is_plain(item)
            for key, item in value.items()
        )
    return isinstance(value, bool | int | float | str)
