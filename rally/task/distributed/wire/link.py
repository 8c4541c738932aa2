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

"""Messages over the pipe between an agent and its load process."""

from __future__ import annotations

import socket
import struct
import threading

from rally.task.distributed.wire import codec, messages

_LENGTH = struct.Struct(">I")
_READ_BYTES = 1 << 16
#: no message of ours is longer: a context may be large, and what is shipped
#: with a run; this is larger
MAX_BYTES = 3 << 27


class Link:
    """Length-prefixed messages over a stream socket.

    ``send`` may be called from any thread. Both ends belong to one user on
    one host, so a message is trusted to mean what it says. Not that it is
    one: what the load runs may write into any file descriptor.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.Lock()
        self._buffer = bytearray()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: messages.LoadMessage) -> bool:
        """Send *message*; False if the other end is gone."""
        body = codec.encode_load(message)
        try:
            with self._lock:
                self._socket.sendall(_LENGTH.pack(len(body)) + body)
        except OSError:
            return False
        return True

    def receive(self) -> list[messages.LoadMessage] | None:
        """Wait for data; messages complete by now, None at the end.

        :raises ProtocolError: the other end sent something else than a message
        """
        try:
            data = self._socket.recv(_READ_BYTES)
        except OSError:
            return None
        if not data:
            return None
        self._buffer += data
        return list(self._complete())

    def _complete(self) -> list[messages.LoadMessage]:
        received, at = [], 0
        while len(self._buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, at)
            if length > MAX_BYTES:
                raise codec.ProtocolError(
                    problem="a message of %d bytes" % length
                )
            end = at + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[at + _LENGTH.size:end])
            received.append(codec.decode_load(body))
            at = end
        del self._buffer[:at]
        return received

    def close(self) -> None:
        self._socket.close()
