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

"""The reference of Rally's plugins, made while Sphinx reads the pages.

``.. plugins:: SLA`` in a page becomes a section for each plugin of that base:
what its docstring says, its arguments or configuration as its schema has
them, and a sample. Samples are parts of the files in ``samples/tasks``;
plugins that no task file names have theirs in their docstrings.

Only plugins of this tree are shown, whatever is installed beside it.
"""

from __future__ import annotations

import functools
import inspect
import json
import pathlib
import textwrap
import typing as t

import jinja2
import yaml
from docutils import nodes, statemachine
from docutils.parsers import rst
from reference import list_table, literal

from rally import plugins
from rally.common.plugin import plugin
from rally.task import task_cfg

TREE = pathlib.Path(__file__).parent.parent.parent
SAMPLES = TREE / "samples" / "tasks"

Schema: t.TypeAlias = t.Mapping[str, t.Any]
PluginClass: t.TypeAlias = t.Any

#: where ``samples/tasks`` has the files that are about plugins of a base
FOLDERS: t.Mapping[str, str] = {
    "Scenario": "scenarios", "ScenarioRunner": "runners", "SLA": "sla",
    "Context": "contexts", "HookAction": "hooks", "HookTrigger": "hooks",
    "AgentProvider": "fleets",
}
#: commands that take the name of a plugin, and where they write to
COMMANDS: t.Mapping[str, str] = {
    "TaskExporter": "rally task export $UUID --type %s --to %s",
    "VerificationReporter": "rally verify report $UUID --type %s --to %s",
}
DESTINATIONS: t.Mapping[str, str] = {
    "elastic": "http://localhost:9200", "parquet": "results",
    "html": "report.html", "html-static": "report.html",
    "trends-html": "trends.html", "trends-html-static": "trends.html",
    "junit-xml": "report.xml",
}
MAX_DEPTH = 3
#: keyword of a schema -> how it is said beside a type
LIMITS: t.Mapping[str, str] = {
    "minimum": "at least %s", "exclusiveMinimum": "above %s",
    "maximum": "at most %s", "exclusiveMaximum": "below %s",
    "minItems": "at least %s of them", "maxItems": "at most %s of them",
    "minLength": "at least %s long", "maxLength": "at most %s long",
}
PLURALS = {
    "string": "strings", "integer": "integers", "number": "numbers",
    "object": "mappings",
}


# ---- which plugins there are


def plugins_of(base: str) -> list[PluginClass]:
    """Rally's own plugins of a base, by name."""
    plugins.load(with_files=False)
    return sorted(
        (
            cls for cls in plugin.Plugin.get_all(allow_hidden=True)
            if cls._get_base().__name__ == base
            and cls.__module__.split(".")[0] == "rally"
        ),
        key=lambda cls: cls.get_fullname(),
    )


# ---- what a schema allows


def joined(words: t.Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(
        [", ".join(words[:-1]), words[-1]] if words[1:] else words
    )


def value_text(schema: Schema) -> str:
    """What a value may be, in words."""
    words = list(dict.fromkeys(_forms(schema)))
    return "; or ".join(words) if "," in "".join(words) else joined(words)


def _forms(schema: Schema) -> list[str]:
    """All that a value may be, each in words."""
    if "enum" in schema:
        return ["``%s``" % _json(each) for each in schema["enum"]]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return [form for each in schema[key] for form in _forms(each)]
    limits = [
        LIMITS[key] % _json(limit) for key, limit in _limits(schema).items()
    ]
    kinds = schema.get("type", "anything")
    return [
        ", ".join([_kind_text(kind, schema), *limits])
        for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ]


def _kind_text(kind: str, schema: Schema) -> str:
    items = schema.get("items")
    if kind == "array" and items:
        several = None if _limits(items) else _plural(items)
        return "list of %s" % several if several else "list, each %s" % (
            value_text(items)
        )
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, dict):
        return "mapping to %s" % (_plural(values) or "values")
    return {"array": "list", "object": "mapping", "anything": "any value"}.get(
        kind, kind
    )


def _plural(schema: Schema) -> str | None:
    kind = schema.get("type")
    return PLURALS.get(kind) if isinstance(kind, str) else None


def _limits(schema: Schema) -> dict[str, t.Any]:
    """The limits that say something; draft 4 has a flag for "above"."""
    limits = {key: schema[key] for key in LIMITS if key in schema}
    if "exclusiveMinimum" in limits:
        is_flag = limits["exclusiveMinimum"] is True
        least = limits.pop("minimum", None)
        if is_flag:
            limits["exclusiveMinimum"] = least
    for key in ("minItems", "minLength"):
        if limits.get(key, 2) < 2:  # that something is there goes without
            del limits[key]
    return limits


def _json(value: t.Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def sentence(text: str) -> str:
    """*text*, however it was written, as a sentence of its own."""
    text = literal(text)
    if text and text[-1] not in ".:":
        text += "."
    return text[:1].upper() + text[1:]


def argument_rows(
    schema: Schema, defaults: Schema, place: str = "", depth: int = 0
) -> t.Iterator[list[str]]:
    """Name, value and meaning of what a mapping may hold.

    What is in a mapping below comes after it, with a dotted name.
    """
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        meaning = [sentence(part.get("description", ""))]
        if name in required:
            meaning.append("*Required.*")
        default = defaults.get(name, part.get("default"))
        if default not in (None, "") and "default" not in meaning[0]:
            meaning.append("Default: ``%s``." % _json(default))
        yield [
            "``%s%s``" % (place, name), value_text(part), " ".join(meaning)
        ]
        if depth < MAX_DEPTH:
            yield from _rows_below(part, place + name, depth + 1)
    for part in _parts_of_any_name(schema):
        yield [
            "``%s*``" % place, value_text(part), sentence(part["description"])
        ]
        if depth < MAX_DEPTH:
            yield from _rows_below(part, place + "*", depth + 1)


def _rows_below(
    schema: Schema, place: str, depth: int
) -> t.Iterator[list[str]]:
    forms = alternatives(schema)
    for part in forms:
        if part.get("type") == "array":
            items = part.get("items", {})
            if items.get("properties") and items not in forms:
                yield from argument_rows(items, {}, place + "[].", depth)
        elif part.get("properties") or _parts_of_any_name(part):
            yield from argument_rows(part, {}, place + ".", depth)


def _parts_of_any_name(schema: Schema) -> list[Schema]:
    """Schemas of values whose names the schema leaves open."""
    found = list(schema.get("patternProperties", {}).values())
    rest = schema.get("additionalProperties")
    if isinstance(rest, dict) and rest:
        found.append(rest)
    # a type says nothing that the mapping itself has not said
    return [each for each in found if each.get("description")]


def alternatives(schema: Schema) -> list[Schema]:
    for key in ("anyOf", "oneOf"):
        if key in schema and "properties" not in schema:
            return list(schema[key])
    return [schema]


def schema_text(schema: Schema, defaults: Schema) -> str:
    """What a configuration may be: a table for each form it can have."""
    parts = []
    forms = alternatives(schema)
    for form in forms:
        rows = list(argument_rows(form, defaults))
        description = sentence(form.get("description", ""))
        if not rows:
            if form.get("items") not in forms:
                description = "Value: %s. %s" % (value_text(form), description)
            parts.append(description.strip() + "\n")
            continue
        if description:
            parts.append(description + "\n")
        parts.append(
            list_table(["Argument", "Value", "Meaning"], rows, (24, 24, 52))
        )
    return "\n".join(parts)


# ---- what a plugin takes


def arguments_text(cls: PluginClass) -> str:
    """What somebody who uses a plugin may give it; empty: nothing."""
    base = cls._get_base().__name__
    described = cls.get_info()
    documented = {
        each["name"]: each["doc"] for each in described["parameters"]
    }
    if base == "Validator":
        return _constructor_text(cls, documented)
    schema = described["schema"]
    if base == "ResourceType":
        return "In the task file: %s.\n" % value_text(schema)
    if base in COMMANDS or base == "Chart" or not schema:
        return ""
    if base == "Scenario":
        return _scenario_text(schema, documented)
    return schema_text(schema, getattr(cls, "DEFAULT_CONFIG", {}))


def _scenario_text(schema: Schema, documented: t.Mapping[str, str]) -> str:
    rows = list(argument_rows(schema, {}))
    if schema.get("additionalProperties") is True:
        rest = [doc for name, doc in documented.items()
                if name not in schema["properties"]]
        rows.append(["others", "any value", sentence(" ".join(rest))])
    if not rows:
        return "It takes no arguments.\n"
    return list_table(["Argument", "Value", "Meaning"], rows, (24, 24, 52))


def _constructor_text(
    cls: PluginClass, documented: t.Mapping[str, str]
) -> str:
    rows = []
    signature = inspect.signature(cls)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            rows += [
                ["``%s``" % each, sentence(doc)]
                for each, doc in documented.items()
                if each not in signature.parameters
            ]
            continue
        meaning = sentence(documented.get(name, ""))
        if parameter.default is parameter.empty:
            meaning += " *Required.*"
        elif parameter.default not in (None, ""):
            meaning += " Default: ``%r``." % (parameter.default,)
        rows.append(["``%s``" % name, meaning])
    if not rows:
        return ""
    return list_table(["Argument", "Meaning"], rows, (30, 70))


# ---- samples


class Sample(t.NamedTuple):
    """A part of a task file."""

    path: str  # from the root of the tree
    text: str


@functools.cache
def samples() -> t.Mapping[tuple[str, str], Sample]:
    """For each plugin, by base and name, what shows best how it is used."""
    found: dict[tuple[str, str], list[tuple[t.Any, Sample]]] = {}
    for path in sorted(SAMPLES.rglob("*.yaml")):
        name = str(path.relative_to(TREE))
        text = jinja2.Template(path.read_text("utf-8")).render()
        config = task_cfg.TaskConfig(yaml.safe_load(text))
        for subtask in config.subtasks:
            for workload in subtask["workloads"]:
                for key, part in parts_of(workload):
                    shown = yaml.safe_dump(
                        part, sort_keys=False, default_flow_style=None
                    )
                    is_elsewhere = FOLDERS[key[0]] not in path.parts
                    found.setdefault(key, []).append((
                        (is_elsewhere, len(shown), name), Sample(name, shown)
                    ))
    return {key: min(several)[1] for key, several in found.items()}


def parts_of(
    workload: t.Mapping[str, t.Any],
) -> t.Iterator[tuple[tuple[str, str], dict[str, t.Any]]]:
    """The plugins of a workload, each with the part that is about it."""
    name, kind = workload["name"], workload["runner_type"]
    runner = {"runner": {kind: workload["runner"]}}
    yield ("Scenario", name), {"scenario": {name: workload["args"]}}
    yield ("ScenarioRunner", kind), runner
    agents = workload["runner"].get("agents")
    if isinstance(agents, dict):
        yield ("AgentProvider", next(iter(agents))), runner
    for base, key in (("Context", "contexts"), ("SLA", "sla")):
        for each, config in workload[key].items():
            yield (base, each), {key: {each: config}}
    for hook in workload["hooks"]:
        part = {"hooks": [
            {key: dict([hook[key]]) for key in ("action", "trigger")}
        ]}
        yield ("HookAction", hook["action"][0]), part
        yield ("HookTrigger", hook["trigger"][0]), part


def sample_text(cls: PluginClass) -> str:
    """How to use a plugin; empty: its description says it."""
    base, name = cls._get_base().__name__, cls.get_name()
    if base in COMMANDS:
        destination = DESTINATIONS.get(name, "report.json")
        command = COMMANDS[base] % (name, destination)
        return ".. code-block:: console\n\n   $ %s\n" % command
    sample = samples().get((base, name))
    if sample is None:
        return ""
    return "As in ``%s``:\n\n.. code-block:: yaml\n\n%s" % (
        sample.path, textwrap.indent(sample.text, 3 * " ")
    )


# ---- pages


def entry(cls: PluginClass) -> str:
    """All about one plugin, as a section of reStructuredText."""
    described = cls.get_info()
    name = cls.get_name()
    rest = [described["description"], arguments_text(cls), sample_text(cls)]
    if cls.is_deprecated():
        rest.insert(0, "Deprecated since %(rally_version)s: %(reason)s"
                    % cls.is_deprecated())
    where = "Platform ``%s``, class ``%s.%s``." % (
        cls.get_platform(), cls.__module__, cls.__name__
    )
    return "\n\n".join([
        "%s\n%s" % (name, "~" * len(name)), described["title"],
        *filter(None, rest), where,
    ]) + "\n"


def page_part(base: str) -> str:
    """The plugins of a base, one after another."""
    return "\n\n".join(map(entry, plugins_of(base)))


class Plugins(rst.Directive):
    """``.. plugins:: BASE``: the plugins of a base, a section for each."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        from sphinx.util import nodes as sphinx_nodes

        base = self.arguments[0]
        text = page_part(base)
        if not text.strip():
            raise self.error("Rally has no plugin of base %s." % base)
        lines = statemachine.StringList(
            text.splitlines(), source="plugins of base %s" % base
        )
        parent = nodes.section()
        parent.document = self.state.document
        sphinx_nodes.nested_parse_with_titles(self.state, lines, parent)
        return list(parent.children)


def setup(app: t.Any) -> dict[str, t.Any]:
    """What Sphinx calls."""
    app.add_directive("plugins", Plugins)
    # a page that has been read before is not read again if code has changed
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True}


def _outdated(
    app: t.Any, env: t.Any, added: t.Any, changed: t.Any, removed: t.Any
) -> list[str]:
    return [
        name for name in env.found_docs
        if ".. plugins::" in pathlib.Path(env.doc2path(name)).read_text(
            "utf-8"
        )
    ]
