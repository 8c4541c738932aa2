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

"""Parts of the documentation that are made from the code.

``python doc/ext/reference.py`` writes them anew. In a page, such a part
stands between two comments::

    .. made from the code: agent_states

    .. end of what is made from the code

A unit test compares what stands there with what would be written now.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pathlib
import pkgutil
import re
import textwrap
import typing as t

SOURCE = pathlib.Path(__file__).parent.parent / "source"
PART = re.compile(
    r"(?P<begin>^\.\. made from the code: (?P<name>\w+)\n)"
    r"(?P<body>.*?)"
    r"(?P<end>^\.\. end of what is made from the code$)",
    re.MULTILINE | re.DOTALL,
)
MEMBER = re.compile(r'^    (\w+) = "[^"]*"(?:  # (?P<comment>.*))?$')

Row: t.TypeAlias = t.Sequence[str]
Transitions: t.TypeAlias = t.Mapping[tuple[t.Any, t.Any], enum.Enum]


# ---- tables


def list_table(
    head: Row, rows: t.Iterable[Row], widths: t.Sequence[int]
) -> str:
    """A table of reStructuredText; a cell may have several lines."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: %s" % " ".join(map(str, widths)),
        "",
    ]
    for row in [head, *rows]:
        bullet = "   * - "
        for cell in row:
            first, *more = cell.splitlines() or [""]
            lines.append((bullet + first).rstrip())
            lines += [(7 * " " + line).rstrip() for line in more]
            bullet = "     - "
    return "\n".join(lines) + "\n"


# ---- state machines


def meanings(states: type[enum.Enum]) -> dict[str, str]:
    """What the comment beside each state says."""
    found = {}
    for line in inspect.getsource(states).splitlines():
        match = MEMBER.match(line)
        if match:
            found[match[1]] = match["comment"] or ""
    return found


def state_table(states: type[enum.Enum], transitions: Transitions) -> str:
    """States, what they mean, and which event leads where."""
    comments = meanings(states)
    rows = []
    for state in states:
        ways = [
            "| %s → *%s*" % (event.value, after.value)
            for (before, event), after in transitions.items()
            if before is state
        ]
        rows.append(
            [
                "*%s*" % state.value,
                comments[state.name],
                "\n".join(ways) or "nothing: the end",
            ]
        )
    return list_table(["State", "Meaning", "Event → next state"], rows,
                      (14, 43, 43))


def membership_states() -> str:
    """What the controller holds to be true of an agent."""
    from rally.task.distributed.controller import membership

    return state_table(membership.AgentState, membership.TRANSITIONS)


def agent_states() -> str:
    """What an agent is at."""
    from rally.task.distributed.agent import machine

    return state_table(machine.LoadState, machine.TRANSITIONS)


# ---- messages


def wire_messages() -> str:
    """What is said, in the order and under the headings of the code."""
    from rally.task.distributed.wire import messages

    rows: list[Row] = []
    heading = ""
    for line in inspect.getsource(messages).splitlines():
        if line.startswith("# ---- "):
            heading = line.removeprefix("# ---- ")
        match = re.match(r"class ([A-Z]\w+)\(", line)
        if match:
            cls = getattr(messages, match[1])
            what = " ".join((cls.__doc__ or "").split())
            rows.append([heading, "``%s``" % match[1], what])
            heading = ""
    return list_table(["Where", "Message", "Meaning"], rows, (26, 18, 56))


# ---- the runner


def distributed_options() -> str:
    """Keys of the configuration of the distributed runner."""
    from rally.plugins.common.runners import distributed

    return config_table(distributed.DistributedRunner)


def ssh_options() -> str:
    """Keys of the configuration of provider ssh."""
    from rally.plugins.common.agent_providers import ssh

    return config_table(ssh.SSHProvider)


def slurm_options() -> str:
    """Keys of the configuration of provider slurm."""
    from rally.plugins.common.agent_providers import slurm

    return config_table(slurm.SlurmProvider)


def config_table(plugin: t.Any) -> str:
    """Keys of the configuration of a plugin."""
    schema = plugin.CONFIG_SCHEMA
    rows = []
    for name, part in schema["properties"].items():
        kind = " or ".join(
            [each["type"] for each in part.get("anyOf", [part])
             if "type" in each]
            or ["``%s``" % value for value in part["enum"]]
        )
        rows.append(["``%s``" % name, kind, literal(part["description"])])
    return list_table(["Key", "Value", "Meaning"], rows, (18, 22, 60))


def kubernetes_options() -> str:
    """Keys of the configuration of provider kubernetes."""
    from rally.plugins.common.agent_providers.kubernetes import provider

    return config_table(provider.KubernetesProvider)


# ---- the command line


def literal(text: str) -> str:
    """*text* of a help message: what looks like code becomes code."""
    text = text.replace("*", r"\*")
    return re.sub(r"`+([^`]+)`+", r"``\1``", " ".join(text.split()))


def commands(group: t.Any, path: str) -> t.Iterator[tuple[str, t.Any]]:
    """All commands below *group* with their full names."""
    import typer

    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        full = "%s %s" % (path, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, full)
        else:
            yield full, command


def parameters_of(command: t.Any) -> t.Iterator[tuple[str, str]]:
    """Names and help of the parameters of a command."""
    from rally.cli import argutils

    syntax = argutils.syntax_of(inspect.unwrap(command.callback))
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        names = [*parameter.opts, *parameter.secondary_opts]
        if parameter.param_type_name == "argument":
            names = [(parameter.metavar or parameter.name or "").strip("{}")]
            names += syntax.keywords
        text = literal(parameter.help or "")
        if parameter.envvar:
            text += " Default: ``$%s``." % parameter.envvar
        elif parameter.required:
            text += " *Required.*"
        yield ", ".join("``%s``" % name for name in names), text.strip()


def filled(text: str, indent: str = "") -> str:
    """A paragraph of the width of a page."""
    return textwrap.fill(
        text, 79, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )


def command_line() -> str:
    """Every command with its options."""
    import typer.main

    from rally.cli import main

    parts = []
    for name, command in commands(typer.main.get_command(main.app), "rally"):
        parts.append("%s\n%s\n" % (name, "-" * len(name)))
        text = inspect.cleandoc(command.help or "").split("\f")[0]
        parts += [
            filled(literal(part)) + "\n" for part in text.split("\n\n")
        ]
        parts += [
            "%s\n%s\n" % (names, filled(meaning, "    "))
            for names, meaning in parameters_of(command)
        ]
    return "\n".join(parts)


# ---- plugins


def earlier_names() -> str:
    """Names that plugins import, which are elsewhere now."""
    from rally.common import moved

    rows: list[Row] = [
        ["``%s``" % earlier, "``%s``" % present, "both names are good"]
        for earlier, present in moved.ALIASES.items()
    ]
    deprecated = dict(moved.MOVED)
    for module, names in moved.RENAMED.items():
        for earlier, present in names.items():
            deprecated["%s.%s" % (module, earlier)] = (
                "%s.%s" % (module, present)
            )
    rows += [
        ["``%s``" % earlier, "``%s``" % present, "deprecated"]
        for earlier, present in sorted(deprecated.items())
    ]
    return list_table(["Imported", "Is now", "Remark"], rows, (42, 38, 20))


# ---- errors


#: sentences of a message that say what to do begin with one of these
ADVICE = re.compile(
    r"(Ask|Check|Choose|Correct|Create|Delete|End|Export|Find|Fix|Give|If|Install"
    r"|Keep|Leave|Let|Look|Make|Mend|Most likely|Name|Once|Put|Remove|Rename"
    r"|Replace|Restore|Run|See|Set|Start|This is a(n error)?|To go on|Use"
    r"|Write)\b"
)
#: what follows a sentence, if it is there at all: lists and more sentences
_LISTS = re.compile(
    r" ?%\((?:advice|hint)\)s$|(?<! )%\((?:pending|table|trace)\)s"
)
_PLACEHOLDER = re.compile(r"%\((\w+)\)[.\d]*[a-z]")
_REMEDY = re.compile(r"What to do: (.*?)(?:\n\n|\Z)", re.DOTALL)


def error_classes() -> list[t.Any]:
    """All errors of Rally, by their code."""
    import rally
    from rally import exceptions

    for found in pkgutil.walk_packages(rally.__path__, "rally."):
        if ".migrations." not in found.name:
            importlib.import_module(found.name)
    classes: set[t.Any] = set()
    new = {exceptions.RallyException}
    while new:
        classes |= new
        new = {child for cls in new for child in cls.__subclasses__()}
    return sorted(
        (cls for cls in classes if cls.__module__.split(".")[0] == "rally"),
        key=lambda cls: (cls.error_code, cls.__name__),
    )


def sentences(cls: t.Any) -> tuple[list[str], list[str]]:
    """What an error says, and what it says is to be done."""
    text = " ".join(_LISTS.sub(" ", cls.msg_fmt).split())
    parts = re.split(r"(?<=[.!?]) (?=[A-Z])|(?<=\.) (?=%\()", text)
    first = next(
        (i for i, part in enumerate(parts) if ADVICE.match(part)), len(parts)
    )
    return parts[:first], parts[first:]


def remedy(cls: t.Any) -> str:
    """What to do about an error: by its docstring, or by its message.

    Empty: neither says it.
    """
    told = _REMEDY.search(inspect.cleandoc(cls.__dict__.get("__doc__") or ""))
    if told:
        text = " ".join(told[1].split())
        return text[0].upper() + text[1:]
    return " ".join(sentences(cls)[1])


def _message(text: str) -> str:
    """Text of a message; what is filled in, in italics or in capitals."""
    text = re.sub(
        r"`[^`]*`",
        lambda code: _PLACEHOLDER.sub(
            lambda found: found[1].upper(), code[0]
        ),
        text,
    )
    text = _PLACEHOLDER.sub(
        lambda found: "\\ *%s*\\ " % found[1].replace("_", " "), literal(text)
    )
    # what keeps markup apart from letters and quotes beside it
    text = re.sub(r"(^| )\\ ", r"\1", text)
    return re.sub(r"\\ ([ .,:;)]|$)", r"\1", text)


def error_codes() -> str:
    """Errors: the code, which is the exit status, and what to do."""
    rows = [
        [
            str(cls.error_code),
            "``%s.%s``\n\n%s" % (
                cls.__module__, cls.__name__,
                _message(" ".join(sentences(cls)[0])),
            ),
            _message(remedy(cls)),
        ]
        for cls in error_classes()
    ]
    return list_table(
        ["Code", "What it says", "What to do"], rows, (7, 50, 43)
    )


# ---- the JSON report

#: what the schema of a report has no words for
MEANINGS: t.Mapping[str, str] = {
    "args": "Arguments of the scenario; in reports of earlier releases.",
    "contexts": "Contexts that were set up, and their configuration.",
    "contexts_results": "How set-up and clean-up of each context went.",
    "created_at": "When the record was made, ``%Y-%m-%dT%H:%M:%S`` in UTC.",
    "data": "The iterations, in the order of their starts; see below.",
    "description": "What the task file says.",
    "env_name": "Name of the environment that it ran in.",
    "env_uuid": "UUID of that environment.",
    "failed_iteration_count": "Iterations that ended with an error.",
    "full_duration": "Seconds, with set-ups and clean-ups.",
    "hooks": "Hooks: configuration, results of each run, and how many of "
             "them had which status.",
    "load_duration": "Seconds from the first start to the last end.",
    "load_info": "Of distributed runs and of those that lost iterations or "
                 "counted bytes: agents, counters, lost iterations, start "
                 "lag. Rally 5.1 refuses it.",
    "max_duration": "Seconds that the longest iteration took.",
    "min_duration": "Seconds that the shortest iteration took.",
    "pass_sla": "Whether all criteria were met.",
    "position": "Place of the workload in the task, from 0.",
    "run_in_parallel": "Always false; in reports of earlier releases.",
    "runner": "Runner and its configuration: one key.",
    "runner_type": "Name of the runner; in reports of earlier releases.",
    "scenario": "Scenario and its arguments: one key.",
    "sla": "Criteria as the task file has them.",
    "sla_results": "Under ``sla``: ``criterion``, ``success`` and ``detail`` "
                   "of each.",
    "start_time": "Start of the first iteration, seconds since the epoch.",
    "statistics": "Under ``durations``: the row ``total``, and ``atomics``, a "
                  "row for each action.",
    "status": "Status, as ``rally task list`` shows it.",
    "subtask_uuid": "UUID of the subtask; in reports of earlier releases.",
    "subtasks": "The subtasks, in their order.",
    "tags": "Tags of the task.",
    "task_uuid": "UUID of the task; in reports of earlier releases.",
    "title": "What the task file says.",
    "total_iteration_count": "Iterations that left a result.",
    "updated_at": "When the record was last changed, as above.",
    "uuid": "Its UUID.",
    "version": "Version of the format of task files: 2.",
    "workloads": "The workloads, in their order.",
}


def _json_kind(schema: t.Mapping[str, t.Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2].replace("-", " ")
    kinds = schema["type"]
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def _report_keys(schema: t.Mapping[str, t.Any]) -> str:
    required = schema["required"]
    rows = [
        [
            "``%s``" % key,
            _json_kind(part) + (", required" if key in required else ""),
            MEANINGS[key],
        ]
        for key, part in sorted(schema["properties"].items())
    ]
    return list_table(["Key", "Value", "Meaning"], rows, (26, 22, 52))


def report_task() -> str:
    """Keys of a task in a JSON report."""
    from rally.common.objects import report_schema

    return _report_keys(report_schema.TASK_SCHEMA)


def report_subtask() -> str:
    """Keys of a subtask in a JSON report."""
    from rally.common.objects import report_schema

    return _report_keys(report_schema.SUBTASK)


def report_workload() -> str:
    """Keys of a workload in a JSON report."""
    from rally.common.objects import report_schema

    return _report_keys(report_schema.WORKLOAD)


def elastic_fields() -> str:
    """Fields of documents for Elasticsearch, by index."""
    from rally.plugins.common.exporters.elastic import documents

    rows = [
        ["``%s``" % index,
         ", ".join("``%s`` (%s)" % pair for pair in fields.items())]
        for index, fields in documents.FIELDS.items()
    ]
    return list_table(["Index", "Fields"], rows, (30, 70))


PARTS: t.Mapping[str, t.Callable[[], str]] = {
    each.__name__: each
    for each in (
        membership_states, agent_states, wire_messages, distributed_options,
        ssh_options, slurm_options, kubernetes_options,
        command_line, earlier_names, error_codes,
        report_task, report_subtask, report_workload, elastic_fields,
    )
}


# ---- pages


def renewed(text: str) -> str:
    """*text* of a page with its parts as the code gives them now."""
    return PART.sub(
        lambda match: "%s\n%s\n%s" % (
            match["begin"], PARTS[match["name"]](), match["end"]
        ),
        text,
    )


def pages() -> list[pathlib.Path]:
    """The pages that have such parts."""
    return [
        path
        for path in sorted(SOURCE.rglob("*.rst"))
        if PART.search(path.read_text("utf-8"))
    ]


def main() -> None:
    """Write the parts anew."""
    for path in pages():
        text = path.read_text("utf-8")
        if renewed(text) != text:
            path.write_text(renewed(text), "utf-8")
            print("%s is renewed" % path.relative_to(SOURCE))


if __name__ == "__main__":
    main()
