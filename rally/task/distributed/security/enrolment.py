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
"""Answers those who have a join token, and no key of their own yet.

A thread of its own decides and writes: it waits for the disk, for which
whoever renews leases has no time. What it may have to do is bounded, and who
is not answered asks again.
"""

from __future__ import annotations

import collections
import pathlib
import queue
import threading
import time
import traceback
import typing as t

from rally.common import logging
from rally.task.distributed.security import keys, roll, tokens
from rally.task.distributed.wire import channels, messages

LOG = logging.getLogger(__name__)

#: applications that wait to be decided
MAX_WAITING = 1000
#: ... and those that are decided, and made durable, together
AT_ONCE = 100
#: applications that are heard per second, of all tokens
MAX_PER_S = 200


class _Waiting(t.NamedTuple):
    """An application, and the connection that it came by."""

    connection: bytes
    key: str  # of the token
    address: str
    message: messages.Enrol


class Enrolment:
    """Takes applications from the thread that serves, and gives answers.

    :param folder: with the controller's keys
    :raises KeyFolderUnusable: others may change who may join
    """

    def __init__(
        self,
        folder: pathlib.Path | None = None,
        monotonic_s: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._monotonic_s = monotonic_s
        self._tokens = tokens.TokenList(folder)
        # of the other thread
        self._known = tokens.TokenList(folder)
        self._agents = keys.index(folder, keys.PUBLIC_SUFFIX)
        self._revoked = keys.index(folder, keys.REVOKED_SUFFIX)
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(MAX_WAITING)
        self._answers: collections.deque[channels.ToApplicant] = (
            collections.deque()
        )
        self._second, self._heard = 0, 0
        self._said = ""  # the last trouble, which is said once
        self._thread: threading.Thread | None = None

    # ---- for the thread that serves

    def token_of(self, public_key: str) -> str | None:
        """Which token has this key; None: there is none, or it has ended."""
        token = self._tokens.token_of(public_key)
        return None if token is None else token.id

    def hear(
        self, applicant: channels.Applicant, message: t.Any,
        wake: t.Callable[[], None],
    ) -> str:
        """Take an application; what is wrong with it, if anything is.

        :param wake: called, from another thread, when there are ``answers``
        """
        if not isinstance(message, messages.Enrol):
            return "has sent something other than an application"
        second = int(self._monotonic_s())
        if second != self._second:
            self._second, self._heard = second, 0
        self._heard += 1
        if self._heard > MAX_PER_S:
            return "came together with too many others"
        try:
            self._waiting.put_nowait(_Waiting(*applicant, message))
        except queue.Full:
            return "has come while too many others wait"
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, args=[wake], name="enrolment",
                daemon=True,
            )
            self._thread.start()
        return ""

    def answers(self) -> t.Iterator[channels.ToApplicant]:
        """What is to be sent now."""
        while self._answers:
            yield self._answers.popleft()

    def close(self) -> None:
        """Answer those that wait already, and no more."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    # ---- in the thread of its own

    def _serve(self, wake: t.Callable[[], None]) -> None:
        is_over = False
        while not is_over:
            batch = [self._waiting.get()]
            while len(batch) < AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get())
            is_over = None in batch
            try:
                self._answers += self._decide([each for each in batch if each])
            except Exception as error:  # else nobody would be answered
                self._complain("%s: %s" % (type(error).__name__, error))
            wake()

    def _complain(self, problem: str) -> None:
        if problem != self._said:
            LOG.error("Nobody can be let in by a join token: %s" % problem)
            LOG.debug(traceback.format_exc())
        self._said = problem

    def _decide(
        self, batch: t.Sequence[_Waiting]
    ) -> list[channels.ToApplicant]:
        """Answers to *batch*, once all that they promise is durable."""
        if not batch:
            return []
        answers, new = [], []
        with keys.changing(self._folder):
            known = self._roll()
            stamp = tokens.utc_now().isoformat(timespec="seconds")
            for each in batch:
                token = self._known.token_of(each.key)
                if token is None:
                    continue  # it has ended meanwhile: as if it came later
                answer, agent = known.admit(
                    roll.Application(
                        token, each.address, each.message.key,
                        each.message.name,
                    ),
                    stamp,
                )
                answers.append(channels.ToApplicant(each.connection, answer))
                if agent is not None:
                    new.append(agent)
            keys.allow(self._folder, new)
        self._said = ""
        for agent in new:
            LOG.info(
                "Agent %s was let in from %s by join token %s"
                % (agent.name, agent.address, agent.token)
            )
        return answers

    def _roll(self) -> roll.Roll:
        return roll.Roll(
            self._agents.all(),
            self._revoked.all(),
            keys.taken_names(self._folder),
            {
                keys.controller_key(self._folder).public,
                *self._known.public_keys(),
            },
        )
