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

"""Rendering of task files."""

from __future__ import annotations

import builtins
import math
import re
import typing as t

if t.TYPE_CHECKING:
    from jinja2 import nodes

#: filters that give a variable its value where it has none
_DEFAULT_FILTERS = ("default", "d")
#: a template without any of these is nothing but text
_MARKS = ("{{", "{%", "{#")
_LINE_END = re.compile("\r\n|\r|\n")


def functions() -> dict[str, t.Callable[..., t.Any]]:
    """What templates can call beside Jinja2's own."""
    return {"min": min, "max": max, "ceil": math.ceil, "round": round}


def render(template: str, folder: str, arguments: dict[str, t.Any]) -> str:
    """Render *template*; ``include`` and ``import`` look into *folder*.

    Whoever validates the files of strangers must not run their code, so a
    template reaches values and their methods, but nothing of Python behind
    them.

    :raises SecurityError: it tries to
    :raises TypeError: a variable has neither argument nor default
    """
    if not any(mark in template for mark in _MARKS):
        # as Jinja2 does it, which takes longer to load than a small task
        lines = _LINE_END.split(template)
        return "\n".join(lines if lines[-1] else lines[:-1])
    import jinja2
    from jinja2 import sandbox

    env = sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder, encoding="utf8")
    )
    # a large task file may count beyond the 100,000 that a sandbox allows
    env.globals.update(functions(), range=range)
    missing = required(env.parse(template)) - set(arguments)
    missing -= set(env.globals)
    if len(missing) == 1:
        raise TypeError(
            "The task file has a variable without a value: %s"
            % missing.pop()
        )
    if missing:
        raise TypeError(
            "The task file has variables without a value: %s"
            % ", ".join(sorted(missing))
        )
    return env.from_string(template).render(**arguments)


def required(ast: nodes.Template) -> set[str]:
    """Variables of a template that have no default.

    A default is ``{% set x = x or ... %}`` or ``x | default(...)``.
    """
    from jinja2 import meta, nodes

    with_default = {
        node.node.name
        for node in ast.find_all(nodes.Filter)
        if node.name in _DEFAULT_FILTERS and isinstance(node.node, nodes.Name)
    }
    for node in ast.find_all(nodes.Assign):
        if isinstance(node.target, nodes.Name) and any(
            name.name == node.target.name
            for choice in _choices(node.node)
            for name in choice.find_all(nodes.Name)
        ):
            with_default.add(node.target.name)
    undeclared = meta.find_undeclared_variables(ast)
    return undeclared - with_default - set(dir(builtins))


def _choices(node: nodes.Node) -> t.Iterator[nodes.Node]:
    """Expressions at or below *node* that choose between two values."""
    from jinja2 import nodes

    for kind in (nodes.Or, nodes.CondExpr, nodes.Filter):
        if isinstance(node, kind):
            yield node
        yield from node.find_all(kind)
