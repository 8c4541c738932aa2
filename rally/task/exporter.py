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

"""Exporters: plugins that turn results of tasks into reports."""

from __future__ import annotations

import abc
import contextlib
import io
import os
import pathlib
import typing as t

import jsonschema

from rally import consts, exceptions
from rally.common import validation
from rally.common.plugin import plugin

configure = plugin.configure

#: what ``TaskExporter.generate`` must return
REPORT_RESPONSE_SCHEMA: dict[str, t.Any] = {
    "type": "object",
    "$schema": consts.JSON_SCHEMA,
    "properties": {
        "files": {
            "type": "object",
            "patternProperties": {".{1,}": {"type": "string"}},
        },
        "open": {"type": "string"},
        "print": {"type": "string"},
    },
    "additionalProperties": False,
}


class ReportNotWritten(exceptions.RallyException):
    error_code = 190
    msg_fmt = (
        "The report cannot be written to %(path)s: %(problem)s. Nothing "
        "there was changed, and the results are still in the database. Name "
        "a file in a directory that exists, is writable and has room."
    )


class InvalidReport(exceptions.RallyException):
    error_code = 191
    msg_fmt = (
        "Exporter %(name)s returned something that is not a report: "
        "%(problem)s. So nothing was written. This is an error in that "
        "plugin; report it to its authors, or use another exporter."
    )


@plugin.base()
class TaskExporter(
    plugin.Plugin, validation.ValidatablePluginMixin, metaclass=abc.ABCMeta
):
    """Base of exporters.

    :cvar streams: whether the exporter reads each workload's ``data`` only
        by iterating over it. Such an exporter is given rows straight from
        the database; all others are given real lists.
    """

    streams: t.ClassVar[bool] = False

    def __init__(
        self,
        tasks_results: t.Sequence[dict[str, t.Any]],
        output_destination: str | None,
        api: t.Any = None,
    ) -> None:
        """Take what is to be reported.

        :param tasks_results: tasks, as ``API().task.get(uuid,
            detailed=True)`` gives them
        :param output_destination: a path or an address, as the exporter
            understands it; None to print
        :param api: an instance of ``rally.api.API``
        """
        self.tasks_results = tasks_results
        self.output_destination = output_destination
        self.api = api

    @abc.abstractmethod
    def generate(self) -> dict[str, t.Any]:
        """Make the report.

        :returns: a dict of ``files`` (path -> text to write there),
            ``open`` (address for a browser), ``print`` (text), each optional
        """

    @staticmethod
    def make(
        exporter_cls: type[TaskExporter],
        task_results: t.Sequence[dict[str, t.Any]],
        output_destination: str | None,
        api: t.Any = None,
        stream: t.TextIO | None = None,
    ) -> dict[str, t.Any]:
        """Make a report with an exporter, and check that it is one.

        :param stream: where to write at once what would be printed, if the
            exporter writes piece by piece
        :raises InvalidReport: the exporter returned anything else
        """
        exporter = exporter_cls(task_results, output_destination, api)
        if (
            stream is not None
            and not output_destination
            and isinstance(exporter, StreamingExporter)
        ):
            exporter.write(stream)
            stream.write("\n")
            return {}
        report = exporter.generate()
        try:
            jsonschema.validate(report, REPORT_RESPONSE_SCHEMA)
        except jsonschema.ValidationError as error:
            raise InvalidReport(
                name=exporter_cls.get_fullname(), problem=error.message
            ) from None
        return report


class StreamingExporter(TaskExporter):
    """Base of exporters that write their report piece by piece.

    With a destination, ``generate`` writes that file itself and leaves
    nothing to write for its caller, so memory stays bounded.
    """

    streams = True

    @abc.abstractmethod
    def write(self, stream: t.TextIO) -> None:
        """Write the report to *stream*."""

    def generate(self) -> dict[str, t.Any]:
        if not self.output_destination:
            text = io.StringIO()
            self.write(text)
            return {"print": text.getvalue()}
        path = pathlib.Path(self.output_destination).expanduser().absolute()
        with replacing(path) as stream:
            self.write(stream)
        return {"files": {}, "open": path.as_uri()}


@contextlib.contextmanager
def replacing(path: pathlib.Path, mode: str = "w") -> t.Iterator[t.Any]:
    """Open a file that takes the place of *path* once it is complete.

    :param mode: ``w`` for text, ``wb`` for bytes
    :raises ReportNotWritten: it cannot be written
    """
    encoding = None if "b" in mode else "utf-8"
    try:
        if path.exists() and not path.is_file():  # a device or a pipe
            with path.open(mode, encoding=encoding) as stream:
                yield stream
            return
        target = path.resolve()  # what a link points to is replaced, not it
        part = target.with_name(".%s.%d.part" % (target.name, os.getpid()))
        try:
            with part.open(mode, encoding=encoding) as stream:
                yield stream
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ReportNotWritten(
            path=path, problem=error.strerror or str(error)
        ) from error
