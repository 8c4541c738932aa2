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

"""The logging options of the command line.

They are oslo.log's, written down here so that showing help or a version does
not need to load it.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing as t

import typer


@dataclasses.dataclass(frozen=True)
class LogOption:
    """A global option that is handed to oslo.log."""

    name: str
    help: str
    is_flag: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def as_parameter(self) -> inspect.Parameter:
        kind = bool if self.is_flag else t.Optional[str]  # noqa: UP045
        info = typer.Option(self.flag, help=self.help)
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if self.is_flag else None,
            annotation=t.Annotated[kind, info],  # type: ignore[valid-type]
        )


LOG_OPTIONS = (
    LogOption("rally_debug", "Show debug logs of Rally alone.", is_flag=True),
    LogOption("debug", "Show debug logs of everything.", is_flag=True),
    LogOption(
        "log_config_append",
        "File that configures Python's logging; it replaces all other "
        "options of logs.",
    ),
    LogOption("log_date_format", "strftime format of dates in logs."),
    LogOption("log_file", "File to log to, instead of standard error."),
    LogOption("log_dir", "Folder that a relative log file is in."),
    LogOption("use_syslog", "Log to syslog.", is_flag=True),
    LogOption("use_journal", "Log to the journal of systemd.", is_flag=True),
    LogOption("syslog_log_facility", "Facility for logs sent to syslog."),
    LogOption("use_json", "Write each log record as JSON.", is_flag=True),
)


def build_cli_params() -> list[inspect.Parameter]:
    """The logging options as parameters of a typer command.

    A command takes them when they are put into its ``__signature__``; what
    it then receives goes through ``to_oslo_argv`` into ``CONF(...)``.
    """
    return [option.as_parameter() for option in LOG_OPTIONS]


def to_oslo_argv(values: t.Mapping[str, t.Any]) -> list[str]:
    """The command line of oslo.config for values of ``build_cli_params``.

    :param values: by parameter name; other names are passed over
    """
    argv: list[str] = []
    for option in LOG_OPTIONS:
        value = values.get(option.name)
        if option.is_flag and value:
            argv.append(option.flag)
        elif not option.is_flag and value is not None:
            argv += [option.flag, str(value)]
    return argv
