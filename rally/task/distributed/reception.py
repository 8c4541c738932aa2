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

"""Answers agents in a thread, while no run has the transport."""

from __future__ import annotations

import contextlib
import pathlib
import threading
import traceback
import typing as t

from rally.common import logging
from rally.task.distributed import endpoint_ports, serve
from rally.task.distributed.controller import lobby
from rally.task.distributed.security import enrolment, keys
from rally.task.distributed.wire import (
    channels,
    codec,
    controller_transport,
    messages,
)

LOG = logging.getLogger(__name__)

#: after a failure: agents say hello again every second or other second
PAUSE_S = 1.0
#: where agents dial, unless the user says otherwise
DEFAULT_ADDRESS = "tcp://*:9790"


def listen(
    address: str | None, keys_folder: pathlib.Path | str | None
) -> controller_transport.ControllerTransport:
    """The end that agents dial, those that ``rally agent authorize`` lets in
    and those that apply with a token of ``rally agent invite``.

    :param address: of the control channel; None, as for the folder: default
    :raises RallyException: the address or the keys cannot be used
    """
    folder = pathlib.Path(keys_folder).expanduser() if keys_folder else None
    return controller_transport.ControllerTransport(
        channels.addresses_from(address or DEFAULT_ADDRESS),
        keys.controller_key(folder),
        keys.AgentAllowList(folder),
        codec.encode,
        codec.decode,
        enrolment.Enrolment(folder),
    )


class Reception:
    """A transport that is either lent to a run, or has a lobby on it.

    One of the two always reads: connections are authenticated there, and
    agents that nobody answers would dial, and pile up hellos, for as long as
    contexts take.
    """

    def __init__(
        self, transport: channels.ControllerEnd, rally_version: str
    ) -> None:
        self._transport = transport
        self._ports = endpoint_ports.ControllerEndpoint(transport)
        self._lobby = lobby.Lobby(rally_version)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Answer agents from now on."""
        self._closing.clear()
        self._lobby.open()
        self._thread = threading.Thread(
            target=self._serve, name="lobby", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Leave the transport to others."""
        if self._thread is not None:
            self._closing.set()
            self._lobby.close()
            self._transport.wake()
            self._thread.join()
            self._thread = None

    @contextlib.contextmanager
    def lent(self) -> t.Iterator[list[channels.Received]]:
        """Lend the transport to a run; yields the hellos said so far."""
        self.close()
        try:
            yield list(self._lobby.present.values())
        finally:
            self.open()

    def expect(self, code: messages.Code) -> None:
        """What agents may import until the next run."""
        self._lobby.expect(code)

    def _serve(self) -> None:
        """The top of the thread; without it agents would wait in vain."""
        said = ""
        while not self._closing.is_set():
            try:
                serve.serve(self._lobby, self._ports)
                return
            except Exception as e:
                problem = "%s: %s" % (type(e).__name__, e)
                if problem != said:
                    LOG.error("Agents could not be answered: %s" % problem)
                    LOG.debug(traceback.format_exc())
                said = problem
                self._closing.wait(PAUSE_S)
