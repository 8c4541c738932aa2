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

"""Terminals for tests: what a command writes to one, and what is to be seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pathlib
import re
import select
import struct
import subprocess
import termios
import time
import typing as t
from unittest import mock

import pyte

from rally.cli import terminal

KEPT = pathlib.Path(__file__).parent / "kept_screens"

#: what differs from run to run -> what stands for it
_VARIES = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
)
_FIGURE = re.compile(r"[+-]?\d+(\.\d+)?(e-\d+)?")
#: what figures may make longer or shorter
_BLANKS = re.compile(r" {2,}|-{2,}|={2,}|[\u2501\u2500]{2,}")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def of(columns: int) -> t.Iterator[io.StringIO]:
    """Standard output is a terminal of so many columns."""
    out = _Terminal()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": str(columns)}),
        contextlib.redirect_stdout(out),
    ):
        yield out


class Writer(io.StringIO):
    """A file that an emulator shows."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.emulator = emulator

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.emulator.feed(text)
        return len(text)


class _Screen(pyte.HistoryScreen):
    """Keeps a screen that is cleared from its first line on, as tmux does."""

    def erase_in_display(
        self, how: int = 0, *args: t.Any, **kwargs: t.Any
    ) -> None:
        if how == 0 and (self.cursor.x, self.cursor.y) == (0, 0):
            last = max((y for y, text in enumerate(self.display)
                        if text.strip()), default=-1)
            self.history.top.extend(self.buffer[y] for y in range(last + 1))
            for y in range(last + 1):
                del self.buffer[y]
        super().erase_in_display(how, *args, **kwargs)


class Emulator:
    """A terminal that remembers what has scrolled away."""

    def __init__(self, columns: int, lines: int = 24) -> None:
        self.columns = columns
        self._screen = _Screen(columns, lines, history=100_000)
        self._stream = pyte.ByteStream(self._screen)
        # a terminal driver makes carriage returns
        self._screen.set_mode(pyte.modes.LNM)

    def feed(self, data: bytes | str) -> None:
        self._stream.feed(data.encode() if isinstance(data, str) else data)

    def lines(self) -> list[str]:
        """All lines, also those that have scrolled away."""
        return [*self.scrolled(), *self.visible()]

    def scrolled(self) -> list[str]:
        return [
            "".join(row[x].data for x in range(self.columns)).rstrip()
            for row in self._screen.history.top
        ]

    def visible(self) -> list[str]:
        """Lines of the screen, without empty ones at its end."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines


def offences(text: str, columns: int) -> list[str]:
    """What is wrong with what is written to a terminal, if there is.

    No line is wider than the terminal, and no row of a table is broken.
    """
    found, frame = [], 0
    for line in text.split("\n"):
        width = terminal.cells(line)
        if width > columns:
            found.append("%d columns: %s" % (width, line))
        if line.startswith("+-"):
            frame = width
        if line.startswith("|") and not (
            line.endswith("|") and width == frame
        ):
            found.append("broken: %s" % line)
    return found


def kept(name: str, lines: t.Sequence[str]) -> list[str]:
    """Lines of a screen as it was when it was found good.

    :param lines: what it has now; with ``KEEP_SCREENS=1`` in the environment
        they are kept from now on, to be looked at in the diff
    """
    path = KEPT / (name + ".txt")
    if os.environ.get("KEEP_SCREENS"):
        path.write_text("\n".join([*lines, ""]), "utf-8")
    return path.read_text("utf-8").splitlines()


def masked(lines: t.Iterable[str]) -> list[str]:
    """Lines without what differs from run to run."""
    return [_masked(line) for line in lines]


def _masked(line: str) -> str:
    for pattern, sign in _VARIES:
        line = pattern.sub(sign, line)
    line = _FIGURE.sub("N", line)
    return _BLANKS.sub(lambda found: found[0][:2], line).rstrip()




def run(
    words: t.Sequence[t.Any], environ: t.Mapping[str, str], columns: int,
    see: t.Callable[[bytes], object], lines: int = 24,
    deadline_s: float = 120.0,
) -> int:
    """Exit code of a command that runs on a terminal.

    :param see: called with what it writes, as it comes
    :raises AssertionError: it did not end in time
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(
        theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0)
    )
    with subprocess.Popen(
        list(map(str, words)), stdin=subprocess.DEVNULL, stdout=theirs,
        stderr=theirs, env=dict(environ), start_new_session=True,
    ) as process:
        os.close(theirs)
        deadline = time.monotonic() + deadline_s
        while True:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([ours], (), (), left_s)[0]:
                process.kill()
                raise AssertionError("%s still runs" % (words,))
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # nobody has the other end any more
                break
            if not data:
                break
            see(data)
        os.close(ours)
        return process.wait(deadline_s)
