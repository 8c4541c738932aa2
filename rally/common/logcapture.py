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

"""Catching log records, mostly for tests."""

from __future__ import annotations

import logging
import logging.handlers
import typing as t

AnyLogger: t.TypeAlias = "logging.Logger | logging.LoggerAdapter[t.Any]"


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

    def __init__(self, logger: AnyLogger) -> None:
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
