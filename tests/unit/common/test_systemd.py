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

"""The notify protocol, against a socket of the test."""

from __future__ import annotations

import os
import pathlib
import socket
import tempfile
import typing as t
import uuid

import ddt

from rally.common import systemd
from tests.unit import test


def listening(address: str) -> socket.socket:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(address)
    found.setblocking(False)
    return found


class SocketTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "notify"

    def manager(self, address: str) -> systemd.ServiceManager:
        manager = systemd.ServiceManager(address)
        self.addCleanup(manager.close)
        return manager

    def test_a_socket_of_a_path_gets_what_is_told(self) -> None:
        theirs = listening(str(self.path))
        self.addCleanup(theirs.close)

        self.assertTrue(self.manager(str(self.path)).tell("READY", "1"))

        self.assertEqual(b"READY=1", theirs.recv(100))

    def test_an_abstract_socket_gets_what_is_told(self) -> None:
        name = "rally-test-%s" % uuid.uuid4().hex
        theirs = listening("\0" + name)
        self.addCleanup(theirs.close)

        self.assertTrue(self.manager("@" + name).tell("STATUS", "dialing"))

        self.assertEqual(b"STATUS=dialing", theirs.recv(100))

    def test_a_value_cannot_make_an_assignment_of_its_own(self) -> None:
        theirs = listening(str(self.path))
        self.addCleanup(theirs.close)

        self.manager(str(self.path)).tell("STATUS", "run a\nMAINPID=1")

        self.assertEqual(b"STATUS=run a MAINPID=1", theirs.recv(100))

    def test_a_manager_that_is_gone_does_no_harm(self) -> None:
        self.assertFalse(self.manager(str(self.path)).tell("READY", "1"))

    def test_a_manager_that_does_not_read_holds_nobody_up(self) -> None:
        theirs = listening(str(self.path))
        self.addCleanup(theirs.close)
        manager = self.manager(str(self.path))

        told = 0
        while manager.tell("WATCHDOG", "1"):
            told += 1

        self.assertNotEqual(0, told)
        theirs.recv(100)
        self.assertTrue(manager.tell("WATCHDOG", "1"))


@ddt.ddt
class EnvironmentTestCase(test.TestCase):
    def taken(
        self, environ: t.MutableMapping[str, str]
    ) -> systemd.ServiceManager | None:
        manager = systemd.ServiceManager.take_from(environ)
        if manager is not None:
            self.addCleanup(manager.close)
        return manager

    @ddt.data(
        {}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "vsock:2:1234"},  # of virtual machines
    )
    def test_who_is_no_service_has_no_manager(
        self, environ: dict[str, str]
    ) -> None:
        self.assertIsNone(self.taken(dict(environ)))

    @ddt.data(
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30_000_000_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())},
         30_000_000_000),
        # of the process that started this one
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    )
    @ddt.unpack
    def test_a_watchdog_is_that_of_this_process(
        self, environ: dict[str, str], watchdog_ns: int | None
    ) -> None:
        manager = self.taken({"NOTIFY_SOCKET": "@x", **environ})
        assert manager is not None
        self.assertEqual(watchdog_ns, manager.watchdog_ns)

    def test_no_child_is_taken_for_the_service(self) -> None:
        environ = {
            "NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1",
            "HOME": "/",
        }
        self.taken(environ)
        self.assertEqual({"HOME": "/"}, environ)
