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

"""Options of rally.conf, as tables that Sphinx makes when it builds a page.

A page says ``.. rally-options:: rally``, with the namespace by which
``oslo-config-generator`` knows the options, too. Options of libraries differ
between their releases, so these tables are not kept in the page.
"""

from __future__ import annotations

import importlib.metadata
import re
import typing as t

from docutils import nodes, statemachine
from docutils.parsers import rst
from oslo_config import cfg

if t.TYPE_CHECKING:
    from sphinx.application import Sphinx

#: whose options rally.conf may set
NAMESPACES = ("rally", "oslo.db", "oslo.log")
#: what a build of the documentation cannot know
_DEFAULTS = {"connection": "file ``~/.rally/rally.db`` of SQLite"}
_KINDS = {"floating": "number", "multi": "list"}
_WORDS = re.compile(r"([*_|\\])")


def _registered(section: str) -> t.Any:
    """Names of the options of a section."""
    return cfg.CONF if section == "DEFAULT" else cfg.CONF[section]


def options_of(namespace: str) -> list[tuple[str, cfg.Opt]]:
    """Section and option, for those of *namespace* that Rally registers."""
    from rally.common import db, opts  # noqa: F401 (registers its options)

    opts.update_opt_defaults()  # and registers those of logs
    (point,) = importlib.metadata.entry_points(
        group="oslo.config.opts", name=namespace
    )
    return [
        (str(section or "DEFAULT"), option)
        for section, options in point.load()()
        for option in options
        if option.dest in _registered(section or "DEFAULT")
    ]


def _kind(option: cfg.Opt) -> str:
    """Type of the values, with their limits."""
    kind = option.type
    name = getattr(kind, "type_name", type(kind).__name__).split()[0]
    words = [_KINDS.get(name, name)]
    choices = getattr(kind, "choices", None)
    if choices:
        words = ["one of %s" % ", ".join(
            "``%s``" % x if x else "nothing" for x in choices
        )]
    if getattr(kind, "min", None) is not None:
        words.append("at least %s" % kind.min)
    if getattr(kind, "max", None) is not None:
        words.append("at most %s" % kind.max)
    return ", ".join(words)


def _default(option: cfg.Opt) -> str:
    """The default as it would stand in the file."""
    value = option.default
    if option.dest in _DEFAULTS:
        return _DEFAULTS[option.dest]
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "``%s``" % str(value).lower()
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    # a space that begins or ends a literal is none
    return "``%s``" % str(value).strip() if str(value).strip() else "empty"


def _help(option: cfg.Opt) -> str:
    """What the option does; what looks like code becomes code."""
    text = " ".join((option.help or "").split())
    text = re.sub(r" ?Default: %\(default\)s ?\.", "", text)
    parts = re.split(r"`+([^`]+)`+", text.replace("%%", "%"))
    for i in range(0, len(parts), 2):
        parts[i] = _WORDS.sub(r"\\\1", parts[i])
    parts[1::2] = ["``%s``" % part for part in parts[1::2]]
    return "".join(parts)


def text_of(namespace: str) -> str:
    """The options of *namespace* as reStructuredText, section by section."""
    sections: dict[str, list[cfg.Opt]] = {}
    for section, option in options_of(namespace):
        sections.setdefault(section, []).append(option)
    lines = []
    for section, options in sorted(sections.items()):
        lines += ["Section ``[%s]``:" % section, ""]
        for option in sorted(options, key=lambda each: each.dest):
            lines += [
                "``%s``" % option.dest,
                "    %s; default: %s" % (_kind(option), _default(option)),
                "",
                "    %s" % _help(option),
                "",
            ]
    return "\n".join(lines)


class Options(rst.Directive):
    """``.. rally-options:: NAMESPACE``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = text_of(self.arguments[0])
        source = "options of %s" % self.arguments[0]
        node = nodes.Element()
        self.state.nested_parse(
            statemachine.StringList(text.splitlines(), source), 0, node
        )
        return node.children


def setup(app: Sphinx) -> dict[str, t.Any]:
    """Make the directive known to Sphinx."""
    app.add_directive("rally-options", Options)
    return {"parallel_read_safe": True}
