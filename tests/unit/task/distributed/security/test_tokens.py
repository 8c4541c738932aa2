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
"""Join tokens, and how the controller answers those who have one."""

from __future__ import annotations

import datetime
import io
import pathlib
import stat
import threading
import unittest.mock

import ddt

from rally import exceptions
from rally.task.distributed.security import (
    enrolment,
    key_files,
    keys,
    labels,
    purge,
    tokens,
)
from rally.task.distributed.wire import channels, messages
from tests.unit.task.distributed.security import test_keys

HOUR_S = 3600


class TokenTestCase(test_keys.KeyTestCase):
    def invited(self, uses=1, expires_s=HOUR_S, given=None):
        text = tokens.invite(uses, expires_s, given, self.folder)
        return tokens.load_join_token(self.key_file(text))


@ddt.ddt
class TokensTestCase(TokenTestCase):
    def test_the_controller_keeps_no_secret_of_it(self):
        token = self.invited(3, given={"zone": "a"})
        [kept] = tokens.tokens(self.folder)
        [path] = (self.folder / "tokens").iterdir()
        self.assertEqual((token.public, token.id), (kept.public, kept.id))
        self.assertEqual((3, {"zone": "a"}), (kept.uses, kept.labels))
        self.assertNotIn(token.secret, path.read_text())
        self.assertNotIn(token.secret, repr(token))
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        self.assertEqual(
            keys.controller_key(self.folder).public, token.controller_public
        )

    def test_it_is_good_until_its_time_or_its_revocation(self):
        token = self.invited()
        now = tokens.utc_now()
        known = tokens.TokenList(self.folder, lambda: now)
        self.assertEqual(token.id, known.token_of(token.public).id)
        now += datetime.timedelta(seconds=HOUR_S - 5)
        self.assertIsNotNone(known.token_of(token.public))
        now += datetime.timedelta(seconds=5)
        self.assertIsNone(known.token_of(token.public))

        token = self.invited(expires_s=2 * HOUR_S)
        self.assertIsNotNone(known.token_of(token.public))
        tokens.revoke(token.id, self.folder)
        self.assertIsNone(known.token_of(token.public))
        self.assertIsNone(known.token_of(keys.KeyPair.new().public))

    def test_a_changed_end_is_not_taken_for_one(self):
        token = self.invited()
        known = tokens.TokenList(self.folder)
        [path] = (self.folder / "tokens").iterdir()
        text = path.read_text()
        for bad in ("uses = many", "uses = 1.5", "expires = 2999-01-01"):
            name = bad.partition(" = ")[0]
            path.write_text("\n".join(
                bad if line.startswith(name) else line
                for line in text.splitlines()
            ))
            self.assertIsNone(known.token_of(token.public), bad)
        path.write_text(text)
        self.assertIsNotNone(known.token_of(token.public))
        path.chmod(0o622)
        self.assertIsNone(known.token_of(token.public))

    @ddt.data((0, HOUR_S), (10_001, HOUR_S), (1, 0), (1, -5), (1, 1e15),
              (1, float("nan")))
    @ddt.unpack
    def test_what_is_no_token_is_refused(self, uses, expires_s):
        self.assertRaises(
            exceptions.InvalidArgumentsException,
            tokens.invite, uses, expires_s, {}, self.folder,
        )
        self.assertEqual([], tokens.tokens(self.folder))

    def test_there_is_none_if_it_could_not_be_handed_over(self):
        def fail():
            with tokens.inviting(1, HOUR_S, {}, self.folder):
                raise OSError("full")

        self.assertRaises(OSError, fail)
        self.assertEqual([], tokens.tokens(self.folder))

    def test_an_unknown_one_cannot_be_revoked(self):
        token = self.invited()
        error = self.assertRaises(
            exceptions.InvalidArgumentsException,
            tokens.revoke, "0badc0de", self.folder,
        )
        self.assertIn(token.id, str(error))

    def test_it_can_come_by_standard_input(self):
        text = tokens.invite(1, HOUR_S, {}, self.folder)
        [kept] = tokens.tokens(self.folder)
        given = io.TextIOWrapper(io.BytesIO(text.encode()))
        with unittest.mock.patch("sys.stdin", given):
            self.assertEqual(kept.id, tokens.load_join_token("-").id)
            error = self.assertRaises(
                tokens.JoinTokenUnusable, tokens.load_join_token, "-"
            )
        self.assertIn("standard input", str(error))

    def test_a_file_that_is_none_is_explained(self):
        for text in ("", "rubbish", keys.authorize("n", self.folder)[:-9]):
            error = self.assertRaises(
                tokens.JoinTokenUnusable, tokens.load_join_token,
                self.key_file(text),
            )
            self.assertIn("rally agent invite", str(error))
        error = self.assertRaises(
            tokens.JoinTokenUnusable, tokens.load_join_token,
            self.home / "missing",
        )
        self.assertRaises(
            key_files.SecretKeyExposed, tokens.load_join_token,
            self.key_file(tokens.invite(1, 9, {}, self.folder), 0o644),
        )

    def test_a_folder_that_others_may_write_to_is_refused(self):
        self.invited()
        (self.folder / "tokens").chmod(0o770)
        self.assertRaises(
            key_files.KeyFolderUnusable, tokens.TokenList, self.folder
        )


@ddt.ddt
class LabelsTestCase(test_keys.KeyTestCase):
    def test_those_of_the_token_are_not_replaced(self):
        self.assertEqual(
            {"zone": "a", "rack": "7"},
            labels.together({"zone": "a"}, {"zone": "b", "rack": "7"}),
        )

    def test_they_are_read_as_they_are_written(self):
        given = labels.parsed(["zone=a", "a.b-c_d=1", "zone=a"])
        self.assertEqual({"zone": "a", "a.b-c_d": "1"}, given)
        self.assertEqual(given, labels.of_values(labels.values(given)))

    @ddt.data("zone", "=a", "zone=", "z one=a", "zone=a=b", "zone=\n",
              "x" * 64 + "=a", "zo/ne=a")
    def test_what_is_none_is_refused(self, word):
        self.assertRaises(
            exceptions.InvalidArgumentsException, labels.parsed, [word]
        )

    def test_two_that_contradict_are_refused(self):
        self.assertRaises(
            exceptions.InvalidArgumentsException, labels.parsed,
            ["zone=a", "zone=b"],
        )


class Desk:
    """Applies, and waits for the answers."""

    def __init__(self, folder, **options):
        self.enrolment = enrolment.Enrolment(folder, **options)
        self.woken = threading.Semaphore(0)
        self.answers = {}

    def apply(self, token, key, name="node"):
        return self.enrolment.hear(
            channels.Applicant(key.encode(), token.public, "10.0.0.1"),
            messages.Enrol(key, name), self.woken.release,
        )

    def close(self):
        self.enrolment.close()
        for connection, answer in self.enrolment.answers():
            if connection.decode() != answer.key:
                raise AssertionError("an answer went astray")
            self.answers[answer.key] = answer
        return self.answers


class EnrolmentTestCase(TokenTestCase):
    def desk(self, **options) -> Desk:
        made = Desk(self.folder, **options)
        self.addCleanup(made.enrolment.close)
        return made

    def test_an_applicant_is_let_in_and_then_told(self):
        token, key = self.invited(), keys.KeyPair.new().public
        desk = self.desk()
        self.assertEqual(token.id, desk.enrolment.token_of(token.public))
        self.assertEqual("", desk.apply(token, key))
        self.assertTrue(desk.woken.acquire(timeout=30))
        self.assertEqual("node", desk.close()[key].name)
        [agent] = keys.agents(self.folder)
        self.assertEqual(
            ("node", key, token.id, "10.0.0.1"),
            (agent.name, agent.public, agent.token, agent.address),
        )
        self.assertEqual(
            "node", keys.AgentAllowList(self.folder).name_of(key)
        )

    def test_one_that_was_not_answered_is_told_the_same(self):
        token, key = self.invited(), keys.KeyPair.new().public
        self.desk().apply(token, key)
        before = self.desk()  # the first one is never asked for answers
        before.apply(token, key)
        first = before.close()[key].name
        after = self.desk()
        after.apply(token, key, "other")
        after.apply(token, keys.KeyPair.new().public)
        answers = after.close()
        self.assertEqual(first, answers.pop(key).name)
        [other] = answers.values()
        self.assertIn("is used up", other.reason)

    def test_many_at_once_at_several_controllers_never_exceed_the_uses(self):
        uses, count = 7, 40
        token = self.invited(uses)
        desks = [self.desk() for _ in range(4)]
        pairs = [keys.KeyPair.new().public for _ in range(count)]
        for i, key in enumerate(pairs):
            for desk in (desks[i % 4], desks[(i + 1) % 4]):
                self.assertEqual("", desk.apply(token, key))
        told = {}
        for desk in desks:
            for key, answer in desk.close().items():
                self.assertEqual(
                    told.setdefault(key, answer.name), answer.name
                )
        names = [name for name in told.values() if name]
        self.assertEqual(count, len(told))
        self.assertEqual(uses, len(names))
        self.assertEqual(uses, len(set(names)))
        self.assertEqual(
            set(names), {each.name for each in keys.agents(self.folder)}
        )

    def test_revoking_an_agent_gives_no_use_back(self):
        token = self.invited()
        desk, first = self.desk(), keys.KeyPair.new().public
        desk.apply(token, first)
        desk.close()
        keys.revoke("node", self.folder)
        again = self.desk()
        again.apply(token, keys.KeyPair.new().public)
        again.apply(token, first)
        self.assertEqual({""}, {each.name for each in again.close().values()})
        self.assertEqual([], keys.agents(self.folder))

    def test_a_key_made_anew_for_its_name_gives_no_use_back(self):
        token = self.invited()
        desk = self.desk()
        desk.apply(token, keys.KeyPair.new().public)
        desk.close()
        self.authorized("node")
        again = self.desk()
        again.apply(token, keys.KeyPair.new().public)
        [answer] = again.close().values()
        self.assertIn("is used up", answer.reason)
        [agent] = keys.agents(self.folder)
        self.assertEqual(("node", ""), (agent.name, agent.token))

    def test_a_token_can_be_revoked_with_those_who_came(self):
        token, other = self.invited(2), self.invited()
        desk = self.desk()
        for each in (token, token, other):
            desk.apply(each, keys.KeyPair.new().public)
        desk.close()
        self.assertEqual([], tokens.revoke(token.id, self.folder))
        self.assertEqual(3, len(keys.agents(self.folder)))
        gone = tokens.revoke(token.id, self.folder, with_agents=True)
        self.assertEqual(2, len(gone))
        [left] = keys.agents(self.folder)
        self.assertEqual(other.id, left.token)

    def test_one_that_ended_while_it_waited_lets_nobody_in(self):
        token = self.invited()
        desk = self.desk()
        with keys.changing(self.folder):
            desk.apply(token, keys.KeyPair.new().public)
            [path] = (self.folder / "tokens").iterdir()
            path.write_text(path.read_text() + "revoked = now\n")
        self.assertEqual({}, desk.close())
        self.assertEqual([], keys.agents(self.folder))

    def test_what_it_may_have_to_do_is_bounded(self):
        token, key = self.invited(), keys.KeyPair.new().public
        now_s = 5.0
        desk = self.desk(monotonic_s=lambda: now_s)
        said = [desk.apply(token, key) for _ in range(enrolment.MAX_PER_S)]
        self.assertEqual({""}, set(said))
        self.assertIn("too many", desk.apply(token, key))
        now_s = 6.0
        self.assertEqual("", desk.apply(token, key))
        with keys.changing(self.folder):
            for now_s in range(7, 20):  # noqa: B007 - the clock
                said += [desk.apply(token, key) for _ in range(200)]
            self.assertIn("wait", said[-1])
        self.assertEqual({key: "node"}, {
            each.key: each.name for each in desk.close().values()
        })

    def test_nothing_else_is_taken(self):
        token = self.invited()
        desk = self.desk()
        for message in (messages.Ready("run"), messages.DrainAsked("n")):
            self.assertIn("something other", desk.enrolment.hear(
                channels.Applicant(b"", token.public, ""), message,
                desk.woken.release,
            ))

    def test_trouble_is_said_once_and_nobody_is_told_a_name(self):
        token = self.invited()
        desk = self.desk()
        agents = self.folder / "agents"
        agents.chmod(0o770)
        with self.assertLogs(enrolment.LOG.logger) as logged:
            for _ in range(2):
                desk.apply(token, keys.KeyPair.new().public)
                self.assertTrue(desk.woken.acquire(timeout=30))
        self.assertEqual(1, len(logged.output), logged.output)
        agents.chmod(0o700)
        desk.apply(token, keys.KeyPair.new().public)
        self.assertEqual(["node"], [e.name for e in desk.close().values()])

    def test_its_files_are_for_the_user_alone(self):
        token = self.invited()
        desk = self.desk()
        desk.apply(token, keys.KeyPair.new().public)
        desk.close()
        keys.revoke("node", self.folder)
        modes = {
            stat.S_IMODE(path.stat().st_mode)
            for path in pathlib.Path(self.folder).rglob("*")
            if path.is_file()
        }
        self.assertEqual({0o600}, modes)


class PurgeTestCase(TokenTestCase):
    def joined(self, token, name):
        key = keys.KeyPair.new().public
        keys.allow(self.folder, [keys.AuthorizedAgent(
            name, key, "now", token.id
        )])
        return key

    def purge(self, days=0.0):
        now = tokens.utc_now() + datetime.timedelta(days=days)
        return purge.purge(self.folder, lambda: now)

    def records(self):
        return [each.name for each in keys.revoked_agents(self.folder)]

    def test_what_ended_long_ago_is_removed_and_counted(self):
        expired = self.invited(expires_s=86400)
        revoked = self.invited(expires_s=1000 * 86400)
        self.invited(expires_s=1000 * 86400)
        self.joined(expired, "node1")
        keys.revoke("node1", self.folder)
        tokens.revoke(revoked.id, self.folder)

        self.assertEqual(purge.Purged(), self.purge(29.9))
        first = self.purge(30.1)
        self.assertEqual((1, 0), (first.tokens, first.records))
        second = self.purge(31.1)
        self.assertEqual((2, 1), (second.tokens, second.records))
        self.assertEqual(second, self.purge(99))

        self.assertEqual(1, len(tokens.tokens(self.folder)))
        self.assertEqual([], self.records())
        self.assertIn("2 join tokens and the records of 1 ", str(second))

    def test_a_token_that_was_removed_lets_nobody_in(self):
        token = self.invited()
        self.purge(31)
        # as if the clock had gone wrong, and was set right
        desk = enrolment.Enrolment(self.folder)
        self.addCleanup(desk.close)
        self.assertIsNone(desk.token_of(token.public))
        self.assertIsNone(
            keys.AgentAllowList(self.folder).name_of(token.public)
        )

    def test_no_use_of_a_token_is_given_back(self):
        token = self.invited(expires_s=1000 * 86400)
        self.joined(token, "node1")
        keys.revoke("node1", self.folder)
        self.assertEqual(0, self.purge(500).records)
        self.assertEqual(["node1"], self.records())

        [path] = (self.folder / "tokens").glob("*.token")
        path.chmod(0o666)  # it cannot be used, and may be mended
        self.assertEqual(0, self.purge(500).records)
        self.assertEqual(["node1"], self.records())

    def test_those_who_came_by_it_stay_and_can_be_revoked_together(self):
        token = self.invited()
        key = self.joined(token, "node1")
        self.assertEqual(1, self.purge(31).tokens)
        self.assertEqual(
            "node1", keys.AgentAllowList(self.folder).name_of(key)
        )

        self.assertEqual(
            ["node1"], tokens.revoke(token.id, self.folder, with_agents=True)
        )
        self.assertEqual(["node1"], self.records())
        self.assertEqual(0, self.purge(29.9).records)
        self.assertEqual(1, self.purge(30.1).records)

    def test_who_never_invited_has_nothing(self):
        self.assertEqual(purge.Purged(), self.purge())
        self.assertFalse((self.folder / "tokens").exists())
