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

"""Templates of pages, and pages that bring everything along."""

from __future__ import annotations

import functools
import importlib.resources
import typing as t

import jinja2
import markupsafe
import msgspec

#: characters that could end a script element or start a comment in it, and
#: line separators that old engines refuse inside of strings
_ESCAPES = {
    "<": "\\u003c", ">": "\\u003e", "&": "\\u0026",
    "\u2028": "\\u2028", "\u2029": "\\u2029",
}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)


def get_template(template: str) -> jinja2.Template:
    """A template below ``rally/ui/templates``.

    :param template: its path there, as ``task/report.html``
    """
    return _environment().get_template(template)


def render_page(template: str, data: t.Any) -> str:
    """A page that works from its data alone, without a network.

    :param template: path of the template
    :param data: what the page's script finds as its data
    """
    return get_template(template).render(data=data)


def script_json(data: t.Any) -> markupsafe.Markup:
    """*data* as JSON that nothing in it can break out of.

    The text stays the same JSON: only characters inside of its strings are
    written in their escaped form, and no other part of JSON has them.
    """
    text = msgspec.json.encode(data, enc_hook=str).decode()
    return markupsafe.Markup(text.translate(_ESCAPE_TABLE))


def static_text(name: str) -> markupsafe.Markup:
    """Content of a file below ``rally/ui/static``."""
    folder = importlib.resources.files("rally.ui") / "static"
    return markupsafe.Markup((folder / name).read_text(encoding="utf-8"))


def chart_library() -> markupsafe.Markup:
    """The script that draws bars, pies and lines, see its own licence.

    It is plotly's "basic" one: a quarter of the whole.
    """
    return static_text("plotly-basic.min.js")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rally.ui"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = script_json
    environment.globals["static_text"] = static_text
    environment.globals["chart_library"] = chart_library
    return environment
