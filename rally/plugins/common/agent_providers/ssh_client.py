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


"""Scripts on other hosts, by the OpenSSH client of this one.

All that the user has configured holds: jump hosts, agents, known hosts.
Nothing is ever asked (``BatchMode``), for there are hundreds of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
import typing as t

from rally import exceptions
from rally.plugins.common.agent_providers import ssh_scripts

if t.TYPE_CHECKING:
    import subprocess

#: what the client itself ends with if it cannot reach a host
UNREACHABLE = 255
#: beyond the time that a script may take: to connect, by way of others, too
CONNECTIONS = 3
#: a connection over which nothing comes for three of these is given up
ALIVE_S = 5
MAX_OUTPUT = 65536


class NoSSH(exceptions.RallyException):
    error_code = 207
    msg_fmt = (
        "There is no program `ssh` in the PATH of the controller, so no "
        "agent can be started on another host. Install the OpenSSH client "
        "(package openssh-client), or start agents with `rally agent start`."
    )


@dataclasses.dataclass(frozen=True, slots=True)
class RemoteResult:
    """What a script did on a host."""

    status: int
    said: str  # what the script itself answered; a phrase
    output: str  # all else that was printed
    is_begun: bool = True  # or may have
    @property
    def is_nothing_done(self) -> bool:
        """Whether the script has certainly not begun."""
        return self.status == UNREACHABLE and not self.is_begun

    @property
    def reason(self) -> str:
        """Why it did not do what it was for; a phrase."""
        if self.status != UNREACHABLE:
            return self.said or "its script ended with exit status %d" % (
                self.status
            )
        lines = self.output.splitlines()
        return lines[-1] if lines else "ssh could not reach it"

    @property
    def tail(self) -> str:
        """What was printed beside the reason."""
        return "" if self.status == UNREACHABLE else self.output


class SSHClient:
    """Runs scripts on hosts.

    :param options: of ``ssh``, by the names that ssh_config(5) has
    """

    def __init__(
        self, user: str | None, port: int | None, config_file: str | None,
        connect_timeout_s: int, options: t.Mapping[str, t.Any],
    ) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._lock = threading.Lock()
        self._is_interrupted = False
        self._waiting: set[subprocess.Popen[bytes]] = set()
        fixed = {
            "BatchMode": "yes",
            "ConnectTimeout": connect_timeout_s,
            "ServerAliveInterval": ALIVE_S,
            # of the user's configuration: for people, and once only
            "ClearAllForwardings": "yes",
            "ControlPersist": "no",
            "RequestTTY": "no",
            "LogLevel": "ERROR",
            **options,
        }
        self._words: list[str] = []
        if config_file:
            self._words += ["-F", config_file]
        if user:
            self._words += ["-l", user]
        if port:
            self._words += ["-p", str(port)]
        for name, value in fixed.items():
            self._words += ["-o", "%s=%s" % (name, value)]

    @contextlib.contextmanager
    def _noted(
        self, process: subprocess.Popen[bytes], can_wait: bool
    ) -> t.Iterator[None]:
        """Let ``interrupt`` find a process that can wait."""
        with self._lock:
            if can_wait and self._is_interrupted:
                process.kill()
            elif can_wait:
                self._waiting.add(process)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(process)

    def interrupt(self) -> None:
        """Give up what can wait, now and from now on."""
        with self._lock:
            self._is_interrupted = True
            for process in self._waiting:
                process.kill()

    @staticmethod
    def check() -> str:
        """Path of the program.

        :raises NoSSH: there is none
        """
        found = shutil.which("ssh")
        if found is None:
            raise NoSSH()
        return found

    def run(
        self, host: str, script: str, limit_s: float, can_wait: bool = False
    ) -> RemoteResult:
        """Run *script* with ``sh``; it may take so many seconds there.

        :param can_wait: it may be given up by ``interrupt``
        :raises NoSSH: there is no client
        """
        status, output = self._talk(
            host, "sh -s", script.encode(), limit_s, can_wait
        )
        if status is None:
            return RemoteResult(UNREACHABLE, "", output)
        return _read(status, output)

    def send(
        self, host: str, file: t.IO[bytes], command: str, limit_s: float
    ) -> RemoteResult:
        """Have *command* read a file; it may be given up as by ``run``.

        :raises NoSSH: there is no client
        """
        status, output = self._talk(host, command, file, limit_s, True)
        lines = output.strip().splitlines()
        return RemoteResult(
            UNREACHABLE if status is None else status,
            lines[-1] if lines else "", output.strip(),
        )

    def _talk(
        self, host: str, command: str, source: bytes | t.IO[bytes],
        limit_s: float, can_wait: bool,
    ) -> tuple[int | None, str]:
        """Exit status and output of *command*, which reads *source*.

        :returns: no status if there was no answer, and how long it had
        """
        import subprocess
        import tempfile

        limit_s += CONNECTIONS * self._connect_timeout_s
        text, file = (
            (source, None) if isinstance(source, bytes) else (None, source)
        )
        # a file: what a login shell left in the background may keep a pipe
        # open for ever
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [self.check(), *self._words, "--", host, command],
                stdin=file or subprocess.PIPE, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
            try:
                with self._noted(process, can_wait):
                    process.communicate(text, limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None, "no answer within %g s" % limit_s
            status = process.returncode
            size = output.seek(0, 2)
            output.seek(max(0, size - MAX_OUTPUT))
            return status, output.read().decode(errors="replace")


def _read(status: int, output: str) -> RemoteResult:
    """Tell what a script answered from what else was printed."""
    said, is_begun, rest = "", False, []
    for line in output.splitlines():
        if line.startswith(ssh_scripts.MARK):
            is_begun = True
            said = line.removeprefix(ssh_scripts.MARK).strip()
        else:
            rest.append(line)
    return RemoteResult(status, said, "\n".join(rest).strip(), is_begun)
