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

"""Export of tasks as Parquet files, for DuckDB, Spark, pandas and others."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from rally import exceptions
from rally.common import validation
from rally.task import exporter

#: rows of a group: what readers skip or read as a whole
_GROUP_ROWS = 100_000
#: batches of rows that are held until there are enough for a group
_GROUP_BATCHES = 1000


class ParquetMissing(exceptions.RallyException):
    error_code = 199
    msg_fmt = (
        "Parquet files are written with pyarrow, which is not installed "
        "(%(problem)s), so nothing was exported. Install it with `pip "
        "install 'rally[parquet]'`."
    )


@validation.configure("parquet_exporter_destination")
class Validator(validation.Validator):
    """The destination is a folder, or can become one.

    Exporter ``parquet`` has it.

    .. code-block:: python

        @validation.add("parquet_exporter_destination")
    """

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        if not plugin_cfg:
            self.fail(
                "Parquet files are not for a terminal. Name the folder that "
                "they go to with --to."
            )
        if pathlib.Path(plugin_cfg).expanduser().is_file():
            self.fail(
                "%s is a file, and several files are made. Name a folder "
                "that they go to." % plugin_cfg
            )


@validation.add("parquet_exporter_destination")
@exporter.configure("parquet")
class ParquetExporter(exporter.TaskExporter):
    """Parquet files in a folder: workloads, iterations, actions.

    ``iterations.parquet`` has a row for each iteration, ``actions.parquet``
    one for each atomic action, ``workloads.parquet`` what was run. Needs
    ``pip install 'rally[parquet]'``.
    """

    streams = True

    def generate(self) -> dict[str, t.Any]:
        try:
            import rally.task.processing.parquet_tables as tables
        except ImportError as error:
            raise ParquetMissing(problem=error) from error
        folder = pathlib.Path(self.output_destination or ".").expanduser()
        _make(folder)
        with contextlib.ExitStack() as stack:
            files = {
                name: stack.enter_context(
                    _file(folder / (name + ".parquet"), schema)
                )
                for name, schema in tables.SCHEMAS.items()
            }
            for name, rows in tables.tables_of(self.tasks_results):
                files[name].add(rows)
        return {"files": {}, "print": "Exported to %s: %s." % (
            folder, ", ".join("%s.parquet" % name for name in files)
        )}


def _make(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise exporter.ReportNotWritten(
            path=folder, problem=error.strerror or str(error)
        ) from error


class _File:
    """A file whose rows are written in groups of a useful size."""

    def __init__(self, writer: t.Any) -> None:
        self._writer = writer
        self._waiting: list[t.Any] = []
        self._rows = 0

    def add(self, rows: t.Any) -> None:
        self._waiting.append(rows)
        self._rows += len(rows)
        if self._rows >= _GROUP_ROWS or len(self._waiting) >= _GROUP_BATCHES:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            table = pa.Table.from_batches(self._waiting)
            self._writer.write_table(table.unify_dictionaries())
        self._waiting, self._rows = [], 0


@contextlib.contextmanager
def _file(path: pathlib.Path, schema: t.Any) -> t.Iterator[_File]:
    """A file that takes the place of *path* once it is complete."""
    from pyarrow import parquet

    with (
        exporter.replacing(path, "wb") as stream,
        parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        file = _File(writer)
        yield file
        file.flush()
