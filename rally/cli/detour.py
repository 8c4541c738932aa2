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

"""What is written to descriptors, by whomever, goes through a function.

A plugin that prints, a library in C, the log of a worker or of an agent on
this host: all write to descriptors that they have got from this process. So
these lead into a pipe for a while, and a thread reads that.
"""

from __future__ import annotations

import codecs
import contextlib
import enum
import os
import select
import sys
import threading
import typing as t
import weakref

#: called with whole lines, from a thread
Take: t.TypeAlias = t.Callable[[str], None]

_READ_BYTES = 1 << 16
#: more than a pipe holds
_LAST_READS = 17
#: characters; a line that goes on is broken there
_LONGEST_LINE = 1 << 16
#: an unfinished line that nobody goes on with is shown: it may be a question
PATIENCE_S = 0.5
#: how long the end of a detour may wait for its reader
END_S = 5.0


class Reading(enum.Enum):
    """What was in the pipe."""

    SOME = "some"
    NOTHING = "nothing yet"
    END = "its end"


@contextlib.contextmanager
def through(
    fds: t.Sequence[int], take: Take, at_end: t.Callable[[], None]
) -> t.Iterator[None]:
    """Within the block, what is written to *fds* is given to *take*.

    What a child that outlives the block still writes is so, too, as long as
    this process lives.

    :param at_end: called once nobody can write any more
    """
    _flush()
    kept = [(fd, os.dup(fd)) for fd in fds]
    reader, writer = os.pipe()
    course = _Course(reader, take, at_end)
    try:
        for fd in fds:
            os.dup2(writer, fd)
        os.close(writer)
        yield
    finally:
        _flush()
        for fd, copy in kept:
            os.dup2(copy, fd)
            os.close(copy)
        course.drain()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


class _Course:
    """The thread that reads a pipe, until nobody can write to it."""

    def __init__(
        self, reader: int, take: Take, at_end: t.Callable[[], None]
    ) -> None:
        self._reader = reader
        self._take = take
        self._at_end = at_end
        self._told, self._tell = os.pipe()
        self._is_drained = threading.Event()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._is_open = True
        os.set_blocking(reader, False)
        itself = weakref.ref(self)

        def let_go() -> None:
            course = itself()
            if course is not None:
                course._let_go()

        os.register_at_fork(after_in_child=let_go)
        threading.Thread(target=self._run, daemon=True).start()

    def drain(self) -> None:
        """Wait until all that has been written so far is taken."""
        os.close(self._tell)
        self._is_drained.wait(END_S)

    def _let_go(self) -> None:
        """In a process that was forked from here: it would wait for itself
        to read, once its parent is gone and the pipe is full."""
        if self._is_open:
            os.close(self._reader)
            self._is_open = False

    def _run(self) -> None:
        poller = select.poll()  # descriptors may have any number
        for fd in (self._reader, self._told):
            poller.register(fd, select.POLLIN)
        is_over = False
        while not is_over:
            patience_ms = PATIENCE_S * 1000 if self._rest else None
            ready = {fd for fd, _ in poller.poll(patience_ms)}
            if not ready:
                self._give_rest()
            if self._told in ready:
                poller.unregister(self._told)
                self._empty()
            if self._reader in ready:
                is_over = self._read() is Reading.END
        self._give_rest()
        self._is_drained.set()
        self._is_open = False
        for fd in (self._reader, self._told):
            os.close(fd)
        self._at_end()

    def _empty(self) -> None:
        """Take what is in the pipe; a child may go on filling it."""
        for _ in range(_LAST_READS):
            if self._read() is not Reading.SOME:
                break
        self._give_rest()
        self._is_drained.set()

    def _read(self) -> Reading:
        try:
            data = os.read(self._reader, _READ_BYTES)
        except BlockingIOError:
            return Reading.NOTHING
        text = self._rest + self._decoder.decode(data, final=not data)
        lines, end, self._rest = text.rpartition("\n")
        if lines or end:
            self._take(lines + end)
        if len(self._rest) > _LONGEST_LINE:
            self._give_rest()
        return Reading.SOME if data else Reading.END

    def _give_rest(self) -> None:
        if self._rest:
            self._take(self._rest + "\n")
        self._rest = ""
