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

"""Tables and headers, and what all commands of a process share."""

from __future__ import annotations

import contextvars
import functools
import json
import os
import sys
import textwrap
import typing as t
import warnings

from rally.cli import tables, terminal

if t.TYPE_CHECKING:
    from rally import api as rally_api

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])
Formatters: t.TypeAlias = t.Mapping[str, t.Callable[[t.Any], t.Any]]

_API: contextvars.ContextVar[rally_api.API] = contextvars.ContextVar(
    "rally_api"
)
_HELP_REQUESTED: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "rally_help_requested", default=False
)


def set_api(api: rally_api.API) -> None:
    """Say which API the commands of this process use."""
    _API.set(api)


def get_api() -> rally_api.API:
    """The API of this process.

    :raises LookupError: ``set_api`` has not been called
    """
    return _API.get()


def set_help_requested(value: bool) -> None:
    """Say that help is to be shown, so no command will run."""
    _HELP_REQUESTED.set(value)


def is_help_requested() -> bool:
    return _HELP_REQUESTED.get()


def iter_commands(
    command: t.Any, path: tuple[str, ...] = ()
) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    """Walk the commands at and below *command*, groups left out.

    :returns: pairs of the names that lead to a command, and the command
    """
    names = getattr(command, "list_commands", None)
    if names is None:
        yield path, command
        return
    for name in names(None):
        yield from iter_commands(
            command.get_command(None, name), (*path, name)
        )


def content_of(path: str) -> bytes:
    """What is in a file that the user has named.

    :raises OSError: it cannot be read; the error is a sentence
    """
    try:
        with open(os.path.expanduser(path), "rb") as f:
            return f.read()
    except OSError as e:
        raise OSError(
            "%s cannot be read: %s. Check its name, and the folder that this "
            "command runs in." % (path, e.strerror or e)
        ) from e


def make_header(text: str, size: int = 80, symbol: str = "-") -> str:
    """*text* between two rules, no wider than the terminal."""
    room = terminal.width()
    rule = symbol * min(size, room) + "\n"
    if room < terminal.UNLIMITED:
        text = "\n".join(terminal.broken(text, room))
    return rule + text + "\n" + rule


def make_table_header(
    table_label: str,
    table_width: int,
    junction_char: str = "+",
    horizontal_char: str = "-",
    vertical_char: str = "|",
) -> str:
    """The line and the title to put on top of a table.

    :param table_width: width of the table with its borders
    """
    return "\n".join(tables.title_lines(
        table_label, table_width, horizontal_char, junction_char,
        vertical_char,
    ))


def pretty_float_formatter(
    field: str, ndigits: int | None = None
) -> t.Callable[[t.Any], t.Any]:
    """A formatter for ``print_list``: the number rounded, n/a for None."""

    def formatter(obj: t.Any) -> t.Any:
        value = obj[field] if isinstance(obj, dict) else getattr(obj, field)
        if value is None:
            return "n/a"
        return value if ndigits is None else round(value, ndigits)

    return formatter


def suppress_warnings(f: _F) -> _F:
    """Decorate a command: warnings of libraries are not shown."""

    @functools.wraps(f)
    def wrapper(*args: t.Any, **kwargs: t.Any) -> t.Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(*args, **kwargs)

    return t.cast(_F, wrapper)


def print_list(
    objs: t.Iterable[t.Any],
    fields: t.Sequence[str],
    formatters: Formatters | None = None,
    sortby_index: int | None = 0,
    mixed_case_fields: t.Sequence[str] | None = None,
    field_labels: t.Sequence[str] | None = None,
    normalize_field_names: bool = False,
    table_label: str | None = None,
    print_header: bool = True,
    print_border: bool = True,
    print_row_border: bool = False,
    out: t.TextIO | None = None,
    key: int = 0,
) -> None:
    """Print objects as rows of a table.

    :param fields: names of the columns; an attribute (or key) is the name in
        lower case with underscores, unless in *mixed_case_fields*
    :param formatters: functions of the object, by field
    :param sortby_index: number of the column to sort by; None: as given
    :param normalize_field_names: dashes in names become underscores
    :param key: number of the column that names a row, see ``tables``
    """
    labels = list(field_labels or fields)
    if len(labels) != len(fields):
        raise ValueError(
            "Field labels list %s has different number of elements than "
            "fields list %s" % (labels, list(fields))
        )
    cell = functools.partial(
        _cell,
        formatters=formatters or {},
        mixed_case=mixed_case_fields or (),
        normalize=normalize_field_names,
    )
    rows = [[cell(obj, field) for field in fields] for obj in objs]
    if sortby_index is not None:
        rows.sort(key=lambda row: [row[sortby_index], *row])
    table = tables.FittedTable(
        labels, _texts(rows), table_label, key, print_header, print_border,
        print_row_border,
    )
    _print(table, out)


def print_table(
    labels: t.Sequence[str],
    rows: t.Iterable[t.Sequence[t.Any]],
    table_label: str,
    dispensable: t.Sequence[str] = (),
) -> None:
    """Print rows, in the order given, as a table with a title.

    :param dispensable: see ``tables``
    """
    _print(tables.FittedTable(
        labels, _texts(rows), table_label, dispensable=dispensable
    ))


def print_dict(
    obj: t.Any,
    fields: t.Sequence[str] | None = None,
    formatters: Formatters | None = None,
    mixed_case_fields: t.Sequence[str] | None = None,
    normalize_field_names: bool = False,
    property_label: str = "Property",
    value_label: str = "Value",
    table_label: str | None = None,
    print_header: bool = True,
    print_border: bool = True,
    wrap: int = 0,
    out: t.TextIO | None = None,
) -> None:
    """Print an object as a table of two columns, sorted by field.

    :param wrap: longest line of a value; 0: no limit
    """
    if fields is None:
        fields = list(obj if isinstance(obj, dict) else vars(obj))
    rows = [
        [field, _property_text(
            _cell(
                obj, field, formatters or {}, mixed_case_fields or (),
                normalize_field_names,
            ),
            wrap,
        )]
        for field in sorted(fields)
    ]
    _print(tables.FittedTable(
        [property_label, value_label], rows, table_label,
        has_header=print_header, has_border=print_border,
    ), out)


def _cell(
    obj: t.Any,
    field: str,
    formatters: Formatters,
    mixed_case: t.Sequence[str],
    normalize: bool,
) -> t.Any:
    if field in formatters:
        return formatters[field](obj)
    name = field.replace(" ", "_")
    if normalize:
        name = name.replace("-", "_")
    if isinstance(obj, dict):
        return obj.get(field, obj.get(name.lower(), ""))
    return getattr(obj, name if field in mixed_case else name.lower(), "")


def _property_text(value: t.Any, wrap: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, (dict, list)):
        value = json.dumps(value)
    lines = str(value).replace("\\n", "\n").split("\n")
    if wrap:
        lines = ["\n".join(textwrap.wrap(line, wrap)) for line in lines]
    return "\n".join(lines)


def _texts(rows: t.Iterable[t.Sequence[t.Any]]) -> list[list[str]]:
    return [list(map(str, row)) for row in rows]


def _print(table: tables.FittedTable, out: t.TextIO | None = None) -> None:
    stream = out or sys.stdout
    print(table.text(terminal.width(stream)), file=stream)
