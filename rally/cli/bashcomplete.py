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

"""A script that completes Rally's commands in bash, without starting it."""

from __future__ import annotations

import typing as t

import typer.main

from rally.cli import cliutils

SCRIPT = """#!/bin/bash
# Completion of rally's commands and options.
# Made by `python -m rally.cli.bashcomplete`; do not edit.

_rally()
{
    declare -A OPTIONS
%(options)s

    local current="${COMP_WORDS[COMP_CWORD]}"
    local key="" word
    local -i named=0
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$word" in
            -*) ;;
            *)
                if (( named < 2 )); then
                    key="${key:+${key}_}${word}"
                    named+=1
                fi
                ;;
        esac
    done
    if (( named == 2 )); then
        COMPREPLY=( $(compgen -W "${OPTIONS[$key]}" -- "$current") )
        if [[ "$current" != -* ]]; then
            compopt -o default
        fi
        return 0
    fi
    local -A words
    local path rest
    for path in "${!OPTIONS[@]}"; do
        rest="${path}"
        if [[ -n "$key" ]]; then
            [[ "$path" == "${key}_"* ]] || continue
            rest="${path#"${key}"_}"
        fi
        words["${rest%%%%_*}"]=1
    done
    COMPREPLY=( $(compgen -W "${!words[*]}" -- "$current") )
    return 0
}

complete -F _rally rally
"""


def generate() -> str:
    """The script, made from the commands that there are."""
    from rally.cli import main

    root = typer.main.get_command(main.app)
    lines = [
        '    OPTIONS["%s"]="%s"' % ("_".join(path), " ".join(_flags(command)))
        for path, command in sorted(
            cliutils.iter_commands(root), key=lambda pair: pair[0]
        )
        if not command.hidden
    ]
    return SCRIPT % {"options": "\n".join(lines)}


def _flags(command: t.Any) -> list[str]:
    return [
        flag
        for parameter in command.params
        for flag in parameter.opts
        if flag.startswith("--") and not getattr(parameter, "hidden", False)
    ]


if __name__ == "__main__":
    print(generate(), end="")
