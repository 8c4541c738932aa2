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

"""Base of the plugins that report verifications."""

from __future__ import annotations

import abc
import typing as t

import jsonschema

from rally import consts
from rally.common.plugin import plugin

if t.TYPE_CHECKING:
    from rally.common import objects

configure = plugin.configure

#: what ``VerificationReporter.generate`` must return
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


@plugin.base()
class VerificationReporter(plugin.Plugin, metaclass=abc.ABCMeta):
    """Reports verifications.

    :param verifications: those to report, in this order
    :param output_destination: where the report is to go; None: the terminal
    """

    def __init__(
        self,
        verifications: t.Sequence[objects.Verification],
        output_destination: str | None,
    ) -> None:
        self.verifications = verifications
        self.output_destination = output_destination

    @classmethod
    @abc.abstractmethod
    def validate(cls, output_destination: str | None) -> None:
        """:raises ValidationError: the report cannot go there"""

    @abc.abstractmethod
    def generate(self) -> dict[str, t.Any]:
        """The report, see ``REPORT_RESPONSE_SCHEMA``.

        :returns: ``files`` to write by path, which of them to ``open``, what
            to ``print``
        """

    @staticmethod
    def make(
        reporter_cls: type[VerificationReporter],
        verifications: t.Sequence[objects.Verification],
        output_destination: str | None,
    ) -> dict[str, t.Any]:
        """Let a reporter report.

        :raises jsonschema.ValidationError: what it gives is no report
        """
        report = reporter_cls(verifications, output_destination).generate()
        jsonschema.validate(report, REPORT_RESPONSE_SCHEMA)
        return report
