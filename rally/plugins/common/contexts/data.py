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

"""Rows of a file, dealt out to iterations.

An iteration gets the row of its number, which is unique in a run whatever
agent has it: so nothing needs to be agreed on while the load runs. The
controller reads the file, and agents get the rows with the context.
"""

from __future__ import annotations

import csv
import io
import json
import pathlib
import typing as t

from rally import consts, exceptions
from rally.common.counting import counted
from rally.task import context

MAX_FILE_BYTES = 64 << 20
_64_BITS = (1 << 64) - 1


class DataFileUnusable(exceptions.RallyException):
    error_code = 236
    msg_fmt = (
        "File %(path)s cannot provide rows for iterations: %(reason)s. Give a "
        "file with one row for each iteration; see the page Testing a web "
        "service of the documentation."
    )


class DataRowsUsedUp(exceptions.RallyException):
    error_code = 237
    msg_fmt = (
        "There is no row for iteration %(number)d: %(path)s has %(rows)s, and "
        "each is used once. Use a longer file or fewer iterations, or say "
        "`at_end: circle`."
    )


def row_index(
    config: t.Mapping[str, t.Any], rows: int, number: int
) -> int:
    """Which of *rows* rows (at least one) iteration *number* gets.

    It depends on nothing else, so agents need not agree on anything. With
    mode ``unique`` no two numbers up to *rows* get the same one.

    :raises DataRowsUsedUp: each row is used, and none twice
    """
    mode = config["mode"]
    if mode == "random":
        return _mixed(config["seed"], number) % rows
    if (
        mode == "unique" and number > rows and config["at_end"] == "fail"
    ):
        raise DataRowsUsedUp(
            number=number, path=config["path"], rows=counted(rows, "row")
        )
    return (number - 1) % rows


def _mixed(seed: int, number: int) -> int:
    """64 bits that look random; splitmix64, Steele et al. 2014."""
    x = (seed + number * 0x9E3779B97F4A7C15) & _64_BITS
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _64_BITS
    return x ^ (x >> 31)


def _schema(**more: t.Any) -> dict[str, t.Any]:
    return {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "path": {
                "type": "string", "minLength": 1,
                "description": "The file, relative to where rally is called; "
                               "64 MiB at most.",
            },
            "mode": {
                "enum": ["unique", "circle", "random"],
                "description": "unique (the default): iteration n gets row "
                               "n; circle: the same, and after the last row "
                               "comes the first again; random: any row.",
            },
            "at_end": {
                "enum": ["fail", "circle"],
                "description": "With unique, what iterations beyond the last "
                               "row do: fail (the default), or begin again at "
                               "the first row.",
            },
            "seed": {
                "type": "integer",
                "description": "With random, the same seed gives the same "
                               "rows (0 by default).",
            },
            **more,
        },
        "required": ["path"],
        "additionalProperties": False,
    }


_DEFAULTS = {"mode": "unique", "at_end": "fail", "seed": 0}


def _text_of(path: str) -> str:
    """:raises DataFileUnusable: it is too large, or cannot be read"""
    file = pathlib.Path(path).expanduser()
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DataFileUnusable(
                path=path, reason="it has %d bytes, and each agent would be "
                "sent them; the limit is %d" % (size, MAX_FILE_BYTES)
            )
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise DataFileUnusable(path=path, reason=str(e)) from e


class _Rows(context.Context):
    """Rows in the context, as values that need no copy per iteration."""

    DEFAULT_CONFIG = _DEFAULTS
    #: where in the context the rows are
    KEY: t.ClassVar[str]

    def setup(self) -> None:
        rows = self._read(self.config["path"])
        if not rows:
            raise DataFileUnusable(
                path=self.config["path"], reason="it has no rows"
            )
        self.context[self.KEY] = {
            "config": dict(self.config), "rows": tuple(rows),
        }

    def cleanup(self) -> None:
        self.context.pop(self.KEY, None)

    def to_state(self) -> dict[str, t.Any]:
        return {}  # nothing is left to clean up

    def _read(self, path: str) -> list[t.Any]:
        raise NotImplementedError()

    @staticmethod
    def _row(kept: t.Any) -> dict[str, t.Any]:
        """A row that belongs to one iteration."""
        raise NotImplementedError()

    @classmethod
    def dealer(
        cls, shared: dict[str, t.Any]
    ) -> t.Callable[[dict[str, t.Any], int], None] | None:
        if cls.KEY not in shared:
            return None
        found = shared.pop(cls.KEY)
        config, rows = found["config"], found["rows"]

        def deal(own: dict[str, t.Any], number: int) -> None:
            row = cls._row(rows[row_index(config, len(rows), number)])
            own["data"] = {**own.get("data", {}), **row}

        return deal


@context.configure(name="csv_data", order=90)
class CsvData(_Rows):
    """Each iteration gets a row of a CSV file, as ``context["data"]``.

    The first line names the columns, unless ``columns`` does.
    """

    KEY = "csv_data_rows"
    CONFIG_SCHEMA = _schema(
        delimiter={
            "type": "string", "minLength": 1, "maxLength": 1,
            "description": "What separates fields (a comma by default).",
        },
        columns={
            "type": "array", "items": {"type": "string"},
            "description": "Names of the columns, if the first line does not "
                           "name them.",
        },
    )

    def _read(self, path: str) -> list[t.Any]:
        reader = csv.reader(
            io.StringIO(_text_of(path)),
            delimiter=self.config.get("delimiter", ","),
        )
        columns = list(self.config.get("columns") or next(reader, ()))
        rows = []
        for row in reader:
            if not row:  # an empty line
                continue
            if len(row) != len(columns):
                raise DataFileUnusable(
                    path=path, reason="line %d has %s, not %d" % (
                        reader.line_num, counted(len(row), "field"),
                        len(columns),
                    )
                )
            rows.append(tuple(zip(columns, row)))
        return rows

    @staticmethod
    def _row(kept: t.Any) -> dict[str, t.Any]:
        return dict(kept)


@context.configure(name="jsonl_data", order=91)
class JsonlData(_Rows):
    """Each iteration gets a line of a file, as ``context["data"]``.

    Each line is a JSON object.

    .. code-block:: yaml

        contexts:
          jsonl_data: {path: users.jsonl, mode: random, seed: 7}
    """

    KEY = "jsonl_data_rows"
    CONFIG_SCHEMA = _schema()

    def _read(self, path: str) -> list[t.Any]:
        lines = _text_of(path).split("\n")
        for number, line in enumerate(lines, 1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    raise ValueError("it is no object")
            except ValueError as e:
                raise DataFileUnusable(
                    path=path, reason="line %d: %s" % (number, e)
                ) from None
        return [line for line in lines if line.strip()]

    @staticmethod
    def _row(kept: t.Any) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(kept))
