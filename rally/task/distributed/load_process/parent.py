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

"""The load process of an agent, as the agent sees it.

It is started fresh, never forked: the agent's process holds the ZeroMQ
context, and a context must not be shared across a fork.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import typing as t

from rally.common import clock, python
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.link import Link

#: how long a load process that is no longer needed may take to end
END_S = 3.0
#: what follows in the load process's command line is where to find the
#: configuration of its host
OWN = "--own-configuration"
#: of the output of one load process, the agent passes on this much; a log is
#: no place for 100 MB that a scenario prints
PASSED_ON_BYTES = 1_000_000
#: what is kept of its end, for the report of a death
TAIL_BYTES = 6_000
TAIL_LINES = 20
_READ_BYTES = 1 << 16
#: more than a pipe holds, for a process that goes on printing
_LAST_READS = 17


class LoadProcess:
    """A child process that runs Runners for this agent, one after another.

    :param wall_base_ns: of the agent's clock, which is its clock, too
    :param own_args: where the configuration of this host is, in the form of
        a command line; None: it has none of its own
    """

    def __init__(
        self, wall_base_ns: int, own_args: t.Sequence[str] | None = None
    ) -> None:
        ours, theirs = socket.socketpair()
        self._link = Link(ours)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *python.command(
                        "rally.task.distributed.load_process.child"
                    ),
                    str(theirs.fileno()),
                    *([] if own_args is None else [OWN, *own_args]),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **os.environ,
                    clock.WALL_BASE_VARIABLE: str(wall_base_ns),
                },
            )
        self.pid = self._process.pid
        self._verdict = ""  # why it was killed
        # beside the link: a child of the scenario may keep that open
        self._exit_fd = os.pidfd_open(self._process.pid)
        self._output = OutputTail(
            t.cast(t.BinaryIO, self._process.stdout), sys.stderr.write
        )

    def filenos(self) -> tuple[int, ...]:
        """Readable when ``receive`` has something to say."""
        return self._link.fileno(), self._exit_fd

    def send(self, message: messages.LoadMessage) -> bool:
        return self._link.send(message)

    def receive(self) -> list[messages.LoadMessage] | None:
        """Messages that have come; None if the process is gone."""
        if self._is_readable(self._link.fileno()):
            return self._link.receive()
        return None if self._is_readable(self._exit_fd) else []

    @staticmethod
    def _is_readable(fd: int, timeout_s: float = 0) -> bool:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    @property
    def is_alive(self) -> bool:
        return not self._is_readable(self._exit_fd)

    def exit_reason(self) -> str:
        """Why it is gone: exit status and the end of its output."""
        if not self._is_readable(self._exit_fd, END_S):
            self._kill()
            return "its load process closed its pipe, hung, and was killed"
        status = self._process.wait()
        self._output.close()
        if self._verdict:
            how = self._verdict
        elif status < 0:
            how = "was killed by %s" % signal.Signals(-status).name
        else:
            how = "ended with exit status %d" % status
        tail = self._output.text()
        return "its load process %s%s" % (
            how, "; the end of its output:\n%s" % tail if tail else ""
        )

    def kill(self, reason: str) -> None:
        """End it, with all its workers; ``exit_reason`` gives *reason*."""
        self._verdict = reason
        self._signal_all()

    def end(self) -> None:
        """Let it end, or kill it with all its workers."""
        self._link.close()
        self._is_readable(self._exit_fd, END_S)
        self._kill()
        self._output.close()
        os.close(self._exit_fd)

    def _kill(self) -> None:
        self._signal_all()
        self._process.wait()

    def _signal_all(self) -> None:
        """SIGKILL for it, and for workers that outlived it: they are of its
        session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


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
