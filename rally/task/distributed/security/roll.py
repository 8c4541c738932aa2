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
"""Whom a join token lets in, under which name.

Who came by a token is an entry of the allow-list, or the record that it was
revoked. There is no other count, so nothing that ends a controller can make
the two differ: an applicant is let in and counted by the same file, and one
that asks again is found there.
"""

from __future__ import annotations

import itertools
import typing as t

from rally.common.counting import counted
from rally.task.distributed.security import key_files, keys, tokens
from rally.task.distributed.wire import messages

MAX_NAME = 64


class Application(t.NamedTuple):
    """What somebody with a join token asks for."""

    token: tokens.Token  # not ended
    address: str  # where it comes from
    key: str  # that it wants to have
    name: str  # that it wishes


class Roll:
    """Who may join, who may no longer, and what is taken.

    :param entries: of the allow-list
    :param revoked: records of entries that were
    :param taken: names of more files, which cannot be read perhaps
    :param reserved: public keys that no agent can have
    """

    def __init__(
        self,
        entries: t.Iterable[keys.AuthorizedAgent],
        revoked: t.Iterable[keys.AuthorizedAgent],
        taken: t.Iterable[str],
        reserved: t.Iterable[str],
    ) -> None:
        self._agents = {agent.public: agent for agent in entries}
        self._revoked = {agent.public: agent for agent in revoked}
        self._taken = set(taken)
        self._taken.update(
            agent.name
            for known in (self._agents, self._revoked)
            for agent in known.values()
        )
        self._reserved = set(reserved)
        self._uses = tokens.uses_of(
            [*self._agents.values(), *self._revoked.values()]
        )
        self._numbers: dict[str, t.Iterator[int]] = {}  # by name wished

    def admit(
        self, asked: Application, stamp: str
    ) -> tuple[messages.Enrolled, keys.AuthorizedAgent | None]:
        """Decide about one application.

        :param stamp: the time, for people
        :returns: the answer, and the entry to make before it may be given
        """
        known = self._agents.get(asked.key)
        if known is not None and known.token == asked.token.id:
            return messages.Enrolled(asked.key, known.name), None
        refusal = self._refusal(asked)
        if refusal:
            return messages.Enrolled(asked.key, "", refusal), None
        agent = keys.AuthorizedAgent(
            self._free_name(asked.name), asked.key, stamp, asked.token.id,
            asked.address, asked.token.labels,
        )
        self._agents[agent.public] = agent
        self._taken.add(agent.name)
        self._uses.setdefault(asked.token.id, set()).add(agent.public)
        return messages.Enrolled(agent.public, agent.name), agent

    def _refusal(self, asked: Application) -> str:
        """Why it may not join; empty if it may."""
        if asked.key in self._revoked:
            return "its key was revoked"
        if asked.key in self._agents or asked.key in self._reserved:
            return "its key is the key of somebody else"
        if not key_files.is_key(asked.key):
            return "its key is no key"
        if not keys.NAME.fullmatch(asked.name):
            return "%.100r cannot be the name of an agent" % asked.name
        if len(self._uses.get(asked.token.id, ())) >= asked.token.uses:
            return (
                "join token %s is used up: it was for %s"
                % (asked.token.id, counted(asked.token.uses, "agent"))
            )
        return ""

    def _free_name(self, wished: str) -> str:
        """A name that nobody has had: the wished one, or with a number."""
        if wished not in self._taken:
            return wished
        for number in self._numbers.setdefault(wished, itertools.count(2)):
            end = "-%d" % number
            name = wished[:MAX_NAME - len(end)] + end
            if name not in self._taken:
                return name
        raise AssertionError("numbers do not end")
