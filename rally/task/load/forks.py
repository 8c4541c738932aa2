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

"""Forked copies of a process that come back from an iteration.

A scenario may fork. If the copy then returns, or raises, it would go on as
if it were the worker: draw numbers, run iterations, and leave no result.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
import weakref

from rally.common.counting import counted
from rally.task.load import shared

if t.TYPE_CHECKING:
    from rally.task.load import listener as listener_module


class ForkGuard:
    """Knows whether this process is a copy that was forked later.

    :param counter: counts the copies that came back; None: nobody does
    """

    __slots__ = ("is_copy", "_counter", "__weakref__")

    def __init__(self, counter: shared.Counter | None = None) -> None:
        self.is_copy = False
        self._counter = counter
        itself = weakref.ref(self)

        def note() -> None:
            guard = itself()
            if guard is not None:
                guard.is_copy = True

        os.register_at_fork(after_in_child=note)

    def end(self, problem: BaseException | None = None) -> t.NoReturn:
        """End this copy as if it were a program of its own.

        Nothing is flushed and no handler runs: buffers and connections
        belong to the process it was copied from.

        :param problem: what it raised
        """
        with contextlib.suppress(OSError):  # the copy closed all it had
            if self._counter is not None:
                self._counter.take(1)
        os._exit(exit_status(problem))


class OnceGuard:
    """A guard for one iteration: asks the kernel, leaves no hook behind."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_copy(self) -> bool:
        return os.getpid() != self._pid

    def end(self, problem: BaseException | None = None) -> t.NoReturn:
        """See ``ForkGuard``."""
        os._exit(exit_status(problem))


def problem_of(count: int) -> str:
    """What to report about *count* copies that came back."""
    return (
        "%s back from an iteration. Each was ended, or it would have gone on "
        "as a second worker. End a forked process in the scenario itself "
        "(os._exit)."
        % counted(
            count, "process that the scenario forked came",
            "processes that the scenario forked came",
        )
    )


def tell(count: int, listener: listener_module.PoolListener) -> None:
    """Count the copies that came back, and report them if there are any."""
    listener.on_count("forked_copies", count)
    if count:
        listener.on_problem(problem_of(count))


def exit_status(problem: BaseException | None) -> int:
    """Status of a program that ended with *problem*."""
    if problem is None:
        return 0
    if isinstance(problem, SystemExit):
        if problem.code is None:
            return 0
        if isinstance(problem.code, int):
            return problem.code & 0xFF
    return 1
