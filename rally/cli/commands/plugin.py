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

"""Commands about plugins."""

from __future__ import annotations

import typing as t

import typer

from rally import plugins
from rally.cli import argutils, cliutils, completion, terminal
from rally.common import spelling
from rally.common.plugin import plugin

NOT_FOUND = 211
SEVERAL_FOUND = 213

plugin_app = typer.Typer(help="Discover and inspect installed plugins.")


@plugin_app.command()
@plugins.ensure_plugins_are_loaded
def show(
    name: t.Annotated[
        str,
        argutils.ArgumentOrKeyword(
            "--name", help="Name of the plugin.", metavar="NAME",
            autocompletion=completion.plugin_names,
        ),
    ],
    platform: t.Annotated[
        str | None,
        typer.Option(
            "--platform", help="Platform of the plugin.",
            autocompletion=completion.platforms,
        ),
    ] = None,
) -> None:
    """Show everything about a plugin."""
    wanted, _, in_name = name.partition("@")
    platform = platform or in_name or None
    found = _find(wanted, platform)
    exact = [x for x in found if x.get_name().lower() == wanted.lower()]
    found = exact or found
    if not found:
        where = "@%s not found" % platform if platform else (
            " not found at any platform"
        )
        _say_not_found(wanted + where, wanted, platform)
        raise typer.Exit(NOT_FOUND)
    if len(found) > 1:
        print("Multiple plugins found:")
        _print_plugins(found)
        raise typer.Exit(SEVERAL_FOUND)
    _describe(found[0])


@plugin_app.command("list")
def list_(
    name: t.Annotated[
        str | None,
        typer.Argument(
            metavar="[name]", help="Part of the name.",
            autocompletion=completion.plugin_names,
        ),
    ] = None,
    platform: t.Annotated[
        str | None,
        typer.Option(
            "--platform", help="Only plugins of this platform.",
            autocompletion=completion.platforms,
        ),
    ] = None,
    base_cls: t.Annotated[
        str | None,
        typer.Option("--plugin-base", help="Only plugins of this base class."),
    ] = None,
) -> None:
    """List all plugins, or those that match."""
    plugins.load()
    found = _find(name, platform)
    if platform and not found and not _find(None, platform):
        print("Platform %s not found" % platform)
        return
    if base_cls:
        found = [x for x in found if x._get_base().__name__ == base_cls]
    if found:
        _print_plugins(found)
    else:
        wanted = name or base_cls or ""
        _say_not_found("%s not found" % wanted, wanted, platform)


def _say_not_found(text: str, wanted: str, platform: str | None) -> None:
    there = _find(None, platform)
    known = {x.get_name() for x in there} | {
        x._get_base().__name__ for x in there
    }
    question = spelling.did_you_mean([wanted], known)
    terminal.say("Plugin %s%s" % (text, question and "." + question))


def _find(
    name: str | None, platform: str | None
) -> list[type[plugin.Plugin]]:
    """Plugins whose name contains *name*, whatever its case."""
    part = (name or "").lower()
    return [
        x
        for x in plugin.Plugin.get_all(platform=platform)
        if part in x.get_name().lower()
    ]


def _print_plugins(found: list[type[plugin.Plugin]]) -> None:
    rows = sorted(
        (
            {
                "base": x._get_base().__name__,
                "name": x.get_name(),
                "platform": x.get_platform(),
                "title": x.get_title(),
            }
            for x in found
        ),
        key=lambda row: (row["base"], row["name"], row["platform"]),
    )
    cliutils.print_list(
        rows,
        ["base", "name", "platform", "title"],
        field_labels=["Plugin base", "Name", "Platform", "Title"],
        sortby_index=None, key=1,
    )


def _describe(found: type[plugin.Plugin]) -> None:
    info = found.get_info()
    print(cliutils.make_header(info["title"]))
    for label in ("name", "platform", "module", "description"):
        if info[label]:
            print(label.upper())
            terminal.say("\t" + "\n\t".join(info[label].split("\n")))
    schema = info["schema"] or {}
    value = _values(schema)
    if value:
        print("VALUE")
        terminal.say("\t" + "\n\t".join(value))
    docs = {x["name"]: x["doc"] for x in info["parameters"] or ()}
    properties = _properties(schema)
    names = [*docs, *(x for x in properties if x not in docs)]
    if names:
        print("PARAMETERS")
        rows = [
            {
                "name": x,
                "type": _type_of(properties.get(x, {})),
                "description": docs.get(x)
                or properties.get(x, {}).get("description", ""),
            }
            for x in names
        ]
        cliutils.print_list(
            rows, ["name", "type", "description"], sortby_index=None
        )


def _properties(schema: t.Any) -> dict[str, t.Any]:
    """What an object may have, whichever alternative of the schema it is."""
    found = dict(schema.get("properties", {}))
    for each in _alternatives(schema):
        for name, part in _properties(each).items():
            there = found.get(name, part)
            found[name] = part if there == part else {
                "description": there.get("description", ""),
                "anyOf": [there, part],
            }
    return found


def _values(schema: t.Any) -> list[str]:
    """Forms of a configuration that may be something else than an object."""
    forms = _alternatives(schema) or [schema]
    if all(_type_of(form) in ("dict", "Any") for form in forms):
        return []
    return [
        ": ".join(filter(None, (_type_of(x), x.get("description"))))
        for x in forms
    ]


def _alternatives(schema: t.Any) -> list[t.Any]:
    return [
        option for key in ("anyOf", "oneOf") for option in schema.get(key, ())
    ]


def _type_of(schema: t.Any) -> str:
    """Type that a schema allows, in Python's words."""
    from rally.common.plugin import info

    if not isinstance(schema, dict):
        return "Any"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    labels = info.JSON_SCHEMA_TYPE_LABELS
    if "enum" in schema:
        return " | ".join(map(repr, schema["enum"]))
    if kinds:
        return " | ".join(labels.get(kind, kind) for kind in kinds)
    options = dict.fromkeys(map(_type_of, _alternatives(schema)))
    return " | ".join(options) or "Any"
