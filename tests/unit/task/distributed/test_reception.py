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

"""What answers agents while no run has the transport."""

from __future__ import annotations

import queue

from rally.task.distributed import reception
from rally.task.distributed.wire import channels, messages
from tests.unit import test

#: generous: other tests may take the CPUs
WAIT_S = 60
LOGGER = "rally.task.distributed.reception"
HELLO = channels.Received(
    "a", channels.Channel.CONTROL, messages.Hello("i", "6.0.0", "h", 1, 0)
)


class Transport:
    """Gives what was put into ``inbox``, one each time; raises errors."""

    def __init__(self):
        self.inbox, self.sent = queue.Queue(), queue.Queue()
        self.failures = []  # of sending

    def receive(self, timeout_s):
        received = self.inbox.get(timeout=WAIT_S)
        if isinstance(received, Exception):
            raise received
        return [] if received is None else [received]

    def send(self, peer, channel, message):
        if self.failures:
            raise self.failures.pop()
        self.sent.put(message)
        return channels.Delivery.QUEUED

    def wake(self):
        self.inbox.put(None)

    def answers(self):
        return [type(self.sent.get(timeout=WAIT_S)) for _ in range(2)]


class ReceptionTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.transport = Transport()
        self.reception = reception.Reception(self.transport, "6.0.0")
        self.reception.open()
        self.addCleanup(self.reception.close)

    def check_answers(self):
        self.transport.inbox.put(HELLO)
        self.assertEqual(
            [messages.Welcome, messages.Beat], self.transport.answers()
        )

    def test_a_failure_to_receive_does_not_end_it(self):
        with self.assertLogs(LOGGER) as logged:
            self.transport.inbox.put(OSError("no buffer space"))
            self.check_answers()
        self.assertIn("no buffer space", logged.output[0])

    def test_a_failure_to_send_does_not_end_it(self):
        self.transport.failures.append(ValueError("not that"))
        with self.assertLogs(LOGGER):
            self.transport.inbox.put(HELLO)
            self.check_answers()

    def test_a_failure_that_stays_is_said_once_and_does_not_hold_up(self):
        with self.assertLogs(LOGGER) as logged:
            for _ in range(2):
                self.transport.inbox.put(OSError("it is closed"))
            self.check_answers()
            self.transport.inbox.put(OSError("it is closed"))
            with self.reception.lent() as hellos:
                self.assertEqual([HELLO], hellos)

        self.assertEqual(1, len(logged.output))
        self.check_answers()
