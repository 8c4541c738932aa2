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

"""What a clean-up did not do although it raised nothing.

Plugins share their clean-ups out with ``rally.common.broker``, which logs
what fails and goes on, and many catch errors themselves and log them. So
whoever wants to know whether everything is gone has to listen.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import traceback
import typing as t

from rally import exceptions
from rally.common import broker

#: sentences of losses that an error tells; the log has all of them
SHOWN = 3
#: a warning that reports a failure, not one of advice
_FAILURE = re.compile(
    r"\b(fail(s|ed|ure)?|broken|unable|cannot|could not|can't|error)\b", re.I
)
#: what a plugin says of something that it was about to delete
_DELETION = re.compile(r"\b(delet|remov)", re.I)
NOT_FOUND = 404
#: where errors of clients of clouds have the status of the answer
_STATUS = ("http_status", "status_code", "code")


class CleanupIncomplete(exceptions.RallyException):
    """What to do: mend the cause, then let `rally task recover UUID` try
    again.
    """

    error_code = 182
    msg_fmt = (
        "Parts of it failed: %(losses)s. What they were to delete may still "
        "be there."
    )


@contextlib.contextmanager
def complete(plugin_module: str) -> t.Iterator[None]:
    """Around a clean-up: fails if that lost something.

    :param plugin_module: where the plugin is defined; failures that modules
        of its package log count, except Rally's own
    :raises CleanupIncomplete: it ended without an error, but lost something
    """
    package = plugin_module.partition(".")[0]
    losses: list[str] = []
    with contextlib.ExitStack() as stack:
        lost = stack.enter_context(broker.noting_losses())
        if package != __name__.partition(".")[0]:
            logger = logging.getLogger(package)
            listener = _Listener(losses)
            logger.addHandler(listener)
            stack.callback(logger.removeHandler, listener)
        yield
    losses += [
        "%s: %s" % (type(each.error).__name__, each.error) for each in lost
        if not (each.is_of_item and means_absent(each.error))
        and not _is_of_no_service(each.error)
    ]
    losses = list(dict.fromkeys(losses))  # one for each project, say
    if losses:
        text = "; ".join(losses[:SHOWN])
        if len(losses) > SHOWN:
            text += "; and %d more" % (len(losses) - SHOWN)
        raise CleanupIncomplete(losses=text.rstrip("."))


def means_absent(error: BaseException) -> bool:
    """Whether *error* of a deletion says that there is nothing to delete.

    As after a clean-up that was interrupted and is made once more. Each
    client of a cloud has errors of its own; what they share is the status of
    the answer, and the name. Where things are listed, the same errors say
    that nobody knows what is there.
    """
    if isinstance(error, exceptions.PluginNotFound) or _is_of_catalogue(error):
        return False
    status = next(
        (getattr(error, name) for name in _STATUS if hasattr(error, name)),
        None,
    )
    return status == NOT_FOUND or any(
        cls.__name__.endswith("NotFound") for cls in type(error).__mro__
    )


def _is_of_catalogue(error: BaseException) -> bool:
    return any(
        cls.__name__ == "EndpointNotFound" for cls in type(error).__mro__
    )


def _is_of_no_service(error: BaseException) -> bool:
    """Whether *error* comes of a cloud that does not have the service.

    Clean-ups are asked for services that not every cloud has. A service that
    is there, and has no endpoint in the region or of the kind that is looked
    for, gives the same error: only the catalogue that raised it can tell.
    """
    if not _is_of_catalogue(error):
        return False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        wanted = frame.f_locals.get("service_type")
        catalogue = frame.f_locals.get("self")
        if wanted and catalogue and hasattr(catalogue, "get_endpoints"):
            types = [service.get("type") for service in catalogue.catalog]
            known = catalogue.get_endpoints(service_type=wanted)
            return bool(types) and wanted not in types and not any(
                known.values()  # under another name of the service
            )
    return False


class _Listener(logging.Handler):
    """Keeps what reports a failure."""

    def __init__(self, losses: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._losses = losses

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        # some log it without its traceback, while they handle it
        handled = sys.exc_info()[1]
        if handled and _DELETION.search(text) and means_absent(handled):
            return
        error = record.exc_info and record.exc_info[1]
        if error and _is_of_no_service(error):
            return
        if error:
            text = "%s: %s: %s" % (
                text.rstrip(".:"), type(error).__name__, error
            )
        if record.levelno >= logging.ERROR or _FAILURE.search(text):
            self._losses.append(text)
