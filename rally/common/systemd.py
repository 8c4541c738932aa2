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

"""The notify protocol of systemd, see sd_notify(3).

A service says by datagrams when it is ready, what it is doing and that it is
alive. A library for it would be one more dependency of each load node.
"""

from __future__ import annotations

import os
import socket
import typing as t

#: where to send to: a path, or a name after ``@`` (an abstract socket)
SOCKET = "NOTIFY_SOCKET"
#: how often the manager must be told that the service is alive, microseconds
WATCHDOG = "WATCHDOG_USEC"
#: which process has to say so
WATCHDOG_PID = "WATCHDOG_PID"


class ServiceManager:
    """What has started this process as a service of ``Type=notify``.

    :param watchdog_ns: the service is killed if it was silent for so long;
        None: it is not
    """

    def __init__(self, address: str, watchdog_ns: int | None = None) -> None:
        if address.startswith("@"):
            address = "\0" + address[1:]
        self._address = address
        self.watchdog_ns = watchdog_ns
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # a manager that has no time must not hold up what it manages
        self._socket.setblocking(False)

    @classmethod
    def take_from(
        cls, environ: t.MutableMapping[str, str]
    ) -> ServiceManager | None:
        """The one that *environ* names, which is then no longer there: no
        child may speak for this process.

        :returns: None if this process is no such service
        """
        address = environ.pop(SOCKET, "")
        watchdog = environ.pop(WATCHDOG, "")
        pid = environ.pop(WATCHDOG_PID, "")
        if not address.startswith(("/", "@")):
            return None
        is_ours = watchdog.isdecimal() and pid in ("", str(os.getpid()))
        return cls(address, int(watchdog) * 1000 or None if is_ours else None)

    def tell(self, name: str, value: str) -> bool:
        """Send one assignment, such as ``READY``, ``1``.

        :returns: whether it was taken; if not, it is to be said again
        """
        line = "%s=%s" % (name, " ".join(value.split()))
        try:
            self._socket.sendto(line.encode(), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
