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

"""Commands of test tools, which never outlive what they are for.

A test tool starts processes of its own. All are in one process group, which
is ended with the block that started it: when the command has ended, when the
block raises, and when Rally is told to stop. If Rally is killed, its guard
ends them (see ``guard``).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import types
import typing as t

from rally.common import stop_signals

#: run by its path: as a module, it would bring all of Rally along
_GUARD = [
    sys.executable, "-I", "-S", os.path.join(os.path.dirname(__file__),
                                             "guard.py"),
]
#: how long processes may take to end once they are asked to
GRACE_S = 5.0

Environ: t.TypeAlias = t.Mapping[str, str]


class Output(io.RawIOBase):
    """What a command writes, until it ends.

    A process that the command leaves behind may hold the pipe open: what it
    writes after the command has ended is not waited for.

    :param pipe: the end of the pipe to read from
    :param ended: becomes readable when the command has ended
    """

    def __init__(self, pipe: int, ended: int) -> None:
        super().__init__()
        self._pipe = pipe
        self._ended = ended

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        poll = select.poll()
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN | select.POLLHUP)
        poll.register(self._ended, select.POLLIN | select.POLLHUP)
        ready = {descriptor for descriptor, _ in poll.poll()}
        if self._pipe not in ready:
            # it ended between what was read last and this look
            ready = {descriptor for descriptor, _ in poll.poll(0)}
        if self._pipe not in ready:
            return 0
        data = os.read(self._pipe, len(buffer))
        buffer[:len(data)] = data
        return len(data)


class Command:
    """A command that runs in a process group of its own.

    :param words: the command and its arguments
    :param kwargs: for ``subprocess.Popen``
    :raises OSError: it cannot be started
    """

    def __init__(self, words: t.Sequence[str], **kwargs: t.Any) -> None:
        _check_is_there(words[0], kwargs.get("env"), kwargs.get("cwd"))
        # a session of its own: no terminal to ask for a password on, and
        # Ctrl-C reaches Rally alone, which then ends all of it
        self._process = subprocess.Popen(
            [*_GUARD, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, bufsize=0,
            **kwargs,
        )
        assert self._process.stdout is not None
        self._ended, self._tell_ended = os.pipe()
        self._has_ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self.output = io.BufferedReader(
            Output(self._process.stdout.fileno(), self._ended)
        )

    def _watch(self) -> None:
        # it stays a zombie, so that nobody else gets the number of its group
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._has_ended.set()
        os.close(self._tell_ended)

    def wait(self) -> int:
        """Exit status, once the command has ended."""
        self._watcher.join()
        self._kill()
        return self._process.wait()

    def end(self) -> None:
        """Let no process of the command go on."""
        if self._process.returncode is None:
            if not self._has_ended.is_set():
                self._signal(signal.SIGTERM)
                self._has_ended.wait(GRACE_S)
            self._kill()
            self._watcher.join()
            self._process.wait()
        self.output.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        os.close(self._ended)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _check_is_there(
    program: str, environ: Environ | None, folder: str | None
) -> None:
    """:raises FileNotFoundError: there is no such program"""
    if os.path.dirname(program):
        is_there = os.path.exists(os.path.join(folder or ".", program))
    else:
        path = (os.environ if environ is None else environ).get("PATH")
        is_there = shutil.which(program, path=path) is not None
    if not is_there:
        raise FileNotFoundError(
            errno.ENOENT, os.strerror(errno.ENOENT), program
        )


@contextlib.contextmanager
def running(
    words: t.Sequence[str], **kwargs: t.Any
) -> t.Iterator[Command]:
    """A command whose processes end with the block, at the latest.

    :param kwargs: for ``subprocess.Popen``
    :raises OSError: it cannot be started
    """
    command = Command(words, **kwargs)
    try:
        yield command
    finally:
        command.end()


def interruptible() -> contextlib.AbstractContextManager[None]:
    """Within the block, SIGTERM and SIGHUP interrupt like Ctrl-C.

    So what a run has made is cleaned up, and its record is closed. Another
    thread than the main one cannot ask for that.
    """

    def interrupt(number: int, frame: types.FrameType | None) -> None:
        raise KeyboardInterrupt

    return stop_signals.handled(interrupt)
