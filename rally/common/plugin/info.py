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

"""What docstrings say about plugins."""

from __future__ import annotations

import inspect
import re
import typing as t

JSON_SCHEMA_TYPE_LABELS = {
    "boolean": "bool",
    "string": "str",
    "number": "float",
    "integer": "int",
    "array": "list",
    "object": "dict",
}

_FIELD = re.compile(r"^:(?P<field>\w+)\s*(?P<name>[^:\n]*?):[ \t]*", re.M)


class _ParamInfo(t.TypedDict):
    name: str
    doc: str


class _DocstringInfo(t.TypedDict):
    short_description: str
    long_description: str
    params: list[_ParamInfo]
    returns: str


class _PluginInfo(t.TypedDict):
    name: str
    platform: str
    module: str
    title: str
    description: str
    parameters: list[_ParamInfo]
    schema: dict[str, t.Any] | None
    returns: str


def trim(docstring: str | None) -> str:
    """Take the indentation off a docstring, as PEP 257 describes."""
    return inspect.cleandoc(docstring) if docstring else ""


def reindent(string: str) -> str:
    """Take all indentation off a text."""
    return "\n".join(line.strip() for line in string.strip().split("\n"))


def parse_docstring(docstring: str | None) -> _DocstringInfo:
    """Split a docstring into title, description and fields.

    The title is the first line, the description ends where the first field
    (``:param x:``, ``:returns:``, ``:raises X:``...) begins.
    """
    text = trim(docstring)
    fields = list(_FIELD.finditer(text))
    prose = text[: fields[0].start()] if fields else text
    title, _, description = prose.partition("\n")
    params: list[_ParamInfo] = []
    returns = ""
    ends = [field.start() for field in fields[1:]] + [len(text)]
    for field, end in zip(fields, ends, strict=False):
        doc = reindent(text[field.end() : end])
        if field["field"] == "param":
            name = field["name"].split()[-1] if field["name"] else ""
            params.append(_ParamInfo(name=name, doc=doc))
        elif field["field"] in ("return", "returns"):
            returns = doc
    return _DocstringInfo(
        short_description=title.strip(),
        long_description=description.strip(),
        params=params,
        returns=returns,
    )


class InfoMixin:
    """Makes a plugin describe itself by its docstring."""

    @classmethod
    def _get_doc(cls) -> str | None:
        """The docstring that describes the plugin."""
        return cls.__doc__

    @classmethod
    def get_title(cls) -> str:
        """First line of the docstring, without the cost of ``get_info``."""
        doc = (cls._get_doc() or "").lstrip()
        title = doc.partition("\n")[0].strip()
        return "" if title.startswith(":") else title

    @classmethod
    def get_info(cls) -> _PluginInfo:
        """All that is known about the plugin, for a person to read."""
        plugin: t.Any = cls
        doc = parse_docstring(cls._get_doc())
        return _PluginInfo(
            name=plugin.get_name(),
            platform=plugin.get_platform(),
            module=cls.__module__,
            title=doc["short_description"],
            description=doc["long_description"],
            parameters=doc["params"],
            schema=_schema_of(cls, doc["params"]),
            returns=doc["returns"],
        )


def _schema_of(
    cls: type, params: t.Sequence[_ParamInfo]
) -> dict[str, t.Any] | None:
    declared = getattr(cls, "CONFIG_SCHEMA", None)
    if declared is not None:
        return declared
    if not params:
        return None
    return {
        "type": "object",
        "additionalProperties": True,
        "properties": {
            param["name"]: {"description": param["doc"]} for param in params
        },
    }
