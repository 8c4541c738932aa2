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
"""Whom a join token lets in: laws over all that applicants may do."""

from __future__ import annotations

import datetime

import hypothesis
from hypothesis import strategies as st

from rally.task.distributed.security import keys, roll, tokens
from tests.unit import test

PUBLIC = [keys.KeyPair.new().public for _ in range(8)]
CONTROLLER = keys.KeyPair.new().public
LATER = (tokens.utc_now() + datetime.timedelta(hours=1)).isoformat()
TOKENS = [
    tokens.Token(keys.KeyPair.new().public, "now", LATER, uses, labels)
    for uses, labels in ((1, {}), (3, {"zone": "a"}))
]
RESERVED = {CONTROLLER, *(token.public for token in TOKENS)}


def roll_of(entries=(), revoked=(), taken=()) -> roll.Roll:
    return roll.Roll(entries, revoked, taken, RESERVED)


def asked(key, name="node", token=TOKENS[1]) -> roll.Application:
    return roll.Application(token, "10.0.0.1", key, name)


class Controller:
    """Controllers, one after the other, on the same disk."""

    def __init__(self) -> None:
        self.disk: dict[str, keys.AuthorizedAgent] = {}
        self.revoked: dict[str, keys.AuthorizedAgent] = {}
        self.begin()

    def begin(self) -> None:
        self.roll = roll_of(self.disk.values(), self.revoked.values())

    def hear(self, application, fate):
        """The answer; None: it was killed before it gave one."""
        answer, entry = self.roll.admit(application, "now")
        if fate != "killed before it wrote" and entry is not None:
            self.disk[entry.name] = entry
        if fate == "answers":
            return answer
        self.begin()
        return None

    def revoke(self, name) -> None:
        if name in self.disk:
            self.revoked[name] = self.disk.pop(name)
            self.begin()


FATES = ("answers", "answers", "killed before it wrote",
         "killed before it answered")
applications = st.tuples(
    st.sampled_from(PUBLIC), st.sampled_from(["node", "node-2", "x" * 64]),
    st.sampled_from(TOKENS), st.sampled_from(FATES),
)
revocations = st.sampled_from(["node", "node-2", "node-3"])


class LawsTestCase(test.TestCase):
    @hypothesis.settings(max_examples=300, deadline=None)
    @hypothesis.given(
        st.lists(st.one_of(applications, revocations), max_size=40)
    )
    def test_whatever_happens_uses_are_counted_once(self, steps):
        controller = Controller()
        told: dict[tuple[str, str], str] = {}
        for step in steps:
            if isinstance(step, str):
                controller.revoke(step)
                continue
            key, name, token, fate = step
            answer = controller.hear(asked(key, name, token), fate)
            if answer is not None and answer.name:
                before = told.setdefault((token.id, key), answer.name)
                self.assertEqual(before, answer.name)
                self.assertEqual(key, controller.disk[answer.name].public)
        ever = [*controller.disk.values(), *controller.revoked.values()]
        used = tokens.uses_of(ever)
        for token in TOKENS:
            self.assertLessEqual(len(used.get(token.id, ())), token.uses)
        for each in (
            [agent.name for agent in ever], [agent.public for agent in ever],
        ):
            self.assertEqual(len(set(each)), len(each))
        for (_, key), name in told.items():
            self.assertIn((key, name), [(a.public, a.name) for a in ever])
        for agent in ever:
            self.assertIsNotNone(keys.NAME.fullmatch(agent.name))

    @hypothesis.given(st.integers(1, 5), st.integers(0, 8))
    def test_all_uses_can_be_used(self, uses, count):
        token = tokens.Token(TOKENS[0].public, "now", LATER, uses)
        known = roll_of()
        answers = [
            known.admit(asked(key, token=token), "now")[0]
            for key in PUBLIC[:count]
        ]
        self.assertEqual(
            min(uses, count), sum(bool(answer.name) for answer in answers)
        )


class RefusalTestCase(test.TestCase):
    def refused(self, known, application) -> str:
        answer, entry = known.admit(application, "now")
        self.assertEqual("", answer.name)
        self.assertIsNone(entry)
        return answer.reason

    def test_a_guessed_name_of_another_agent_is_not_given(self):
        theirs = keys.AuthorizedAgent("node", PUBLIC[0], "before")
        answer, entry = roll_of([theirs]).admit(asked(PUBLIC[1]), "now")
        self.assertEqual("node-2", answer.name)
        self.assertEqual("node-2", entry.name)

    def test_a_name_whose_file_cannot_be_read_is_taken(self):
        answer, _ = roll_of(taken=["node"]).admit(asked(PUBLIC[1]), "now")
        self.assertEqual("node-2", answer.name)

    def test_the_key_of_another_agent_is_not_taken_over(self):
        theirs = keys.AuthorizedAgent("other", PUBLIC[0], "before")
        self.assertIn(
            "somebody else", self.refused(roll_of([theirs]), asked(PUBLIC[0]))
        )

    def test_a_key_that_came_by_another_token_is_not_let_in_by_this(self):
        known = roll_of()
        known.admit(asked(PUBLIC[0], token=TOKENS[0]), "now")
        self.assertIn("somebody else", self.refused(known, asked(PUBLIC[0])))

    def test_keys_of_tokens_and_of_the_controller_are_no_agents(self):
        for key in RESERVED:
            self.assertIn(
                "somebody else", self.refused(roll_of(), asked(key))
            )

    def test_who_was_revoked_stays_out_with_that_key(self):
        gone = keys.AuthorizedAgent(
            "node", PUBLIC[0], "before", TOKENS[1].id
        )
        known = roll_of(revoked=[gone])
        self.assertIn("revoked", self.refused(known, asked(PUBLIC[0])))
        answer, _ = known.admit(asked(PUBLIC[1]), "now")
        self.assertEqual("node-2", answer.name)

    def test_what_is_no_name_or_no_key_is_refused(self):
        for name in ("", "a/b", "../x", "a b", "a\n"):
            self.assertIn(
                "name", self.refused(roll_of(), asked(PUBLIC[0], name))
            )
        self.assertIn("no key", self.refused(roll_of(), asked("\\" * 40)))

    def test_the_labels_are_those_of_the_token(self):
        _, entry = roll_of().admit(asked(PUBLIC[0]), "now")
        self.assertEqual({"zone": "a"}, entry.labels)
        self.assertEqual("10.0.0.1", entry.address)
