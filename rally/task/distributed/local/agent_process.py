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

"""One agent on the controller's own host: its process, folder and end."""

from __future__ import annotations

import os
import pathlib
import select
import shutil
import subprocess
import sys
import threading
import time
import typing as t
import uuid

from rally.task.distributed.wire.channels import Channel
from rally.task.load import cpus

#: how long it may take to end once nobody needs it
END_S = 10.0
#: what the name of a spool begins with, before that of its agent
SPOOL = "spool-"


class LocalAgent:
    """A process that ends when ``hang_up`` is called, or its parent dies.

    :param folder: has its key file; its spool will be there
    :param on_end: called with how it ended, from a thread
    """

    def __init__(
        self,
        name: str,
        folder: pathlib.Path,
        addresses: t.Mapping[Channel, str],
        own_cpus: t.Iterable[int],
        on_end: t.Callable[[LocalAgent, str], None],
    ) -> None:
        self.name = name
        self.instance = uuid.uuid4().hex
        self._spool = folder / (SPOOL + name)
        self._on_end = on_end
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m",
                    "rally.task.distributed.agent_process",
                    *(addresses[channel] for channel in Channel),
                    "--key", str(key_file(folder, name)),
                    "--spool", str(self._spool),
                    "--lifeline", str(lifeline),
                    "--instance", self.instance,
                ],
                pass_fds=[lifeline],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={
                    **os.environ,
                    cpus.VARIABLE: ",".join(map(str, own_cpus)),
                },
            )
        finally:
            os.close(lifeline)
        self.pid = self._process.pid
        self._exit_fd = os.pidfd_open(self.pid)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        status = self._process.wait()
        self._on_end(
            self, "its process ended with exit status %d" % status
        )

    @property
    def is_alive(self) -> bool:
        poll = select.poll()
        poll.register(self._exit_fd, select.POLLIN)
        return not poll.poll(0)

    def hang_up(self) -> None:
        """Let it end: it sees the end of its lifeline.

        In a process that was forked from here it lets go of its copy.
        """
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def end(self, until_s: float) -> None:
        """Wait until it has ended, kill it if it does not; leave nothing.

        :param until_s: how long to wait, on the monotonic clock
        """
        self.hang_up()
        self._watcher.join(max(0.0, until_s - time.monotonic()))
        if self._watcher.is_alive():
            self._process.kill()
            self._watcher.join()
        os.close(self._exit_fd)
        shutil.rmtree(self._spool, ignore_errors=True)


def key_file(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Where the key of a local agent is."""
    return folder / ("%s.key" % name)
