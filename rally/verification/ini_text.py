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

"""Options in the text of a configuration file, whose comments stay."""

from __future__ import annotations

import re
import typing as t

#: section -> option -> value
Options: t.TypeAlias = t.Mapping[str, t.Mapping[str, t.Any]]

_SECTION = re.compile(r"\[(?P<name>[^]]+)\]")
_OPTION = re.compile(r"(?P<name>[^\s#;\[=:][^=:]*?)\s*(?:[=:]|$)")


def with_options(text: str, options: Options) -> str:
    """*text* with these options.

    An option that is there gets the value where it stands, another one
    follows the last line of its section. Options are told apart by case.

    :param options: a value of several lines is indented; None is empty
    """
    lines = text.splitlines()
    for section, values in options.items():
        for option, value in values.items():
            _set(lines, section, option, _lines_of(option, value))
    return "\n".join(lines) + "\n" if lines else ""


def _lines_of(option: str, value: t.Any) -> list[str]:
    first, *more = ("" if value is None else str(value)).split("\n")
    return [("%s = %s" % (option, first)).rstrip(),
            *("\t" + line for line in more)]


def _set(
    lines: list[str], section: str, option: str, new: list[str]
) -> None:
    current = None
    end = None  # behind the last line of the section that says something
    for number, line in enumerate(lines):
        heading = _SECTION.match(line)
        if heading:
            current = heading["name"]
        if current != section:
            continue
        if line.strip():
            end = number + 1
        found = None if heading else _OPTION.match(line)
        if found and found["name"] == option:
            lines[number:_end_of_value(lines, number)] = new
            return
    if end is None:
        if lines and lines[-1].strip():
            lines.append("")
        lines.append("[%s]" % section)
        end = len(lines)
    lines[end:end] = new


def _end_of_value(lines: list[str], number: int) -> int:
    """Number of the first line that is not of the value begun in *number*."""
    end = number + 1
    while end < len(lines) and re.match(r"\s+\S", lines[end]):
        end += 1
    return end
