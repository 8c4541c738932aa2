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

"""Reading a task file: arguments, rendering, parsing."""

from __future__ import annotations

import os
import sys
import typing as t

from rally import exceptions
from rally.cli import cliutils

if t.TYPE_CHECKING:
    from rally import api as rally_api

STDIN = "-"


class FailedToLoadTask(exceptions.RallyException):
    """What to do: correct the file or the arguments at the place that the
    message names. `rally task validate` shows the task as it is rendered.
    """

    error_code = 117
    msg_fmt = "Invalid %(source)s passed:\n\n\t %(msg)s"


def load(
    api: rally_api.API,
    task_file: str,
    task_args: str | None = None,
    task_args_file: str | None = None,
) -> t.Any:
    """Read, render and parse a task file; say so on standard output.

    :param task_file: a path, or ``-`` for standard input
    :param task_args: values of variables: YAML, JSON or ``key=value,...``
    :param task_args_file: file with such values; *task_args* win
    :raises FailedToLoadTask: naming which of them is wrong, and how
    """
    print(cliutils.make_header("Preparing input task"))
    values = _arguments(task_args, task_args_file)
    rendered = _rendered(api, task_file, values)
    print("Task is:\n%s\n" % rendered)
    try:
        parsed = _parse(rendered)
    except ValueError as e:
        raise FailedToLoadTask(
            source="task file",
            msg="Wrong format of rendered input task. It should be YAML or "
            "JSON. Details:\n\n%s" % e,
        ) from None
    print("Task syntax is correct :)")
    return parsed


def _rendered(
    api: rally_api.API, task_file: str, values: dict[str, t.Any]
) -> str:
    text = _read(task_file, "task file")
    path = os.path.expanduser(task_file)
    folder = "./" if task_file == STDIN else os.path.dirname(path) or "./"
    try:
        return api.task.render_template(
            task_template=text, template_dir=folder, **values
        )
    except Exception as e:  # templates are programs of the user
        raise FailedToLoadTask(
            source="task file",
            msg="Failed to render task template.\n\n%s" % e,
        ) from None


def _read(path: str, source: str) -> str:
    if path == STDIN:
        return sys.stdin.read()
    try:
        text = cliutils.content_of(path).decode("utf-8")
    except OSError as e:
        raise FailedToLoadTask(source=source, msg=str(e)) from None
    except UnicodeDecodeError as e:
        raise FailedToLoadTask(
            source=source, msg="%s is not text in UTF-8: %s" % (path, e)
        ) from None
    return text.replace("\r\n", "\n")


def _arguments(text: str | None, path: str | None) -> dict[str, t.Any]:
    values: dict[str, t.Any] = {}
    if path:
        source = "--task-args-file"
        values.update(_mapping(_read(path, source), source))
    if text:
        values.update(_mapping(text, "--task-args", pairs=True))
    return values


def _mapping(
    text: str, source: str, pairs: bool = False
) -> dict[str, t.Any]:
    """Parse arguments.

    :param pairs: accept ``key=value,key=value`` as well
    """
    try:
        parsed = _parse(text)
        if pairs and isinstance(parsed, str):
            parsed = _of_pairs(parsed)
    except ValueError as e:
        raise FailedToLoadTask(
            source=source,
            msg="Value has to be YAML or JSON. Details:\n\n%s" % e,
        ) from None
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise FailedToLoadTask(
            source=source,
            msg="Value has to be a dictionary from the variables of the task "
            "file to their values, but it is %s." % type(parsed).__name__,
        )
    return parsed


def _of_pairs(text: str) -> dict[str, str]:
    pairs = [item.partition("=") for item in text.split(",")]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        raise ValueError("String %r doesn't look like a dictionary." % text)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _parse(text: str) -> t.Any:
    """:raises ValueError: it is not YAML (nor JSON, which is a part of it)"""
    import yaml

    from rally.cli import yamlutils

    try:
        return yamlutils.safe_load(text)
    except yaml.YAMLError as e:
        raise ValueError(str(e)) from None
