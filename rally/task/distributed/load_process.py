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

import collections
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import typing as t

from rally.common import clock
from rally.task.distributed import messages
from rally.task.distributed.link import Link

#: what is kept of the output of a load process, for the report of its death
TAIL_LINES = 20
LINE_CHARS = 300
#: how long a load process that is no longer needed may take to end
END_S = 5.0


class LoadProcess:
    """A child process that runs a Runner for this agent."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._link = Link(ours)
        self._tail: collections.deque[str] = collections.deque(
            maxlen=TAIL_LINES
        )
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "rally.task.distributed.worker",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **os.environ,
                    clock.WALL_BASE_VARIABLE: str(clock.WALL_BASE_NS),
                },
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Pass the output on, keep its end (bounded, whatever it prints)."""
        stream = t.cast(t.BinaryIO, self._process.stdout)
        with stream:
            for line in iter(lambda: stream.readline(LINE_CHARS), b""):
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                sys.stderr.write(text + "\n")

    def fileno(self) -> int:
        return self._link.fileno()

    def send(self, message: messages.LoadMessage) -> bool:
        return self._link.send(message)

    def receive(self) -> list[messages.LoadMessage] | None:
        """Messages that have come; None if the process is gone."""
        return self._link.receive()

    def epitaph(self) -> str:
        """Why it is gone: exit status and the end of its output."""
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "its load process closed its pipe and hangs"
        self._reader.join(1.0)
        if status < 0:
            how = "was killed by %s" % signal.Signals(-status).name
        else:
            how = "ended with exit status %d" % status
        tail = "\n".join(self._tail)
        return "its load process %s%s" % (
            how, "; the end of its output:\n%s" % tail if tail else ""
        )

    def end(self) -> None:
        """Let it end, or kill it with all its workers."""
        self._link.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        with contextlib.suppress(ProcessLookupError):
            # workers that outlived it are of its session
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(1.0)
