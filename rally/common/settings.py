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

"""Reading of the configuration: options, files, logs."""

from __future__ import annotations

import typing as t

from rally import exceptions
from rally.common import cfg, config_files, logging

CONF = cfg.CONF


class NotSetUp(exceptions.RallyException):
    """Something has to be set up before any command can work.

    What to do: follow the message.
    """

    error_code = 195


class ConfigurationError(NotSetUp):
    """What to do: correct the file, the option or the path that the message
    names.
    """

    error_code = 198
    msg_fmt = "%(message)s"


def read(
    args: t.Sequence[str] = (), files: t.Sequence[str] | None = None
) -> None:
    """Read the configuration, and send logs where it says.

    :param args: options in the form of a command line
    :param files: configuration files; None: the first on the search path
    :raises ConfigurationError: it cannot be read, or is wrong
    """
    from rally.common import opts

    CONF.clear()  # what was read before
    opts.register()
    try:
        CONF(
            list(args),
            project="rally",
            prog="rally",
            default_config_files=list(
                config_files.default_files() if files is None else files
            ),
        )
    except (
        cfg.ConfigFilesNotFoundError,
        cfg.ConfigFilesPermissionDeniedError,
    ) as e:
        raise ConfigurationError(
            "The configuration cannot be read from %s. Check the path, and "
            "that you may read what is there." % ", ".join(e.config_files)
        ) from None
    except cfg.Error as e:
        raise ConfigurationError(
            "The configuration is wrong: %s" % e
        ) from None
    _set_up_logs()


def _set_up_logs() -> None:
    """:raises ConfigurationError: logs cannot go where they should"""
    from oslo_log import log

    try:
        logging.setup("rally")
    except log.LogConfigError as e:
        raise ConfigurationError(
            "File %s, which option `log_config_append` names, does not "
            "configure the logs of Python: %s. Check the path and what is in "
            "it, or leave the option out." % (e.log_config, e.err_msg)
        ) from None
    except OSError as e:
        raise ConfigurationError(
            "The log cannot be written to %s: %s. Name another file in "
            "option `log_file`, or leave it out."
            % (e.filename, e.strerror or e)
        ) from None


def places() -> list[str] | None:
    """Where the configuration was read from, in the form of a command line.

    None: none was read, as in an agent that only serves its own host.
    """
    if "config_file" not in CONF:
        return None
    return [
        *("--config-file=%s" % path for path in CONF.config_file or ()),
        *("--config-dir=%s" % path for path in CONF.config_dir or ()),
    ]
