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
"""How an agent gets a key of its own, through real sockets and files."""

from __future__ import annotations

import pathlib
import stat
import tempfile

from rally.task.distributed import joining, reception
from rally.task.distributed.security import enrolment, keys, tokens
from rally.task.distributed.wire import (
    agent_transport,
    channels,
    codec,
    messages,
)
from rally.task.distributed.wire.channels import Channel, ConnectionChange
from tests.unit import test

#: generous: other tests may take the CPUs
WAIT_S = 60
NOBODY = "tcp://127.0.0.1:1"


class Base(test.TestCase):
    """A controller that waits, and folders for it and for agents."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)
        self.folder = self.home / "keys"
        self.own = self.home / "own"
        keys.controller_key(self.folder)

    def listen(self, folder=None):
        """Its address; a lobby answers there."""
        self.transport = reception.listen(
            "tcp://127.0.0.1:*", folder or self.folder
        )
        self.lobby = reception.Reception(self.transport, "6")
        self.lobby.open()
        self.addCleanup(self.stop)
        self.address = self.transport.endpoints[Channel.CONTROL]

    def stop(self):
        self.lobby.close()
        self.transport.close()

    def invited(self, uses=1, folder=None):
        path = self.home / "fleet.join"
        path.touch(mode=0o600)
        path.write_text(tokens.invite(uses, 3600, {}, folder or self.folder))
        return tokens.load_join_token(path)

    def enrolled(self, token, name="node", address=None, own=None,
                 give_up_after_s=WAIT_S):
        with joining.own_key(
            address or self.address, token, name, own or self.own,
            give_up_after_s,
        ) as key:
            return key

    def files(self):
        """Where keys are kept."""
        return [path for path in self.own.rglob("*") if path.is_file()]


class JoiningTestCase(Base):
    def test_it_has_a_key_of_its_own_from_then_on(self):
        self.listen()
        token = self.invited()

        key = self.enrolled(token)

        self.assertEqual("node", key.name)
        self.assertNotEqual(token.public, key.public)
        self.assertEqual(token.controller_public, key.controller_public)
        [path] = self.files()
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        for each in (self.own, path.parent):
            self.assertEqual(0o700, stat.S_IMODE(each.stat().st_mode))
        # it needs nobody for its next start
        self.assertEqual(key, self.enrolled(token, address=NOBODY))

    def test_one_of_the_same_name_gets_another_one(self):
        self.listen()
        token = self.invited(2)
        names = [
            self.enrolled(token, own=self.home / each).name for each in "ab"
        ]
        self.assertEqual(["node", "node-2"], names)

    def test_one_that_was_killed_before_the_answer_is_counted_once(self):
        token = self.invited()
        self.assertIsNone(
            self.enrolled(token, address=NOBODY, give_up_after_s=0.1)
        )
        [path] = self.files()
        desk = enrolment.Enrolment(self.folder)
        desk.hear(
            channels.Applicant(b"", token.public, ""),
            messages.Enrol(keys.read_pair(path).public, "node"),
            lambda: None,
        )
        desk.close()
        self.listen()

        key = self.enrolled(token)

        self.assertEqual("node", key.name)
        self.assertEqual(
            [key.public], [each.public for each in keys.agents(self.folder)]
        )

    def test_one_too_many_is_told_why_and_keeps_nothing(self):
        self.listen()
        token = self.invited()
        self.enrolled(token, own=self.home / "first")
        error = self.assertRaises(joining.NotLetIn, self.enrolled, token)
        self.assertIn("is used up", str(error))
        self.assertEqual([], self.files())

    def test_a_token_that_has_ended_is_good_for_nothing(self):
        self.listen()
        token = self.invited(5)
        tokens.revoke(token.id, self.folder)
        error = self.assertRaises(joining.NotLetIn, self.enrolled, token)
        self.assertIn("has expired, was revoked", str(error))
        self.assertEqual([], keys.agents(self.folder))

    def test_the_token_of_another_controller_is_not_even_shown(self):
        other = self.home / "other"
        keys.controller_key(other)
        token = self.invited(folder=other)
        self.listen()
        self.assertIsNone(self.enrolled(token, give_up_after_s=1.0))
        self.assertEqual([], keys.agents(self.folder))
        self.assertEqual([], keys.agents(other))

    def test_there_is_a_key_for_each_controller_and_name(self):
        one, two = self.invited(), self.invited(folder=self.home / "other")
        self.assertEqual(4, len({
            joining.folder_of(self.own, name, token)
            for name in "ab" for token in (one, two)
        }))

    def test_two_processes_never_have_the_same_key(self):
        self.listen()
        token = self.invited(2)
        with joining.own_key(self.address, token, "node", self.own) as key:
            error = self.assertRaises(joining.KeyInUse, self.enrolled, token)
            self.assertIn("--name", str(error))
            self.assertEqual("other", self.enrolled(token, "other").name)
        self.assertEqual(key, self.enrolled(token))

    def test_a_folder_that_cannot_be_made_is_explained(self):
        (self.home / "file").touch()
        error = self.assertRaises(
            joining.KeyNotKept, self.enrolled, self.invited(), "n", NOBODY,
            self.home / "file" / "own",
        )
        self.assertIn("--keys-folder", str(error))


class ApplicantTestCase(Base):
    """What else somebody with a join token can try."""

    def dial(self, pair, channel=Channel.CONTROL):
        public = keys.controller_key(self.folder).public
        end = agent_transport.AgentTransport(
            {channel: self.transport.endpoints[channel]},
            keys.AgentKey("x", pair.public, pair.secret, public),
            codec.encode, codec.decode,
        )
        self.addCleanup(end.close, 0)
        self.await_event(
            end, lambda each: isinstance(each, channels.ConnectionEvent)
            and each.change is ConnectionChange.CONNECTED,
        )
        return end

    def await_event(self, end, is_it):
        for _ in range(WAIT_S * 5):
            for each in end.receive(0.2):
                if is_it(each):
                    return each
        raise AssertionError("it did not come")

    def answer_to(self, end, message, times=1):
        for _ in range(times):
            end.send(Channel.CONTROL, message)
        return self.await_event(
            end, lambda each: isinstance(each, channels.Received)
        ).message

    def test_it_may_say_nothing_but_an_application(self):
        self.listen()
        token = self.invited()
        key = keys.KeyPair.new().public
        hello = messages.Hello("i", "6", "h", 1, 0)
        others = self.dial(token, Channel.RESULTS)
        others.send(Channel.RESULTS, messages.Enrol(key, "x"))
        end = self.dial(token)
        end.send(Channel.CONTROL, hello)
        end.send(Channel.CONTROL, messages.Ready("run"))

        answer = self.answer_to(end, messages.Enrol(key, "node"))

        self.assertEqual(messages.Enrolled(key, "node"), answer)
        self.assertEqual(
            ["node"], [each.name for each in keys.agents(self.folder)]
        )
        self.lobby.close()
        self.assertEqual({}, self.lobby._lobby.present)
        self.assertGreaterEqual(self.transport.counters["application"], 2)
        self.assertIs(
            channels.Delivery.UNCONNECTED,
            self.transport.send("node", Channel.CONTROL, messages.Done("r")),
        )

    def test_a_repetition_is_answered_and_counted_once(self):
        self.listen()
        token = self.invited()
        enrol = messages.Enrol(keys.KeyPair.new().public, "node")
        end = self.dial(token)
        for _ in range(3):
            self.assertEqual("node", self.answer_to(end, enrol, 5).name)
        self.assertEqual(1, len(keys.agents(self.folder)))

    def test_its_key_cannot_become_that_of_an_agent(self):
        self.listen()
        token = self.invited()
        for key in (token.public, keys.controller_key(self.folder).public):
            answer = self.answer_to(
                self.dial(token), messages.Enrol(key, "node")
            )
            self.assertEqual("", answer.name)
        self.assertEqual([], keys.agents(self.folder))

    def test_a_revocation_holds_from_its_next_message_on(self):
        self.listen()
        token = self.invited(5)
        end = self.dial(token)
        tokens.revoke(token.id, self.folder)
        end.send(
            Channel.CONTROL, messages.Enrol(keys.KeyPair.new().public, "x")
        )
        for _ in range(WAIT_S * 100):
            if self.transport.counters["unknown_key"]:
                break
            end.receive(0.01)
        self.assertEqual(1, self.transport.counters["unknown_key"])
        self.assertEqual([], keys.agents(self.folder))
