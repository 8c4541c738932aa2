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

"""A target of the load that trusts nobody: it keeps a log of its own.

``python -m tests.cluster.referee PORT LOG``: a server that takes lines
``start NUMBER`` and ``end NUMBER``, answers each, and writes down when it
came, from where, and how many iterations were running then. After a line
``stall SECONDS`` it writes down what comes and answers nobody for so long.
The clock is the monotonic one, which all namespaces of a machine share.
"""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import os
import pathlib
import sys
import time
import typing as t

LISTENING = "listening"
#: how an event changes the number of iterations that run
CHANGE = {"start": 1, "end": -1, "gone": -1, "stall": 0}


class Event(t.NamedTuple):
    """A line of the log."""

    kind: str  # start, end, stall, or gone: the connection ended before
    number: int
    at: float  # monotonic seconds
    running: int  # after this event
    host: str  # address it came from


class Server:
    """Writes an event for each line that arrives."""

    def __init__(self, log: pathlib.Path) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._running = 0
        self._mute_until = 0.0

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self._talk, "0.0.0.0", port)
        os.write(self._log, (LISTENING + "\n").encode())
        async with server:
            await server.serve_forever()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host = writer.get_extra_info("peername")[0]
        number: int | None = None
        try:
            while line := await reader.readline():
                kind, _, rest = line.decode().partition(" ")
                if kind == "stall":
                    self._stall(float(rest), host)
                    continue
                number = int(rest) if kind == "start" else None
                self._note(kind, int(rest), host)
                while (left := self._mute_until - time.monotonic()) > 0:
                    await asyncio.sleep(left)
                writer.write(b"ok\n")
        except ConnectionError:
            pass
        if number is not None:
            self._note("gone", number, host)
        writer.close()

    def _stall(self, seconds: float, host: str) -> None:
        self._mute_until = time.monotonic() + seconds
        self._note("stall", 0, host)

    def _note(self, kind: str, number: int, host: str) -> None:
        self._running += CHANGE[kind]
        event = Event(kind, number, time.monotonic(), self._running, host)
        line = " ".join(map(str, event)) + "\n"
        os.write(self._log, line.encode())


class Log:
    """What the referee has seen so far; read anew each time."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._forgotten = 0

    def forget(self) -> None:
        """What it has seen so far is of no interest any more."""
        self._forgotten += len(self.events())

    @property
    def is_listening(self) -> bool:
        return self.path.exists() and LISTENING in self.path.read_text()

    def events(self) -> list[Event]:
        lines = self.path.read_text().split("\n")[1:-1]
        found = []
        for line in lines:
            kind, number, at, running, host = line.split(" ")
            found.append(
                Event(kind, int(number), float(at), int(running), host)
            )
        return found[self._forgotten:]

    def arrivals(self, host: str | None = None) -> list[Event]:
        """Starts of iterations, in order; of all hosts, or of one."""
        return [
            event for event in self.events()
            if event.kind == "start" and host in (None, event.host)
        ]

    def count(self) -> int:
        """How many iterations have started."""
        return len(self.arrivals())

    def last(self, host: str | None = None) -> float:
        """When the newest start arrived."""
        return max(event.at for event in self.arrivals(host))

    def started(self) -> list[int]:
        """Numbers of all starts, in order."""
        return sorted(event.number for event in self.arrivals())

    def finished(self) -> list[int]:
        """Numbers of all iterations that came to their end."""
        return sorted(
            event.number for event in self.events() if event.kind == "end"
        )

    def repeated(self) -> list[int]:
        """Numbers that started more than once."""
        counts: collections.abc.Mapping[int, int] = collections.Counter(
            self.started()
        )
        return [number for number, count in counts.items() if count > 1]

    def peak(self) -> int:
        """The most iterations that ran at the same time."""
        return max((event.running for event in self.events()), default=0)


if __name__ == "__main__":
    asyncio.run(Server(pathlib.Path(sys.argv[2])).serve(int(sys.argv[1])))
