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
The clock is the monotonic one, which all namespaces of a machine share. When
something came is what the kernel noted as it arrived, so that a referee that
waits for a CPU does not delay it.
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import os
import pathlib
import selectors
import socket
import struct
import sys
import time
import typing as t

LISTENING = "listening"
#: how an event changes the number of iterations that run
CHANGE = {"start": 1, "end": -1, "gone": -1, "stall": 0}
#: socket option and kind of message, see socket(7) and asm/socket.h: the
#: wall time at which data arrived, as seconds and nanoseconds
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("=qq")
BACKLOG = 1024
#: two clocks read within this are read at one moment
SAME_MOMENT_NS = 20_000


class Event(t.NamedTuple):
    """A line of the log."""

    kind: str  # start, end, stall, or gone: the connection ended before
    number: int
    at: float  # monotonic seconds
    running: int  # after this event
    host: str  # address it came from


class Connection:
    """What one client has sent, and what of it is not answered yet."""

    def __init__(self, stream: socket.socket, host: str) -> None:
        self.stream = stream
        self.host = host
        self.number: int | None = None  # of the iteration that runs
        self._received = b""

    def receive(self) -> tuple[list[str], float] | None:
        """Lines and when the last came; None after the client's last."""
        try:
            data, notes, _, _ = self.stream.recvmsg(4096, 64)
        except ConnectionError:
            return None
        if not data:
            return None
        *lines, self._received = (self._received + data).split(b"\n")
        return [line.decode() for line in lines], arrived(notes)


def arrived(notes: t.Iterable[tuple[int, int, bytes]]) -> float:
    """When the kernel received what comes with *notes*, monotonic."""
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = STAMP.unpack(value)
            now_ns, wall_ns = both_clocks()
            ago_ns = wall_ns - (seconds * 10 ** 9 + nanoseconds)
            return (now_ns - ago_ns) / 1e9
    return time.monotonic()  # it came before the kernel noted any


def both_clocks() -> tuple[int, int]:
    """The monotonic and the wall clock at one moment, ns.

    Read again if something else took the CPU in between.
    """
    while True:
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        if after - before <= SAME_MOMENT_NS:
            return (before + after) // 2, wall


class Server:
    """Writes an event for each line that arrives."""

    def __init__(self, log: pathlib.Path) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._selector = selectors.DefaultSelector()
        self._running = 0
        self._mute_until = 0.0
        self._unanswered: list[Connection] = []

    def serve(self, port: int) -> None:
        listener = socket.create_server(("0.0.0.0", port), backlog=BACKLOG)
        # connections inherit it, so their first bytes have a time as well
        listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._selector.register(listener, selectors.EVENT_READ)
        os.write(self._log, (LISTENING + "\n").encode())
        while True:
            for key, _ in self._selector.select(self._silence()):
                if key.data is None:
                    self._accept(listener)
                else:
                    self._read(key.data)
            if self._unanswered and not self._silence():
                for connection in self._unanswered:
                    self._answer(connection)
                self._unanswered.clear()

    def _silence(self) -> float | None:
        """For how long still nobody is answered."""
        return max(0.0, self._mute_until - time.monotonic()) or None

    def _accept(self, listener: socket.socket) -> None:
        stream, (host, _) = listener.accept()
        self._selector.register(
            stream, selectors.EVENT_READ, Connection(stream, host)
        )

    def _read(self, connection: Connection) -> None:
        received = connection.receive()
        if received is None:
            self._close(connection)
            return
        lines, at = received
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind == "stall":
                self._mute_until = time.monotonic() + float(rest)
                self._note(kind, 0, at, connection.host)
                continue
            connection.number = int(rest) if kind == "start" else None
            self._note(kind, int(rest), at, connection.host)
            if self._silence():
                self._unanswered.append(connection)
            else:
                self._answer(connection)

    def _answer(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):  # gone, which its end will say
            connection.stream.send(b"ok\n")

    def _close(self, connection: Connection) -> None:
        self._selector.unregister(connection.stream)
        connection.stream.close()
        if connection.number is not None:
            self._note(
                "gone", connection.number, time.monotonic(), connection.host
            )

    def _note(self, kind: str, number: int, at: float, host: str) -> None:
        self._running += CHANGE[kind]
        event = Event(kind, number, at, self._running, host)
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
        found = found[self._forgotten:]
        return sorted(found, key=lambda event: event.at)

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
    Server(pathlib.Path(sys.argv[2])).serve(int(sys.argv[1]))
