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

"""An SSH server for tests: runs commands on this host."""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
import typing as t

import paramiko
from paramiko import common

# clients that hang up are part of the tests
logging.getLogger("paramiko").addHandler(logging.NullHandler())

USER, PASSWORD = "tester", "secret"


class _Login(paramiko.ServerInterface):
    """Lets one user in, and runs what it asks for."""

    def check_auth_password(self, username: str, password: str) -> int:
        is_good = (username, password) == (USER, PASSWORD)
        return common.AUTH_SUCCESSFUL if is_good else common.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return common.OPEN_SUCCEEDED

    def check_channel_exec_request(
        self, channel: paramiko.Channel, command: bytes
    ) -> bool:
        threading.Thread(
            target=_execute, args=(channel, command), daemon=True
        ).start()
        return True


def _execute(channel: paramiko.Channel, command: bytes) -> None:
    process = subprocess.Popen(
        ["sh", "-c", command.decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stdin = channel.makefile("rb")
    out, err = process.communicate(stdin.read())
    channel.sendall(out)
    channel.sendall_stderr(err)
    channel.send_exit_status(process.returncode)
    channel.close()


class SSHServer:
    """Listens on a port of the loopback interface until closed."""

    def __init__(self) -> None:
        self._key = paramiko.ECDSAKey.generate()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            self._transports.append(transport)
            transport.start_server(
                event=threading.Event(), server=t.cast(t.Any, _Login())
            )

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for transport in self._transports:
            transport.close()
