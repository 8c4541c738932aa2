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

import socket

from rally.task.distributed.wire import codec, link, messages
from tests.unit import test


class LinkTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.link = link.Link(self.ours)

    def test_messages_come_back_whole(self):
        said = [messages.LoadReady(), messages.LoadSpooled(3)]
        for message in said:
            link.Link(self.theirs).send(message)

        self.assertEqual(said, self.link.receive())

    def test_half_a_message_waits_for_the_rest(self):
        body = codec.encode_load(messages.LoadReady())
        data = len(body).to_bytes(4, "big") + body
        self.theirs.sendall(data[:6])
        self.assertEqual([], self.link.receive())
        self.theirs.sendall(data[6:])
        self.assertEqual([messages.LoadReady()], self.link.receive())

    def test_what_is_no_message_is_an_error(self):
        self.theirs.sendall(b"\0\0\0\3bad")
        self.assertRaises(codec.ProtocolError, self.link.receive)

    def test_a_length_that_no_message_has_is_not_waited_for(self):
        self.theirs.sendall(b"\x7f\xff\xff\xff")
        error = self.assertRaises(codec.ProtocolError, self.link.receive)
        self.assertIn("2147483647", str(error))
