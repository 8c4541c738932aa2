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

"""Commands about agents and their keys."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import pathlib
import stat
from unittest import mock

from rally.cli.commands import agent
from rally.task.distributed import discovery
from rally.task.distributed.security import (
    key_files,
    keys,
    purge,
    tokens,
)
from tests import screens
from tests.unit import test
from tests.unit.cli import base


class FullDevice(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class AuthorizeTestCase(base.CommandTestCase):
    def authorize(self, out: str) -> base.Outcome:
        return self.rally("agent", "authorize", "node1", "--out", out)

    def setUp(self) -> None:
        super().setUp()
        self.rally("agent", "authorize", "node1")
        self.before = keys.agents()

    def test_the_new_key_is_in_the_file_and_takes_the_place_of_the_old(
        self
    ) -> None:
        out = self.path("node1.key")
        outcome = self.authorize(out)

        self.assertEqual(0, outcome.code, outcome.err)
        self.assertEqual(
            {keys.load_agent_key(out).public: "node1"}, {
                each.public: each.name for each in keys.agents()
            }
        )
        self.assertNotEqual(self.before, keys.agents())
        self.assertEqual(0o600, stat.S_IMODE(os.stat(out).st_mode))

    def test_labels_are_kept_with_the_key(self) -> None:
        outcome = self.rally(
            "agent", "authorize", "node2", "--label", "zone=a",
            "--label", "rack=1",
        )
        self.assertEqual(0, outcome.code, outcome.err)
        self.assertEqual(
            {"node1": {}, "node2": {"zone": "a", "rack": "1"}},
            {each.name: each.labels for each in keys.agents()},
        )

    def test_a_word_that_is_no_label_is_refused(self) -> None:
        outcome = self.rally("agent", "authorize", "node2", "--label", "a")
        self.assertNotEqual(0, outcome.code)
        self.assertIn("cannot be a label", outcome.out + outcome.err)
        self.assertEqual(self.before, keys.agents())

    def test_the_old_key_stays_if_the_file_cannot_be_written(self) -> None:
        outcome = self.authorize(self.path("nowhere", "node1.key"))

        self.assertNotEqual(0, outcome.code)
        self.assertIn("keeps the key", outcome.out + outcome.err)
        self.assertEqual(self.before, keys.agents())

    def test_a_file_that_is_there_is_left_alone(self) -> None:
        out = self.write("node1.key", "mine")
        self.assertNotEqual(0, self.authorize(out).code)
        self.assertEqual("mine", pathlib.Path(out).read_text())
        self.assertEqual(self.before, keys.agents())

    def test_no_file_is_left_if_the_agent_cannot_be_allowed(self) -> None:
        out = self.path("node1.key")
        unusable = key_files.KeyFolderUnusable(path="x", reason="full")
        with mock.patch.object(keys, "allow", side_effect=unusable):
            self.assertNotEqual(0, self.authorize(out).code)
        self.assertFalse(os.path.exists(out))

    def test_the_old_key_stays_if_the_new_one_cannot_be_printed(self) -> None:
        with contextlib.redirect_stdout(FullDevice()):
            self.assertRaises(OSError, agent.authorize, "node1")
        self.assertEqual(self.before, keys.agents())


class InviteTestCase(base.CommandTestCase):
    def refused(self, *words: str) -> str:
        outcome = self.rally("agent", *words)
        self.assertNotEqual(0, outcome.code)
        self.assertNotIn("Traceback", outcome.err)
        return " ".join((outcome.out + outcome.err).split())

    def test_the_token_is_in_the_file_with_what_it_is_good_for(self) -> None:
        out = self.path("fleet.join")
        outcome = self.rally(
            "agent", "invite", "--uses", "500", "--expires", "2d", "--label",
            "zone=a", "--label", "rack=7", "--out", out,
        )
        self.assertEqual(0, outcome.code, outcome.err)
        self.assertEqual(0o600, stat.S_IMODE(os.stat(out).st_mode))
        token = tokens.load_join_token(out)
        [kept] = tokens.tokens()
        self.assertEqual(token.id, kept.id)
        self.assertEqual(500, kept.uses)
        self.assertEqual({"zone": "a", "rack": "7"}, kept.labels)

        listed = self.rally("agent", "list", "--wait", "0", "--listen",
                            "tcp://127.0.0.1:*")
        self.assertEqual(0, listed.code, listed.err)
        for text in (token.id, "open", "rack=7 zone=a", "0 of 500"):
            self.assertIn(text, listed.out)

    def test_a_file_that_is_there_is_left_alone_and_there_is_no_token(
        self
    ) -> None:
        out = self.write("fleet.join", "mine")
        self.refused("invite", "--out", out)
        self.assertEqual("mine", pathlib.Path(out).read_text())
        self.assertEqual([], tokens.tokens())

    def test_what_it_cannot_be_good_for_is_refused(self) -> None:
        for words in (
            ("--uses", "0"), ("--expires", "8"), ("--expires", "0h"),
            ("--expires", "h"), ("--expires", "1.5h"), ("--label", "zone"),
            ("--label", "zone=a b"),
        ):
            self.refused("invite", *words)
        self.assertEqual([], tokens.tokens())

    def test_the_list_says_what_was_removed_after_its_end(self) -> None:
        self.rally("agent", "invite", "--out", self.path("fleet.join"))
        [token] = tokens.tokens()
        with mock.patch.object(purge, "KEPT_DAYS", 0):
            tokens.revoke(token.id)
            listed = self.rally("agent", "list")
            self.assertIn("1 join token ", listed.out)
            self.assertNotIn(token.id, listed.out)
            listed = self.rally("agent", "list", "--json")
        self.assertEqual(1, json.loads(listed.out)["purged"]["tokens"])

    def test_it_can_be_revoked_with_those_who_came_by_it(self) -> None:
        self.rally("agent", "invite", "--out", self.path("fleet.join"))
        [token] = tokens.tokens()
        keys.allow(None, [keys.AuthorizedAgent(
            "node1", keys.KeyPair.new().public, "now", token.id, "10.0.0.1",
            {"zone": "a"},
        )])
        listed = self.rally("agent", "list", "--wait", "0", "--listen",
                            "tcp://127.0.0.1:*")
        for text in ("node1", "zone=a", "used up", "1 of 1"):
            self.assertIn(text, listed.out)
        self.assertEqual(2, listed.out.count(token.id))

        outcome = self.rally("agent", "revoke", "--token", token.id)
        self.assertEqual(0, outcome.code, outcome.err)
        self.assertEqual(["node1"], [each.name for each in keys.agents()])
        outcome = self.rally(
            "agent", "revoke", "--token", token.id, "--with-agents"
        )
        self.assertIn("Agent node1 is refused", outcome.out)
        self.assertEqual([], keys.agents())

    def test_it_has_to_be_clear_whom_to_refuse(self) -> None:
        for words in (
            (), ("node1", "--token", "x"), ("node1", "--with-agents"),
        ):
            self.assertIn("not clear", self.refused("revoke", *words))

    def test_who_starts_has_a_key_or_a_token_and_not_both(self) -> None:
        start = ("start", "--controller", "tcp://127.0.0.1:1")
        for words in ((), ("--key", "a", "--join", "b")):
            self.assertIn("either --key", self.refused(*start, *words))
        for words in (("--name", "n"), ("--keys-folder", "f")):
            self.assertIn(
                "Leave them out", self.refused(*start, "--key", "a", *words)
            )
        self.assertIn("rally agent invite", self.refused(
            *start, "--join", self.path("missing")
        ))

    def test_an_applicant_that_nobody_answers_ends_well(self) -> None:
        out = self.path("fleet.join")
        self.rally("agent", "invite", "--out", out)
        outcome = self.rally(
            "agent", "start", "--controller", "tcp://127.0.0.1:1", "--join",
            out, "--give-up-after", "0.2",
        )
        self.assertEqual(0, outcome.code, outcome.out + outcome.err)


class FoundTableTestCase(test.TestCase):
    def lines(self, width: int) -> list[str]:
        found = discovery.Answer(
            "node-17", "dialing in", "zone=a", "d95a53f8", "6.0.0",
            "node-17.example.org", "64", "+0.020 +- 0.528", "0.265",
        )
        with (
            screens.of(width) as out,
            mock.patch.object(discovery, "token_statuses", return_value=[]),
        ):
            agent._print_found([found], None)
        return out.getvalue().splitlines()

    def test_fits_into_a_terminal(self) -> None:
        for width in (60, 80, 120):
            lines = self.lines(width)
            self.assertLessEqual(max(map(len, lines)), width)
            self.assertIn("node-17", lines[3])
            self.assertIn("dialing in", lines[3])
        self.assertIn("node-17.example.org", lines[3])

    def test_a_wide_terminal_gets_all_of_it(self) -> None:
        self.assertIn("Round trip (ms)", self.lines(200)[1])
