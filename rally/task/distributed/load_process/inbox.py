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

"""What a load process receives from its agent.

One thread reads them as long as the process lives. Orders wait for the main
thread; whatever else is said belongs to the load of the last order.
"""

from __future__ import annotations

import queue
import threading
import typing as t

from rally.common import logging
from rally.task.distributed.wire import codec, messages
from rally.task.distributed.wire.link import Link

LOG = logging.getLogger(__name__)

Order: t.TypeAlias = messages.Load | messages.LoadWarm


class RunningLoad(t.Protocol):
    """A load, as the agent talks to it."""

    def handle(self, message: messages.LoadMessage) -> None: ...

    def stop(self) -> None: ...


class Inbox:
    """Hands out the agent's messages in the order in which they came."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._load: RunningLoad | None = None
        #: for an ordered load that is still being prepared
        self._early: list[messages.LoadMessage] = []
        self._is_awaited = False
        self._is_gone = False
        threading.Thread(target=self._listen, daemon=True).start()

    def next_order(self) -> Order | None:
        """Wait for the next one; None: the agent is gone."""
        return self._orders.get()

    def attach(self, load: RunningLoad) -> None:
        """Hand messages to *load*, that of the last order, from now on."""
        with self._lock:
            self._load, self._is_awaited = load, False
            early, self._early = self._early, []
            for message in early:
                load.handle(message)
            if self._is_gone:
                load.stop()

    def detach(self) -> None:
        """The load is over: what comes before the next order is dropped."""
        with self._lock:
            self._load = None

    def _listen(self) -> None:
        try:
            while (received := self._link.receive()) is not None:
                for message in received:
                    self._take(message)
        except codec.ProtocolError:
            LOG.error("Something else wrote into the pipe of the agent, so "
                      "the load stops")
        finally:  # no load without its agent, whatever ended this
            with self._lock:
                self._is_gone = True
                if self._load is not None:
                    self._load.stop()
            self._orders.put(None)

    def _take(self, message: messages.LoadMessage) -> None:
        with self._lock:
            if isinstance(message, (messages.Load, messages.LoadWarm)):
                self._early.clear()
                self._is_awaited = isinstance(message, messages.Load)
                self._orders.put(message)
            elif self._load is not None:
                self._load.handle(message)
            elif self._is_awaited:
                self._early.append(message)
