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

"""A scenario whose iterations a referee can count."""

from __future__ import annotations

import base64
import contextlib
import encodings.idna  # noqa: F401  a first connection needs it
import os
import socket
import threading
import time

from rally.task import scenario


@scenario.configure(name="Referee.visit")
class Visit(scenario.Scenario):
    def run(
        self, host: str, port: int, sleep: float = 0, fail_from: int = 0,
        fail_on: str = "", ballast: int = 0, fail_at: int = 0,
        slow_at: int = 0, slow_sleep: float = 0, stall_at: int = 0,
        stall: float = 0, burn: float = 0,
    ) -> None:
        """Tell the referee when the iteration starts and ends.

        :param host: address of the referee
        :param port: where it listens
        :param sleep: seconds between start and end
        :param fail_from: iterations from this number on fail, 0 for none
        :param fail_on: they fail on the host with this address only
        :param ballast: bytes of each result that cannot be compressed
        :param fail_at: the only iteration that fails, 0 for none
        :param slow_at: the only iteration that takes *slow_sleep* seconds
        :param slow_sleep: see *slow_at*
        :param stall_at: this iteration makes the referee stall
        :param stall: for so many seconds it then answers nobody
        :param burn: seconds of CPU time to use before the start
        """
        number = self.context["iteration"]
        used = time.thread_time() + burn
        while time.thread_time() < used:
            pass
        if ballast:
            text = base64.b64encode(os.urandom(ballast)).decode()
            self.add_output(
                complete={
                    "title": "Ballast", "chart_plugin": "TextArea",
                    "data": [text],
                }
            )
        with contextlib.ExitStack() as stack:
            stack.callback(self._keep, number)
            connection = stack.enter_context(
                socket.create_connection((host, port), 30)
            )
            answers = connection.makefile()
            address = connection.getsockname()[0]
            if number == stall_at:
                connection.sendall(b"stall %g\n" % stall)
            connection.sendall(b"start %d\n" % number)
            answers.readline()
            # not time.sleep: libfaketime makes an error of it
            threading.Event().wait(
                slow_sleep if number == slow_at else sleep
            )
            connection.sendall(b"end %d\n" % number)
            answers.readline()
        if number == fail_at or (
            fail_from and number >= fail_from
            and fail_on in ("", address)
        ):
            raise ValueError("iteration %d is to fail" % number)

    def _keep(self, number: int) -> None:
        """Put *number* into the results, whatever became of the visit.

        Last, because the first time takes a millisecond of the CPU that
        other hosts need to start at the same moment.
        """
        self.add_output(
            additive={
                "title": "Number",
                "chart_plugin": "StackedArea",
                "data": [["number", number]],
            }
        )
