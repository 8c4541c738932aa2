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

from __future__ import annotations

from unittest import mock

import zmq

from rally.task.distributed.security import authenticator
from rally.task.distributed.wire import sockets
from tests.unit import test

STRANGER = [
    b"route", b"", b"1.0", b"1", b"rally", b"10.0.0.1", b"", b"CURVE",
    b"k" * 32,
]


class FloodTestCase(test.TestCase):
    def test_messages_have_their_turn_in_a_flood_of_connections(self) -> None:
        allow = mock.Mock()
        allow.name_of.return_value = None
        asked = authenticator.Authenticator(
            mock.Mock(), allow, sockets.Trouble(), "operator"
        )
        socket = asked.socket = mock.Mock()
        socket.recv_multipart.side_effect = [STRANGER] * 40 + [zmq.Again]

        answered = []
        for _ in range(3):
            asked.answer()
            answered.append(socket.send_multipart.call_count)

        self.assertEqual([16, 32, 40], answered)
