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
import typing as t

from rally.common import clock
from rally.task.distributed.load_process import output_tail
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.link import Link

#: how long a load process that is no longer needed may take to end
END_S = 3.0
#: what follows in the load process's command line is where to find the
#: configuration of its host
OWN = "--own-configuration"


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
                    sys.executable, "-m",
                    "rally.task.distributed.load_process.child",
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
        # beside the link: a child of the scenario may keep that open
        self._exit_fd = os.pidfd_open(self._process.pid)
        self._output = output_tail.OutputTail(
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

    def epitaph(self) -> str:
        """Why it is gone: exit status and the end of its output."""
        if not self._is_readable(self._exit_fd, END_S):
            self._kill()
            return "its load process closed its pipe, hung, and was killed"
        status = self._process.wait()
        self._output.close()
        if status < 0:
            how = "was killed by %s" % signal.Signals(-status).name
        else:
            how = "ended with exit status %d" % status
        tail = self._output.text()
        return "its load process %s%s" % (
            how, "; the end of its output:\n%s" % tail if tail else ""
        )

    def end(self) -> None:
        """Let it end, or kill it with all its workers."""
        self._link.close()
        self._is_readable(self._exit_fd, END_S)
        self._kill()
        self._output.close()
        os.close(self._exit_fd)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            # workers that outlived it are of its session
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
