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

"""Going on while the database cannot be used for a moment.

A running task does again what failed for a reason that may pass: a lock, a
full disk, a file or a server that is gone. Who waits here is woken as soon
as another thread gets through.
"""

from __future__ import annotations

import contextvars
import threading
import time
import typing as t

from rally import exceptions

P = t.ParamSpec("P")
R = t.TypeVar("R")

#: pauses between two attempts: each twice as long as the one before
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
#: how long SQLite itself waits for a lock: a single command, and each
#: attempt of a running task, which has to be able to say that it waits
BUSY_S = 30.0
BUSY_PER_ATTEMPT_S = 2.0

busy_s: contextvars.ContextVar[float] = contextvars.ContextVar(
    "rally_busy_s", default=BUSY_S
)


class DatabaseLost(exceptions.DBException):
    error_code = 169
    msg_fmt = (
        "Task %(task)s was stopped, because the database could not be used "
        "for %(waited_s).0f s and its results could not be recorded any "
        "more: %(reason)s What was stored by then stays; agents keep the "
        "rest in their spools. Once the database can be used again, `rally "
        "task recover %(task)s` fetches that, cleans up the contexts that "
        "are not known to be, and closes the task."
    )


class RetryPolicy:
    """How long a task endures a database that cannot be used.

    One for all threads of a task. What it calls must do no harm when it is
    done twice: an attempt may have had its effect and failed nevertheless.

    :param task: uuid of the task, for the error
    :param limit_s: how long each call is tried
    :param say: told in one sentence when trouble begins, and when it is over
    """

    def __init__(
        self,
        task: str,
        limit_s: float,
        say: t.Callable[[str], None] = lambda sentence: None,
        changed: threading.Condition | None = None,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._limit_s = limit_s
        self._say = say
        self._changed = changed or threading.Condition()
        self._clock = clock
        self._in_trouble = 0  # calls that have failed and go on
        self._since = 0.0
        self._successes = 0
        self.retries = 0
        #: nothing is waited for any more: each call is tried once
        self.is_lost = False

    def __call__(
        self, func: t.Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call *func* until the database does what it asks for.

        :raises DatabaseLost: it did not for so long
        :raises DBException: it refused; trying again would not help
        """
        try:
            return _briefly(func, *args, **kwargs)
        except exceptions.DBException as e:
            if not may_pass(e):
                raise
            failure = e
        return self._insist(failure, lambda: func(*args, **kwargs))

    def _insist(
        self, failure: exceptions.DBException, call: t.Callable[[], R]
    ) -> R:
        """Try again, again and again, what has failed once."""
        began, pause_s, is_done = self._begin(failure), FIRST_PAUSE_S, False
        try:
            while True:
                self._pause(began, pause_s, failure)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                try:
                    result = _briefly(call)
                except exceptions.DBException as e:
                    if not may_pass(e):
                        raise
                    failure = e
                else:
                    is_done = True
                    return result
        finally:
            self._end(is_done)

    def _begin(self, failure: exceptions.DBException) -> float:
        with self._changed:
            self._in_trouble += 1
            now = self._clock()
            is_first = self._in_trouble == 1 and not self.is_lost
            if is_first:
                self._since = now
        if is_first:
            self._say(
                "the database cannot be used (%s); this is tried again for "
                "up to %g s, meanwhile results are kept where they are"
                % (failure.kwargs.get("reason", failure), self._limit_s)
            )
        return now

    def _pause(
        self, began: float, pause_s: float, failure: exceptions.DBException
    ) -> None:
        """:raises DatabaseLost: it was tried for long enough"""
        with self._changed:
            now = self._clock()
            left_s = began + self._limit_s - now
            if self.is_lost or left_s <= 0:
                self._lose()
                raise DatabaseLost(
                    task=self._task, waited_s=now - began, reason=failure
                ) from failure
            self.retries += 1
            seen = self._successes
            self._changed.wait_for(
                lambda: self.is_lost or self._successes != seen,
                min(pause_s, left_s),
            )

    def _end(self, is_done: bool) -> None:
        with self._changed:
            self._in_trouble -= 1
            waited_s = self._clock() - self._since
            is_over = is_done and not self._in_trouble and not self.is_lost
            if is_done:
                self._successes += 1
                self._changed.notify_all()
        if is_over:
            self._say(
                "the database can be used again, after %.1f s" % waited_s
            )

    def give_up(self) -> None:
        """Wait for nothing any more."""
        with self._changed:
            self._lose()

    def _lose(self) -> None:
        self.is_lost = True
        self._changed.notify_all()


def _briefly(
    func: t.Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call *func*; SQLite waits but shortly for a lock."""
    token = busy_s.set(BUSY_PER_ATTEMPT_S)
    try:
        return func(*args, **kwargs)
    finally:
        busy_s.reset(token)


def may_pass(error: exceptions.DBException) -> bool:
    """Whether the same may succeed later."""
    from rally.common.db import errors

    return isinstance(error, errors.PASSING)
