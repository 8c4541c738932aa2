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

"""Logs: loggers, their set-up, and decorators that log.

Loggers work at import time; oslo.log is loaded by ``setup`` only.
"""

from __future__ import annotations

import functools
import importlib
import logging
import logging.handlers
import sys
import typing as t

from rally.common import deprecation

CRITICAL = logging.CRITICAL
FATAL = logging.FATAL
ERROR = logging.ERROR
WARN = logging.WARNING
WARNING = logging.WARNING
INFO = logging.INFO
#: debug messages of Rally: shown by --rally-debug, which hides those of
#: the libraries (10)
RDEBUG = logging.DEBUG + 1
DEBUG = logging.DEBUG
NOTSET = logging.NOTSET

logging.addLevelName(RDEBUG, "RALLYDEBUG")

log_deprecated = deprecation.log_deprecated
log_deprecated_args = deprecation.log_deprecated_args
log_deprecated_module = deprecation.log_deprecated_module

#: what costs to load -> the module that has it
_LOADED_LATER = {
    "DEBUG_OPTS": "opts", "build_cli_params": "logcli",
    "to_oslo_argv": "logcli",
}
_CHATTY = ("requests", "urllib3")

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])


def __getattr__(name: str) -> t.Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module("rally.common." + _LOADED_LATER[name])
    return getattr(module, name)


def setup(product_name: str, version: str = "unknown") -> None:
    """Send logs where the configuration says; to standard error without.

    The command line counts if ``rally.common.opts.register()`` and then
    ``CONF(...)`` were called before.

    :raises LogConfigError: of oslo.log: ``log_config_append`` is no such file
    :raises OSError: the file to log to cannot be opened
    """
    from oslo_log import log

    from rally.common import cfg, opts

    opts.register()
    conf = cfg.CONF
    # without any of these, and without syslog, oslo.log would use standard
    # output, which is for what a command prints
    is_elsewhere = conf.log_file or conf.log_dir or conf.use_journal
    conf.set_default("use_stderr", not is_elsewhere)
    log.setup(cfg.CONF, product_name, version)
    if cfg.CONF.rally_debug:
        logging.getLogger().setLevel(RDEBUG)
    if not cfg.CONF.log_config_append:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(WARNING)


def file_of_logs() -> str | None:
    """The file that logs go to, if they do not go to a stream as well."""
    handlers = logging.getLogger().handlers
    files = [x for x in handlers if isinstance(x, logging.FileHandler)]
    streams = [x for x in handlers if isinstance(x, logging.StreamHandler)]
    # a handler of a file is one of a stream, too
    if files and len(streams) == len(files):
        return files[0].baseFilename
    return None


class RallyContextAdapter(logging.LoggerAdapter):
    """A logger whose ``debug`` is at level ``RDEBUG``.

    Keyword arguments that ``logging`` does not know become attributes of the
    record.
    """

    _KNOWN = frozenset(("exc_info", "extra", "stack_info", "stacklevel"))

    def process(
        self, msg: t.Any, kwargs: t.MutableMapping[str, t.Any]
    ) -> tuple[t.Any, t.MutableMapping[str, t.Any]]:
        extra = dict(self.extra or {})
        extra.update(kwargs.pop("extra", None) or {})
        for name in [name for name in kwargs if name not in self._KNOWN]:
            extra[name] = kwargs.pop(name)
        extra["extra_keys"] = sorted(extra)
        kwargs["extra"] = extra
        return msg, kwargs

    def debug(self, msg: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.isEnabledFor(RDEBUG):
            msg, known = self.process(msg, kwargs)
            # the record names the line that called this method
            known["stacklevel"] = known.get("stacklevel", 1) + 1
            self.logger.log(RDEBUG, msg, *args, **known)


def getLogger(  # noqa: N802 (the name of the standard library)
    name: str = "unknown", version: str = "unknown"
) -> RallyContextAdapter:
    """The logger of a module.

    :param name: ``__name__`` of the module
    :param version: shown by formats that name it
    """
    return RallyContextAdapter(logging.getLogger(name), {"version": version})


def is_debug() -> bool:
    """Whether debug logs of Rally are asked for."""
    # without oslo.config nothing can have asked for them
    if "oslo_config.cfg" not in sys.modules:
        return False
    from rally.common import cfg

    if cfg.CONF.rally_debug:
        return True
    try:
        return bool(cfg.CONF.debug)
    except cfg.NoSuchOptError:  # options of oslo.log not registered
        return False


class ExceptionLogger:
    """Log and swallow what the block raises; keep it as ``exception``.

    :param logger: where to log
    :param warn: what failed; shown before the error
    """

    def __init__(
        self, logger: RallyContextAdapter, warn: str | None = None
    ) -> None:
        self.logger = logger
        self.warn = warn
        self.exception: BaseException | None = None

    def __enter__(self) -> ExceptionLogger:
        return self

    def __exit__(
        self, type_: t.Any, value: BaseException | None, traceback: t.Any
    ) -> bool:
        if not isinstance(value, Exception):
            return False  # nothing was raised, or an interrupt
        self.exception = value
        if self.warn:
            self.logger.warning(self.warn)
        self.logger.debug(value)
        if is_debug():
            self.logger.exception(value)
        return True


def _log_wrapper(
    what: str,
    /,
    log_function: t.Callable[..., t.Any],
    msg: str,
    **values: t.Any,
) -> t.Callable[[_F], _F]:
    """Decorate a method of something with a uuid: log before and after.

    :param what: attribute of the method's object that has the uuid
    :param values: for the %-format *msg*
    """

    def decorator(method: _F) -> _F:
        @functools.wraps(method)
        def wrapper(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
            head = f"{what.title()} {getattr(self, what)['uuid']} |"
            doing = msg % values if values else msg
            log_function(f"{head} Starting:  {doing}")
            result = method(self, *args, **kwargs)
            log_function(f"{head} Completed: {doing}")
            return result

        return t.cast(_F, wrapper)

    return decorator


# log start and end of a method of an object that has such a thing
log_task_wrapper = functools.partial(_log_wrapper, "task")
log_deploy_wrapper = functools.partial(_log_wrapper, "deployment")
log_verification_wrapper = functools.partial(_log_wrapper, "verification")


class CatcherHandler(logging.handlers.BufferingHandler):
    """Keeps every record."""

    def __init__(self) -> None:
        super().__init__(0)

    def shouldFlush(  # noqa: N802 (name of the standard library)
        self, record: logging.LogRecord
    ) -> bool:
        return False

    def emit(self, record: logging.LogRecord) -> None:
        self.buffer.append(record)


class LogCatcher:
    """Within the block, keep what *logger* logs."""

    def __init__(
        self, logger: logging.Logger | logging.LoggerAdapter[t.Any]
    ) -> None:
        self.logger: logging.Logger = (
            logger.logger
            if isinstance(logger, logging.LoggerAdapter)
            else logger
        )
        self.handler = CatcherHandler()

    def __enter__(self) -> LogCatcher:
        self.logger.addHandler(self.handler)
        return self

    def __exit__(self, type_: t.Any, value: t.Any, traceback: t.Any) -> None:
        self.logger.removeHandler(self.handler)

    def assertInLogs(self, msg: str) -> list[str]:  # noqa: N802 (compat)
        """The messages that contain *msg*.

        :raises AssertionError: there are none
        """
        found = [text for text in self.fetchLogs() if msg in text]
        if not found:
            raise AssertionError(f"Expected {msg!r} in the logs")
        return found

    def fetchLogRecords(self) -> list[logging.LogRecord]:  # noqa: N802
        return list(self.handler.buffer)

    def fetchLogs(self) -> list[str]:  # noqa: N802 (compat)
        return [record.getMessage() for record in self.handler.buffer]
