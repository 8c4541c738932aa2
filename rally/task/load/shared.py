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

"""Memory that forked processes share without any lock.

A process can be killed or stopped at any instruction; whoever holds a lock
then holds it for ever. So what workers share is either one word, written by
one process only, or a counter kept by the kernel.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import tempfile
import time
import typing as t
import weakref

#: a counter moved by this is beyond anything that is asked for, and still
#: within the largest file offset of every file system (ext4: 2**44). A week
#: at 1,000 iterations a second and agent comes to 6 * 10**8, below 2**30
BEYOND = 1 << 42


class Words:
    """Integers of 64 bits, shared with the processes forked later.

    A word is stored and loaded whole (aligned, one machine instruction).
    Each word has one writer. Pages never written cost no memory.
    """

    def __init__(self, count: int) -> None:
        self.view = memoryview(mmap.mmap(-1, count * 8)).cast("q")


class Counter:
    """A counter that processes and threads advance atomically.

    It is the offset of a shared open file. POSIX (2008, XSH 2.9.7) makes
    ``lseek`` on a regular file atomic, so there is no lock that a killed
    process could keep. Not for a memfd: Linux skips its offset lock.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._fd = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._fd)

    def take(self, count: int) -> int:
        """Advance by *count*; returns the value before."""
        return os.lseek(self._fd, count, os.SEEK_CUR) - count

    @property
    def value(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_CUR)


class Bell:
    """Wakes one waiting thread of the parent process from any process."""

    def __init__(self) -> None:
        self._awaited = Words(1).view
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        weakref.finalize(self, os.close, self._read)
        weakref.finalize(self, os.close, self._write)

    @property
    def is_awaited(self) -> bool:
        """Whether it is worth the system call to ring."""
        return bool(self._awaited[0])

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: rung already
            os.write(self._write, b"!")

    def wait_for(
        self, predicate: t.Callable[[], bool], timeout_s: float
    ) -> bool:
        """Wait until *predicate* holds, looking at each ring.

        :returns: False after *timeout_s*
        """
        deadline = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        self._awaited[0] = 1
        try:
            while not predicate():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if poll.poll(left * 1000):
                    os.read(self._read, 65536)
            return True
        finally:
            self._awaited[0] = 0
