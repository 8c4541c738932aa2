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
"""Sending to many in parts."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st

from rally.task.distributed.commands import Say, Send
from rally.task.distributed.controller.send_queue import SendQueue
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel
from tests.unit import test

AT_ONCE = 5


def send(peer, number):
    return Send(
        peer, Channel.CONTROL, messages.Stop("run", str(number))
    )


class SendQueueTestCase(test.TestCase):
    @hypothesis.given(batches=st.lists(
        st.lists(st.sampled_from("abcdefgh"), max_size=20), max_size=10
    ))
    def test_all_is_sent_once_and_in_order_for_each_peer(self, batches):
        queue, given, sent, number = SendQueue(AT_ONCE), [], [], 0
        for peers in batches:
            commands = [send(peer, number + i)
                        for i, peer in enumerate(peers)]
            number += len(peers)
            given += commands
            admitted = queue.admit(commands)
            self.assertLessEqual(len(admitted), AT_ONCE)
            sent += admitted
            taken = list(queue.take())
            self.assertLessEqual(len(taken), AT_ONCE)
            sent += taken
        while queue:
            sent += queue.take()

        for peer in "abcdefgh":
            self.assertEqual(
                [each for each in given if each.peer == peer],
                [each for each in sent if each.peer == peer],
            )

    def test_an_answer_does_not_wait_behind_others(self):
        queue = SendQueue(AT_ONCE)
        queue.admit([send("a%d" % i, 0) for i in range(100)])

        answer = [send("b", 1)]
        self.assertEqual(answer, queue.admit(answer))
        self.assertEqual([], queue.admit([send("a99", 1)]))

    def test_only_messages_wait(self):
        queue = SendQueue(AT_ONCE)
        said = Say("it starts")
        admitted = queue.admit([*(send("a%d" % i, 0) for i in range(9)), said])

        self.assertIn(said, admitted)
        self.assertEqual(9 - AT_ONCE, len(queue))
