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

"""What somebody who reaches the controller's ports can do, without Rally.

Sockets belong to the host on which they are made, see ``Network.inside``.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import os
import random
import select
import socket
import threading
import typing as t

import zmq

from rally.task.distributed.security import keys
from rally.task.distributed.wire import codec, messages
from rally.task.distributed.wire.channels import Channel

PORTS = (9790, 9791, 9792)
CONNECT_S = 20.0
ALL_PROTOCOLS = 0x0003
FORCED_BUFFER = 33  # SO_RCVBUFFORCE of socket(7)
BUFFER_BYTES = 1 << 26
GIGABYTE = 1 << 30

#: RFC 23 (ZMTP 3.1): signature, version, mechanism, role, filler
GREETING = (
    b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"CURVE".ljust(20, b"\0")
    + bytes(32)
)
LONG_COMMAND, LONG_MESSAGE = b"\x06", b"\x02"


def garbage(seed: int) -> list[bytes]:
    """What is none of ZeroMQ's, or begins as if it were."""
    noise = random.Random(seed).randbytes(4096)
    return [
        noise,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise[:500],
        GREETING[:10] + noise,
        GREETING + noise,
        GREETING + b"\x04\x20" + b"\x05HELLO" + noise[:26],
    ]


def a_gigabyte() -> list[bytes]:
    """Frames of a gigabyte are announced; none of it need be sent."""
    size = GIGABYTE.to_bytes(8, "big")
    return [
        GREETING + kind + size + bytes(65536)
        for kind in (LONG_COMMAND, LONG_MESSAGE)
    ]


#: in which the controller answers what it understands
ANSWER_S = 0.2


class Strangers:
    """Connections to all ports of a controller; closed at the end."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.sockets: list[socket.socket] = []

    def connect(self, count: int = 1, first: bytes = b"") -> None:
        """Open *count* connections to each port, and say something."""
        for port in PORTS:
            for _ in range(count):
                made = socket.create_connection(
                    (self._address, port), CONNECT_S
                )
                self.sockets.append(made)
                if first:
                    with contextlib.suppress(ConnectionError):
                        made.sendall(first)

    def repeat(self, pieces: t.Sequence[bytes]) -> None:
        """Say *pieces* on two connections to each port, one after the other.

        Each is said once the controller had time to answer the one before:
        said all at once they break the protocol, whatever protects it.
        """
        before = len(self.sockets)
        self.connect(2)
        made = self.sockets[before:]
        for piece in pieces:
            for each in made:
                with contextlib.suppress(OSError):
                    each.sendall(piece)
            select.select((), (), (), ANSWER_S)

    def closed(self) -> int:
        """How many the controller has closed by now."""
        poll = select.poll()
        for each in self.sockets:
            poll.register(each, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(0)}
        return sum(
            _is_at_end(each) for each in self.sockets
            if each.fileno() in ready
        )

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def _is_at_end(connection: socket.socket) -> bool:
    """Whether the other side is gone; reads what it has said before."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class Recorder:
    """Passes connections on, and keeps what agents said on each.

    :param address: where the controller is
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._is_closed = False
        #: what was said by an agent, in pieces, on one connection each, by
        #: port
        self.said: dict[int, list[list[bytes]]] = (
            collections.defaultdict(list)
        )
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        for port in PORTS:
            listener = socket.create_server(("0.0.0.0", port))
            self._sockets.append(listener)
            self._start(self._accept, listener, port)

    def _start(self, work: t.Callable[..., None], *args: t.Any) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                agent, _ = listener.accept()
            except OSError:
                return  # closed
            with contextlib.suppress(OSError):
                # nobody listens yet: the agent dials again
                self._join(agent, port)
                continue
            agent.close()

    def _join(self, agent: socket.socket, port: int) -> None:
        controller = socket.create_connection(
            (self._address, port), CONNECT_S
        )
        controller.settimeout(None)
        said: list[bytes] = []
        with self._lock:
            self.said[port].append(said)
            self._sockets += agent, controller
        self._start(self._pass_on, agent, controller, said)
        self._start(self._pass_on, controller, agent, [])

    @staticmethod
    def _pass_on(
        source: socket.socket, target: socket.socket, said: list[bytes]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                said.append(data)
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(CONNECT_S)


class Capture:
    """Keeps every frame that passes the host on which it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)
        )
        self._socket.setsockopt(
            socket.SOL_SOCKET, FORCED_BUFFER, BUFFER_BYTES
        )
        self._wake_reader, self._wake_writer = os.pipe()
        self._seen = bytearray()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        poll = select.poll()
        for each in (self._socket.fileno(), self._wake_reader):
            poll.register(each, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._socket.fileno() in ready:
                self._seen += self._socket.recv(1 << 17)
            elif ready:
                return

    def stop(self) -> bytes:
        """All of it; may be called again."""
        if self._thread.is_alive():
            os.write(self._wake_writer, b"x")
            self._thread.join()
            self._socket.close()
            os.close(self._wake_reader)
            os.close(self._wake_writer)
        return bytes(self._seen)


def forms_of(secret: str) -> list[bytes]:
    """What *secret* looks like in text of several kinds."""
    plain = secret.encode()
    forms = [
        plain, plain[::-1], plain.hex().encode(), plain.hex().upper().encode(),
        secret.encode("utf-16-le"), secret.encode("utf-16-be"),
        base64.b85encode(plain), base64.a85encode(plain),
    ]
    for shift in range(3):  # without what depends on the neighbours
        coded = base64.b64encode(bytes(shift) + plain)
        forms.append(coded[4 if shift else 0:-4])
    # shorter ones may be anywhere by chance
    return [form for form in forms if len(form) >= 8]


class Peer:
    """An agent of no scruples: a valid key, and any name and message."""

    def __init__(
        self, address: str, key: keys.AgentKey, routing_id: bytes = b""
    ) -> None:
        self._context = zmq.Context()
        self._sockets: dict[Channel, zmq.Socket[bytes]] = {}
        for channel, port in zip(Channel, PORTS):
            made = self._sockets[channel] = self._context.socket(zmq.DEALER)
            made.setsockopt(zmq.LINGER, 0)
            made.setsockopt(zmq.SNDTIMEO, 20_000)
            made.setsockopt(zmq.RCVTIMEO, 20_000)
            if routing_id:
                made.setsockopt(zmq.ROUTING_ID, routing_id)
            made.curve_serverkey = key.controller_public.encode()
            made.curve_publickey = key.public.encode()
            made.curve_secretkey = key.secret.encode()
            made.connect("tcp://%s:%d" % (address, port))

    def send(self, channel: Channel, message: messages.Message) -> None:
        self.send_raw(channel, [codec.encode(message)])

    def send_raw(self, channel: Channel, frames: list[bytes]) -> None:
        self._sockets[channel].send_multipart(frames)

    def receive(self) -> messages.Message:
        """The next message on the control channel.

        :raises zmq.Again: none came in time
        """
        return codec.decode(self._sockets[Channel.CONTROL].recv())

    def close(self) -> None:
        self._context.destroy(linger=0)
