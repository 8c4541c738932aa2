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
import sys
import textwrap
import typing as t
import warnings

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


def make_header(text: str, size: int = 80, symbol: str = "-") -> str:
    """*text* between two rules."""
    rule = symbol * size + "\n"
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
    inner = table_width - 2
    return "%s%s%s\n%s%s%s" % (
        junction_char,
        horizontal_char * inner,
        junction_char,
        vertical_char,
        table_label.center(inner),
        vertical_char,
    )


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
) -> None:
    """Print objects as rows of a table.

    :param fields: names of the columns; an attribute (or key) is the name in
        lower case with underscores, unless in *mixed_case_fields*
    :param formatters: functions of the object, by field
    :param sortby_index: number of the column to sort by; None: as given
    :param normalize_field_names: dashes in names become underscores
    """
    labels = list(field_labels or fields)
    if len(labels) != len(fields):
        raise ValueError(
            "Field labels list %s has different number of elements than "
            "fields list %s" % (labels, list(fields))
        )
    table = _table(labels, print_header, print_border, print_row_border)
    if sortby_index is not None:
        table.sortby = labels[sortby_index]
    cell = functools.partial(
        _cell,
        formatters=formatters or {},
        mixed_case=mixed_case_fields or (),
        normalize=normalize_field_names,
    )
    for obj in objs:
        table.add_row([cell(obj, field) for field in fields])
    _print_table(table, table_label, print_row_border, out)


def print_table(
    labels: t.Sequence[str],
    rows: t.Iterable[t.Sequence[t.Any]],
    table_label: str,
) -> None:
    """Print rows, in the order given, as a table with a title."""
    print(table_text(labels, rows, table_label))


def table_text(
    labels: t.Sequence[str],
    rows: t.Iterable[t.Sequence[t.Any]],
    table_label: str,
) -> str:
    """Rows, in the order given, as a table with a title."""
    table = _table(list(labels), print_header=True, print_border=True)
    table.add_rows(list(map(list, rows)))
    return _text_of(table, table_label, False)


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
    table = _table([property_label, value_label], print_header, print_border)
    for field in sorted(fields):
        value = _cell(
            obj,
            field,
            formatters or {},
            mixed_case_fields or (),
            normalize_field_names,
        )
        table.add_row([field, _property_text(value, wrap)])
    _print_table(table, table_label, False, out)


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


def _table(
    labels: list[str],
    print_header: bool,
    print_border: bool,
    print_row_border: bool = False,
) -> t.Any:
    import prettytable  # not needed by commands without a table

    table = prettytable.PrettyTable(
        labels, header=print_header, border=print_border
    )
    table.align = "l"
    if print_row_border:
        table.hrules = prettytable.HRuleStyle.ALL
    return table


def _print_table(
    table: t.Any,
    label: str | None,
    with_row_border: bool,
    out: t.TextIO | None,
) -> None:
    text = _text_of(table, label, with_row_border)
    print(text, file=out or sys.stdout)


def _text_of(table: t.Any, label: str | None, with_row_border: bool) -> str:
    text = str(table.get_string())
    if not label:
        return text
    width = len(text.split("\n", 1)[0])
    rule = "=" if with_row_border else "-"
    header = make_table_header(label, width, horizontal_char=rule)
    return header + "\n" + text
