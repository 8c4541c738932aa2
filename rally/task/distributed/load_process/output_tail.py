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

"""What a load process prints: passed on up to a limit, its end kept."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import typing as t

#: of the output of one load process, the agent passes on so much; a log is
#: no place for 100 MB that a scenario prints
PASSED_ON_BYTES = 1_000_000
#: what is kept of its end, for the report of a death
TAIL_BYTES = 6_000
TAIL_LINES = 20
_READ_BYTES = 1 << 16
#: more than a pipe holds, for a process that goes on printing
_LAST_READS = 17


class OutputTail:
    """Reads a pipe to its end, in a thread of its own.

    It never waits for more than what is there once ``close`` was called: a
    process that the scenario left behind may keep the pipe open for ever.

    :param pass_on: called with what was read, up to ``PASSED_ON_BYTES``
    """

    def __init__(
        self, stream: t.BinaryIO, pass_on: t.Callable[[str], object]
    ) -> None:
        self._stream = stream
        self._pass_on = pass_on
        self._tail = b""
        self._seen_bytes = 0
        self._is_closed = False
        self._end_read, self._end_write = os.pipe()
        os.set_blocking(stream.fileno(), False)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        fd = self._stream.fileno()
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self._end_read, select.POLLIN)
        with self._stream:
            last_reads = _LAST_READS
            while last_reads:
                if self._end_read in {each for each, _ in poll.poll()}:
                    last_reads -= 1
                try:
                    data = os.read(fd, _READ_BYTES)
                except BlockingIOError:
                    if last_reads < _LAST_READS:
                        break
                    continue
                if not data:
                    break
                self._take(data)

    def _take(self, data: bytes) -> None:
        left = PASSED_ON_BYTES - self._seen_bytes
        self._seen_bytes += len(data)
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        if left > 0:
            self._say(data[:left].decode("utf-8", "replace"))
            if len(data) >= left:
                self._say(
                    "\n[the load process has printed %d bytes; what follows "
                    "is not passed on]\n" % PASSED_ON_BYTES
                )

    def _say(self, text: str) -> None:
        # whatever becomes of the log: a pipe that nobody reads would hold
        # up the load
        with contextlib.suppress(OSError, ValueError):
            self._pass_on(text)

    def close(self, timeout_s: float = 1.0) -> None:
        """Take what is in the pipe by now, and no more."""
        if self._is_closed:
            return
        self._is_closed = True
        os.close(self._end_write)
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            os.close(self._end_read)
        if self.dropped_bytes:
            self._say(
                "[%d bytes of the load process were not passed on]\n"
                % self.dropped_bytes
            )

    @property
    def dropped_bytes(self) -> int:
        """How much was not passed on."""
        return max(0, self._seen_bytes - PASSED_ON_BYTES)

    def text(self) -> str:
        """The end of what was printed; whole lines, if they are short."""
        text = self._tail.decode("utf-8", "replace").rstrip()
        return "\n".join(text.splitlines()[-TAIL_LINES:])
